"""Ramp, battery, PV and wind turbine against answers that fit on the back of an envelope."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.assets import Battery, PvPlant, WindTurbine
from simulators.battery import BatteryModel
from simulators.pv import PvModel, available_kw, cell_degc, dc_kw, inverter_kw, plane_of_array_w_per_m2
from simulators.ramp import ramp
from simulators.weather import Sky
from simulators.wind import WindModel, curve_kw


def _battery(**changes: float) -> Battery:
    nameplate: dict[str, float] = {
        "capacity_kwh": 1000,
        "max_charge_kw": 500,
        "max_discharge_kw": 400,
        "charge_efficiency": 0.9,
        "discharge_efficiency": 0.8,
        "soc_min": 0.1,
        "soc_max": 0.9,
        "ramp_kw_per_s": 100,
        "wear_cny_per_kwh": 0,
    }
    return Battery.model_validate({"kind": "battery", "device": "pcs"} | nameplate | changes)


PV = PvPlant(kind="pv_plant", device="inverter", peak_kw=1000, rated_kw=800, tilt_deg=30, azimuth_deg=180)
TURBINE = WindTurbine(
    kind="wind_turbine",
    device="turbine",
    rated_kw=1000,
    hub_height_m=80,
    cut_in_m_per_s=3,
    rated_m_per_s=12,
    cut_out_m_per_s=25,
)


class TestRamp:
    def test_on_the_way(self) -> None:
        assert ramp(0, 100, 10, 5) == (50, 25)
        assert ramp(0, -100, 10, 5) == (-50, -25)

    def test_there_before_the_end(self) -> None:
        # 2 s from 0 to 20 (mean 10), then 3 s at 20
        assert ramp(0, 20, 10, 5) == (20, pytest.approx((2 * 10 + 3 * 20) / 5))

    def test_no_time_no_change(self) -> None:
        assert ramp(7, 100, 10, 0) == (7, 7)

    @given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(1, 500), st.floats(0.01, 10), st.floats(0.01, 0.99))
    def test_two_steps_are_one(self, start: float, goal: float, rate: float, dt_s: float, share: float) -> None:
        whole = ramp(start, goal, rate, dt_s)
        first = ramp(start, goal, rate, dt_s * share)
        second = ramp(first.end_kw, goal, rate, dt_s * (1 - share))
        assert second.end_kw == pytest.approx(whole.end_kw, abs=1e-6)
        assert first.mean_kw * share + second.mean_kw * (1 - share) == pytest.approx(whole.mean_kw, abs=1e-6)


class TestBattery:
    def test_discharging_takes_more_than_it_gives(self) -> None:
        battery = BatteryModel(_battery(), 0.5)
        battery.power_kw = battery.setpoint_kw = 360
        assert battery.step(10) == pytest.approx(1.0)
        assert battery.stored_kwh == pytest.approx(500 - 1.0 / 0.8)
        assert battery.points()["energy_import_kwh"] == pytest.approx(1.0)
        assert battery.points()["status"] == 3

    def test_charging_stores_less_than_it_takes(self) -> None:
        battery = BatteryModel(_battery(), 0.5)
        battery.power_kw = battery.setpoint_kw = -360
        assert battery.step(10) == pytest.approx(-1.0)
        assert battery.stored_kwh == pytest.approx(500 + 0.9)
        assert battery.points()["energy_export_kwh"] == pytest.approx(1.0)

    def test_ramps_to_its_setpoint(self) -> None:
        battery = BatteryModel(_battery(), 0.5)
        battery.setpoint_kw = 350
        seen = []
        for _ in range(5):
            battery.step(1)
            seen.append(battery.power_kw)
        assert seen == pytest.approx([100, 200, 300, 350, 350])

    def test_a_change_of_direction_counts_both_directions(self) -> None:
        battery = BatteryModel(_battery(), 0.5)
        battery.power_kw, battery.setpoint_kw = 200, -200
        # 2 s from 200 kW to 0 and 2 s from 0 to -200 kW: 200 kWs each way
        assert battery.step(4) == pytest.approx(0)
        assert battery.points()["energy_import_kwh"] == pytest.approx(200 / 3600)
        assert battery.points()["energy_export_kwh"] == pytest.approx(200 / 3600)
        assert battery.stored_kwh == pytest.approx(500 + (0.9 - 1 / 0.8) * 200 / 3600)

    def test_a_command_is_kept_within_the_rating(self) -> None:
        battery = BatteryModel(_battery(), 0.5)
        assert battery.accept(9999) == 400
        assert battery.accept(-9999) == -500

    def test_the_last_hundredth_is_given_slowly(self) -> None:
        battery = BatteryModel(_battery(ramp_kw_per_s=1e6), 0.005)
        battery.setpoint_kw = 400
        battery.step(1)
        assert battery.power_kw == pytest.approx(200)

    def test_dead_gives_nothing_at_once(self) -> None:
        battery = BatteryModel(_battery(), 0.5)
        battery.power_kw = battery.setpoint_kw = 300
        battery.running = False
        assert battery.step(1) == 0
        assert battery.power_kw == 0
        assert battery.stored_kwh == 500

    @given(
        st.floats(0, 1),
        st.floats(1, 5000),
        st.lists(st.tuples(st.floats(-600, 600), st.floats(0.01, 5)), max_size=60),
    )
    def test_never_holds_less_than_nothing_or_more_than_fits(
        self, soc: float, capacity_kwh: float, orders: list[tuple[float, float]]
    ) -> None:
        spec = _battery(capacity_kwh=capacity_kwh, ramp_kw_per_s=1000)
        battery = BatteryModel(spec, soc)
        start_kwh = battery.stored_kwh
        for order, dt_s in orders:
            battery.setpoint_kw = battery.accept(order)
            battery.step(dt_s)
            assert 0 <= battery.soc <= 1
            assert -500 <= battery.power_kw <= 400
        account = battery.account()
        expected = start_kwh + 0.9 * account.electricity_used_kwh - account.electricity_fed_kwh / 0.8
        assert battery.stored_kwh == pytest.approx(expected, abs=1e-9 * capacity_kwh)


def _sky(sun: tuple[float, float, float], direct: float, diffuse: float) -> Sky:
    return Sky(sun=np.array([sun]), direct_w_per_m2=np.array([direct]), diffuse_w_per_m2=np.array([diffuse]))


class TestPv:
    def test_sun_in_the_face_of_the_modules(self) -> None:
        # tilt 30 degrees to the south, sun 60 degrees high in the south: straight at the modules
        sky = _sky((0, -0.5, np.sqrt(3) / 2), 800, 0)
        ground = 0.2 * 800 * np.sqrt(3) / 2 * (1 - np.sqrt(3) / 2) / 2
        assert plane_of_array_w_per_m2(sky, 30, 180) == pytest.approx(800 + ground)

    def test_sun_behind_the_modules(self) -> None:
        sky = _sky((0, 0.8, 0.6), 800, 0)
        assert plane_of_array_w_per_m2(sky, 90, 180) == pytest.approx(0.2 * 800 * 0.6 / 2)

    def test_a_level_plane_sees_the_whole_sky(self) -> None:
        assert plane_of_array_w_per_m2(_sky((0, 0, 1), 700, 100), 0, 180) == pytest.approx(800)

    def test_cells_are_warmer_than_the_air(self) -> None:
        assert cell_degc(np.array([20.0]), np.array([800.0])) == pytest.approx(45)

    def test_dc_power_at_test_conditions_is_the_peak_less_the_losses(self) -> None:
        assert dc_kw(np.array([1000.0]), np.array([25.0]), 1000) == pytest.approx(859)
        # 20 K warmer: 7 % less
        assert dc_kw(np.array([1000.0]), np.array([45.0]), 1000) == pytest.approx(859 * 0.93)

    def test_the_inverter_loses_clips_and_never_takes(self) -> None:
        # at zeta 1: 0.96 / 0.9637 * (0.9858 - 0.0162 - 0.0059) = 0.96
        assert inverter_kw(np.array([800 / 0.96]), 800) == pytest.approx(800, rel=1e-4)
        assert inverter_kw(np.array([2000.0]), 800) == 800
        assert inverter_kw(np.array([0.0, 1.0]), 800) == pytest.approx([0, 0], abs=0)

    def test_nothing_at_night(self) -> None:
        assert available_kw(np.array([0.0]), np.array([10.0]), PV) == 0

    def test_the_limit_is_followed_and_the_rest_counted_as_curtailed(self) -> None:
        model = PvModel(PV, 600)
        model.setpoint_kw = model.accept(200)
        model.step(600, 900, 4)  # 160 kW/s from 800: there after 3.75 s
        assert model.power_kw == 200
        before = model.account()
        assert model.step(600, 900, 3.6) == pytest.approx(0.2)
        assert model.account().curtailed_kwh - before.curtailed_kwh == pytest.approx(0.4)
        assert model.points()["status"] == 5
        assert model.points()["power_limit_kw"] == 200

    def test_without_a_limit_the_limit_reads_rated(self) -> None:
        model = PvModel(PV, 600)
        model.step(600, 900, 1)
        assert model.points()["power_limit_kw"] == 800
        assert model.power_kw == 600
        assert model.account().curtailed_kwh == 0

    def test_dead_gives_nothing_and_comes_back_on_its_ramp(self) -> None:
        model = PvModel(PV, 600)
        model.running = False
        assert model.step(600, 900, 1) == 0
        assert model.account().curtailed_kwh == 0
        model.running = True
        model.step(600, 900, 1)
        assert model.power_kw == pytest.approx(160)


class TestWind:
    def test_power_curve(self) -> None:
        speeds = np.array([0, 2.9, 3, 7.5, 12, 24.9, 25, 40])
        half_way = 1000 * (7.5**3 - 27) / (1728 - 27)
        assert curve_kw(speeds, TURBINE) == pytest.approx([0, 0, 0, half_way, 1000, 1000, 0, 0])

    def test_waits_after_a_storm(self) -> None:
        model = WindModel(TURBINE, 1000)
        powers = []
        for wind in (24, 26, 24, 22.5, 21.9):
            model.step(float(curve_kw(np.array([wind]), TURBINE)[0]), wind, 5)
            powers.append(model.power_kw)
        assert powers == [1000, 0, 0, 0, 1000]

    def test_the_limit_is_followed_on_its_ramp(self) -> None:
        model = WindModel(TURBINE, 1000)
        model.setpoint_kw = model.accept(300)
        model.step(1000, 12, 5)
        assert model.power_kw == pytest.approx(500)
        model.step(1000, 12, 5)
        assert model.power_kw == pytest.approx(300)
        # 5 s from 1000 to 500, 2 s from 500 to 300, 3 s at 300
        assert model.account().electricity_fed_kwh == pytest.approx((5 * 750 + 2 * 400 + 3 * 300) / 3600)
        assert model.account().curtailed_kwh == pytest.approx(10000 / 3600 - model.account().electricity_fed_kwh)

    def test_a_limit_is_never_negative_or_above_the_rating(self) -> None:
        model = WindModel(TURBINE, 0)
        assert model.accept(-5) == 0
        assert model.accept(1e6) == 1000
