"""The controller's decisions without any I/O: what is measured goes in, setpoints come out.

It is what runs in a park, but for links, files and clocks: the same forecasts, plans, arbitration, guard, demand guard
and ledger. Backtests drive it with a simulated plant, and whoever has a benchmark of their own with theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from config.site import Site
from controller.adopt import adopted
from controller.decide import decide
from controller.decision import Decision
from controller.guard import AssetGuard, guard
from controller.image import Snapshot
from controller.interval import Interval
from controller.ledger import Ledger
from controller.modes import Mode
from controller.park_state import limited_generators, park_state, shed_loads
from controller.planner_process import PlanAnswer, PlanRequest, answer_of
from controller.plans import PlanBook
from controller.trade import Trade
from dispatch.forecast.experience import Experience
from dispatch.forecast.history import History
from drivers.quality import Stamp, good

PlannedBy = Callable[[PlanRequest], PlanAnswer]


class Decider:
    """Decides for one site, one time after the other. Not a thing for several threads."""

    def __init__(
        self,
        site: Site,
        planned: PlannedBy,
        *,
        cycle_s: float | None = None,
        measures_before: bool = False,
        follows: bool = True,
        guards_demand: bool = True,
    ) -> None:
        """`planned` makes the plans. A cycle is as long as the site file says where `cycle_s` does not.

        With `measures_before` plans are made from what was measured in the interval before the one that begins, of
        which nothing is known then. Without `follows` batteries are told what the plan says, and not what would be
        better for what is measured. Without `guards_demand` the month's peak is the plan's affair alone.
        """
        self.site = site
        self.ledger = Ledger(site)
        self.book = PlanBook(site)
        self.trade = Trade(site, self.ledger, cycle_s, guards_demand=guards_demand)
        self.decision: Decision | None = None
        """The last one; None before the first."""
        self.weather: History | None = None
        """What a weather forecast says, by the columns of `config.weather`; for whoever has one."""
        self._planned = planned
        self._measures_before = measures_before
        self.follows = follows
        self._guards: dict[str, AssetGuard] = {}
        self._limited: Mapping[str, float] = {}
        self._due = True
        """Whether a plan is wanted."""
        self._requests = 0

    @classmethod
    def planning(cls, site: Site, *, cycle_s: float | None = None, measures_before: bool = False) -> Decider:
        """One that makes its own plans, in this process, and learns from the history that it is given.

        With `measures_before` its setpoints are to stand through an interval of which nothing is known yet.
        """
        from dispatch.dispatcher import Dispatcher  # brings cvxpy

        dispatcher = Dispatcher(site, site.control.horizon_steps)
        planned = partial(answer_of, site, dispatcher, experience=Experience(site), explains=False)
        return cls(site, planned, cycle_s=cycle_s, measures_before=measures_before, follows=not measures_before)

    def measure(self, snapshot: Snapshot) -> list[Interval]:
        """Take in what is measured; returns the intervals that it closed, oldest first. A plan is due then."""
        self._limited = limited_generators(snapshot, self.decision, self.book.plan)
        closed = self.ledger.update(snapshot, self._limited)
        self._due = self._due or bool(closed)
        return closed

    def plan(self, snapshot: Snapshot, history: History) -> None:
        """Plan from the present and the past, where it is time to."""
        if not self._due:
            return
        self._due = False
        self._requests += 1
        limited = frozenset(self._limited) | shed_loads(snapshot, self.decision)
        ledger = self.ledger
        state = park_state(snapshot, ledger.month_peak_kw, ledger.used(snapshot.at), limited, ledger.spot, self._guards)
        state = replace(state, measured_before=self._measures_before, weather=self.weather)
        request = PlanRequest(number=self._requests, now=snapshot.at, state=state, history=history)
        self.book.take(self._planned(request), snapshot.at)

    def decide(self, snapshot: Snapshot) -> Decision:
        """What every device is told now, by the plan in force and what is known of this moment."""
        if self.decision is None:
            self._guards = adopted(snapshot, {})
        self.trade.update(snapshot, self.book.plan)
        mode = Mode.OPTIMAL if self.book.fresh(snapshot.at) else Mode.FALLBACK
        inputs = self.trade.inputs(mode)
        if not self.follows and inputs.plan is not None:
            inputs = replace(inputs, plan=replace(inputs.plan, stored_value_per_kwh={}))
        decision, self._guards = guard(decide(inputs), snapshot, self._guards)
        self.decision = self.trade.with_reactive(decision, snapshot, self.decision)
        return self.decision


def snapshot_of(site: Site, at: datetime, values: Mapping[str, float], running_s: float) -> Snapshot:
    """The park as a controller sees it that can read everything at once.

    `values` are by asset and standard point such as ``battery.soc``, in the point's unit and the site's sign
    (`docs/points.md`); `running_s` are seconds since the first of these snapshots. Raises KeyError for an asset or a
    point that the site does not have.
    """
    by_key = {}
    for name, value in values.items():
        asset, _, point_name = name.partition(".")
        point = site.point(asset, point_name)
        if point is None:
            raise KeyError(f"{asset} has no point {point_name}")
        by_key[point.key] = value
    return all_read(site, at, by_key, running_s)


def all_read(site: Site, at: datetime, values: Mapping[str, float], running_s: float) -> Snapshot:
    """The same with `values` by the keys of the points, such as ``battery_pcs.soc``."""
    stamp = Stamp(received_s=running_s, at=at)
    readings = {key: good(key, value, stamp) for key, value in values.items()}
    return Snapshot(site=site, at=at, site_s=running_s, monotonic_s=running_s, readings=readings)
