"""Units that turn one carrier into another, against answers worked out by hand."""

from __future__ import annotations

import pytest

from config.hydrogen_assets import Electrolyser, FuelCell, HydrogenTank
from config.thermal_assets import AbsorptionChiller, Chiller, Chp, ColdStore, ElectricBoiler, Orc, PressureTurbine
from simulators.boiler import ElectricBoilerModel
from simulators.chp import ChpModel
from simulators.cooling import AbsorptionChillerModel, ChillerModel, ColdStoreModel
from simulators.electrolyser import ElectrolyserModel
from simulators.hydrogen import FuelCellModel, HydrogenTankModel
from simulators.pressure_turbine import PressureTurbineModel, per_flow_kw
from simulators.waste_heat import OrcModel

HOUR_S = 3600.0
LHV = 33.33

CHP = Chp(
    kind="chp",
    device="d",
    control="local",
    max_power_kw=500,
    min_power_kw=250,
    ramp_kw_per_s=10,
    electric_efficiency=0.4,
    heat_efficiency=0.45,
    start_s=120,
    supply_degc=85,
)


def test_chp_at_full_and_half_load() -> None:
    model = ChpModel(CHP)
    assert model.efficiencies(500) == pytest.approx((0.4, 0.45))
    # half load: 0.4 * (1 - 0.16 * 0.5) = 0.368; 0.45 * (1 + 0.1 * 0.5) = 0.4725
    assert model.efficiencies(250) == pytest.approx((0.368, 0.4725))


def test_chp_starts_in_its_time_and_makes_heat_with_its_power() -> None:
    model = ChpModel(CHP)
    model.setpoint_kw = 500.0
    made = [model.step(soc=None, missing_heat_kw=0.0, dt_s=10.0) for _ in range(12)]
    assert made == [(0.0, 0.0)] * 12
    made += [model.step(soc=None, missing_heat_kw=0.0, dt_s=10.0) for _ in range(30)]
    # 500 kW for 10 s are 1.3889 kWh; gas 3.4722; heat 1.5625
    assert made[-1] == pytest.approx((1.388889, 1.5625), rel=1e-5)
    assert model.heat_kw == pytest.approx(562.5)
    account = model.account()
    assert account.gas_kwh == pytest.approx(account.electricity_fed_kwh + account.heat_fed_kwh + account.lost_kwh)


def test_chp_keeps_running_for_its_least_time() -> None:
    model = ChpModel(CHP)
    model.setpoint_kw = 500.0
    for _ in range(60):
        model.step(soc=None, missing_heat_kw=0.0, dt_s=10.0)
    model.setpoint_kw = 0.0
    model.step(soc=None, missing_heat_kw=0.0, dt_s=10.0)
    assert model.power_kw >= CHP.min_power_kw
    for _ in range(200):
        model.step(soc=None, missing_heat_kw=0.0, dt_s=10.0)
    assert model.power_kw == 0.0


def test_orc_by_its_carnot_factor_and_its_load() -> None:
    spec = Orc(
        kind="orc",
        device="d",
        control="local",
        max_power_kw=100,
        min_power_kw=20,
        ramp_kw_per_s=10,
        efficiency=0.15,
        rated_source_degc=126.85,
        cooling_degc=26.85,
        start_s=0,
        source_bus="hot",
    )
    model = OrcModel(spec)
    # 400 K and 300 K: carnot 0.25 when rated; a source of 360 K has 1 - 300 / 360 = 1 / 6, two thirds of it
    assert model.efficiency(126.85, 100) == pytest.approx(0.15)
    assert model.efficiency(86.85, 100) == pytest.approx(0.10)
    # half load: 1 - 0.3 * 0.25 = 0.925
    assert model.efficiency(126.85, 50) == pytest.approx(0.13875)
    for _ in range(100):
        made_kwh, drawn_kwh = model.step(126.85, 10.0, HOUR_S / 60)
    # 10 kWh a minute are 600 kW of heat: more than 90 kW of power need
    assert drawn_kwh <= 10.0
    assert made_kwh == pytest.approx(drawn_kwh * model.efficiency(126.85, made_kwh * 60))
    assert model.power_kw == pytest.approx(600 * model.efficiency(126.85, model.power_kw), rel=1e-6)


def test_an_orc_without_enough_heat_stands() -> None:
    spec = Orc(
        kind="orc",
        device="d",
        control="local",
        max_power_kw=100,
        min_power_kw=50,
        ramp_kw_per_s=100,
        efficiency=0.15,
        rated_source_degc=200,
        cooling_degc=30,
        start_s=0,
        source_bus="hot",
    )
    model = OrcModel(spec)
    for _ in range(20):
        made_kwh, drawn_kwh = model.step(200, 1.0, 60.0)
    # 60 kW of heat make 9 kW at best, which is below the least load
    assert (made_kwh, drawn_kwh, model.power_kw) == (0.0, 0.0, 0.0)


def test_an_orc_that_ran_out_of_heat_starts_at_once_while_its_loop_is_warm() -> None:
    spec = Orc(
        kind="orc",
        device="d",
        control="local",
        max_power_kw=100,
        min_power_kw=20,
        ramp_kw_per_s=100,
        efficiency=0.15,
        rated_source_degc=200,
        cooling_degc=30,
        start_s=600,
        cools_after_s=3600,
        source_bus="hot",
    )
    model = OrcModel(spec)

    def runs_after_s(without_heat_s: float) -> float:
        for _ in range(round(without_heat_s / 10.0)):
            model.step(200, 0.0, 10.0)
        assert model.power_kw == 0.0
        for step in range(1000):
            if model.power_kw > 0.0:
                return step * 10.0
            model.step(200, 2.0, 10.0)
        raise AssertionError("it never starts")

    assert runs_after_s(600.0) <= 10.0
    assert runs_after_s(3700.0) == pytest.approx(600.0, abs=10.0)
    assert runs_after_s(3500.0) <= 10.0


def test_a_top_gas_turbine() -> None:
    spec = PressureTurbine(
        kind="pressure_turbine",
        device="d",
        control="local",
        rated_kw=5000,
        inlet_bar=2.0,
        outlet_bar=1.0,
        inlet_degc=126.85,
        gas="air",
        isentropic_efficiency=0.8,
        generator_efficiency=0.95,
        min_flow_kg_per_s=5,
    )
    # 0.5^(0.4 / 1.4) = 0.82034; 1.006 * 400 * 0.17966 * 0.8 * 0.95 = 54.944 kW for each kg/s
    assert per_flow_kw(spec) == pytest.approx(54.944, rel=1e-4)
    model = PressureTurbineModel(spec)
    model.step(10.0, 0.0)
    assert model.step(10.0, HOUR_S) == pytest.approx(549.44, rel=1e-4)
    model.step(4.9, 1.0)
    assert model.power_kw == 0.0
    model.step(200.0, 1.0)
    assert model.power_kw == 5000.0


def test_an_electric_boiler() -> None:
    spec = ElectricBoiler(
        kind="electric_boiler",
        device="d",
        control="local",
        max_power_kw=1000,
        min_power_kw=0,
        ramp_kw_per_s=1000,
        efficiency=0.98,
    )
    model = ElectricBoilerModel(spec)
    model.setpoint_kw = 500.0
    model.step(soc=0.5, missing_heat_kw=0.0, dt_s=10.0)
    assert model.step(soc=0.5, missing_heat_kw=0.0, dt_s=HOUR_S) == pytest.approx(500.0)
    assert model.heat_kw == pytest.approx(490.0)


CHILLER = Chiller(
    kind="chiller",
    device="d",
    control="local",
    max_cooling_kw=1000,
    min_cooling_kw=200,
    rated_cop=4.0,
    supply_degc=7,
    min_on_s=0,
    min_off_s=0,
)


def test_a_chiller_over_load_and_weather() -> None:
    model = ChillerModel(CHILLER)
    assert model.electricity_kw(1000, 35) == pytest.approx(250.0)
    # half load: 0.06 + 0.44 + 0.015 = 0.515
    assert model.electricity_kw(500, 35) == pytest.approx(128.75)
    # the lift falls from 35 + 12 - 7 = 40 K to 20 + 12 - 7 = 25 K
    assert model.electricity_kw(1000, 20) == pytest.approx(250.0 * 25 / 40)
    # below 15 degC outdoors the condenser is kept warm: 20 K
    assert model.electricity_kw(1000, -5) == pytest.approx(125.0)
    assert model.electricity_kw(0, 35) == 0.0


ABSORPTION = AbsorptionChiller(
    kind="absorption_chiller",
    device="d",
    control="local",
    max_cooling_kw=700,
    min_cooling_kw=100,
    rated_cop=0.7,
    rated_source_degc=90,
    least_source_degc=70,
    pump_kw=10,
    supply_degc=7,
)


def test_an_absorption_chiller_weakens_with_the_temperature_of_its_heat() -> None:
    model = AbsorptionChillerModel(ABSORPTION)
    assert (model.strength(95), model.strength(80), model.strength(65)) == (1.0, 0.5, 0.0)
    model.setpoint_kw = 700.0
    for _ in range(200):
        drawn_kwh, used_kwh, cold_kwh = model.step(
            source_degc=90, available_heat_kwh=1e6, soc=None, missing_cooling_kw=0, dt_s=60.0
        )
    # 700 kW of cold from 1000 kW of heat
    assert cold_kwh * 60 == pytest.approx(700)
    assert drawn_kwh * 60 == pytest.approx(1000)
    assert used_kwh * 60 == pytest.approx(10)


def test_a_cold_store_warms_up_as_it_empties() -> None:
    spec = ColdStore(
        kind="cold_store",
        device="d",
        control="local",
        capacity_kwh=1000,
        loss_per_h=0.0,
        max_charge_kw=200,
        max_discharge_kw=100,
        soc_min=0.1,
        soc_max=0.9,
        full_degc=5,
        empty_degc=13,
    )
    model = ColdStoreModel(spec, 0.5)
    assert model.supply_degc == pytest.approx(9.0)
    assert model.step(300.0, HOUR_S) == pytest.approx(100.0)
    assert model.soc == pytest.approx(0.7)
    assert model.step(-150.0, HOUR_S) == pytest.approx(-50.0)
    assert model.soc == pytest.approx(0.6)


ELECTROLYSER = Electrolyser(
    kind="electrolyser",
    device="d",
    control="local",
    max_power_kw=1000,
    min_power_kw=100,
    ramp_kw_per_s=50,
    rated_kwh_per_kg=55,
    standby_kw=20,
    cold_start_s=600,
    hot_start_s=30,
    cools_after_s=3600,
    heat_recovery=0.5,
    supply_degc=60,
)


def test_an_electrolyser_is_best_below_full_load() -> None:
    model = ElectrolyserModel(ELECTROLYSER)
    # full load: 1000 / 55
    assert model.kg_per_h(1000) == pytest.approx(18.1818, rel=1e-5)
    # 520 kW: the stack has 480 of 960 kW at 52.8 * (0.85 + 0.075) = 48.84 kWh/kg
    assert model.kg_per_h(520) == pytest.approx(480 / 48.84, rel=1e-5)
    assert 520 / model.kg_per_h(520) < 55 < 140 / model.kg_per_h(140)


def until_it_runs_s(model: ElectrolyserModel) -> float:
    for step in range(1000):
        if model.power_kw > 0:
            return step * 10.0
        model.step(0.0, 10.0)
    raise AssertionError("it never starts")


def test_an_electrolyser_starts_cold_once_and_hot_after_a_short_stop() -> None:
    model = ElectrolyserModel(ELECTROLYSER)
    model.setpoint_kw = 0.0
    for _ in range(361):
        model.step(0.0, 10.0)
    assert model.electric_kw == 0.0
    model.setpoint_kw = 1000.0
    assert until_it_runs_s(model) == pytest.approx(600, abs=20)
    for _ in range(10):
        model.step(0.0, 10.0)
    model.setpoint_kw = 0.0
    for _ in range(20):
        model.step(0.0, 10.0)
    assert (model.power_kw, model.electric_kw) == (0.0, 20.0)
    model.setpoint_kw = 1000.0
    assert until_it_runs_s(model) == pytest.approx(30, abs=20)
    account = model.account()
    out = account.hydrogen_fed_kwh + account.heat_fed_kwh + account.lost_kwh
    assert account.electricity_used_kwh == pytest.approx(out)


def test_an_electrolyser_that_is_told_to_stands_by_for_as_long_as_it_is_told() -> None:
    model = ElectrolyserModel(ELECTROLYSER)
    model.setpoint_kw = 20.0
    for _ in range(1000):
        model.step(0.0, 10.0)
        assert (model.power_kw, model.electric_kw) == (0.0, 20.0)
    assert model.account().electricity_used_kwh == pytest.approx(20.0 * 10_000 / 3600)
    model.setpoint_kw = 1000.0
    assert until_it_runs_s(model) == pytest.approx(30, abs=20)


def test_a_cold_electrolyser_that_stands_by_is_warm_after_a_cold_start() -> None:
    for minutes, start_s in ((5, 600), (11, 30)):
        model = ElectrolyserModel(ELECTROLYSER)
        model.setpoint_kw = 0.0
        model.step(0.0, 3700.0)
        model.setpoint_kw = 20.0
        for _ in range(minutes * 6):
            model.step(0.0, 10.0)
        model.setpoint_kw = 1000.0
        assert until_it_runs_s(model) == pytest.approx(start_s, abs=20)


def test_a_fuel_cell_over_its_load() -> None:
    spec = FuelCell(
        kind="fuel_cell",
        device="d",
        control="local",
        max_power_kw=200,
        min_power_kw=20,
        ramp_kw_per_s=20,
        rated_efficiency=0.5,
        heat_efficiency=0.3,
        start_s=0,
        supply_degc=60,
    )
    model = FuelCellModel(spec)
    assert model.efficiency(200) == pytest.approx(0.5)
    # half load: 1.075 * 0.5 * 1.03 / 0.53
    assert model.efficiency(100) == pytest.approx(0.5 * 1.075 * 0.5 * 1.03 / 0.53)
    model.setpoint_kw = 200.0
    for _ in range(10):
        made_kwh, drawn_kwh, heat_kwh = model.step(0.0, 1e6, 36.0)
    # 200 kW for 36 s are 2 kWh of power from 4 of hydrogen, with 1.2 of heat
    assert (made_kwh, drawn_kwh, heat_kwh) == pytest.approx((2.0, 4.0, 1.2))
    made_kwh, drawn_kwh, _ = model.step(0.0, 1.0, 36.0)
    assert drawn_kwh <= 1.0
    assert made_kwh <= 0.6


def test_a_hydrogen_tank_shows_mass_and_pressure() -> None:
    spec = HydrogenTank(
        kind="hydrogen_tank",
        device="d",
        control="local",
        capacity_kg=100,
        empty_bar=20,
        full_bar=220,
        max_charge_kg_per_h=10,
        max_discharge_kg_per_h=20,
        soc_min=0.1,
        soc_max=0.9,
    )
    model = HydrogenTankModel(spec, 0.5)
    assert model.step(15 * LHV, HOUR_S) == pytest.approx(5 * LHV)
    shown = model.points()
    assert (shown["stored_kg"], shown["pressure_bar"], shown["hydrogen_kg_per_h"]) == pytest.approx((60, 140, -10))
    assert model.step(-30 * LHV, HOUR_S) == pytest.approx(-10 * LHV)
    assert model.points()["stored_kg"] == pytest.approx(40)
