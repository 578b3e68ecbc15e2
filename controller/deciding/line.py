"""A feeder in the middle of a decision: what it carries, and what is left to the assets that hang on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from config.feeder import Feeder
from controller.bounds import Bound, Priority, exactly
from controller.image import Snapshot

FEEDER = "feeder"
"""Owner of the bounds that keep a feeder's limits."""


@dataclass(slots=True)
class Line:
    """One feeder; power + is towards what it feeds."""

    name: str
    spec: Feeder
    margin_kw: float
    """Kept free at both limits."""
    expected_kw: float | None
    """Once the assets decided so far have followed; None when nobody knows what it carries."""
    late_kw: float = 0.0
    """What of it batteries will take only after a while, by their ramps."""

    @property
    def import_room_kw(self) -> float:
        """What may be taken beyond what is expected; below 0 when something must give up."""
        assert self.expected_kw is not None
        return self.spec.import_limit_kw - self.margin_kw - self.expected_kw

    @property
    def export_room_kw(self) -> float:
        """What may be fed beyond what is expected at once."""
        assert self.expected_kw is not None
        return self.expected_kw - self.late_kw + self.spec.export_limit_kw - self.margin_kw

    def taking(self, measured_kw: float, safe_kw: float, per_kw: float = 1.0) -> list[Bound]:
        """What it leaves to an asset whose setpoint takes `per_kw` kW of electricity for each kW; the safe value where
        nobody knows."""
        if self.expected_kw is None:
            return [self._unknown(safe_kw)]
        return [self._bound(0.0, max(0.0, measured_kw + self.import_room_kw / per_kw))]

    def giving(self, measured_kw: float, safe_kw: float) -> list[Bound]:
        """What it leaves to a generator that feeds so much."""
        if self.expected_kw is None:
            return [self._unknown(safe_kw)]
        return [self._bound(0.0, max(0.0, measured_kw + self.export_room_kw))]

    def sharing(self, most_kw: float, safe_kw: float) -> list[Bound]:
        """The same for one whose share has been worked out."""
        return [self._unknown(safe_kw)] if self.expected_kw is None else [self._bound(0.0, most_kw)]

    def both_ways(self, measured_kw: float, safe_kw: float) -> list[Bound]:
        """What it leaves to a battery that gives so much."""
        if self.expected_kw is None:
            return [self._unknown(safe_kw)]
        return [
            self._bound(measured_kw - self.import_room_kw, math.inf),
            self._bound(-math.inf, measured_kw + self.export_room_kw + self.late_kw),
        ]

    def takes_kw(self, more_kw: float) -> None:
        """Something on it will take so much more: what it gives up counts at once."""
        if self.expected_kw is not None:
            self.expected_kw += min(0.0, more_kw)

    def gives_kw(self, more_kw: float, late_kw: float) -> None:
        """A battery on it will give so much more; of what it takes more, so much comes late."""
        if self.expected_kw is not None:
            self.expected_kw -= more_kw
            self.late_kw += late_kw

    def _bound(self, low_kw: float, high_kw: float) -> Bound:
        assert self.expected_kw is not None
        reason = (
            f"{self.name} carries {self.expected_kw:.0f} kW, at most {self.spec.import_limit_kw:.0f} kW "
            f"to what it feeds and {self.spec.export_limit_kw:.0f} kW back"
        )
        return Bound(FEEDER, Priority.CONTRACT, low_kw, high_kw, reason)

    def _unknown(self, safe_kw: float) -> Bound:
        return exactly(FEEDER, Priority.CONTRACT, safe_kw, f"what {self.name} carries cannot be read")


def lines_of(snapshot: Snapshot, margin: float) -> Mapping[str, Line]:
    """By asset, the feeder that it hangs on; `margin` is kept free, as a share of the larger limit."""
    found = {}
    for name, spec in snapshot.site.of_kind(Feeder).items():
        line = Line(name, spec, margin * max(spec.import_limit_kw, spec.export_limit_kw), carried_kw(snapshot, name))
        found.update(dict.fromkeys(spec.feeds, line))
    return found


def carried_kw(snapshot: Snapshot, name: str) -> float | None:
    """What a feeder carries: by its meter, else by those of all that it feeds; None when some of them are not known."""
    measured_kw = snapshot.power_kw(name)
    if measured_kw is not None:
        return measured_kw
    spec = snapshot.site.assets[name]
    assert isinstance(spec, Feeder)
    total_kw = 0.0
    for fed in spec.feeds:
        taken_kw = snapshot.taken_kw(fed, "electricity")
        if taken_kw is None or snapshot.site.point(fed, "active_power_kw") is None:
            return None
        total_kw += taken_kw
    return total_kw
