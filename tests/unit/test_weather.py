"""A weather forecast: how it is read, fetched and refused, and what forecasts make of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from pydantic import ValidationError

from config.site import Site
from config.weather import IRRADIANCE, OUTDOOR, WeatherForecast
from controller.weather import WeatherBook
from dispatch.forecast.history import History
from dispatch.forecast.park import ParkState, situation
from dispatch.forecast.pv import clear_sky_kw, clearness_of

START = datetime(2026, 6, 14, 0, tzinfo=UTC)
"""8 o'clock in Hangzhou."""
ROWS = "time_utc,outdoor_degc,irradiance_w_per_m2\n2026-06-14T00:00Z,24.5,310\n2026-06-14T01:00Z,25,\n"
EMPTY = History(start=START, step_min=15, series={})


def with_weather(site: Site, terms: WeatherForecast, folder: Path) -> Site:
    file = site.file.model_copy(update={"weather": terms})
    return replace(site, path=folder / "site.yaml", file=file)


def book_of(site: Site, folder: Path, content: str = ROWS) -> WeatherBook:
    (folder / "weather.csv").write_text(content, encoding="utf-8")
    (folder / "state").mkdir()
    return WeatherBook(with_weather(site, WeatherForecast(file="weather.csv"), folder), folder / "state")


# how it comes


def test_a_file_is_read_when_it_has_changed(demo_site: Site, tmp_path: Path) -> None:
    book = book_of(demo_site, tmp_path)
    book.refresh()
    assert book.forecast is not None
    assert (book.forecast.start, book.forecast.step_min) == (START, 60)
    assert book.forecast.series[OUTDOOR].tolist() == [24.5, 25.0]
    assert book.forecast.series[IRRADIANCE][0] == 310.0
    assert np.isnan(book.forecast.series[IRRADIANCE][1])
    first = book.forecast
    book.refresh()
    assert book.forecast is first
    (tmp_path / "weather.csv").write_text(ROWS.replace("24.5", "20"), encoding="utf-8")
    os.utime(tmp_path / "weather.csv", ns=(1, 1))
    book.refresh()
    assert book.forecast.series[OUTDOOR][0] == 20.0


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (ROWS.replace("outdoor_degc", "temperature"), "there is no weather column 'temperature'"),
        (ROWS.replace("310", "much"), "irradiance_w_per_m2 is 'much', not a number"),
        ("time_utc,outdoor_degc\n2026-06-14T00:00Z,20\n", "needs at least two rows"),
        (ROWS + "2026-06-14T03:30Z,25,\n2026-06-14T03:50Z,25,\n", "not all on a grid of 0:20:00"),
        ("nothing", "needs one column time_utc"),
    ],
)
def test_a_file_with_a_fault_is_told_once_and_the_one_before_it_goes_on(
    demo_site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str, trouble: str
) -> None:
    book = book_of(demo_site, tmp_path)
    book.refresh()
    before = book.forecast
    (tmp_path / "weather.csv").write_text(content, encoding="utf-8")
    for _ in range(2):
        book.refresh()
    assert book.forecast is before
    assert [trouble in record.getMessage() for record in caplog.records] == [True]


def test_without_a_file_or_a_section_there_is_no_forecast(demo_site: Site, tmp_path: Path) -> None:
    book = book_of(demo_site, tmp_path)
    (tmp_path / "weather.csv").unlink()
    book.refresh()
    assert book.forecast is None
    plain = WeatherBook(demo_site, tmp_path)
    plain.refresh()
    assert plain.forecast is None


@pytest.mark.parametrize("terms", [{}, {"file": "w.csv", "url": "http://h/w.csv"}, {"url": "ftp://h/w.csv"}])
def test_a_section_names_one_place(terms: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        WeatherForecast.model_validate(terms)


class Server(BaseHTTPRequestHandler):
    content: ClassVar[str | None] = ROWS
    asked: ClassVar[int] = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(200 if self.content is not None else 503)
        self.end_headers()
        self.wfile.write((self.content or "").encode())

    def log_message(self, *args: object) -> None:
        """Not into the tests' output."""


@pytest.fixture
def url() -> Iterator[str]:
    Server.content, Server.asked = ROWS, 0
    server = HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/weather.csv"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_is_asked_now_and_then_and_its_answer_kept(demo_site: Site, tmp_path: Path, url: str) -> None:
    now_s = [0.0]
    site = with_weather(demo_site, WeatherForecast(url=url, every_min=30), tmp_path)
    book = WeatherBook(site, tmp_path, lambda: now_s[0])
    for now_s[0] in (0.0, 900.0, 1799.0):
        book.refresh()
    assert Server.asked == 1
    assert book.forecast is not None
    # an answer that is no forecast, or none at all, takes nothing away
    for answer, now_s[0] in (("busy", 1800.0), (None, 3600.0)):
        Server.content = answer
        book.refresh()
    assert Server.asked == 3
    assert book.forecast.series[OUTDOOR].tolist() == [24.5, 25.0]
    # nor does a restart while the server is away
    again = WeatherBook(site, tmp_path, lambda: now_s[0])
    again.refresh()
    assert again.forecast is not None
    assert again.forecast.series[OUTDOOR].tolist() == [24.5, 25.0]


# what it says


def forecast(hours: int = 48, *, light: float, degc: float = 25.0, before_h: int = 24) -> History:
    """From a day before the horizon on: this share of the clear sky's light, hour by hour."""
    start = START - timedelta(hours=before_h)
    fine = clear_level(start, hours)
    return History(
        start=start,
        step_min=60,
        series={OUTDOOR: np.full(hours, degc), IRRADIANCE: light * fine.reshape(-1, 4).mean(1)},
    )


def clear_level(start: datetime, hours: int) -> np.ndarray:
    """Light of the clear sky on level ground by quarters, found with a horizontal plant of one kilowatt."""
    from config.assets import PvPlant
    from config.site import Location
    from dispatch.forecast.pv import SYSTEM_SHARE

    flat = PvPlant(kind="pv_plant", device="d", peak_kw=1000, rated_kw=1e6, tilt_deg=0, azimuth_deg=180)
    place = Location(latitude=30.25, longitude=120.17, altitude_m=15, time_zone="Asia/Shanghai")
    return clear_sky_kw(flat, place, start, np.full(4 * hours, 0.25)) / SYSTEM_SHARE


def state(weather: History | None, **measured_kw: float) -> ParkState:
    return ParkState(stored_kwh={"battery": 1000.0, "tank": 3000.0}, measured_kw=measured_kw, weather=weather)


def test_light_is_a_share_of_the_clear_sky(demo_site: Site) -> None:
    weather = forecast(light=0.4, before_h=0)
    light = np.repeat(weather.series[IRRADIANCE], 4)[:96]
    found = clearness_of(demo_site.location, START, np.full(96, 0.25), light, 3600.0)
    assert found[np.isfinite(found)] == pytest.approx(0.4, abs=1e-6)
    assert 40 < np.isfinite(found).sum() < 60  # a day in June


@pytest.mark.parametrize("light", [0.3, 0.9])
def test_sun_is_as_the_weather_says(demo_site: Site, light: float) -> None:
    found = situation(demo_site, EMPTY, state(forecast(light=light)), START).available_kw["pv_a"]
    plant = demo_site.assets["pv_a"]
    clear = clear_sky_kw(plant, demo_site.location, START, np.full(96, 0.25))  # type: ignore[arg-type]
    assert found == pytest.approx(light * clear, abs=0.02 * clear.max())


def test_what_the_plant_makes_of_it_is_learned_from_the_day_before(demo_site: Site) -> None:
    """It gave 80 % of what the light of yesterday would have given a clean plant."""
    weather = forecast(light=0.5)
    plant = demo_site.assets["pv_a"]
    day = START - timedelta(days=1)
    past_kw = 0.8 * 0.5 * clear_sky_kw(plant, demo_site.location, day, np.full(96, 0.25))  # type: ignore[arg-type]
    past = History(start=day, step_min=15, series={"pv_a": past_kw})
    plain, learned = (situation(demo_site, each, state(weather), START).available_kw["pv_a"] for each in (EMPTY, past))
    assert learned == pytest.approx(0.8 * plain, abs=0.01 * plain.max())


def test_hours_that_the_weather_does_not_reach_are_as_without(demo_site: Site) -> None:
    short = forecast(hours=30, light=0.2)  # six hours of the horizon
    found = situation(demo_site, EMPTY, state(short), START).available_kw["pv_a"]
    without = situation(demo_site, EMPTY, state(None), START).available_kw["pv_a"]
    assert found[24:].tolist() == without[24:].tolist()
    assert found[8:24].sum() < 0.5 * without[8:24].sum()


def test_air_is_as_warm_as_the_weather_says(demo_site: Site) -> None:
    warm, cold = (
        situation(demo_site, EMPTY, state(forecast(light=0.5, degc=degc)), START).cop["heat_pump"]
        for degc in (25.0, 0.0)
    )
    assert np.all(warm > cold)
