"""Forecasts of PV, wind and the heat pump's COP."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from config.assets import PvPlant
from config.site import Location
from dispatch.forecast.heat_pump import cop
from dispatch.forecast.pv import clear_sky_kw, like_then, pv_power
from dispatch.forecast.wind import wind_power

NAN = np.nan
HANGZHOU = Location(latitude=30.25, longitude=120.17, altitude_m=15, time_zone="Asia/Shanghai")


def plant(**keys: float) -> PvPlant:
    return PvPlant.model_validate(
        {
            "kind": "pv_plant",
            "device": "d",
            "peak_kw": 1000,
            "rated_kw": 900,
            "tilt_deg": 10,
            "azimuth_deg": 180,
            **keys,
        }
    )


def test_the_clear_sky_is_dark_at_night_and_highest_near_noon() -> None:
    midnight = datetime(2026, 6, 20, 16, tzinfo=UTC)  # 0 h in Hangzhou, where noon is at about 12 h
    power = clear_sky_kw(plant(), HANGZHOU, midnight, np.full(24, 1.0))
    assert power[[0, 1, 2, 3, 4, 20, 21, 22, 23]].tolist() == [0] * 9
    assert np.all(power[6:18] > 0)
    assert int(np.argmax(power)) in (11, 12)
    assert 650 < power.max() < 900
    assert 5000 < power.sum() < 7500  # a clear midsummer day: 5 to 7.5 h of full power


def test_the_clear_sky_knows_the_plane_and_the_rating() -> None:
    midnight = datetime(2026, 10, 13, 16, tzinfo=UTC)
    east = clear_sky_kw(plant(azimuth_deg=90, tilt_deg=30), HANGZHOU, midnight, np.full(24, 1.0))
    west = clear_sky_kw(plant(azimuth_deg=270, tilt_deg=30), HANGZHOU, midnight, np.full(24, 1.0))
    assert east[8] > 1.5 * west[8]
    assert west[15] > 1.5 * east[15]
    capped = clear_sky_kw(plant(rated_kw=300), HANGZHOU, midnight, np.full(24, 1.0))
    assert capped.max() == 300


CLEAR = np.full(4, 800.0)
PAST = np.full(24, 800.0)


def forecast(past: np.ndarray, measured: float | None, clear: np.ndarray = CLEAR) -> np.ndarray:
    return pv_power(plant(), clear, np.full(4, 1.0), past, PAST, measured)


def test_pv_goes_from_the_present_clearness_to_yesterdays() -> None:
    past = np.full(24, 400.0)
    past[-1] = 720.0
    power = forecast(past, 720.0)
    day = (23 * 400 + 720) / (24 * 800)
    fade = np.exp(-np.arange(4) / 2.5)
    assert power == pytest.approx(800 * (day + (0.9 - day) * fade))


def test_pv_without_history_is_six_tenths_of_the_clear_sky_and_follows_the_measurement() -> None:
    unknown = np.full(24, NAN)
    assert forecast(unknown, None) == pytest.approx(np.full(4, 480.0))
    assert forecast(unknown, 240.0)[0] == pytest.approx(240)
    assert forecast(unknown, 240.0)[3] == pytest.approx(800 * (0.6 - 0.3 * np.exp(-3 / 2.5)))


def test_pv_at_night_is_zero_and_says_nothing_of_the_day() -> None:
    past = np.full(24, 400.0)
    dawn = pv_power(plant(), np.array([0.0, 0.0, 400.0, 800.0]), np.ones(4), past, np.append(PAST[:-1], 0.0), 0.0)
    assert dawn == pytest.approx([0, 0, 200, 400])


def test_pv_never_exceeds_its_rating() -> None:
    assert forecast(np.full(24, 5000.0), 5000.0).max() <= 900


def test_a_past_day_is_carried_over_by_how_clear_it_was() -> None:
    clear_kw, past_clear_kw = np.array([0.0, 400.0, 800.0, 800.0]), np.array([0.0, 200.0, 400.0, 1000.0])
    past_kw = np.array([0.0, 100.0, NAN, 500.0])  # 600 of 1200 kWh where it is known
    assert like_then(plant(), clear_kw, past_kw, past_clear_kw).tolist() == [0.0, 200.0, 400.0, 400.0]
    unknown = like_then(plant(), clear_kw, np.full(4, NAN), past_clear_kw)
    assert np.all(np.isnan(unknown))
    night = like_then(plant(), np.zeros(4), np.full(4, NAN), np.zeros(4))
    assert night.tolist() == [0.0] * 4


def test_wind_goes_from_now_to_its_mean() -> None:
    power = wind_power(np.array([100.0, NAN, 300.0]), 500.0, 1000.0, np.full(7, 1.0))
    assert power[0] == pytest.approx(500)
    assert power[6] == pytest.approx(200 + 300 / np.e)


def test_wind_without_history_goes_to_a_quarter_of_its_rating() -> None:
    assert wind_power(np.array([]), None, 1000.0, np.ones(2)).tolist() == [250, 250]
    assert wind_power(np.array([]), 5000.0, 1000.0, np.ones(2))[0] == 1000


@pytest.mark.parametrize(("lift_k", "air", "ground"), [(30, 3.12, 4.44), (45, 2.37, 3.05), (60, 1.79, 2.16)])
def test_cop_by_temperature_lift(lift_k: float, air: float, ground: float) -> None:
    assert cop("air", 55, np.array([55.0 - lift_k]))[0] == pytest.approx(air, abs=0.006)
    assert cop("ground", 10 + lift_k, np.array([-30.0]))[0] == pytest.approx(ground, abs=0.006)


def test_ground_and_water_are_as_warm_as_the_site_file_says() -> None:
    outdoors = np.array([-10.0, 30.0])
    # 45 K from 10 degrees, 30 K from 25
    assert cop("ground", 55, outdoors) == pytest.approx([3.05, 3.05], abs=0.006)
    assert cop("ground", 55, outdoors, 25.0) == pytest.approx([4.44, 4.44], abs=0.006)


def test_cop_stays_within_its_regression() -> None:
    warm = cop("air", 40, np.array([25.0, 35.0, 60.0]))
    assert warm[0] == warm[1] == warm[2]
    cold = cop("air", 90, np.array([-5.0, -30.0]))
    assert np.all(cold >= 1.0)
    assert cold[0] >= cold[1]
    assert np.all(np.diff(cop("water", 95, np.linspace(-20, 20, 5))) == 0)
