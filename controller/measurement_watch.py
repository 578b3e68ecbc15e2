"""Whether what is measured can be true: a value that has stopped moving, and a balance that has stopped closing.

A single device cannot be told from a liar. But a value that moved all the time and then does not move at all is not a
measurement any more, and the powers on the electric bus leave unexplained what they always left: losses, and loads that
nobody measures. When that changes by much and stays so, one of them is wrong.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from config.points import NEEDS
from controller.image import Snapshot

FROZEN_S = 900.0
"""A value that moved often must stand still for a billed interval before it counts as frozen."""
MOVED_S = 3600.0
MOVES = 120
"""How often it must have moved within the hour before: a coarse meter at a steady load does not."""
AVERAGED_S = 60.0
"""Devices are read one after the other; over a minute that cancels out."""
USUAL_S = 7200.0
"""Over this what is left unexplained becomes usual: a new machine that nobody measures is no fault for ever."""
OFF_SHARE = 0.1
"""Of the largest power on the bus: ten times the error of meters of class 1."""
LEAST_SHARE = 0.01
"""And of the connection's limit, for parks that stand nearly still."""


@dataclass(slots=True)
class _Value:
    """How one value has moved, by the seconds of the site."""

    value: float
    changed_s: float
    moves_s: deque[float] = field(default_factory=lambda: deque(maxlen=MOVES))

    def frozen_s(self, now_s: float) -> float:
        """How long it has stood still, 0 for one that never moved often enough to tell."""
        often = len(self.moves_s) == MOVES and self.changed_s - self.moves_s[0] <= MOVED_S
        return now_s - self.changed_s if often else 0.0


class MeasurementWatch:
    """Follows the powers of one site."""

    def __init__(self) -> None:
        self._values: dict[str, _Value] = {}
        self._averaged_kw: float | None = None
        self._usual_kw: float | None = None
        self._before_s: float | None = None
        self._seen_s = 0.0
        """Real seconds in which the balance was seen."""

    def frozen(self, snapshot: Snapshot) -> dict[str, str]:
        """Assets whose power has stopped moving, and for how long.

        Those at rest are not among them, nor those that are told something: they may be held where they are.
        """
        found = {}
        for name, asset in snapshot.site.assets.items():
            power = NEEDS[asset.kind].power
            told = snapshot.site.setpoint(name) is not None
            value = None if power is None or told else snapshot.value(name, power)
            if value is None:
                self._values.pop(name, None)
                continue
            held = self._values.get(name)
            if held is None:
                held = self._values[name] = _Value(value, snapshot.site_s)
            elif value != held.value:
                held.value, held.changed_s = value, snapshot.site_s
                held.moves_s.append(snapshot.site_s)
            still_s = held.frozen_s(snapshot.site_s)
            if still_s >= FROZEN_S and value != 0.0:
                found[name] = f"exactly {value:g} kW for {still_s / 60:.0f} min"
        return found

    def imbalance(self, snapshot: Snapshot, unexplained_kw: float | None) -> str:
        """What is wrong with the balance of the electric bus; empty when nothing is, or when it cannot be told.

        In real seconds: what devices show at different moments is averaged, however fast a simulated park goes.
        """
        passed_s = 0.0 if self._before_s is None else snapshot.monotonic_s - self._before_s
        self._before_s = snapshot.monotonic_s
        if unexplained_kw is None:
            self._averaged_kw = None
            return ""
        if self._averaged_kw is None:
            self._averaged_kw = unexplained_kw if self._usual_kw is None else self._usual_kw
        # over what has been seen in the first minute, which makes what is usual
        self._seen_s += passed_s
        weight = min(1.0, passed_s / max(1e-9, min(AVERAGED_S, self._seen_s)))
        self._averaged_kw += weight * (unexplained_kw - self._averaged_kw)
        if self._usual_kw is None or self._seen_s < AVERAGED_S:
            self._usual_kw = self._averaged_kw
        most_kw = max(abs(snapshot.taken_kw(name, "electricity") or 0.0) for name in snapshot.site.assets)
        allowed_kw = max(OFF_SHARE * most_kw, LEAST_SHARE * snapshot.site.grid[1].import_limit_kw)
        off_kw = self._averaged_kw - self._usual_kw
        usual_kw = self._usual_kw
        self._usual_kw += min(1.0, passed_s / USUAL_S) * off_kw
        if abs(off_kw) <= allowed_kw:
            return ""
        return f"{self._averaged_kw:.0f} kW are left unexplained, where {usual_kw:.0f} kW are usual"
