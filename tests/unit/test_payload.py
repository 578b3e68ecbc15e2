"""What is found in an MQTT payload, and what is not."""

from __future__ import annotations

import contextlib
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.payload import NoNumber, document_of, number_at, time_at


def number(payload: bytes, path: str | None = None) -> float:
    return number_at(document_of(payload), path)


def test_numbers_by_path() -> None:
    assert number(b'{"power": {"active_w": 812000}}', "power.active_w") == 812000.0
    assert number(b'{"ENERGY": {"Power": [3, 4.5]}}', "ENERGY.Power.1") == 4.5
    assert number(b" 12.5\n") == 12.5
    assert number(b"-3") == -3.0
    assert number(b'{"on": true}', "on") == 1.0
    assert number(b"false") == 0.0


@pytest.mark.parametrize(
    ("payload", "path", "reason"),
    [
        (b"", None, "is not JSON"),
        (b"on", None, "'on'"),
        (b"\xff\xfe\xfa", None, "is not JSON"),
        (b"[" * 100_000, None, "is not JSON"),
        (b'{"a": 1}', "b", "the payload has no b"),
        (b'{"a": 1}', "a.b", "the payload has no a.b"),
        (b'{"a": [1]}', "a.1", "the payload has no a.1"),
        (b'{"a": "7"}', "a", 'there is no number at a but "7"'),
        (b'{"a": null}', "a", "but null"),
        (b'{"a": 1}', None, "there is no number in the payload but an object"),
        (b"[" * 500 + b"]" * 500, None, "but a list"),
    ],
)
def test_no_number_is_said_with_the_reason(payload: bytes, path: str | None, reason: str) -> None:
    with pytest.raises(NoNumber) as caught:
        number(payload, path)
    assert reason in str(caught.value)


def test_numbers_beyond_all_measure_are_infinite_not_an_error() -> None:
    assert number(b"1" * 2000) == math.inf
    assert number(b"-1e999") == -math.inf
    assert math.isnan(number(b"NaN"))


@given(st.binary(max_size=60), st.sampled_from((None, "a", "0", "a.b")))
def test_any_payload_is_a_number_or_none(payload: bytes, path: str | None) -> None:
    with contextlib.suppress(NoNumber):
        assert isinstance(number(payload, path), float)


def test_times_are_recorded_when_they_are_times() -> None:
    document = document_of(b'{"time": "2026-10-14T08:00:00+08:00", "bare": "2026-10-14T00:00:00", "no": "noon"}')
    assert time_at(document, "time") == datetime(2026, 10, 14, tzinfo=UTC)
    assert time_at(document, "bare") == datetime(2026, 10, 14, tzinfo=UTC)
    assert time_at(document, "no") is None
    assert time_at(document, "missing") is None
    assert time_at(document, None) is None
