"""Which numbers are believed, and when a setpoint counts as followed."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from config.point import Point, SetpointRange
from config.point_spec import ModbusPoint
from drivers.driver import Accepted, DriverError, Quality, Setpoint, Unconfirmed
from drivers.quality import Stamp, bad, confirm, judge, read_back_points

STAMP = Stamp(received_s=12.5, at=datetime(2026, 10, 14, 8, tzinfo=UTC))
SETPOINT = SetpointRange(
    low=-100, high=100, resolution=0.1, tolerance=0.5, safe=0, revert_s=None, refresh_s=None, read_back="power_kw"
)
POINT = Point(
    device="pcs",
    name="power_kw",
    source=ModbusPoint(address=0, type="s16", valid=(-110, 110)),
    scale=0.1,
    offset=0.0,
    sign=-1,
    valid=(-110.0, 110.0),
    read="fast",
    setpoint=SETPOINT,
)


def test_a_number_in_range_is_good() -> None:
    reading = judge(POINT, 500, STAMP)
    assert (reading.value, reading.quality, reading.reason) == (-50.0, Quality.GOOD, "")
    assert (reading.point, reading.received_s, reading.at) == ("pcs.power_kw", 12.5, STAMP.at)


def test_the_ends_of_the_valid_range_belong_to_it() -> None:
    assert judge(POINT, -1100, STAMP).value == 110.0
    assert judge(POINT, 1100, STAMP).value == -110.0


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (None, "the device has no value"),
        (math.nan, "not a finite number"),
        (math.inf, "not a finite number"),
        (1101, "-110.1 is outside -110..110"),
    ],
)
def test_what_is_not_believed_is_bad_with_the_reason(raw: float | None, reason: str) -> None:
    reading = judge(POINT, raw, STAMP)
    assert (reading.value, reading.quality, reading.reason) == (None, Quality.BAD, reason)


def test_a_doubt_makes_a_value_uncertain_but_no_bad_one_better() -> None:
    assert judge(POINT, 500, STAMP, doubt="old").quality is Quality.UNCERTAIN
    assert judge(POINT, 500, STAMP, doubt="old").value == -50.0
    assert judge(POINT, None, STAMP, doubt="old").quality is Quality.BAD


def test_a_scale_factor_counts_before_the_range() -> None:
    assert judge(POINT, 50, STAMP, exponent=1).value == -50.0
    assert judge(POINT, 500, STAMP, exponent=1).value is None


@pytest.mark.parametrize(("shown", "followed"), [(50.0, True), (50.5, True), (49.5, True), (50.6, False), (0.0, False)])
def test_a_setpoint_is_followed_within_its_tolerance(shown: float, followed: bool) -> None:
    result = confirm(Setpoint(point=POINT, value=50.0), judge(POINT, shown / -0.1, STAMP))
    if followed:
        assert result == Accepted(pytest.approx(shown))
    else:
        assert isinstance(result, Unconfirmed)
        assert result.read_back == pytest.approx(shown)
        assert "not 50 within 0.5" in result.reason


def test_a_setpoint_whose_read_back_is_not_believed_is_unconfirmed() -> None:
    setpoint = Setpoint(point=POINT, value=50.0)
    blind = confirm(setpoint, bad(POINT, "the device has no value", STAMP))
    assert blind == Unconfirmed(None, "pcs.power_kw cannot be read back: the device has no value")
    doubted = confirm(setpoint, judge(POINT, -500, STAMP, doubt="old"))
    assert doubted == Unconfirmed(50.0, "pcs.power_kw is uncertain: old")


def test_a_read_back_point_must_exist() -> None:
    assert read_back_points([POINT]) == {"power_kw": POINT}
    lost = replace(POINT, setpoint=replace(SETPOINT, read_back="power_in_force_kw"))
    with pytest.raises(DriverError, match=r"pcs\.power_kw: there is no point 'power_in_force_kw'"):
        read_back_points([lost])
