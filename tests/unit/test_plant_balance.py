"""The whole park: balances, determinism, and the ledger that must be able to say no."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from config.loader import example_site, load_site
from config.site import Site
from simulators.account import Account, Tally
from simulators.battery import BatteryModel
from simulators.grid import GridModel
from simulators.ledger import Ledger
from simulators.plant import Plant
from simulators.surroundings import Surroundings

START = datetime(2026, 10, 14, 0, 0, tzinfo=UTC)
SETPOINTS = {
    "battery_pcs": ("power_setpoint_kw", -1500, 1500),
    "pv_a_inverter": ("power_limit_kw", 0, 1100),
    "pv_b_inverter": ("power_limit_kw", 0, 1100),
    "wind_controller": ("power_limit_kw", 0, 1100),
    "heat_pump_controller": ("power_setpoint_kw", 0, 450),
    "boiler_gateway": ("heat_setpoint_kw", 0, 1600),
}
ONE_WAY = [
    ("pv_a_inverter", "active_power_kw"),
    ("pv_b_inverter", "active_power_kw"),
    ("wind_controller", "active_power_kw"),
    ("heat_pump_controller", "active_power_kw"),
    ("heat_pump_controller", "heat_power_kw"),
    ("boiler_gateway", "heat_power_kw"),
    ("hall_1_meter", "active_power_kw"),
    ("hall_2_meter", "active_power_kw"),
    ("heat_meter", "heat_power_kw"),
]


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(example_site("demo_park"))


@pytest.fixture(scope="module")
def surroundings(site: Site) -> Surroundings:
    return Surroundings(site, 7)


def _kw(plant: Plant, device: str, point: str = "active_power_kw") -> float:
    return plant.values(device)[point]


def _electric_gap_kw(plant: Plant) -> float:
    """What the readings of the electric bus miss to zero."""
    fed = sum(_kw(plant, device) for device in ("pv_a_inverter", "pv_b_inverter", "wind_controller", "battery_pcs"))
    used = sum(_kw(plant, device) for device in ("hall_1_meter", "hall_2_meter", "heat_pump_controller"))
    return _kw(plant, "grid_meter") + fed - used


def _counters(plant: Plant, site: Site) -> Iterator[tuple[str, float]]:
    for device in site.devices:
        for point, value in plant.values(device).items():
            if point.endswith("_kwh"):
                yield f"{device}.{point}", value


def test_a_day_of_random_commands_and_faults_closes(site: Site, surroundings: Surroundings) -> None:
    chance = random.Random(3)
    plant = Plant(site, start=START, seed=7, surroundings=surroundings)
    counters = dict(_counters(plant, site))
    while plant.now < START + timedelta(days=1):
        device, (point, low, high) = chance.choice(list(SETPOINTS.items()))
        plant.command(device, point, None if chance.random() < 0.2 else chance.uniform(low, high))
        if chance.random() < 0.02:
            plant.set_running(chance.choice(list(SETPOINTS)), chance.random() < 0.6)
        plant.advance(chance.choice((0.1, 1.0, 14.4, 60.0, 200.0)))
        assert abs(_electric_gap_kw(plant)) < 1e-9
        assert all(_kw(plant, *reading) >= 0 for reading in ONE_WAY)
        assert 0 <= _kw(plant, "battery_pcs", "soc") <= 1
        assert 0 <= _kw(plant, "tank_sensors", "soc") <= 1
        later = dict(_counters(plant, site))
        assert all(later[name] >= counters[name] for name in counters)
        counters = later
    assert plant.balance_residual < 1e-3
    assert plant.balance_residual < 1e-6  # far better, in fact
    total = plant.ledger.total
    assert total.curtailed_kwh > 0
    assert total.gas_kwh > 0
    assert total.accounts["battery"].electricity_used_kwh > 0


def test_every_reading_is_in_the_valid_range_of_its_profile(site: Site, surroundings: Surroundings) -> None:
    plant = Plant(site, start=START, seed=7, surroundings=surroundings)
    for _ in range(96):
        for device, points in site.points.items():
            values = plant.values(device)
            assert list(values) == [point.name for point in points]
            for point in points:
                assert point.valid[0] <= values[point.name] <= point.valid[1], point.key
        plant.advance(900)


@pytest.mark.parametrize("broken", ["battery counts backwards", "grid counts backwards", "meter counts double"])
def test_the_ledger_notices_a_broken_sign(
    site: Site, surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    plant = Plant(site, start=START, seed=7, surroundings=surroundings)
    plant.command("battery_pcs", "power_setpoint_kw", 100)
    plant.advance(60)
    assert plant.balance_residual < 1e-6
    step, count = BatteryModel.step, GridModel.count
    if broken == "battery counts backwards":
        monkeypatch.setattr(BatteryModel, "step", lambda model, dt_s: -step(model, dt_s))
    elif broken == "grid counts backwards":
        monkeypatch.setattr(GridModel, "count", lambda model, energy_kwh: count(model, -energy_kwh))
    else:
        monkeypatch.setattr(GridModel, "count", lambda model, energy_kwh: count(model, 2 * energy_kwh))
    plant.advance(5)
    assert plant.balance_residual > 1e-2


def _book(site: Site, changes: dict[str, Account], surplus_kwh: float = 0.0) -> float:
    """The residual of one step in which the assets did `changes` and the others nothing."""
    idle = {name: Account() for name in site.assets}
    ledger = Ledger(site.assets, START, Tally(idle, {"heat": 0.0}))
    ledger.add(START + timedelta(seconds=5), Tally(idle | changes, {"heat": surplus_kwh}), 0.0)
    return ledger.balance_residual


def test_the_audit_by_hand(site: Site) -> None:
    grid, load = Account(electricity_fed_kwh=10), Account(electricity_used_kwh=10)
    assert _book(site, {"grid": grid, "hall_1": load}) == 0
    assert _book(site, {"grid": grid, "hall_1": Account(electricity_used_kwh=9)}) == pytest.approx(0.1)
    # 10 kWh into a battery of 0.94: 9.4 stored
    assert _book(site, {"grid": grid, "battery": Account(electricity_used_kwh=10, stored_kwh=9.4)}) == pytest.approx(0)
    assert _book(site, {"grid": grid, "battery": Account(electricity_used_kwh=10, stored_kwh=10)}) == pytest.approx(
        0.06
    )
    boiler, heat_load = Account(heat_fed_kwh=9.4, gas_kwh=10), Account(heat_used_kwh=9.4)
    assert _book(site, {"boiler": boiler, "heat_demand": heat_load}) == pytest.approx(0)
    assert _book(site, {"boiler": boiler}, surplus_kwh=9.4) == pytest.approx(0)
    assert _book(site, {"boiler": boiler}) == pytest.approx(1)
    assert _book(site, {"boiler": boiler._replace(gas_kwh=9.4), "heat_demand": heat_load}) == pytest.approx(0.06)
    tank = Account(heat_used_kwh=9.4, stored_kwh=9.0, lost_kwh=0.4)
    assert _book(site, {"boiler": boiler, "tank": tank}) == pytest.approx(0)
    assert _book(site, {"boiler": boiler, "tank": tank._replace(lost_kwh=0)}) == pytest.approx(0.4 / 9.4)
    # a counter that falls
    assert _book(site, {"pv_a": Account(curtailed_kwh=-2)}) == pytest.approx(2)


def test_intervals_add_up_and_survive_being_cut(site: Site, surroundings: Surroundings) -> None:
    start = START + timedelta(minutes=8)
    plant = Plant(site, start=start, seed=7, surroundings=surroundings)
    plant.command("battery_pcs", "power_setpoint_kw", -300)
    plant.advance(3600)
    ledger = plant.ledger
    assert [record.start for record in ledger.intervals] == [START + timedelta(minutes=15 * n) for n in range(4)]
    assert [record.seconds for record in ledger.intervals] == [420, 900, 900, 900]
    assert ledger.running.start == START + timedelta(hours=1)
    assert ledger.running.seconds == 480
    records = [*ledger.intervals, ledger.running]
    assert ledger.total.seconds == 3600
    assert sum(record.import_kwh for record in records) == pytest.approx(ledger.total.import_kwh)
    assert ledger.total.import_kwh == pytest.approx(plant.values("grid_meter")["energy_import_kwh"])
    assert ledger.total.export_kwh == pytest.approx(plant.values("grid_meter")["energy_export_kwh"])
    for asset in site.assets:
        for field in Account._fields:
            parts = sum(getattr(record.accounts[asset], field) for record in records)
            assert parts == pytest.approx(getattr(ledger.total.accounts[asset], field), abs=1e-9)
    full = ledger.intervals[1]
    assert full.demand_kw == pytest.approx(full.import_kwh * 4)
    assert full.peak_kw >= full.demand_kw
    assert max(record.peak_kw for record in records) == ledger.total.peak_kw


def test_the_grid_counter_is_the_integral_of_the_grid_power(site: Site, surroundings: Surroundings) -> None:
    plant = Plant(site, start=START, seed=7, surroundings=surroundings)
    powers = [_kw(plant, "grid_meter")]
    for _ in range(1800):
        plant.advance(1)
        powers.append(_kw(plant, "grid_meter"))
    assert min(powers) > 0
    trapezoid_kwh = sum((a + b) / 2 for a, b in pairwise(powers)) / 3600
    assert _kw(plant, "grid_meter", "energy_import_kwh") == pytest.approx(trapezoid_kwh, rel=1e-4)


def test_the_same_seed_gives_the_same_park(site: Site) -> None:
    def run(seed: int) -> dict[str, dict[str, float]]:
        plant = Plant(site, start=START, seed=seed)
        plant.advance(600)
        return {device: plant.values(device) for device in site.devices}

    assert run(7) == run(7)
    assert run(7) != run(8)


@pytest.mark.parametrize("step_s", [0.37, 1.0, 14.4, 3600.0])
def test_the_step_does_not_matter(site: Site, surroundings: Surroundings, step_s: float) -> None:
    """Energies within 0.1 % or 2 kWh, levels within 0.001, of a plant that goes 5 s at a time.

    2 kWh are 5 s of the heat pump's full heat: a thermostat may see its level that much later.
    """

    def run(dt_s: float) -> Plant:
        plant = Plant(site, start=START, seed=7, surroundings=surroundings)
        end = START + timedelta(hours=2)
        for quarter in range(8):
            plant.command("battery_pcs", "power_setpoint_kw", 400 if quarter % 2 else -700)
            plant.command("pv_a_inverter", "power_limit_kw", 30 * quarter)
            plant.command("heat_pump_controller", "power_setpoint_kw", None if quarter < 6 else 200)
            bound = START + timedelta(minutes=15 * (quarter + 1))
            while plant.now < bound:
                plant.advance(min(dt_s, (bound - plant.now).total_seconds()))
        assert plant.now == end
        return plant

    fine, coarse = run(5.0), run(step_s)
    for name, total in fine.ledger.total.accounts.items():
        other = coarse.ledger.total.accounts[name]
        for field in Account._fields:
            assert getattr(other, field) == pytest.approx(getattr(total, field), rel=1e-3, abs=2), (name, field)
    for device in ("battery_pcs", "tank_sensors"):
        assert _kw(coarse, device, "soc") == pytest.approx(_kw(fine, device, "soc"), abs=1e-3)


def test_time_is_exact_to_the_microsecond(site: Site, surroundings: Surroundings) -> None:
    plant = Plant(site, start=START, seed=7, surroundings=surroundings)
    for _ in range(3000):
        plant.advance(0.1 / 3)
    assert abs(plant.now - START - timedelta(seconds=100)) <= timedelta(microseconds=1)
    before = plant.values("grid_meter")
    plant.advance(0)
    assert plant.values("grid_meter") == before
    for bad in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="cannot advance"):
            plant.advance(bad)


def test_without_control_the_same_weather_and_loads(site: Site, surroundings: Surroundings) -> None:
    plant = Plant(site, start=START, seed=7, surroundings=surroundings)
    alone = Plant(site, start=START, seed=7, controlled=False, surroundings=surroundings)
    plant.command("pv_a_inverter", "power_limit_kw", 0)
    plant.command("battery_pcs", "power_setpoint_kw", 500)
    for each in (plant, alone):
        each.advance(4 * 3600)
    for load in ("hall_1_meter", "hall_2_meter"):
        assert plant.values(load) == alone.values(load)
    assert _kw(alone, "battery_pcs", "energy_import_kwh") == 0
    assert alone.ledger.total.curtailed_kwh == 0
    produced = alone.ledger.total.accounts["pv_a"].electricity_fed_kwh
    stopped = plant.ledger.total.accounts["pv_a"]
    assert stopped.electricity_fed_kwh + stopped.curtailed_kwh == pytest.approx(produced)
    assert alone.balance_residual < 1e-6
    with pytest.raises(ValueError, match="takes no commands"):
        alone.command("battery_pcs", "power_setpoint_kw", 100)
