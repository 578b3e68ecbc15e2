"""A connection to district heat in the demo park, in the place of its boiler: measured, settled and simulated."""

from __future__ import annotations

from datetime import timedelta

import pytest
from park_builder import ParkBuilder
from tiny_kinds import DISTRICT_HEAT
from tiny_park import make_park

from config.heat_network import HeatConnection
from config.site import Site
from controller.ledger import Ledger
from parkgrid.settlement import settle
from simulators.plant import Plant

PRICE = {"00:00-12:00": 0.5, "12:00-24:00": 0.4}


@pytest.fixture
def heated(park: ParkBuilder) -> ParkBuilder:
    spec = {**DISTRICT_HEAT, "import_price_per_kwh": PRICE, "kgce_per_kwh": 0.1, "import_limit_kw": 3000}
    device = park.site.assets["boiler"].device
    return park.with_other("boiler", HeatConnection.model_validate({**spec, "device": device}))


def test_the_ledger_bills_what_was_bought_and_sold_within_a_quarter_of_an_hour(heated: ParkBuilder) -> None:
    ledger = Ledger(heated.site)
    at, seconds = heated.NOON, 0
    closed = []
    # 600 kW come in for ten minutes, 300 kW go out for five
    for minute, heat_kw in enumerate([600.0] * 11 + [-300.0] * 5):
        values = {"boiler": heat_kw, "grid.energy_import_kwh": None, "grid.energy_export_kwh": None}
        seconds = 60 * minute
        closed += ledger.update(heated.snapshot(values, at=at + timedelta(seconds=seconds), site_s=seconds), {})
    (interval,) = closed
    # the minute between them counts with the mean of both, 150 kW
    bought_kwh, sold_kwh = 600 * 10 / 60 + 150 / 60, 300 * 4 / 60
    assert interval.bought_heat_kwh == pytest.approx(bought_kwh)
    assert interval.sold_heat_kwh == pytest.approx(sold_kwh)
    assert interval.bill is not None
    # noon in Hangzhou begins the cheaper half of the day
    assert interval.bill.cost["heat"] == pytest.approx(bought_kwh * 0.4 - sold_kwh * 0.1)
    assert interval.bill.co2_kg == pytest.approx(bought_kwh * 0.25)
    assert interval.tce == pytest.approx((bought_kwh - sold_kwh) * 0.1 / 1000)
    used = ledger.used(at + timedelta(seconds=seconds))
    assert used.month_heat_kgce == pytest.approx((bought_kwh - sold_kwh) * 0.1)
    assert used.month_kgce == pytest.approx((bought_kwh - sold_kwh) * 0.1)


def test_a_restart_goes_on_with_what_was_bought(heated: ParkBuilder) -> None:
    ledger = Ledger(heated.site)
    ledger.update(heated.snapshot({"boiler": 600.0}), {})
    ledger.update(heated.snapshot({"boiler": 600.0}, at=heated.NOON + timedelta(minutes=5), site_s=300), {})
    saved = ledger.saved_interval()
    assert saved is not None
    assert saved.bought_kwh == {"boiler": pytest.approx(50.0)}
    again = Ledger(heated.site)
    again.restore(ledger.month, 0.0, saved, {})
    assert again.saved_interval() == saved


def test_a_settled_bill_has_bought_and_sold_heat() -> None:
    site = make_park({"heat": {}, "district": {**DISTRICT_HEAT, "import_price_per_kwh": PRICE}}).site
    flows = {"import_kwh": 0.0, "export_kwh": 0.0, "gas_kwh": 0.0, "demand_kw": 0.0, "seconds": 3600}
    nothing = {"heat_fed_kwh": 0.0, "heat_used_kwh": 0.0, "steam_fed_kwh": 0.0, "steam_used_kwh": 0.0}
    hours = [
        {**flows, "start": "2026-03-02T11:00:00+00:00", "assets": {"district": {**nothing, "heat_fed_kwh": 100.0}}},
        {**flows, "start": "2026-03-02T12:00:00+00:00", "assets": {"district": {**nothing, "heat_used_kwh": 30.0}}},
    ]
    total = {"start": hours[0]["start"], "seconds": 7200, "assets": {}}
    bill = settle(site, {"park": {"intervals": hours, "total": total}}, "park")
    assert bill.terms["heat"] == pytest.approx(100 * 0.5 - 30 * 0.1)
    assert bill.co2_kg == pytest.approx(25.0)


def test_a_simulated_network_gives_what_neither_heat_pump_nor_tank_can(heated: ParkBuilder) -> None:
    site: Site = heated.without("heat_pump").site
    assert site.file.simulation is not None
    plant = Plant(site, start=site.file.simulation.start, seed=1)
    plant.advance(12 * 3600)
    total = plant.ledger.total
    served = total.accounts["heat_demand"]
    assert served.unserved_kwh == pytest.approx(0.0, abs=1e-9)
    tank, network = total.accounts["tank"], total.accounts["boiler"]
    # the tank is emptied first, then the network gives all that is used
    assert network.heat_fed_kwh > 0.0
    assert network.heat_fed_kwh + tank.heat_fed_kwh == pytest.approx(served.heat_used_kwh)
    assert plant.balance_residual < 1e-6


def test_a_simulated_network_takes_what_nobody_needs_up_to_its_limit(heated: ParkBuilder) -> None:
    site = heated.without("heat_demand", "tank").site
    assert site.file.simulation is not None
    plant = Plant(site, start=site.file.simulation.start, seed=1)
    plant.command(site.assets["heat_pump"].device, "power_setpoint_kw", 300.0)
    plant.advance(3600)
    network = plant.ledger.total.accounts["boiler"]
    assert 0.0 < network.heat_used_kwh <= 50.0
    assert plant.values(site.assets["boiler"].device)["heat_power_kw"] == pytest.approx(-50.0)
    assert plant.ledger.total.surplus_heat_kwh > 0.0
    assert plant.balance_residual < 1e-6
