"""Heat pump, boiler, tank, thermostat and loads against answers that fit on the back of an envelope."""

from __future__ import annotations

import math
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.assets import ElectricLoad, GasBoiler, HeatLoad, HeatPump, HotWaterTank
from simulators.boiler import GasBoilerModel
from simulators.heat_pump import HeatPumpModel, cop
from simulators.load import ElectricLoadModel, HeatLoadModel
from simulators.tank import TankModel
from simulators.thermostat import Thermostat, wanted_kw

PUMP = HeatPump(
    kind="heat_pump",
    device="pump",
    max_power_kw=400,
    min_power_kw=100,
    source="air",
    supply_degc=55,
    min_on_s=0,
    min_off_s=0,
    ramp_kw_per_s=10,
)
TANK = HotWaterTank(
    kind="hot_water_tank",
    device="tank",
    capacity_kwh=1000,
    loss_per_h=0.01,
    max_charge_kw=360,
    max_discharge_kw=720,
    soc_min=0,
    soc_max=1,
    low_degc=40,
    high_degc=80,
)
BOILER = GasBoiler(
    kind="gas_boiler", device="boiler", max_heat_kw=1200, min_heat_kw=200, efficiency=0.8, min_on_s=0, min_off_s=0
)


def _step(pump: HeatPumpModel, dt_s: float, soc: float | None = 0.5, missing: float = 0.0) -> tuple[float, float]:
    return pump.step(source_degc=10, outdoor_degc=10, soc=soc, missing_heat_kw=missing, dt_s=dt_s)


class TestHeatPump:
    @pytest.mark.parametrize(
        ("source", "lift_k", "expected"),
        [
            ("air", 30, 3.12),
            ("air", 45, 2.37),
            ("air", 60, 1.79),
            ("ground", 30, 4.44),
            ("ground", 45, 3.05),
            ("ground", 60, 2.16),
        ],
    )
    def test_cop_as_in_the_table(
        self, source: Literal["air", "ground", "water"], lift_k: float, expected: float
    ) -> None:
        assert cop(source, 55 - lift_k, 55) == pytest.approx(expected, abs=0.006)

    @given(st.sampled_from(["air", "ground", "water"]), st.floats(-40, 60), st.floats(0, 20), st.floats(25, 95))
    def test_a_warmer_source_never_lowers_the_cop(
        self, source: Literal["air", "ground", "water"], degc: float, warmer_k: float, supply_degc: float
    ) -> None:
        assert 1 < cop(source, degc, supply_degc) <= cop(source, degc + warmer_k, supply_degc) + 1e-12

    def test_heat_is_cop_times_power(self) -> None:
        pump = HeatPumpModel(PUMP)
        pump.power_kw = pump.setpoint_kw = 200
        used, heat = _step(pump, 3600)
        assert used == pytest.approx(200)
        assert heat == pytest.approx(200 * cop("air", 10, 55))
        assert pump.points()["supply_degc"] == pytest.approx(55, abs=0.2)

    def test_ramps(self) -> None:
        pump = HeatPumpModel(PUMP)
        pump.setpoint_kw = 300
        _step(pump, 5)
        assert pump.power_kw == pytest.approx(50)
        _step(pump, 100)
        assert pump.power_kw == 300

    def test_below_its_least_power_it_stands_still(self) -> None:
        pump = HeatPumpModel(PUMP)
        pump.setpoint_kw = 99
        _step(pump, 100)
        assert pump.power_kw == 0
        pump.setpoint_kw = 99.9  # the least power after a journey through registers
        _step(pump, 100)
        assert pump.power_kw == 100

    def test_its_own_thermostat_holds_the_tank(self) -> None:
        pump = HeatPumpModel(PUMP)
        powers = []
        for soc in (0.5, 0.44, 0.5, 0.59, 0.61, 0.5):
            _step(pump, 100, soc)
            powers.append(pump.power_kw)
        assert powers == [0, 400, 400, 400, 0, 0]

    def test_without_a_tank_it_follows_what_is_missing(self) -> None:
        pump = HeatPumpModel(PUMP)
        _step(pump, 100, None, missing=250 * cop("air", 10, 55))
        assert pump.power_kw == pytest.approx(250)

    def test_a_command_beats_the_thermostat_and_dead_is_dead(self) -> None:
        pump = HeatPumpModel(PUMP)
        pump.setpoint_kw = 0
        _step(pump, 100, 0.1)
        assert pump.power_kw == 0
        pump.setpoint_kw = 400
        _step(pump, 100)
        pump.running = False
        assert _step(pump, 1) == (0, 0)
        assert pump.power_kw == pump.heat_kw == 0


class TestTank:
    def test_takes_and_gives_within_its_ratings(self) -> None:
        tank = TankModel(TANK, 0.5)
        assert tank.step(1.0, 5) == pytest.approx(1.0 - 360 * 5 / 3600)  # 0.5 kWh fit in 5 s
        assert tank.step(-1.5, 5) == pytest.approx(-1.5 + 720 * 5 / 3600)

    def test_loses_a_share_each_hour(self) -> None:
        tank = TankModel(TANK, 0.5)
        tank.step(0, 3600)
        assert tank.stored_kwh == pytest.approx(500 * math.exp(-0.01))
        assert tank.account().lost_kwh == pytest.approx(500 * (1 - math.exp(-0.01)))

    def test_full_and_empty(self) -> None:
        tank = TankModel(TANK, 1.0)
        tank.step(0.2, 1)
        assert tank.soc == pytest.approx(1.0)
        assert tank.points()["supply_degc"] == pytest.approx(80)
        tank = TankModel(TANK, 0.0)
        assert tank.step(-0.1, 5) == pytest.approx(-0.1)
        assert tank.points()["supply_degc"] == 40

    @given(st.floats(0, 1), st.lists(st.tuples(st.floats(-5, 5), st.floats(0.01, 5)), max_size=50))
    def test_energy_is_kept(self, soc: float, flows: list[tuple[float, float]]) -> None:
        tank = TankModel(TANK, soc)
        start_kwh = tank.stored_kwh
        for left_kwh, dt_s in flows:
            remains = tank.step(left_kwh, dt_s)
            assert 0 <= tank.soc <= 1
            assert abs(remains) <= abs(left_kwh)
            assert remains * left_kwh >= 0
        account = tank.account()
        change = account.heat_used_kwh - account.heat_fed_kwh - account.lost_kwh
        assert tank.stored_kwh == pytest.approx(start_kwh + change, abs=1e-9)


class TestBoiler:
    def test_gas_is_heat_over_efficiency(self) -> None:
        boiler = GasBoilerModel(BOILER)
        boiler.power_kw = boiler.setpoint_kw = 800
        assert boiler.step(soc=0.5, missing_heat_kw=0, dt_s=3600) == pytest.approx(800)
        assert boiler.points()["gas_energy_kwh"] == pytest.approx(1000)

    def test_full_heat_takes_a_minute(self) -> None:
        boiler = GasBoilerModel(BOILER)
        boiler.setpoint_kw = 1200
        boiler.step(soc=0.5, missing_heat_kw=0, dt_s=30)
        assert boiler.heat_kw == pytest.approx(600)

    def test_below_its_least_heat_it_stands_still(self) -> None:
        boiler = GasBoilerModel(BOILER)
        boiler.setpoint_kw = 150
        boiler.step(soc=0.5, missing_heat_kw=0, dt_s=60)
        assert boiler.heat_kw == 0

    def test_its_own_thermostat_is_the_backup(self) -> None:
        boiler = GasBoilerModel(BOILER)
        heats = []
        for soc in (0.3, 0.24, 0.39, 0.41, 0.3):
            boiler.step(soc=soc, missing_heat_kw=0, dt_s=60)
            heats.append(boiler.heat_kw)
        assert heats == [0, 1200, 1200, 0, 0]


def test_the_thermostat_remembers_between_its_levels() -> None:
    thermostat = Thermostat(0.45, 0.6)
    assert [thermostat.calls(soc) for soc in (0.5, 0.4, 0.5, 0.7, 0.5)] == [False, True, True, False, False]
    assert wanted_kw(thermostat, None, full_kw=100, missing_kw=250) == 100
    assert wanted_kw(thermostat, None, full_kw=100, missing_kw=30) == 30


def test_an_electric_load_counts_the_mean_of_its_demand() -> None:
    load = ElectricLoadModel(ElectricLoad(kind="electric_load", device="meter", peak_kw=500), 100)
    assert load.step(200, 3600) == pytest.approx(150)
    assert load.points()["energy_kwh"] == pytest.approx(150)
    assert load.points()["active_power_kw"] == 200


def test_a_heat_load_that_is_not_served_cools_down() -> None:
    load = HeatLoadModel(HeatLoad(kind="heat_load", device="meter", peak_kw=500), 400)
    wanted = load.step(400, 3600)
    load.serve(wanted, 0.75, 60)
    points = load.points()
    assert points["heat_power_kw"] == pytest.approx(300)
    assert points["supply_degc"] == pytest.approx(60 - 15 * 0.25)
    assert points["return_degc"] == pytest.approx(56.25 - 20 * 300 / 500)
    assert load.account().unserved_kwh == pytest.approx(100)
    assert load.account().heat_used_kwh == pytest.approx(300)
