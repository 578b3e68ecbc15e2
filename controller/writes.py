"""Which setpoints must go out now: changed ones, refreshes before the device reverts, retries. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from config.site import Site
from controller.decision import Decision
from drivers.driver import Accepted, Rejected, Setpoint, Unconfirmed, WriteResult

RETRIES = 3
"""Attempts in consecutive cycles before a setpoint counts as not followed."""
RETRY_SLOWLY_S = 10.0
"""Pause between attempts after that: often enough to come back by itself, seldom enough not to hammer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What is known of the last writes to one asset's setpoint."""

    value: float
    at_s: float
    """Real seconds of the last attempt."""
    result: WriteResult
    failures: int
    """Attempts without confirmation since the last confirmed one."""

    @property
    def outcome(self) -> str:
        match self.result:
            case Accepted():
                return "confirmed"
            case Rejected():
                return "rejected"
            case Unconfirmed():
                return "unconfirmed"
            case other:
                assert_never(other)

    @property
    def why(self) -> str:
        return "" if isinstance(self.result, Accepted) else self.result.reason


class WriteBook:
    """Keeps what was written to each asset and says what must be written next."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._last: dict[str, Written] = {}
        self._asset_of = {point.key: name for name in site.assets if (point := site.setpoint(name)) is not None}

    def last(self, asset: str) -> Written | None:
        return self._last.get(asset)

    def due(self, decision: Decision, now_s: float) -> list[Setpoint]:
        """The setpoints to write in this cycle, in the decision's order."""
        setpoints = []
        for name, asset in decision.assets.items():
            point = self._site.setpoint(name)
            if asset.setpoint_kw is None or point is None:
                continue
            if self._is_due(name, asset.setpoint_kw, now_s):
                setpoints.append(Setpoint(point=point, value=asset.setpoint_kw))
        return setpoints

    def written(self, setpoint: Setpoint, result: WriteResult, now_s: float) -> str:
        """Take in the result of a write. Returns the asset's name."""
        name = self._asset_of[setpoint.point.key]
        before = self._last.get(name)
        confirmed = isinstance(result, Accepted)
        failures = 0 if confirmed else (before.failures if before else 0) + 1
        self._last[name] = Written(value=setpoint.value, at_s=now_s, result=result, failures=failures)
        return name

    def forget(self, asset: str) -> None:
        """The device may have lost what it was told: write again whatever comes next."""
        self._last.pop(asset, None)

    def not_followed(self) -> dict[str, str]:
        """Assets whose device answers but does not take its setpoint in several attempts, and why.

        A device that does not answer at all is not blamed for that: it becomes unavailable.
        """
        return {
            name: written.why
            for name, written in self._last.items()
            if written.failures >= RETRIES and written.result != Unconfirmed(None, written.why)
        }

    def _is_due(self, name: str, value: float, now_s: float) -> bool:
        last = self._last.get(name)
        point = self._site.setpoint(name)
        assert point is not None
        assert point.setpoint is not None
        if last is None:
            return True
        since_s = now_s - last.at_s
        if not isinstance(last.result, Accepted):
            return last.failures < RETRIES or since_s >= RETRY_SLOWLY_S
        if abs(value - last.value) >= point.setpoint.resolution / 2:
            return True
        return point.setpoint.refresh_s is not None and since_s >= point.setpoint.refresh_s
