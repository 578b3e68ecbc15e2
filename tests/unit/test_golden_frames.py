"""Golden frames: what real devices say and are told, word by word, against the profiles that come along.

The words in ``golden_frames.yaml`` come from the devices' register tables and not from our own encoder.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import config
from config.loader import load_profile
from config.point import Point, points_of
from config.point_spec import ModbusPoint, MqttPoint
from drivers.driver import Quality, Reading, Setpoint
from drivers.modbus_connection import Refusal
from drivers.mqtt import command_of, reading_of
from drivers.mqtt_inbox import Message
from drivers.quality import Stamp
from drivers.register_values import Words, reading_in
from drivers.register_writes import scale_factors_of, writes_of
from drivers.registers import Span, spans_of, value_span

PROFILES = Path(config.__file__).parent / "profiles"
GOLDEN: dict[str, Any] = YAML(typ="safe").load(Path(__file__).with_name("golden_frames.yaml"))
STAMP = Stamp(received_s=1.0, at=datetime(2026, 10, 14, 8, tzinfo=UTC))

FRAMES = [(name, number) for name, golden in GOLDEN.items() for number in range(len(golden["frames"]))]
WRITES = [(name, number) for name, golden in GOLDEN.items() for number in range(len(golden.get("writes", ())))]


@cache
def points(name: str) -> dict[str, Point]:
    found = points_of("device", load_profile(PROFILES / f"{name}.yaml"), GOLDEN[name].get("parameters", {}))
    return {point.name: point for point in found}


def reading(point: Point, frame: dict[str, Any]) -> Reading:
    """What a driver makes of a frame for one point, by the way that drivers go after the wire."""
    match point.source:
        case ModbusPoint():
            return reading_in(point, {span: words_at(span, frame) for span in spans_of(point.source)}, STAMP)
        case MqttPoint():
            payload = frame["messages"][point.source.topic].encode()
            return reading_of(point, Message(payload=payload, retained=False, stamp=STAMP))
        case other:
            raise AssertionError(f"no frames for {other}")


def words_at(span: Span, frame: dict[str, Any]) -> Words | Refusal:
    """The registers that a frame has from the span's address on; a frame tells whole numbers."""
    words = frame.get(span.table, {}).get(span.address)
    if words is None:
        return Refusal(f"the frame says nothing of {span.table} register {span.address}")
    assert len(words) == span.count, f"{span.table} register {span.address} has {len(words)} words"
    return tuple(words)


def sent(setpoint: Setpoint, exponent: int) -> list[tuple[Any, Any]]:
    match setpoint.point.source:
        case ModbusPoint():
            exponents = {span.address: exponent for span in scale_factors_of(setpoint.point.source)}
            return [(write.address, list(write.words)) for write in writes_of(setpoint, exponents)]
        case _:
            return [command_of(setpoint)]


@pytest.mark.parametrize(("name", "number"), FRAMES)
def test_frames_in_points_out(name: str, number: int) -> None:
    frame = GOLDEN[name]["frames"][number]
    for point, wanted in frame["points"].items():
        found = reading(points(name)[point], frame)
        if wanted is None:
            assert found.quality is Quality.BAD, f"{point}: {found.value}"
            assert "the frame says nothing" not in found.reason
        else:
            assert found.value == pytest.approx(wanted, rel=1e-6, abs=1e-9), f"{point}: {found.reason}"
            assert found.quality is Quality.GOOD


@pytest.mark.parametrize(("name", "number"), WRITES)
def test_a_setpoint_in_registers_out(name: str, number: int) -> None:
    write = GOLDEN[name]["writes"][number]
    setpoint = Setpoint(point=points(name)[write["point"]], value=write["value"])
    assert sent(setpoint, write.get("exponent", 0)) == list(write["sends"].items())


@pytest.mark.parametrize("name", sorted(path.stem for path in PROFILES.glob("*.yaml") if "simulated" not in path.stem))
def test_every_point_of_every_profile_has_its_frame(name: str) -> None:
    frames = GOLDEN[name]["frames"]
    shown = {point for frame in frames for point, value in frame["points"].items() if value is not None}
    assert shown == set(points(name))
    assert any(value is None for frame in frames for value in frame["points"].values())
    writable = {point.name for point in points(name).values() if point.setpoint is not None}
    assert {write["point"] for write in GOLDEN[name].get("writes", ())} == writable


@pytest.mark.parametrize("name", GOLDEN)
def test_no_sentinel_of_a_profile_becomes_a_number(name: str) -> None:
    for point in points(name).values():
        source = point.source
        if not isinstance(source, ModbusPoint):
            continue
        said: dict[Span, Words | Refusal] = {span: (0,) * span.count for span in spans_of(source)}
        if source.direction is not None:
            (positive,) = (code for code, sign in source.direction.signs.items() if sign == 1)
            said[Span(source.table, source.direction.address, 1)] = (positive << (source.direction.bit or 0),)
        for sentinel in source.sentinels:
            count = value_span(source).count
            words = [sentinel >> 16 * place & 0xFFFF for place in range(count)]
            said[value_span(source)] = tuple(words if source.low_word_first else words[::-1])
            assert reading_in(point, said, STAMP).reason == "the device has no value", f"{point.name}: {sentinel:#x}"


@pytest.mark.parametrize("name", [name for name in GOLDEN if "power_setpoint_kw" in points(name)])
def test_what_is_written_is_what_is_read_back(name: str) -> None:
    """A device that keeps its registers shows the setpoint that it was told, with its sign."""
    point = points(name)["power_setpoint_kw"]
    assert isinstance(point.source, ModbusPoint)
    for write in GOLDEN[name]["writes"]:
        if write["point"] == point.name:
            registers = {factor.address: write["exponent"] & 0xFFFF for factor in scale_factors_of(point.source)}
            for address, words in write["sends"].items():
                registers |= dict(enumerate(words, start=address))
            spans = [span for span in spans_of(point.source) if span.address in registers]
            frame = {
                "holding": {span.address: [registers[at] for at in range(span.address, span.end)] for span in spans}
            }
            assert reading(point, frame).value == pytest.approx(write["value"], abs=1e-3)
