"""How long to leave a silent device alone: twice as long after each failure, up to a cap, never in step."""

from __future__ import annotations

from dataclasses import dataclass, replace

_SPREAD = 0.25
"""The share of a wait that chance may take off: devices that died together come back apart."""

_MOST_DOUBLINGS = 32
"""More doublings than any cap needs, few enough for a float."""


@dataclass(frozen=True, slots=True)
class BackOff:
    """When a device may be tried again. A value: each failure gives the next one."""

    quick_s: float = 0.15
    """The wait while no failure counts; shorter than the shortest cycle, so that each cycle tries once."""
    first_s: float = 1.0
    cap_s: float = 60.0
    failures: int = 0
    """Those that count."""
    next_s: float = float("-inf")
    """The time on the monotonic clock from which the next try is due."""

    def due(self, now_s: float) -> bool:
        """Whether the device may be tried at this time of the monotonic clock."""
        return now_s >= self.next_s

    def failed(self, now_s: float, chance: float, *, counts: bool = True) -> BackOff:
        """After one more failure at `now_s`; the wait grows only when it `counts`.

        `chance` is drawn from 0 (the full wait) to 1 (a quarter less).
        """
        failures = self.failures + counts
        wait_s = min(self.cap_s, self.first_s * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)) if failures else self.quick_s
        return replace(self, failures=failures, next_s=now_s + wait_s * (1.0 - _SPREAD * chance))

    def succeeded(self) -> BackOff:
        """After an answer: due at once, and the next failure counts as the first."""
        return replace(self, failures=0, next_s=float("-inf"))
