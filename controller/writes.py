"""Which setpoints must go out now: changed ones, refreshes before the device reverts, retries. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from config.point import Point
from config.site import Site
from controller.decision import Decision
from drivers.driver import Accepted, Rejected, Setpoint, Unconfirmed, WriteResult

RETRIES = 3
"""Attempts in consecutive cycles before a setpoint counts as not followed."""
RETRY_SLOWLY_S = 10.0
"""Pause between attempts after that: often enough to come back by itself, seldom enough not to hammer."""


def outcome_of(result: WriteResult) -> str:
    """What became of a write, in a word: confirmed, rejected or unconfirmed."""
    match result:
        case Accepted():
            return "confirmed"
        case Rejected():
            return "rejected"
        case Unconfirmed():
            return "unconfirmed"
        case other:
            assert_never(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What is known of the last writes to one asset's setpoint."""

    value: float
    at_s: float
    """Real seconds of the last attempt."""
    result: WriteResult
    changed_s: float
    """Real seconds of the attempt that first wrote this value."""
    failures: int
    """Attempts without confirmation since the last confirmed one."""

    @property
    def outcome(self) -> str:
        return outcome_of(self.result)

    @property
    def why(self) -> str:
        return self.result.reason


class WriteBook:
    """Keeps what was written to each point and says what must be written next."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._last: dict[str, Written] = {}
        """By point."""
        self._asset_of = site.asset_of_written

    def last(self, asset: str) -> Written | None:
        """Of an asset's setpoint proper."""
        point = self._site.setpoint(asset)
        return None if point is None else self._last.get(point.key)

    def due(self, decision: Decision, now_s: float) -> list[Setpoint]:
        """The setpoints to write in this cycle, in the decision's order."""
        setpoints = []
        for _, point, wanted in decision.points(self._site):
            if wanted is None:
                continue
            value = self._possible(point, wanted, now_s)
            if self._is_due(point, value, now_s):
                setpoints.append(Setpoint(point=point, value=value))
        return setpoints

    def written(self, setpoint: Setpoint, result: WriteResult, now_s: float) -> str:
        """Take in the result of a write. Returns the asset's name."""
        key = setpoint.point.key
        before = self._last.get(key)
        confirmed = isinstance(result, Accepted)
        failures = 0 if confirmed else (before.failures if before else 0) + 1
        same = before is not None and not _differs(setpoint.point, before.value, setpoint.value)
        self._last[key] = Written(
            value=setpoint.value,
            at_s=now_s,
            changed_s=before.changed_s if before is not None and same else now_s,
            result=result,
            failures=failures,
        )
        return self._asset_of[key]

    def forget(self, asset: str) -> None:
        """The device may have lost what it was told: write again whatever comes next."""
        for key in [key for key in self._last if self._asset_of[key] == asset]:
            del self._last[key]

    def not_followed(self) -> dict[str, str]:
        """Assets whose device answers but does not take its setpoint in several attempts, and why.

        A device that does not answer at all is not blamed for that: it becomes unavailable.
        """
        return {
            self._asset_of[key]: written.why
            for key, written in self._last.items()
            if written.failures >= RETRIES and written.result != Unconfirmed(None, written.why)
        }

    def _possible(self, point: Point, value: float, now_s: float) -> float:
        """The value itself, or the last one as long as the device must not be changed again."""
        last = self._last.get(point.key)
        if last is None or isinstance(last.result, Rejected) or not _differs(point, value, last.value):
            return value
        return value if _may_change(point, value, now_s - last.changed_s) else last.value

    def _is_due(self, point: Point, value: float, now_s: float) -> bool:
        last = self._last.get(point.key)
        assert point.setpoint is not None
        if last is None:
            return True
        since_s = now_s - last.at_s
        if not isinstance(last.result, Accepted):
            return last.failures < RETRIES or since_s >= RETRY_SLOWLY_S
        if _differs(point, value, last.value):
            return True
        return point.setpoint.refresh_s is not None and since_s >= point.setpoint.refresh_s


def _differs(point: Point, one: float, other: float) -> bool:
    assert point.setpoint is not None
    return abs(one - other) >= point.setpoint.resolution / 2


def _may_change(point: Point, value: float, since_s: float) -> bool:
    """Whether a device that must not be changed often may be; it can always be made safe."""
    assert point.setpoint is not None
    least_s = point.setpoint.change_s
    return least_s is None or since_s >= least_s or not _differs(point, value, point.setpoint.safe)
