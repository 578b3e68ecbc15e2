"""A weather forecast that a broker keeps: mosquitto has it, says nothing, or is not there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from mqtt_brokers import Broker
from pydantic import ValidationError

from config.site import Site
from config.weather import OUTDOOR, WeatherForecast
from controller import weather
from controller.weather import WeatherBook

ROWS = b"time_utc,outdoor_degc\n2026-06-14T00:00Z,24.5\n2026-06-14T01:00Z,25\n"


def book_at(site: Site, folder: Path, url: str, now_s: list[float]) -> WeatherBook:
    file = site.file.model_copy(update={"weather": WeatherForecast(url=url, every_min=30)})
    return WeatherBook(replace(site, file=file), folder, lambda: now_s[0])


async def test_what_a_broker_keeps_is_the_forecast(
    demo_site: Site, tmp_path: Path, broker: Broker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weather, "PATIENCE_S", 2.0)
    now_s = [0.0]
    book = book_at(demo_site, tmp_path, f"mqtt://127.0.0.1:{broker.port}/weather/park%201", now_s)
    await broker.peer.publish("weather/park 1", ROWS, qos=1, retain=True)
    await asyncio.to_thread(book.refresh)
    assert book.forecast is not None
    assert book.forecast.series[OUTDOOR].tolist() == [24.5, 25.0]
    # one that keeps nothing, or no forecast, takes nothing away
    for kept, trouble in ((b"", "nothing came within 2 s"), (b"rain", "needs one column time_utc")):
        await broker.peer.publish("weather/park 1", kept, qos=1, retain=True)
        now_s[0] += 1800.0
        await asyncio.to_thread(book.refresh)
        assert trouble in caplog.messages[-1]
    assert book.forecast.series[OUTDOOR].tolist() == [24.5, 25.0]


async def test_a_broker_that_is_not_there_is_said(
    demo_site: Site, tmp_path: Path, free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    book = book_at(demo_site, tmp_path, f"mqtt://park:secret@127.0.0.1:{free_port}/weather", [0.0])
    await asyncio.to_thread(book.refresh)
    assert book.forecast is None
    assert f"mqtt://127.0.0.1:{free_port}/weather: " in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("url", ["mqtt://host", "mqtt://host/", "mqtt://host/weather/#", "mqtt:///weather"])
def test_an_address_names_a_broker_and_one_topic(url: str) -> None:
    with pytest.raises(ValidationError):
        WeatherForecast(url=url)
