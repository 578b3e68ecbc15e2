"""What a simulated park announces, and the clock that goes with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.announcement import Announcement, read_announcement
from config.clock import ScaledClock, SystemClock
from config.connection import Mqtt
from config.loader import example_site, load_site
from config.terms import Terms
from parkgrid.site_argument import site_from

START = datetime(2026, 10, 14, 0, 0, tzinfo=UTC)


def announcement() -> Announcement:
    return Announcement(
        connections={"broker": {"port": 4711}, "wind_opcua": {"endpoint": "opc.tcp://127.0.0.1:4712/parkgrid"}},
        start=START,
        origin_s=1000.25,
        speed=144.0,
        processes={"park": 1, "broker": 2},
    )


def test_an_announcement_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "park.json"
    announcement().write(path)
    assert read_announcement(path) == announcement()
    assert list(tmp_path.iterdir()) == [path]


def test_it_replaces_the_addresses_of_a_site(tmp_path: Path) -> None:
    site = load_site(example_site("demo_park"), announcement().connections)
    broker = site.connections["broker"]
    assert isinstance(broker, Mqtt)
    assert broker.port == 4711


def test_its_prices_and_limits_stand_in_for_those_of_the_site() -> None:
    plain = site_from("demo_park", announcement())
    assert plain.grid[1].import_limit_kw == 3000
    dear = plain.tariffs[0].model_copy(update={"fixed_per_kwh": 2.5})
    terms = Terms(tariffs=(dear,), import_limit_kw=1200, export_limit_kw=0)
    site = site_from("demo_park", announcement().model_copy(update={"terms": terms}))
    assert (site.grid[1].import_limit_kw, site.grid[1].export_limit_kw) == (1200, 0)
    assert site.tariffs == (dear,)
    broker = site.connections["broker"]
    assert isinstance(broker, Mqtt)
    assert broker.port == 4711


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        Announcement(connections={}, start=datetime(2026, 1, 1), origin_s=0, speed=1, processes={})  # noqa: DTZ001


def test_the_scaled_clock_runs_as_fast_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = announcement().clock()
    assert clock == ScaledClock(start=START, origin_s=1000.25, speed=144.0)
    monkeypatch.setattr("time.monotonic", lambda: 1010.25)
    assert clock.site_s() == 1440.0
    assert clock.now() == START + timedelta(minutes=24)
    assert clock.monotonic_s() == 1010.25  # protocol timers stay in real seconds


def test_the_system_clock_is_aware_and_does_not_go_back() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.site_s() <= clock.site_s()
    assert clock.monotonic_s() <= clock.monotonic_s()
