"""Feeders: what their lines leave to the assets that hang on them, as meters and decisions have it, worked by hand.

A hall of the demo park hangs on a line of 600 kW that takes back 300: its roof, the battery and the heat pump. 1 % of
600 is kept free at both limits.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from park_builder import ParkBuilder, Values, told

from config.feeder import Feeder
from config.loader import SiteError, example_site, load_site
from config.site import Site
from controller.conditions import Health, conditions
from controller.deciding.line import carried_kw
from controller.guard import guard
from controller.modes import Mode
from simulators.plant import Plant

HALL = ("pv_a", "battery", "heat_pump")


@pytest.fixture(scope="module")
def hall(park: ParkBuilder) -> ParkBuilder:
    copied = park.with_copy("grid", "hall")
    feeder = Feeder(kind="feeder", device="hall_device", feeds=HALL, import_limit_kw=600, export_limit_kw=300)
    return copied.with_other("hall", feeder)


def test_a_roof_feeds_what_its_line_takes_back(hall: ParkBuilder) -> None:
    """500 kW flow back, 294 may: its 600 kW become 600 * (1 - 206 / 600); the battery cannot take more."""
    values = {"grid": 1000.0, "hall": -500.0, "pv_a": 600.0, "battery.soc": 0.9, "heat_pump": 100.0}
    decision = hall.decide(values)
    pv = decision.assets["pv_a"]
    assert (pv.setpoint_kw, pv.owner) == (pytest.approx(394.0), "feeder")
    assert pv.reason == "hall carries -500 kW, at most 600 kW to what it feeds and 300 kW back"
    # the other roof hangs on no line
    assert told(decision, "pv_b") == (1000.0, "local default")


def test_a_battery_on_the_line_takes_what_may_not_come_back(hall: ParkBuilder) -> None:
    decision = hall.decide({"grid": 1000.0, "hall": -500.0, "pv_a": 600.0, "heat_pump": 100.0})
    assert told(decision, "battery") == (pytest.approx(-206.0), "feeder")
    # what it takes within a second is left to it: 200 kW by its ramp, and 6 from the roof
    assert told(decision, "pv_a") == (pytest.approx(594.0), "feeder")


def test_what_a_line_may_carry_bounds_what_hangs_on_it(hall: ParkBuilder) -> None:
    """700 kW flow to the hall, 594 may: the battery gives 106 for it."""
    values = {"grid": 1000.0, "hall": 700.0, "battery": 0.0, "heat_pump": 350.0}
    assert told(hall.decide(values), "battery") == (pytest.approx(106.0), "feeder")
    # an empty one cannot, and the heat pump takes 106 kW less
    empty = hall.decide({**values, "battery.soc": 0.1}, hall.plan({"heat_pump": 350.0}))
    assert told(empty, "heat_pump") == (pytest.approx(244.0), "feeder")


def test_a_charging_battery_leaves_room_for_the_heat_pump(hall: ParkBuilder) -> None:
    """400 kW of charging and 200 of the heat pump are what the line carries; the plan wants 100 more of both."""
    values = {"grid": 1000.0, "hall": 600.0, "battery": -400.0, "heat_pump": 200.0}
    decision = hall.decide(values, hall.plan({"battery": -500.0, "heat_pump": 300.0, "grid": 1000.0}))
    assert told(decision, "battery") == (pytest.approx(-394.0), "feeder")
    assert told(decision, "heat_pump") == (pytest.approx(200.0), "feeder")


def test_without_its_meter_the_meters_behind_it_are_added_up(hall: ParkBuilder) -> None:
    values: Values = {"grid": 1000.0, "hall": None, "pv_a": 600.0, "heat_pump": 100.0, "battery.soc": 0.9}
    assert carried_kw(hall.snapshot(values), "hall") == pytest.approx(-500.0)
    assert told(hall.decide(values), "pv_a") == (pytest.approx(394.0), "feeder")


def test_what_nobody_can_read_is_in_force(hall: ParkBuilder) -> None:
    """With a meter behind it lost as well, everything on the line is told its safe value."""
    values: Values = {"grid": 1000.0, "hall": None, "heat_pump": None, "pv_a": 600.0, "battery": 300.0}
    decision = hall.decide(values, hall.plan({"battery": 300.0, "pv_a": 600.0, "grid": 1000.0}))
    assert told(decision, "pv_a") == (330.0, "feeder")
    assert told(decision, "battery") == (0.0, "feeder")
    assert decision.assets["battery"].reason == "what hall carries cannot be read"


def test_a_roof_gives_way_to_its_line_at_once(hall: ParkBuilder) -> None:
    values = {"grid": 1000.0, "hall": -900.0, "pv_a": 900.0, "battery.soc": 0.9}
    first = hall.snapshot({**values, "hall": -200.0})
    _, state = guard(hall.decide({**values, "hall": -200.0}), first, {})
    later = hall.snapshot(values, site_s=1.0)
    decision, _ = guard(hall.decide(values), later, state)
    assert decision.assets["pv_a"].setpoint_kw == pytest.approx(294.0)


def test_a_line_that_carries_too_much_is_said(hall: ParkBuilder) -> None:
    well = Health(**dict.fromkeys(Health.__dataclass_fields__, ""))

    def said(hall_kw: float) -> list[tuple[str, str, str]]:
        snapshot = hall.snapshot({"grid": 1000.0, "hall": hall_kw})
        found = conditions(snapshot, None, Mode.OPTIMAL, {}, well)
        return [(each.kind, each.asset, each.text) for each in found]

    text = "import of 640 kW is above the limit of 600 kW"
    assert said(640.0) == [("import_limit_exceeded", "hall", text)]
    assert said(-320.0) == [("export_limit_exceeded", "hall", "export of 320 kW is above the limit of 300 kW")]
    assert said(590.0) == []


@pytest.fixture(scope="module")
def steel() -> Site:
    return load_site(example_site("steel_plant"))


def test_a_simulated_line_carries_what_hangs_on_it(steel: Site) -> None:
    assert steel.file.simulation is not None
    plant = Plant(steel, start=steel.file.simulation.start, seed=1)
    plant.command("battery_pcs", "power_setpoint_kw", 700.0)
    plant.advance(3600.0)
    seen = {device: plant.values(device)["active_power_kw"] for device in plant_devices(steel)}
    assert seen["battery_pcs"] == pytest.approx(700.0)
    expected_kw = seen["works_meter"] - seen["roof_inverter"] - seen["battery_pcs"]
    assert seen["hall_line_meter"] == pytest.approx(expected_kw)


def plant_devices(site: Site) -> list[str]:
    return ["hall_line_meter", *(site.assets[name].device for name in ("works", "roof", "battery"))]


@pytest.mark.parametrize(
    ("feeds", "fault"),
    [
        ("[roof, rooof]", "there is no asset 'rooof'; did you mean 'roof'?"),
        ("[roof, boiler]", "'boiler' is a gas_boiler, which takes and gives no electricity behind a feeder"),
        ("[roof, transformer]", "'transformer' is a transformer, which takes and gives no electricity behind a feeder"),
        ("[roof, roof]", "'roof' hangs on 'hall_line' already"),
        ("[]", "feeds"),
    ],
)
def test_what_a_feeder_cannot_feed_is_refused(tmp_path: Path, feeds: str, fault: str) -> None:
    text = example_site("steel_plant").read_text(encoding="utf-8")
    path = tmp_path / "steel_plant.yaml"
    path.write_text(text.replace("feeds: [works, roof, battery]", f"feeds: {feeds}"), encoding="utf-8")
    with pytest.raises(SiteError) as caught:
        load_site(path)
    assert fault in str(caught.value)
