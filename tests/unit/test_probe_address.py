"""What `parkgrid probe` is asked, and how it shows numbers and payloads."""

from __future__ import annotations

import math

import pytest

from parkgrid.probe import Target, target_of, units_of
from parkgrid.probe_modbus import UNITS, ranges
from parkgrid.probe_mqtt import MOST_NUMBERS, harmless, numbers_in, shown
from parkgrid.probe_opcua import _plain
from parkgrid.refusal import Refused

GATEWAY = Target("modbus", "gateway", 502, "")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("modbus://gateway", GATEWAY),
        ("modbus://10.0.0.5:1502/3", Target("modbus", "10.0.0.5", 1502, "/3")),
        ("modbus://[::1]:1502", Target("modbus", "::1", 1502, "")),
        ("opcua://plc:4841/ua/server", Target("opcua", "plc", 4841, "/ua/server")),
        ("opc.tcp://plc", Target("opc.tcp", "plc", 4840, "")),
        ("mqtt://broker", Target("mqtt", "broker", 1883, "")),
    ],
)
def test_an_address_is_taken_apart(url: str, target: Target) -> None:
    assert target_of(url) == target


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("http://plc", "should begin with modbus://, opcua:// or mqtt://"),
        ("10.0.0.5:502", "should begin with"),
        ("modbus://", "should look like modbus://HOST:PORT"),
        ("modbus://plc:70000", "[Pp]ort"),
        ("mqtt://me:secret@broker", "use --username and --password-env"),
        ("mqtt://me@broker", "use --username"),
        ("mqtt://broker/park/#", "use --topic|should look like"),
        ("mqtt://broker/park", "use --topic"),
        ("opcua://plc?x=1", "should look like"),
    ],
)
def test_an_address_that_cannot_be_is_refused(url: str, what: str) -> None:
    with pytest.raises(Refused, match=what) as caught:
        target_of(url)
    assert "secret" not in str(caught.value)


def test_which_units_are_asked() -> None:
    assert units_of(None, GATEWAY) == UNITS == (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 100, 126, 200, 247)
    assert units_of("1-3, 7,2", GATEWAY) == (1, 2, 3, 7)
    assert units_of(None, Target("modbus", "gateway", 502, "/12")) == (12,)
    assert len(units_of("1-247", GATEWAY)) == 247


@pytest.mark.parametrize("text", ["", "x", "3-1", "256", "1-", "-1", "1;2", "1000"])
def test_a_list_of_units_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="is no list of unit ids"):
        units_of(text, GATEWAY)


def test_the_unit_is_given_once() -> None:
    with pytest.raises(Refused, match="not both"):
        units_of("1", Target("modbus", "gateway", 502, "/12"))


@pytest.mark.parametrize(
    ("numbers", "text"), [([1], "1"), ([1, 2, 3], "1-3"), ([7, 1, 2, 9, 10], "1-2, 7, 9-10"), ([], "")]
)
def test_units_are_listed_as_people_do(numbers: list[int], text: str) -> None:
    assert ranges(numbers) == text


@pytest.mark.parametrize(
    ("payload", "numbers"),
    [
        (b"21.5", {None: 21.5}),
        (b"true", {None: True}),
        (b'{"em": {"power": 7, "on": false, "name": "x"}, "list": [1, {"a": 2}]}', None),
        (b"on", {}),
        (b'{"a.b": 1, "": 2, "c": 3}', {"c": 3.0}),  # a dotted path could not name the first two
        (b'{"big": 1e999, "none": null}', {}),
        (b"\xff\x00", {}),
        (b"", {}),
    ],
)
def test_where_the_numbers_of_a_payload_stand(payload: bytes, numbers: dict[str | None, float] | None) -> None:
    expected = {"em.power": 7.0, "em.on": False, "list.0": 1.0, "list.1.a": 2.0} if numbers is None else numbers
    assert dict(numbers_in(payload)) == expected


def test_a_payload_of_many_numbers_ends_somewhere() -> None:
    assert len(list(numbers_in(str(list(range(1000))).encode()))) == MOST_NUMBERS
    assert list(numbers_in(b"[" * 100_000)) == []


def test_payloads_are_shown_as_text_where_they_are() -> None:
    assert shown("21 °C".encode(), 60) == "21 °C"
    assert shown(b"\x08\xff\x10", 60) == "3 bytes: 08ff10"
    assert shown(b"x" * 100, 10) == "xxxxxxx..."
    assert harmless("a\x1b[2Jb\nc") == "a [2Jb c"


def test_opc_ua_values_fit_into_json() -> None:
    assert _plain([1, 2.5, math.nan, b"\x01", None, "x"]) == [1, 2.5, "nan", "01", None, "x"]
