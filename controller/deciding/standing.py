"""How the park stands in the middle of a decision: what is measured, planned and held, and what is still to come."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC

from config.assets import PvPlant, WindTurbine
from config.point import SetpointRange
from config.site import Site
from controller.bounds import Bound, Priority, Resolved, exactly
from controller.deciding.line import Line, lines_of
from controller.decision import AssetDecision
from controller.demand_guard import Demand
from controller.image import Snapshot
from controller.island import island_of
from controller.limits import CONTRACT, GRID_OPERATOR, Limit, limits_now
from controller.modes import Mode
from controller.override import Override
from controller.tariff_now import EnergyPrices
from dispatch.plan import Plan
from dispatch.soundness import stores

LIMIT_MARGIN = 0.01
"""Kept free at both connection limits, as a share of the larger: about one cycle's noise of a grid meter of class
0.5 and its load. At zero export it is what the park keeps importing."""
DEMAND_GUARD = "demand guard"
"""Owner of the bounds that keep the month's peak."""
AT_ONCE_S = 1.0
"""Within two seconds a grid meter sees a drop of the load and the park is back below its export limit: what a battery
needs longer for, generators give up meanwhile. An import limit is one of heat and of money, and can wait."""
SUPPLY_RESERVE_SOC = 0.03
"""State of a store above its minimum at which its bus is supplied whatever the plan says."""
SPENT_SOC = 0.01
"""The same for a backup that the plan leaves off: plans use a store to its minimum, and a gas boiler that starts beside
the heat pump whenever one does costs more than was saved by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All that a decision depends on."""

    snapshot: Snapshot
    plan: Plan | None
    mode: Mode
    overrides: Mapping[str, Override]
    not_following: frozenset[str] = frozenset()
    """Assets that were told something and do not do it: nothing is expected of what they are told next."""
    prices: EnergyPrices | None = None
    """None where no tariff holds."""
    demand: Demand | None = None
    """None where no peak is to be kept."""
    held_back_kw: float = 0.0
    """What generators would feed beyond their limits."""
    holds_s: float = 0.0
    """How long the decision will hold, until the next one: no store may be full or empty before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How full the stores of a bus are."""

    soc: float | None
    """Of all together that can be read; None when none can."""
    full: bool
    nearly_empty: bool
    spent: bool
    """So empty that a backup starts, too, which the plan leaves off."""


class Standing:
    """One decision in the making: what is measured, and what is expected once the assets decided so far follow."""

    def __init__(self, inputs: Inputs) -> None:
        self.snapshot = inputs.snapshot
        self.site: Site = inputs.snapshot.site
        self.plan = inputs.plan
        self.step = inputs.plan.step_at(inputs.snapshot.at) if inputs.plan is not None else None
        self.not_following = inputs.not_following
        self.prices = inputs.prices
        self.demand = inputs.demand
        self._overrides = inputs.overrides
        self._stores = stores(self.site)
        grid_name, grid = self.site.grid
        self.island = island_of(self.snapshot) if inputs.mode is Mode.ISLANDED else None
        if self.island is None:
            grid_kw = self.snapshot.power_kw(grid_name)
            assert grid_kw is not None, "without a grid meter the mode is SAFE"
            self.limits = limits_now(self.snapshot)
            margin_kw = LIMIT_MARGIN * max(grid.import_limit_kw, grid.export_limit_kw)
        else:
            grid_kw, margin_kw, self.limits = self.island.power_kw, 0.0, self.island.limits
        self.import_limit_kw = self.limits.imports.kw - margin_kw
        self.export_limit_kw = self.limits.exports.kw - margin_kw
        self._lines = lines_of(self.snapshot, LIMIT_MARGIN)
        self.expected_grid_kw = grid_kw
        """Grid power once the assets decided so far have followed; as an island, that of what forms it."""
        self.late_kw = 0.0
        """What of it batteries will take only after `AT_ONCE_S`, by their ramps."""
        self.spare_kw = 0.0
        """What batteries could still give, and nobody has laid claim to yet."""
        planned = self.planned(grid_name)
        self.grid_target_kw = (
            None if planned is None else min(max(planned, -self.export_limit_kw), self.import_limit_kw)
        )
        generators: dict[str, PvPlant | WindTurbine] = {**self.site.of_kind(PvPlant), **self.site.of_kind(WindTurbine)}
        self.rated_by_weather_kw = {name: generator.rated_kw for name, generator in generators.items()}
        self.import_pays = inputs.prices is not None and inputs.prices.import_per_kwh < 0.0
        """Whether what is taken from the grid is paid for by it: then nothing is worth feeding in its place."""
        self.held_back_kw = 0.0 if self.import_pays else inputs.held_back_kw
        self.holds_h = inputs.holds_s / 3600.0

    @property
    def import_room_kw(self) -> float:
        """What may be taken beyond what is expected; below 0 when something must give up."""
        return self.import_limit_kw - self.expected_grid_kw

    @property
    def spare_room_kw(self) -> float:
        """The same for what can wait: as an island only what generators give beyond everything else."""
        return self.import_room_kw if self.island is None else -self.expected_grid_kw

    @property
    def export_room_kw(self) -> float:
        """What may be fed beyond what is expected at once; below 0 when something must give up."""
        return self.expected_grid_kw - self.late_kw + self.export_limit_kw

    def import_bound(self, low_kw: float, high_kw: float) -> Bound:
        """What the limit of what is taken leaves to an asset."""
        return _bound(self.limits.imports, self.limits.imports.owner, low_kw, high_kw)

    def export_bound(self, low_kw: float, high_kw: float, owner: str = CONTRACT) -> Bound:
        """What the limit of what is fed leaves to an asset; `owner` is the contract's, for this kind of asset."""
        limit = self.limits.exports
        return _bound(limit, owner if limit.owner == CONTRACT else limit.owner, low_kw, high_kw)

    @property
    def demand_room_kw(self) -> float:
        """What may be taken beyond what is expected, with all that batteries can still give, before the month's peak
        grows; below 0 when something should give up."""
        if self.demand is None:
            return math.inf
        return self.demand.allowed_kw - self.expected_grid_kw + self.spare_kw

    def demand_bounds(self, low_kw: float, high_kw: float) -> list[Bound]:
        """What the month's peak leaves to an asset; nothing where there is none to keep."""
        if self.demand is None:
            return []
        reason = f"holds 15 minutes under {self.demand.target_kw:.0f} kW (the last: {self.demand.mean_kw:.0f} kW)"
        return [Bound(DEMAND_GUARD, Priority.DEMAND, low_kw, high_kw, reason)]

    def measured_kw(self, name: str) -> float:
        """What an available asset's setpoint asks for, as it is now."""
        found = self.snapshot.steered_kw(name)
        assert found is not None, f"{name} is available, so its power can be read"
        return found

    def planned(self, name: str) -> float | None:
        if self.plan is None or self.step is None or name not in self.plan.assets:
            return None
        return float(self.plan.assets[name].power_kw[self.step])

    def planned_kwh(self, name: str) -> float | None:
        """What a store should hold now, within the interval; None where the plan does not say."""
        if self.plan is None or self.step is None or (stored := self.plan.assets[name].stored_kwh) is None:
            return None
        into_h = (self.snapshot.at - self.plan.start).total_seconds() / 3600 - self.plan.step_h[: self.step].sum()
        share = into_h / self.plan.step_h[self.step]
        return float(stored[self.step] + share * (stored[self.step + 1] - stored[self.step]))

    def foreseen_kw(self, name: str) -> float | None:
        """What the plan reckons that a source could feed in this interval, or that a load wants; None where it does
        not say."""
        if self.plan is None or self.step is None or name not in self.plan.assets:
            return None
        planned = self.plan.assets[name]
        foreseen = planned.wanted_kw if planned.available_kw is None else planned.available_kw
        return None if foreseen is None else float(foreseen[self.step])

    def line(self, name: str) -> Line | None:
        """The feeder that an asset hangs on; None without one."""
        return self._lines.get(name)

    def line_taking(self, name: str, per_kw: float = 1.0) -> list[Bound]:
        """What its feeder leaves to an asset that takes; nothing without one, likewise below."""
        line = self.line(name)
        return [] if line is None else line.taking(self.measured_kw(name), self.safe_kw(name), per_kw)

    def line_giving(self, name: str) -> list[Bound]:
        """And to a generator."""
        line = self.line(name)
        return [] if line is None else line.giving(self.measured_kw(name), self.safe_kw(name))

    def line_both_ways(self, name: str) -> list[Bound]:
        """And to a battery."""
        line = self.line(name)
        return [] if line is None else line.both_ways(self.measured_kw(name), self.safe_kw(name))

    def takes_kw(self, name: str, more_kw: float) -> None:
        """An asset will take so much more electricity: what it gives up counts at once, and batteries make up for what
        comes with its ramp."""
        self.expected_grid_kw += min(0.0, more_kw)
        self.spare_kw -= max(0.0, more_kw)
        if line := self.line(name):
            line.takes_kw(more_kw)

    def gives_kw(self, name: str, more_kw: float, late_kw: float, spare_kw: float) -> None:
        """A battery will give so much more; of what it takes more, so much comes late, and so much it could still
        give."""
        self.expected_grid_kw -= more_kw
        self.late_kw += late_kw
        self.spare_kw += spare_kw
        if line := self.line(name):
            line.gives_kw(more_kw, late_kw)

    def override(self, name: str) -> list[Bound]:
        held = self._overrides.get(name)
        if held is None:
            return []
        reason = f"{held.owner}: {held.reason} (until {held.until.astimezone(UTC):%H:%M} UTC)"
        return [exactly("operator", Priority.OPERATOR, held.value_kw, reason)]

    def level(self, bus: str) -> Level | None:
        """How full the stores of a bus are; None where it has none."""
        there = {name: store for name, store in self._stores.items() if store.bus == bus}
        if not there:
            return None
        read = {name: soc for name in there if (soc := self.snapshot.value(name, "soc")) is not None}
        capacity_kwh = sum(there[name].capacity_kwh for name in read)
        left = max((soc - there[name].soc_min for name, soc in read.items()), default=0.0)
        return Level(
            soc=sum(there[name].capacity_kwh / capacity_kwh * soc for name, soc in read.items()) if read else None,
            full=bool(read) and all(soc >= there[name].soc_max for name, soc in read.items()),
            nearly_empty=bool(read) and left <= SUPPLY_RESERVE_SOC,
            spent=bool(read) and left <= SPENT_SOC,
        )

    def told_most_kw(self, name: str) -> float:
        """The upper end of what a device may be told."""
        return _range(self.site, name).high

    def safe_kw(self, name: str) -> float:
        """What a device is told when nothing better is known."""
        return _range(self.site, name).safe


def _range(site: Site, name: str) -> SetpointRange:
    point = site.setpoint(name)
    assert point is not None
    assert point.setpoint is not None
    return point.setpoint


def _bound(limit: Limit, owner: str, low_kw: float, high_kw: float) -> Bound:
    priority = Priority.GRID_OPERATOR if limit.owner == GRID_OPERATOR else Priority.CONTRACT
    return Bound(owner, priority, low_kw, high_kw, f"keeps the limit: {limit.reason}")


def decision_of(
    name: str, resolved: Resolved, planned_kw: float | None = None, correction_kw: float = 0.0
) -> AssetDecision:
    return AssetDecision(
        asset=name,
        setpoint_kw=resolved.value,
        owner=resolved.owner,
        reason=resolved.reason,
        planned_kw=planned_kw,
        correction_kw=correction_kw,
        low_kw=resolved.low,
        high_kw=resolved.high,
    )
