"""A park and its controller in virtual time: no servers, no waiting, the same physics and the same decisions.

Each cycle the park goes on, is seen whole, is decided on and told. Plans come at the begin of each interval, and are
there at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

import numpy as np

from config.site import Site
from controller.adopt import adopted
from controller.decide import decide
from controller.decision import Decision
from controller.guard import AssetGuard, guard
from controller.image import Snapshot
from controller.ledger import Interval, Ledger
from controller.modes import Mode
from controller.park_state import limited_generators, park_state, shed_loads
from controller.planner_process import PlanAnswer, PlanRequest, answer_of
from controller.plans import PlanBook
from controller.trade import Trade
from dispatch.forecast.history import History
from dispatch.forecast.park import days_of_history
from drivers.quality import Stamp, good
from simulators.past import Past, past_of
from simulators.plant import Plant

PlannedBy = Callable[[PlanRequest], PlanAnswer]


class ClosedLoop:
    """One run of a simulated park under control. Not a thing for several threads."""

    def __init__(
        self,
        site: Site,
        plant: Plant,
        planned: PlannedBy,
        past: Past,
        *,
        cycle_s: float | None = None,
        dead_time_s: float = 0.0,
    ) -> None:
        """`planned` makes the plans, from the `past` and from what was measured since; a cycle is as long as the site
        file says where `cycle_s` does not. Devices begin to follow a setpoint `dead_time_s` after they were told."""
        self.site = site
        self.plant = plant
        self.cycle_s = site.control.cycle_s if cycle_s is None else cycle_s
        self.ledger = Ledger(site)
        self.book = PlanBook(site)
        self.intervals: list[Interval] = []
        self.snapshot: Snapshot | None = None
        """The last cycle's; None before the first."""
        self._planned = planned
        self.trade = Trade(site, self.ledger)
        self._began = plant.now
        self._asked: datetime | None = None
        self._guards: dict[str, AssetGuard] = {}
        self._told: dict[str, float] = {}
        self._dead_time = timedelta(seconds=dead_time_s)
        self._under_way: deque[tuple[datetime, str, str, float]] = deque()
        """What devices were told and do not do yet: from when on, the device, its point and the value."""
        self._decision: Decision | None = None
        self._past = past

    @classmethod
    def forecasting(
        cls, site: Site, plant: Plant, *, cycle_s: float | None = None, dead_time_s: float = 0.0
    ) -> ClosedLoop:
        """A run that begins now and plans by its own forecasts, which learn from the simulated past of the site."""
        from dispatch.dispatcher import Dispatcher  # brings cvxpy

        planned = partial(answer_of, site, Dispatcher(site, site.control.horizon_steps))
        past = past_of(site, plant.now, days_of_history(site))
        return cls(site, plant, planned, past, cycle_s=cycle_s, dead_time_s=dead_time_s)

    def run(self, lasts: timedelta) -> Iterator[Decision]:
        """Goes on for so long; gives each cycle's decision, once it has been told."""
        end = self.plant.now + lasts
        while self.plant.now < end:
            self._advance(self.plant.now + timedelta(seconds=self.cycle_s))
            yield self._cycle()

    def _advance(self, until: datetime) -> None:
        """The park goes on, and what it was told before reaches its devices."""
        while self._under_way and self._under_way[0][0] < until:
            at, device, point, value = self._under_way.popleft()
            self.plant.advance((at - self.plant.now).total_seconds())
            self.plant.command(device, point, value)
        self.plant.advance((until - self.plant.now).total_seconds())

    def _cycle(self) -> Decision:
        snapshot = seen(self.site, self.plant, (self.plant.now - self._began).total_seconds())
        self.snapshot = snapshot
        limited = limited_generators(snapshot, self._decision, self.book.plan)
        closed = self.ledger.update(snapshot, limited)
        self.intervals += closed
        if closed or self._asked is None:
            self._plan(snapshot, frozenset(limited) | shed_loads(snapshot, self._decision))
        if self._decision is None:
            self._guards = adopted(snapshot, {})
        self.trade.update(snapshot, self.book.plan)
        mode = Mode.OPTIMAL if self.book.fresh(snapshot.at) else Mode.FALLBACK
        wanted = decide(self.trade.inputs(mode))
        decision, self._guards = guard(wanted, snapshot, self._guards)
        decision = self.trade.with_reactive(decision, snapshot, self._decision)
        for _, point, value in decision.points(self.site):
            if value is not None and value != self._told.get(point.key):
                self._under_way.append((self.plant.now + self._dead_time, point.device, point.name, value))
                self._told[point.key] = value
        self._decision = decision
        return decision

    def _plan(self, snapshot: Snapshot, limited: frozenset[str]) -> None:
        self._asked = snapshot.at
        state = park_state(
            snapshot, self.ledger.month_peak_kw, self.ledger.used(snapshot.at), limited, self.ledger.spot, self._guards
        )
        request = PlanRequest(
            number=len(self.intervals), now=snapshot.at, state=state, history=self._history(snapshot.at)
        )
        self.book.take(self._planned(request), snapshot.at)

    def _history(self, until: datetime) -> History:
        """The past of the simulation, and what was measured since."""
        step_min = self.site.control.interval_min
        start = datetime.fromtimestamp(float(self._past.start_s[0]), tz=until.tzinfo)
        count = int((until - start) / timedelta(minutes=step_min))
        series = {}
        for name, column in self._past.columns.items():
            values = np.full(max(count, len(column)), np.nan)
            values[: len(column)] = column
            for interval in self.intervals:
                mean = interval.mean_kw.get(name)
                place = round((interval.start - start) / timedelta(minutes=step_min))
                if mean is not None and place < len(values):
                    values[place] = mean
            series[name] = values
        return History(start=start, step_min=step_min, series=series)


def seen(site: Site, plant: Plant, site_s: float) -> Snapshot:
    """The park as a controller sees it that can read everything at once."""
    stamp = Stamp(received_s=site_s, at=plant.now)
    readings = {
        (key := f"{device}.{name}"): good(key, value, stamp)
        for device in dict.fromkeys(asset.device for asset in site.assets.values())
        for name, value in plant.values(device).items()
    }
    return Snapshot(site=site, at=plant.now, site_s=site_s, monotonic_s=site_s, readings=readings)
