"""Nothing reaches a device that may not, does not fit, or comes too soon."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.point import Point, SetpointRange
from config.point_spec import ModbusPoint
from drivers.driver import Accepted, Rejected, Setpoint, Unconfirmed
from drivers.found import FoundFile, FoundInMemory
from drivers.gate import Passed, WriteGate, on_grid
from drivers.quality import Stamp, bad, judge

STAMP = Stamp(received_s=0.0, at=datetime(2026, 10, 14, tzinfo=UTC))


def a_point(**limits: Any) -> Point:
    known = {"low": -100.0, "high": 100.0, "resolution": 1.0, "tolerance": 1.0, "safe": 0.0}
    rest = {"revert_s": None, "refresh_s": None, "read_back": "limit_kw"}
    return Point(
        device="pcs",
        name="limit_kw",
        source=ModbusPoint(address=0, type="s16", valid=(-1e6, 1e6)),
        scale=1.0,
        offset=0.0,
        sign=1,
        valid=(-1e6, 1e6),
        read="fast",
        setpoint=SetpointRange(**{**known, **rest, **limits}),
    )


def gate_for(point: Point, found: FoundInMemory | None = None) -> WriteGate:
    return WriteGate([point], [point.name], found)


def sent(gate: WriteGate, point: Point, value: float, now_s: float = 0.0) -> float | str:
    """What goes out, or why nothing does."""
    passed = gate.checked(Setpoint(point=point, value=value), now_s)
    if isinstance(passed, Rejected):
        return passed.reason
    gate.told(passed.setpoint, Accepted(passed.setpoint.value), now_s)
    return passed.setpoint.value


def test_what_the_site_file_does_not_name_is_not_written() -> None:
    point = a_point()
    assert sent(WriteGate(), point, 1.0) == "pcs.limit_kw: may not be written, it is not in the device's write list"
    assert isinstance(WriteGate([point], ["power_kw"]).checked(Setpoint(point=point, value=1.0), 0.0), Rejected)


def test_the_ranges_end_and_what_only_rounding_puts_beyond_it_need_no_reason() -> None:
    point = a_point(high=0.1 + 0.2)
    for value in (0.3, 0.1 + 0.2, 0.1 + 0.2 + 1e-15):
        assert gate_for(point).checked(Setpoint(point=point, value=value), 0.0) == Passed(
            Setpoint(point=point, value=0.0)
        )
    beyond = gate_for(point).checked(Setpoint(point=point, value=0.31), 0.0)
    assert isinstance(beyond, Passed)
    assert beyond.reason == "0.31 is outside -100..0.3"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_rejected(value: float) -> None:
    point = a_point()
    assert "not a number that can be written" in str(sent(gate_for(point), point, value))


def test_a_value_is_brought_into_the_range_and_says_so() -> None:
    point = a_point()
    passed = gate_for(point).checked(Setpoint(point=point, value=250.0), 0.0)
    assert passed == Passed(Setpoint(point=point, value=100.0), "250 is outside -100..100")
    assert gate_for(point).checked(Setpoint(point=point, value=12.4), 0.0) == Passed(Setpoint(point=point, value=12.0))


def test_rounding_never_leaves_the_range() -> None:
    assert on_grid(99.9, 0.0, 99.9, 1.0) == 99.0
    assert on_grid(0.2, 0.2, 5.0, 1.0) == 1.0
    assert on_grid(0.3, 0.2, 0.4, 1.0) == 0.3  # no multiple lies within
    assert on_grid(33.33, 0.0, 100.0, 0.1) == 33.3


@given(
    value=st.floats(-1e9, 1e9),
    low=st.floats(-1e6, 1e6),
    span=st.floats(0, 1e6),
    resolution=st.floats(1e-3, 1e4),
)
def test_whatever_is_wanted_what_goes_out_is_within_the_range_and_on_the_grid(
    value: float, low: float, span: float, resolution: float
) -> None:
    high = low + span
    out = on_grid(value, low, high, resolution)
    assert low <= out <= high
    nearest = min(max(value, low), high)
    assert out == nearest or abs(out / resolution - round(out / resolution)) < 1e-5
    if span >= 2 * resolution:
        assert abs(out - nearest) <= resolution * 1.001


# -- the pace of changes -------------------------------------------------------------------------


def test_a_change_waits_and_a_repetition_does_not() -> None:
    point = a_point(change_s=60.0)
    gate = gate_for(point)
    assert sent(gate, point, 10.0, 0.0) == 10.0
    assert sent(gate, point, 10.0, 5.0) == 10.0
    assert sent(gate, point, 20.0, 30.0) == "pcs.limit_kw: may change every 60 s, and not for another 30 s"
    assert sent(gate, point, 20.0, 60.0) == 20.0


def test_the_safe_value_never_waits() -> None:
    point = a_point(change_s=60.0, safe=5.0)
    gate = gate_for(point)
    assert sent(gate, point, 10.0, 0.0) == 10.0
    assert sent(gate, point, 5.0, 1.0) == 5.0


def test_what_the_device_refused_was_no_change() -> None:
    point = a_point(change_s=60.0)
    gate = gate_for(point)
    gate.told(Setpoint(point=point, value=10.0), Rejected("busy"), 0.0)
    assert sent(gate, point, 20.0, 1.0) == 20.0
    # nobody knows whether this one has arrived
    gate.told(Setpoint(point=point, value=30.0), Unconfirmed(None, "silent"), 100.0)
    assert isinstance(sent(gate, point, 40.0, 101.0), str)


# -- what was there before -----------------------------------------------------------------------


def test_an_installers_limit_is_never_exceeded() -> None:
    point = a_point(installer_limit=True)
    gate = gate_for(point)
    assert gate.must_be_seen(point) is point
    assert "not known" in str(sent(gate, point, 10.0))
    assert gate.saw(point, judge(point, 70.0, STAMP)) is None
    assert gate.must_be_seen(point) is None
    passed = gate.checked(Setpoint(point=point, value=90.0), 0.0)
    assert passed == Passed(Setpoint(point=point, value=70.0), "kept at the installer's limit of 70")
    assert sent(gate, point, 30.0) == 30.0
    gate.given_back(point, Accepted(70.0))
    assert sent(gate, point, 90.0) == 70.0


@given(st.lists(st.floats(-1000, 1000), min_size=1), st.floats(-100, 100))
def test_no_run_of_wishes_loosens_an_installers_limit(wishes: list[float], installed: float) -> None:
    point = a_point(installer_limit=True, resolution=0.5)
    found = FoundInMemory()
    gate = gate_for(point, found)
    gate.saw(point, judge(point, installed, STAMP))
    for wish in wishes:
        out = sent(gate, point, wish)
        assert isinstance(out, float)
        assert out <= installed
        # a gate that starts anew, after a crash say, finds its own leftovers and not less
        assert gate_for(point, found).must_be_seen(point) is None


def test_a_limit_that_cannot_be_read_stays() -> None:
    point = a_point(installer_limit=True)
    gate = gate_for(point)
    refused = gate.saw(point, bad(point, "silent", STAMP))
    assert refused == Rejected("pcs.limit_kw: what is in force cannot be read, so it stays: silent")
    assert gate.must_be_seen(point) is point


def test_what_is_given_back_is_looked_at_anew() -> None:
    point = a_point(on_stop="restore")
    gate = gate_for(point)
    gate.saw(point, judge(point, 40.0, STAMP))
    assert gate.found(point) == 40.0
    gate.given_back(point, Unconfirmed(None, "silent"))
    assert gate.found(point) == 40.0
    gate.given_back(point, Accepted(40.0))
    assert gate.found(point) is None


def test_an_ordinary_setpoint_need_not_be_looked_at() -> None:
    point = a_point()
    assert gate_for(point).must_be_seen(point) is None


# -- the file ------------------------------------------------------------------------------------


def test_what_was_found_survives_in_the_state_folder(tmp_path: Path) -> None:
    FoundFile(tmp_path / "state").keep("pcs.limit_kw", 70.0)
    again = FoundFile(tmp_path / "state")
    assert again.get("pcs.limit_kw") == 70.0
    again.forget("pcs.limit_kw")
    again.forget("pcs.never_there_kw")
    assert FoundFile(tmp_path / "state").get("pcs.limit_kw") is None


@pytest.mark.parametrize("content", ["", "{", '{"a": "b"}', "[1]"])
def test_a_file_that_cannot_be_read_is_put_aside(tmp_path: Path, content: str) -> None:
    (tmp_path / "found.json").write_text(content)
    assert FoundFile(tmp_path).get("a") is None
    assert (tmp_path / "found.unusable").read_text() == content


def test_a_value_that_cannot_be_kept_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="state"):
        FoundFile(tmp_path / "state").keep("a", 1.0)


def test_a_gate_says_what_could_not_be_kept() -> None:
    class Full(FoundInMemory):
        def keep(self, key: str, value: float) -> None:
            raise OSError("No space left on device")

    point = a_point(installer_limit=True)
    refused = gate_for(point, Full()).saw(point, judge(point, 70.0, STAMP))
    assert refused == Rejected("pcs.limit_kw: what is in force cannot be kept, so it stays: No space left on device")
