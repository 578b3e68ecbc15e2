"""A battery whose cells are described: losses, temperature, ageing and reactive power, worked out by hand."""

from __future__ import annotations

import pytest

from config.assets import Battery
from simulators.battery import BatteryModel
from simulators.converter import LossCurve

HOUR_S = 3600.0

CELLS = {
    "no_load_loss_kw": 2.0,
    "heat_capacity_kwh_per_k": 1.0,
    "cooling_kw_per_k": 1.0,
    "max_degc": 45,
    "trip_degc": 50,
    "cycle_life": 5000,
    "calendar_life_years": 20,
}
BATTERY = {
    "kind": "battery",
    "device": "d",
    "capacity_kwh": 1000,
    "max_charge_kw": 500,
    "max_discharge_kw": 500,
    "charge_efficiency": 0.95,
    "discharge_efficiency": 0.95,
    "soc_min": 0.1,
    "soc_max": 0.9,
    "ramp_kw_per_s": 1e6,
    "wear_cny_per_kwh": 0.1,
    "cells": CELLS,
}


def test_the_losses_of_a_battery_grow_with_the_square_of_its_power() -> None:
    curve = LossCurve(Battery.model_validate(BATTERY), 2.0)
    # at 500 kW 5 % are lost, 25 kW: 2 without load and 23 that fall to a quarter at 250 kW
    assert curve.stored_kwh(500, HOUR_S) == pytest.approx(475)
    assert curve.stored_kwh(250, HOUR_S) == pytest.approx(250 - 2 - 5.75)
    assert curve.drained_kwh(500, HOUR_S) == pytest.approx(500 / 0.95)
    # both are undone by what fills and what empties
    assert curve.most_taken_kwh(475, HOUR_S) == pytest.approx(500)
    assert curve.most_given_kwh(500 / 0.95, HOUR_S) == pytest.approx(500)
    curve.resistance = 1.5
    assert curve.stored_kwh(500, HOUR_S) == pytest.approx(500 - 2 - 34.5)


def test_cells_warm_up_derate_and_trip_until_they_are_reset() -> None:
    hot = CELLS | {"cooling_kw_per_k": 0.2, "max_degc": 45, "trip_degc": 45.5}
    model = BatteryModel(Battery.model_validate(BATTERY | {"cells": hot}), 0.9)
    assert model.cells is not None
    # 5 % of 500 kW with 0.2 kW/K of cooling: towards 20 + 131 degC with a time constant of 5 h
    model.setpoint_kw = 500.0
    model.step(360.0)
    loss_kw = 500 / 0.95 - 500
    assert model.cells.degc == pytest.approx(20 + loss_kw / 0.2 * (1 - 2.718281828 ** (-0.1 / 5)), rel=1e-4)
    model.cells.degc = 40.0
    assert model.max_discharge_kw == pytest.approx(250.0)
    model.cells.degc = 46.0
    model.step(1.0)
    assert model.cells.tripped
    model.step(1.0)
    assert (model.power_kw, model.points()["available"]) == (0.0, 0.0)
    model.take("reset", 1.0)
    assert model.cells.tripped, "still too hot"
    model.cells.degc = 30.0
    model.take("reset", 1.0)
    model.step(1.0)
    assert model.power_kw > 0


def test_cold_cells_are_not_charged() -> None:
    model = BatteryModel(Battery.model_validate(BATTERY), 0.5)
    assert model.cells is not None
    model.cells.degc = 5.0
    assert (model.max_charge_kw, model.max_discharge_kw) == (250.0, 500.0)
    model.cells.degc = -5.0
    assert model.max_charge_kw == 0.0


def test_cells_age_by_cycles_and_by_years() -> None:
    model = BatteryModel(Battery.model_validate(BATTERY), 0.5)
    assert model.cells is not None
    # half a full cycle in no time, then a year at 35 degC, which counts twice
    model.cells.step(1000.0, 0.0, 35.0, 1e-6)
    assert model.cells.health == pytest.approx(1 - 0.2 * 0.5 / 5000)
    model.cells.degc = 35.0
    model.cells.step(0.0, 0.0, 35.0, 365.25 * 24 * 3600)
    assert model.cells.health == pytest.approx(1 - 0.2 * (0.5 / 5000 + 2 / 20))
    assert model.cells.resistance == pytest.approx(1 + 0.5 * (0.5 / 5000 + 0.1))


def test_a_converter_gives_reactive_power_within_its_circle() -> None:
    model = BatteryModel(Battery.model_validate(BATTERY | {"cells": None, "rated_kva": 500}), 0.5)
    model.take("reactive_setpoint_kvar", 450.0)
    model.setpoint_kw = 300.0
    model.step(1.0)
    # sqrt(500^2 - 300^2) = 400
    assert model.points()["reactive_power_kvar"] == pytest.approx(400.0)
    model.setpoint_kw = 0.0
    model.step(1.0)
    assert model.points()["reactive_power_kvar"] == pytest.approx(450.0)
