"""What a fault makes of a measured value. Pure: the same fault at the same time gives the same number.

A value without a number is NaN here; the servers turn it into what their protocol has for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import assert_never

import numpy as np

from simulators.faults.fit import POWERS
from simulators.faults.kinds import (
    AlteredValue,
    Bias,
    Drift,
    NoValue,
    SignSwapped,
    Spikes,
    Stuck,
    Trip,
    UnitSwapped,
    ValueFault,
    WrongValue,
)
from simulators.faults.standing import Standing, hours
from simulators.noise import uniform

STATUS = "status"
AVAILABLE = "available"


def altered(
    values: Mapping[str, float],
    standing: Iterable[Standing],
    now: datetime,
    valid: Mapping[str, tuple[float, float]],
) -> Mapping[str, float]:
    """A device's values with its faults in them, in the order in which the faults began.

    `valid` are the believable ranges by point: a status code that a device does not have is not shown.
    """
    seen: dict[str, float] | None = None
    for one in standing:
        match one.fault:
            case ValueFault() as fault:
                seen = dict(values) if seen is None else seen
                for point in one.points:
                    seen[point] = _altered(seen[point], point, fault, one, now)
            case Trip(status=status):
                seen = dict(values) if seen is None else seen
                seen |= _tripped(seen, status, valid)
            case _:
                continue
    return values if seen is None else seen


def _altered(value: float, point: str, fault: AlteredValue, one: Standing, now: datetime) -> float:
    match fault:
        case WrongValue(value=wrong):
            return wrong
        case Stuck():
            return one.before[point]
        case Drift(per_hour=per_hour):
            return value + per_hour * hours(now - one.since)
        case Bias(offset=offset):
            return value + offset
        case NoValue():
            return math.nan
        case Spikes():
            return value + _spike(fault, one, now)
        case UnitSwapped(factor=factor):
            return value * factor
        case SignSwapped():
            return -value
        case other:
            assert_never(other)


def _spike(fault: Spikes, one: Standing, now: datetime) -> float:
    """What is added in the period that `now` is in: nothing, or the height upwards or downwards."""
    period = np.array([math.floor((now - one.since).total_seconds() / fault.period_s)])
    if float(uniform(one.seed, f"{one.id}.hit", period)[0]) >= fault.share:
        return 0.0
    upwards = float(uniform(one.seed, f"{one.id}.up", period)[0]) < 0.5
    return fault.height if upwards else -fault.height


def _tripped(values: Mapping[str, float], status: float, valid: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    shown = dict.fromkeys((name for name in POWERS if name in values), 0.0)
    if AVAILABLE in values:
        shown[AVAILABLE] = 0.0
    if STATUS in values and valid[STATUS][0] <= status <= valid[STATUS][1]:
        shown[STATUS] = status
    return shown
