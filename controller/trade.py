"""What the connection costs in this second: prices, the month's peak and its power factor, as a decision needs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from config.site import Site
from controller.deciding.standing import Inputs
from controller.decision import Decision
from controller.demand_course import DemandCourse
from controller.demand_guard import Demand, DemandGuard, demand_target_kw
from controller.demand_outlook import LOOKS_AHEAD_MIN, DemandRisk, demand_risk
from controller.held_back import HeldBack
from controller.image import Snapshot
from controller.ledger import Ledger
from controller.modes import Mode
from controller.override import Override
from controller.reactive import decide_reactive, target_of
from controller.tariff_now import EnergyPrices, TariffNow
from dispatch.plan import Plan


class Trade:
    """Follows one site's connection beside its ledger."""

    def __init__(self, site: Site, ledger: Ledger, cycle_s: float | None = None, *, guards_demand: bool = True) -> None:
        """A cycle is as long as the site file says where `cycle_s` does not."""
        self._guards_demand = guards_demand
        self._site = site
        self._ledger = ledger
        self._cycle_s = site.control.cycle_s if cycle_s is None else cycle_s
        self._tariff = TariffNow(site)
        self._held_back = HeldBack(site)
        self._guard = DemandGuard(ledger.running_import_kw)
        self._snapshot: Snapshot | None = None
        self._plan: Plan | None = None
        self._course = DemandCourse(site, None)
        self.demand: Demand | None = None
        """As of the last update; None where no peak is to be kept."""

    @property
    def tariff_missing(self) -> str:
        """Why there is no price; empty when there is one."""
        return self._tariff.missing

    def update(self, snapshot: Snapshot, plan: Plan | None) -> None:
        """Take in a second, once the ledger has it."""
        if plan is not self._plan:
            self._course = DemandCourse(self._site, plan)
        self._snapshot, self._plan = snapshot, plan
        charge = self._tariff.demand_charge(snapshot.at)
        target_kw = demand_target_kw(self._site, charge, self._ledger.month_peak_kw, plan, snapshot.at)
        demand = self._guard.update(snapshot, self._ledger.imported_kwh, target_kw, charge, self._cycle_s)
        self.demand = self._course.with_reserve(demand, snapshot.at) if self._guards_demand else None

    def prices(self, snapshot: Snapshot) -> EnergyPrices | None:
        """None where no tariff covers the day."""
        return self._tariff.prices(snapshot.at, self._ledger.spot)

    def inputs(
        self,
        mode: Mode,
        overrides: Mapping[str, Override] | None = None,
        not_following: frozenset[str] = frozenset(),
    ) -> Inputs:
        """All that the decision of the last update's second depends on."""
        assert self._snapshot is not None, "nothing is decided before the first update"
        return Inputs(
            snapshot=self._snapshot,
            plan=self._plan,
            mode=mode,
            overrides=overrides or {},
            not_following=not_following,
            prices=self.prices(self._snapshot),
            demand=self.demand,
            held_back_kw=self._held_back.update(self._snapshot, self._plan),
            holds_s=self._cycle_s,
        )

    def with_reactive(self, decision: Decision, snapshot: Snapshot, before: Decision | None) -> Decision:
        """The decision with what inverters are told of their reactive power; `before` is the last one."""
        reactive = decide_reactive(
            snapshot,
            decision.mode,
            decision.assets,
            {} if before is None else before.reactive,
            target_of(self._site, self._tariff.power_factor(snapshot.at)),
            self._ledger.month_so_far(snapshot.at),
        )
        return replace(decision, reactive=reactive)

    def risk(self) -> DemandRisk | None:
        """The risk that the month's peak grows, as of the last update; None when there is none."""
        if self.demand is None or self._snapshot is None:
            return None
        rises = self._course.rises_kw(self._snapshot.at, LOOKS_AHEAD_MIN)
        return demand_risk(self._snapshot, self.demand, self._guard.minutes_kw(14), rises)
