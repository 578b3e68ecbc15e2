"""A park and its controller in virtual time: no servers, no waiting, the same physics and the same decisions.

Each cycle the park goes on, is seen whole, is decided on and told. Plans come at the begin of each interval, and are
there at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta

from config.site import Site
from controller.decider import Decider, all_read
from controller.decision import Decision
from controller.image import Snapshot
from controller.interval import Interval
from dispatch.forecast.experience import TRAINED_DAYS
from parkgrid.growing_history import GrowingHistory
from simulators.past import Past, past_of
from simulators.plant import Plant


class ClosedLoop:
    """One run of a simulated park under control. Not a thing for several threads."""

    def __init__(
        self, plant: Plant, decider: Decider, past: Past, *, cycle_s: float | None = None, dead_time_s: float = 0.0
    ) -> None:
        """Plans are made from the `past` and from what was measured since; a cycle is as long as the site file says
        where `cycle_s` does not. Devices begin to follow a setpoint `dead_time_s` after they were told."""
        self.site = decider.site
        self.plant = plant
        self.decider = decider
        self.cycle_s = self.site.control.cycle_s if cycle_s is None else cycle_s
        self.intervals: list[Interval] = []
        self.snapshot: Snapshot | None = None
        """What was decided on in the last cycle; None before the first."""
        self._began = plant.now
        self._told: dict[str, float] = {}
        self._dead_time = timedelta(seconds=dead_time_s)
        self._under_way: deque[tuple[datetime, str, str, float]] = deque()
        """What devices were told and do not do yet: from when on, the device, its point and the value."""
        self._history = GrowingHistory(past, self.site.control.interval_min)

    @classmethod
    def forecasting(
        cls, site: Site, plant: Plant, *, cycle_s: float | None = None, dead_time_s: float = 0.0
    ) -> ClosedLoop:
        """A run that begins now and plans by its own forecasts, which learn from the simulated past of the site."""
        past = past_of(site, plant.now, TRAINED_DAYS)
        decider = Decider.planning(site, cycle_s=cycle_s)
        return cls(plant, decider, past, cycle_s=cycle_s, dead_time_s=dead_time_s)

    def run(self, lasts: timedelta) -> Iterator[Decision]:
        """Goes on for so long; gives each cycle's decision, once it has been told."""
        end = self.plant.now + lasts
        while self.plant.now < end:
            self._advance(self.plant.now + timedelta(seconds=self.cycle_s))
            yield self._decide(self._measure())

    def _advance(self, until: datetime) -> None:
        """The park goes on, and what it was told before reaches its devices."""
        while self._under_way and self._under_way[0][0] < until:
            at, device, point, value = self._under_way.popleft()
            self.plant.advance((at - self.plant.now).total_seconds())
            self.plant.command(device, point, value)
        self.plant.advance((until - self.plant.now).total_seconds())

    def _measure(self) -> Snapshot:
        """The park as it is now, once the ledger and the history have it."""
        snapshot = seen(self.site, self.plant, (self.plant.now - self._began).total_seconds())
        closed = self.decider.measure(snapshot)
        for interval in closed:
            self._history.add(interval)
        self.intervals += closed
        return snapshot

    def _decide(self, snapshot: Snapshot) -> Decision:
        """Plan where it is time to, decide, and tell the devices."""
        self.decider.plan(snapshot, self._history.known)
        self.snapshot = self._known(snapshot)
        decision = self.decider.decide(self.snapshot)
        for _, point, value in decision.points(self.site):
            if value is not None and value != self._told.get(point.key):
                self._under_way.append((self.plant.now + self._dead_time, point.device, point.name, value))
                self._told[point.key] = value
        return decision

    def _known(self, snapshot: Snapshot) -> Snapshot:
        """What is decided on."""
        return snapshot


def seen(site: Site, plant: Plant, site_s: float) -> Snapshot:
    """The park as a controller sees it that can read everything at once."""
    values = {
        f"{device}.{name}": value
        for device in dict.fromkeys(asset.device for asset in site.assets.values())
        for name, value in plant.values(device).items()
    }
    return all_read(site, plant.now, values, site_s)
