"""The synthetic weather: a function of seed and time, in the range of the place."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from config.site import Location
from simulators.noise import normal, share_above, smooth, uniform
from simulators.sky import clear_sky
from simulators.weather import Weather

HANGZHOU = Location(latitude=30.25, longitude=120.17, altitude_m=15, time_zone="Asia/Shanghai")
SYDNEY = Location(latitude=-33.87, longitude=151.21, altitude_m=20, time_zone="Australia/Sydney")


def _weather(seed: int = 7, location: Location = HANGZHOU) -> Weather:
    return Weather(location, seed=seed, mean_wind_m_per_s=5.5)


def _days(first: datetime, days: int, step_s: float) -> np.ndarray:
    return first.timestamp() + np.arange(0.0, days * 86400.0, step_s)


JUNE = datetime(2026, 6, 20, tzinfo=UTC)
YEAR = datetime(2026, 1, 1, tzinfo=UTC)


class TestNoise:
    def test_white_noise_is_white(self) -> None:
        values = uniform(1, "x", np.arange(100_000))
        assert values.min() >= 0
        assert values.max() < 1
        assert values.mean() == pytest.approx(0.5, abs=0.005)
        assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 0.01
        assert abs(np.corrcoef(values, uniform(2, "x", np.arange(100_000)))[0, 1]) < 0.01
        assert abs(np.corrcoef(values, uniform(1, "y", np.arange(100_000)))[0, 1]) < 0.01

    def test_normal_noise_is_normal(self) -> None:
        values = normal(1, "x", np.arange(-50_000, 50_000))
        assert values.mean() == pytest.approx(0, abs=0.015)
        assert values.std() == pytest.approx(1, abs=0.015)
        assert (values > 1.645).mean() == pytest.approx(0.05, abs=0.004)

    def test_smooth_noise_is_standard_normal_at_every_phase(self) -> None:
        knots = np.arange(40_000) * 60.0
        for phase in (0.0, 15.0, 30.0):
            assert smooth(1, "x", 60, knots + phase).std() == pytest.approx(1, abs=0.02)
        assert smooth(1, "x", 60, knots) == pytest.approx(normal(1, "x", np.arange(40_000)))

    def test_smooth_noise_has_no_jumps(self) -> None:
        values = smooth(1, "x", 600, np.arange(0.0, 60_000.0))
        assert np.abs(np.diff(values)).max() < 0.03

    def test_share_above(self) -> None:
        assert share_above(np.array([0.0, 1.645, -1.645])) == pytest.approx([0.5, 0.05, 0.95], abs=1e-4)


class TestSky:
    def test_noon_at_the_solstice(self) -> None:
        # solar noon at 120.17 E is about 04:01 UTC; the sun stands 90 - (30.25 - 23.44) degrees high
        sky = clear_sky(np.array([datetime(2026, 6, 21, 4, 1, tzinfo=UTC).timestamp()]), HANGZHOU)
        assert math.degrees(math.asin(sky.sun[0, 2])) == pytest.approx(83.2, abs=0.1)
        level = float(sky.direct_w_per_m2[0] * sky.sun[0, 2] + sky.diffuse_w_per_m2[0])
        assert 850 < level < 1050

    def test_night_is_dark(self) -> None:
        sky = clear_sky(np.array([datetime(2026, 6, 21, 16, 0, tzinfo=UTC).timestamp()]), HANGZHOU)
        assert sky.direct_w_per_m2[0] == sky.diffuse_w_per_m2[0] == 0

    def test_the_coarse_grid_costs_little(self) -> None:
        at = datetime(2026, 6, 21, 1, 2, 30, tzinfo=UTC).timestamp()
        # asked alone for a time on its own grid point and between grid points
        between = clear_sky(np.array([at]), HANGZHOU)
        neighbours = clear_sky(np.array([at - 150, at + 150]), HANGZHOU)
        assert between.direct_w_per_m2[0] == pytest.approx(neighbours.direct_w_per_m2.mean(), rel=1e-3)
        assert np.linalg.norm(between.sun[0]) == pytest.approx(1)


class TestWeather:
    def test_the_same_whatever_the_steps(self) -> None:
        fine = _days(JUNE, 1, 10)
        coarse = fine[::90]
        weather = _weather()
        sky, few = weather.sky(fine), _weather().sky(coarse)
        assert few.global_w_per_m2 == pytest.approx(sky.global_w_per_m2[::90], abs=1e-9)
        assert _weather().wind_m_per_s(coarse, 80) == pytest.approx(weather.wind_m_per_s(fine, 80)[::90], abs=1e-9)
        assert _weather().outdoor_degc(coarse) == pytest.approx(weather.outdoor_degc(fine)[::90], abs=1e-9)

    def test_another_seed_is_another_day(self) -> None:
        times = _days(JUNE, 1, 600)
        assert abs(np.corrcoef(_weather(1).wind_m_per_s(times, 80), _weather(2).wind_m_per_s(times, 80))[0, 1]) < 0.9

    def test_clouds_never_add_light_to_the_beam(self) -> None:
        times = _days(JUNE, 10, 60)
        sky, clear = _weather().sky(times), clear_sky(times, HANGZHOU)
        assert (sky.direct_w_per_m2 >= 0).all()
        assert (sky.diffuse_w_per_m2 >= 0).all()
        assert (sky.direct_w_per_m2 <= clear.direct_w_per_m2 + 1e-9).all()

    def test_clouds_pass_within_a_minute(self) -> None:
        sky = _weather().sky(_days(JUNE, 30, 60))
        assert np.abs(np.diff(sky.direct_w_per_m2)).max() > 300

    def test_a_year_of_light_near_hangzhou(self) -> None:
        times = _days(YEAR, 365, 300)
        kwh_per_m2 = _weather().sky(times).global_w_per_m2.sum() * 300 / 3600 / 1000
        assert 1150 < kwh_per_m2 < 1450

    def test_wind_is_around_its_mean_and_rayleigh(self) -> None:
        speed = _weather().wind_m_per_s(_days(YEAR, 365, 300), 80)
        assert speed.mean() == pytest.approx(5.5, rel=0.08)
        assert speed.std() / speed.mean() == pytest.approx(0.523, abs=0.06)  # sqrt(4 / pi - 1)
        assert (speed >= 0).all()

    def test_wind_rises_with_height(self) -> None:
        times = _days(JUNE, 1, 600)
        ratio = _weather().wind_m_per_s(times, 160) / _weather().wind_m_per_s(times, 80)
        assert ratio == pytest.approx(2**0.14)

    @pytest.mark.parametrize(("location", "warm_month", "cold_month"), [(HANGZHOU, 7, 1), (SYDNEY, 1, 7)])
    def test_summer_is_warmer_than_winter(self, location: Location, warm_month: int, cold_month: int) -> None:
        weather = _weather(location=location)
        warm = weather.outdoor_degc(_days(datetime(2026, warm_month, 1, tzinfo=UTC), 30, 900)).mean()
        cold = weather.outdoor_degc(_days(datetime(2026, cold_month, 1, tzinfo=UTC), 30, 900)).mean()
        assert 15 < warm - cold < 30

    def test_afternoons_are_warmer_than_mornings(self) -> None:
        degc = _weather().outdoor_degc(_days(datetime(2026, 4, 1, tzinfo=UTC), 60, 3600)).reshape(60, 24).mean(axis=0)
        assert degc.argmax() in (6, 7, 8)  # 15:00 sun time is 07:00 UTC
        assert degc.max() - degc.min() > 4
