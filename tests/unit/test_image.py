"""What counts as known: values, their ages, and what the process image keeps of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from park_builder import ParkBuilder

from controller.image import ProcessImage
from drivers.driver import Quality


def test_a_value_counts_up_to_its_devices_max_age_and_not_longer(park: ParkBuilder) -> None:
    # the grid meter's max_age_s is 3, the battery's 10
    snapshot = park.snapshot({"grid": 500.0, "battery": 50.0}, ages_s={"grid": 3.0, "battery": 3.1})
    assert snapshot.power_kw("grid") == 500.0
    assert snapshot.power_kw("battery") == 50.0
    assert park.snapshot({"grid": 500.0}, ages_s={"grid": 3.1}).power_kw("grid") is None


def test_a_slow_point_may_miss_two_of_its_reads(park: ParkBuilder) -> None:
    # read every 5 s, so 15 s, even on a device whose fast points count for 3 s
    assert park.snapshot(ages_s={"grid.voltage_v": 15.0}).value("grid", "voltage_v") is not None
    assert park.snapshot(ages_s={"grid.voltage_v": 15.1}).value("grid", "voltage_v") is None


def test_age_is_that_of_the_last_usable_value(park: ParkBuilder) -> None:
    assert park.snapshot(ages_s={"battery": 42.0}).age_s("battery", "active_power_kw") == 42.0
    assert park.snapshot({"battery": None}).age_s("battery", "active_power_kw") is None
    assert park.snapshot(unread=["battery"]).age_s("battery", "active_power_kw") is None


def test_an_uncertain_value_is_used(park: ParkBuilder) -> None:
    snapshot = park.snapshot({"battery": 50.0})
    reading = snapshot.readings[park.key("battery")]._replace(quality=Quality.UNCERTAIN, reason="frozen")
    snapshot = replace(snapshot, readings={**snapshot.readings, reading.point: reading})
    assert snapshot.power_kw("battery") == 50.0


def test_one_way_assets_never_go_below_zero_and_two_way_ones_do(park: ParkBuilder) -> None:
    values = {"pv_a": -3.0, "heat_pump": -0.2, "boiler": -1.0, "grid": -400.0, "battery": -250.0}
    snapshot = park.snapshot(values)
    assert {name: snapshot.power_kw(name) for name in values} == {
        "pv_a": 0.0,
        "heat_pump": 0.0,
        "boiler": 0.0,
        "grid": -400.0,
        "battery": -250.0,
    }


def test_a_boiler_and_a_heat_load_are_counted_in_heat(park: ParkBuilder) -> None:
    snapshot = park.snapshot({"boiler.heat_power_kw": 700.0, "heat_demand.heat_power_kw": 900.0})
    assert snapshot.power_kw("boiler") == 700.0
    assert snapshot.power_kw("heat_demand") == 900.0
    assert snapshot.power_kw("tank") is None


def test_a_quiet_park_is_available(park: ParkBuilder) -> None:
    snapshot = park.snapshot()
    assert all(snapshot.available(name) for name in park.site.assets)
    assert {snapshot.why_unavailable(name) for name in park.site.assets} == {""}


@pytest.mark.parametrize(
    ("values", "ages_s", "unread", "why"),
    [
        ({"battery.soc": None}, {}, [], "soc cannot be read"),
        ({}, {"battery.soc": 30.0}, [], "soc is 30 s old"),
        ({}, {}, ["battery.soc"], "soc was never read"),
        ({"battery.available": 0.0}, {}, [], "battery_pcs says that it is not available"),
        ({"battery.available": None}, {}, [], "available cannot be read"),
        ({}, {}, ["battery.available"], "available was never read"),
    ],
)
def test_what_keeps_an_asset_from_being_used_is_said(
    park: ParkBuilder, values: dict[str, float | None], ages_s: dict[str, float], unread: list[str], why: str
) -> None:
    snapshot = park.snapshot(values, ages_s=ages_s, unread=unread)
    assert not snapshot.available("battery")
    assert snapshot.why_unavailable("battery") == why


def test_a_device_that_gives_a_reason_is_quoted(park: ParkBuilder) -> None:
    snapshot = park.snapshot()
    reading = park.reading("battery.soc", None, received_s=1000.0, reason="1.3 is outside 0..1")
    snapshot = replace(snapshot, readings={**snapshot.readings, reading.point: reading})
    assert snapshot.why_unavailable("battery") == "soc: 1.3 is outside 0..1"


def test_an_asset_without_an_available_point_is_judged_by_its_values(park: ParkBuilder) -> None:
    # the boiler's gateway has no point that says whether it may be used
    assert park.snapshot().available("boiler")
    assert not park.snapshot({"boiler": None}).available("boiler")


def test_missing_optional_points_do_not_matter(park: ParkBuilder) -> None:
    assert park.snapshot({"heat_pump.outdoor_degc": None, "pv_a.energy_kwh": None}).available("heat_pump")


def frozen(park: ParkBuilder, image: ProcessImage, monotonic_s: float) -> float | None:
    return image.freeze(at=park.NOON, site_s=0.0, monotonic_s=monotonic_s).power_kw("grid")


def test_one_lost_answer_does_not_blind_the_controller(park: ParkBuilder) -> None:
    image = ProcessImage(park.site)
    image.update([park.reading("grid", 500.0, received_s=0.0)])
    image.update([park.reading("grid", None, received_s=1.0)])
    image.update([park.reading("grid", None, received_s=2.0)])
    assert frozen(park, image, 2.0) == 500.0
    assert frozen(park, image, 3.0) == 500.0
    assert frozen(park, image, 3.1) is None


def test_a_device_that_stays_silent_is_bad_with_its_reason(park: ParkBuilder) -> None:
    image = ProcessImage(park.site)
    image.update([park.reading("grid", 500.0, received_s=0.0)])
    image.update([park.reading("grid", None, received_s=3.1, reason="connection refused")])
    snapshot = image.freeze(at=park.NOON, site_s=0.0, monotonic_s=3.1)
    assert snapshot.why_unavailable("grid") == "active_power_kw: connection refused"
    image.update([park.reading("grid", 480.0, received_s=4.0)])
    assert frozen(park, image, 4.0) == 480.0


def test_a_slow_value_outlives_one_lost_answer_too(park: ParkBuilder) -> None:
    image = ProcessImage(park.site)
    image.update([park.reading("grid.voltage_v", 231.0, received_s=0.0)])
    image.update([park.reading("grid.voltage_v", None, received_s=5.0)])
    snapshot = image.freeze(at=park.NOON, site_s=0.0, monotonic_s=6.0)
    assert snapshot.value("grid", "voltage_v") == 231.0


def test_a_first_reading_that_is_bad_is_kept_with_its_reason(park: ParkBuilder) -> None:
    image = ProcessImage(park.site)
    image.update([park.reading("grid", None, received_s=0.0, reason="no route")])
    image.update([park.reading("grid", None, received_s=1.0, reason="timed out")])
    snapshot = image.freeze(at=park.NOON, site_s=0.0, monotonic_s=1.0)
    assert snapshot.why_unavailable("grid") == "active_power_kw: timed out"


def test_a_snapshot_does_not_change_with_the_image(park: ParkBuilder) -> None:
    image = ProcessImage(park.site)
    image.update([park.reading("grid", 500.0)])
    snapshot = image.freeze(at=park.NOON, site_s=0.0, monotonic_s=0.0)
    image.update([park.reading("grid", 900.0)])
    assert snapshot.power_kw("grid") == 500.0
