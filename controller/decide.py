"""The second's decision: follow the plan with the measured grid power, inside every limit. Pure.

Each asset collects bounds from everyone who has a say; `controller.bounds` resolves them to a setpoint and
the owner that bound it. The battery goes first because it takes up what deviates from the plan, then the
heat pump, the electric boiler and the generators take what the battery could not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC

from config.assets import Battery, GasBoiler, HeatPump, HotWaterTank, PvPlant, WindTurbine
from config.battery_curves import share_left
from config.site import Site
from config.thermal_assets import ElectricBoiler
from controller.bounds import Bound, Priority, Resolved, exactly, resolve
from controller.decision import AssetDecision, Decision
from controller.image import Snapshot
from controller.modes import Mode
from controller.override import Override
from dispatch.plan import Plan

EXPORT_LIMIT = "export limit"
"""Owner of the bound that keeps the export limit: a generator follows it down at once, without a ramp."""
LIMIT_MARGIN = 0.01
"""Kept free at both connection limits, as a share of the larger: about one cycle's noise of a grid meter of class
0.5 and its load. At zero export it is what the park keeps importing."""
CORRIDOR_SOC = 0.05
"""How far the battery may leave its planned state to hold the planned grid power: what one interval's usual
forecast error amounts to; the next plan, at most one interval later, takes the rest into account."""
CURTAILED_BELOW = 0.98
"""A generator planned below this share of what it could feed is meant to be curtailed, above it is free."""
LIMITING_HEADROOM = 0.2
"""Generators are limited ahead of the export limit once the room left falls below this share of their rating,
which is about what clouds can add within a cycle."""
HEAT_PUMP_ON_BELOW, BOILER_ON_BELOW = 0.45, 0.25
"""Tank states at which heat is made without a plan: the boiler only backs the cheaper heat pump up."""
THERMOSTAT_BAND = 0.15
"""Hysteresis of the tank state, an hour or so of a park's demand: a compressor may start a few times a day."""
HEAT_RESERVE_SOC = 0.03
"""Tank state above its minimum at which heat is made whatever the plan says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All that a decision depends on."""

    snapshot: Snapshot
    plan: Plan | None
    mode: Mode
    overrides: Mapping[str, Override]
    not_following: frozenset[str] = frozenset()
    """Assets that were told something and do not do it: nothing is expected of what they are told next."""


def decide(inputs: Inputs) -> Decision:
    """The setpoint of every asset that has one.

    In SAFE every asset gets its safe value; without a plan local rules apply. An asset that cannot be read
    gets no setpoint.
    """
    site = inputs.snapshot.site
    assets = {name: asset for name, asset in site.assets.items() if site.setpoint(name) is not None}
    if inputs.mode in (Mode.SAFE, Mode.STOPPED):
        decided = {name: _safe(site, name, inputs.mode) for name in assets}
        return Decision(at=inputs.snapshot.at, mode=inputs.mode, assets=decided, grid_target_kw=None)
    park = _Park(inputs)
    decided = {}
    for kind in (Battery, HeatPump, ElectricBoiler, GasBoiler, PvPlant, WindTurbine):
        for name, asset in assets.items():
            if isinstance(asset, kind):
                decided[name] = park.decide(name)
    return Decision(at=inputs.snapshot.at, mode=inputs.mode, assets=decided, grid_target_kw=park.grid_target_kw)


def _safe(site: Site, name: str, mode: Mode) -> AssetDecision:
    point = site.setpoint(name)
    assert point is not None
    assert point.setpoint is not None
    reason = "controller stops" if mode is Mode.STOPPED else "grid meter cannot be read"
    return AssetDecision(asset=name, setpoint_kw=point.setpoint.safe, owner="safety", reason=reason)


class _Park:
    """One decision in the making: what is measured, and what is expected once the assets decided so far follow."""

    def __init__(self, inputs: Inputs) -> None:
        self._snapshot = inputs.snapshot
        self._site = inputs.snapshot.site
        self._overrides = inputs.overrides
        self._not_following = inputs.not_following
        self._plan = inputs.plan
        self._step = inputs.plan.step_at(inputs.snapshot.at) if inputs.plan is not None else None
        grid_name, grid = self._site.grid
        grid_kw = self._snapshot.power_kw(grid_name)
        assert grid_kw is not None, "without a grid meter the mode is SAFE"
        margin_kw = LIMIT_MARGIN * max(grid.import_limit_kw, grid.export_limit_kw)
        self._import_limit_kw = grid.import_limit_kw - margin_kw
        self._export_limit_kw = grid.export_limit_kw - margin_kw
        self._expected_grid_kw = grid_kw
        """Grid power once the assets decided so far have followed."""
        planned = self._planned(grid_name)
        self.grid_target_kw = (
            None if planned is None else min(max(planned, -self._export_limit_kw), self._import_limit_kw)
        )

    def decide(self, name: str) -> AssetDecision:
        snapshot = self._snapshot
        if not snapshot.available(name):
            return AssetDecision(
                asset=name, setpoint_kw=None, owner="unavailable", reason=snapshot.why_unavailable(name)
            )
        match self._site.assets[name]:
            case Battery() as battery:
                return self._battery(name, battery)
            case HeatPump() as heat_pump:
                return self._electric_heat(name, heat_pump, on_below=HEAT_PUMP_ON_BELOW)
            case ElectricBoiler() as electric_boiler:
                return self._electric_heat(name, electric_boiler, on_below=BOILER_ON_BELOW)
            case GasBoiler() as boiler:
                return self._boiler(name, boiler)
            case PvPlant() | WindTurbine() as generator:
                return self._generator(name, generator.rated_kw)
            case other:
                raise TypeError(f"{name}: a {other.kind} has no setpoint")

    # -- assets --------------------------------------------------------------------------------------

    def _battery(self, name: str, battery: Battery) -> AssetDecision:
        measured_kw = self._snapshot.power_kw(name)
        soc = self._snapshot.value(name, "soc")
        assert measured_kw is not None
        assert soc is not None
        bounds = [
            Bound("rating", Priority.DEVICE, -battery.max_charge_kw, battery.max_discharge_kw, "rated power"),
            *self._taper(battery, soc),
            *self._soc_window(battery, soc),
            Bound(
                "connection limit",
                Priority.CONTRACT,
                measured_kw + self._expected_grid_kw - self._import_limit_kw,
                measured_kw + self._expected_grid_kw + self._export_limit_kw,
                f"keeps the grid between {-self._export_limit_kw:.0f} and {self._import_limit_kw:.0f} kW",
            ),
            *self._override(name),
        ]
        planned_kw, correction_kw = self._planned(name), 0.0
        if planned_kw is not None and self.grid_target_kw is not None:
            wanted_kw = measured_kw + self._expected_grid_kw - self.grid_target_kw - self._still_to_give_kw(name)
            correction_kw = self._within_corridor(name, battery, soc, wanted_kw - planned_kw)
            reason = (
                f"plan {planned_kw:+.0f} kW, {correction_kw:+.0f} kW to hold the grid "
                f"at {self.grid_target_kw:.0f} kW (measured {self._expected_grid_kw:.0f} kW)"
            )
            bounds.append(exactly("plan", Priority.PLAN, planned_kw + correction_kw, reason))
        bounds.append(exactly("local default", Priority.LOCAL, 0.0, "no plan: the battery only keeps the limits"))
        resolved = resolve(bounds)
        if name not in self._not_following:
            self._expected_grid_kw -= resolved.value - measured_kw
        return _decision(name, resolved, planned_kw, correction_kw)

    def _electric_heat(self, name: str, unit: HeatPump | ElectricBoiler, *, on_below: float) -> AssetDecision:
        measured_kw = self._snapshot.power_kw(name)
        assert measured_kw is not None
        room_kw = max(0.0, measured_kw + self._import_limit_kw - self._expected_grid_kw)
        bounds = [
            Bound("rating", Priority.DEVICE, 0.0, unit.max_power_kw, "rated power"),
            *self._tank_full(),
            Bound("connection limit", Priority.CONTRACT, 0.0, room_kw, "keeps the import limit"),
            *self._override(name),
            *self._tank_empty(unit.max_power_kw),
        ]
        planned_kw = self._planned(name)
        if planned_kw is not None:
            runs_kw = _in_load_range(planned_kw, unit.min_power_kw)
            bounds.append(exactly("plan", Priority.PLAN, runs_kw, f"plan {planned_kw:.0f} kW"))
        bounds.append(self._thermostat(unit.max_power_kw, on_below=on_below, running=measured_kw > 0))
        resolved = resolve(bounds)
        # a compressor ramps up slowly: only what it gives up counts at once
        self._expected_grid_kw += min(0.0, resolved.value - measured_kw)
        return _decision(name, resolved, planned_kw)

    def _boiler(self, name: str, boiler: GasBoiler) -> AssetDecision:
        measured_kw = self._snapshot.power_kw(name)
        assert measured_kw is not None
        bounds = [
            Bound("rating", Priority.DEVICE, 0.0, boiler.max_heat_kw, "rated heat"),
            *self._tank_full(),
            *self._override(name),
            *self._tank_empty(boiler.max_heat_kw),
        ]
        planned_kw = self._planned(name)
        if planned_kw is not None:
            runs_kw = _in_load_range(planned_kw, boiler.min_heat_kw)
            bounds.append(exactly("plan", Priority.PLAN, runs_kw, f"plan {planned_kw:.0f} kW"))
        bounds.append(self._thermostat(boiler.max_heat_kw, on_below=BOILER_ON_BELOW, running=measured_kw > 0))
        return _decision(name, resolve(bounds), planned_kw)

    def _generator(self, name: str, rated_kw: float) -> AssetDecision:
        bounds = [
            Bound("rating", Priority.DEVICE, 0.0, rated_kw, "rated power"),
            Bound(EXPORT_LIMIT, Priority.CONTRACT, 0.0, self._feed_limit_kw(name, rated_kw), "keeps the export limit"),
            *self._override(name),
        ]
        planned_kw = self._planned(name)
        if planned_kw is not None and self._planned_curtailed(name, planned_kw):
            bounds.append(exactly("plan", Priority.PLAN, planned_kw, f"plan curtails to {planned_kw:.0f} kW"))
        bounds.append(exactly("local default", Priority.LOCAL, rated_kw, "not limited"))
        return _decision(name, resolve(bounds), planned_kw)

    # -- bounds --------------------------------------------------------------------------------------

    def _soc_window(self, battery: Battery, soc: float) -> list[Bound]:
        if soc >= battery.soc_max:
            reason = f"full: SOC {soc:.1%} at the upper bound {battery.soc_max:.0%}"
            return [Bound("SOC window", Priority.DEVICE, 0.0, battery.max_discharge_kw, reason)]
        if soc <= battery.soc_min:
            reason = f"empty: SOC {soc:.1%} at the lower bound {battery.soc_min:.0%}"
            return [Bound("SOC window", Priority.DEVICE, -battery.max_charge_kw, 0.0, reason)]
        return []

    def _taper(self, battery: Battery, soc: float) -> list[Bound]:
        """What near full or near empty is left of its powers."""
        charge, discharge = share_left(battery.charge_taper, soc), share_left(battery.discharge_taper, soc)
        if charge == discharge == 1.0:
            return []
        reason = f"taper: SOC {soc:.1%} leaves {charge:.0%} for charging and {discharge:.0%} for discharging"
        low_kw, high_kw = -charge * battery.max_charge_kw, discharge * battery.max_discharge_kw
        return [Bound("taper", Priority.DEVICE, low_kw, high_kw, reason)]

    def _override(self, name: str) -> list[Bound]:
        held = self._overrides.get(name)
        if held is None:
            return []
        reason = f"{held.owner}: {held.reason} (until {held.until.astimezone(UTC):%H:%M} UTC)"
        return [exactly("operator", Priority.OPERATOR, held.value_kw, reason)]

    def _tank_full(self) -> list[Bound]:
        soc, tank = self._tank()
        if tank is None or soc is None or soc < tank.soc_max:
            return []
        return [exactly("tank", Priority.DEVICE, 0.0, f"tank full: {soc:.0%}")]

    def _tank_empty(self, most_kw: float) -> list[Bound]:
        soc, tank = self._tank()
        if tank is None or soc is None or soc > tank.soc_min + HEAT_RESERVE_SOC:
            return []
        return [exactly("heat supply", Priority.SUPPLY, most_kw, f"tank nearly empty: {soc:.0%}")]

    def _thermostat(self, most_kw: float, *, on_below: float, running: bool) -> Bound:
        """Without a plan heat is made by the tank's state, the cheaper source first; without a tank always."""
        soc, tank = self._tank()
        if tank is None:
            return exactly("local default", Priority.LOCAL, most_kw, "no plan and no tank: heat is made")
        if soc is None:
            return exactly(
                "local default", Priority.LOCAL, most_kw, "no plan and the tank cannot be read: heat is made"
            )
        switch = on_below + THERMOSTAT_BAND if running else on_below
        reason = f"no plan: tank at {soc:.0%}, {'off above' if running else 'on below'} {switch:.0%}"
        return exactly("local default", Priority.LOCAL, most_kw if soc < switch else 0.0, reason)

    def _feed_limit_kw(self, name: str, rated_kw: float) -> float:
        """What a generator may feed so that all of them together keep the export limit."""
        generators: dict[str, PvPlant | WindTurbine] = {
            **self._site.of_kind(PvPlant),
            **self._site.of_kind(WindTurbine),
        }
        rated_all_kw = sum(generator.rated_kw for generator in generators.values())
        headroom_kw = self._expected_grid_kw + self._export_limit_kw
        measured_kw = self._snapshot.power_kw(name) or 0.0
        if headroom_kw >= LIMITING_HEADROOM * rated_all_kw:
            return rated_kw
        if headroom_kw >= 0:
            return min(rated_kw, measured_kw + headroom_kw * rated_kw / rated_all_kw)
        # those that cannot be told anything keep what they feed: the others make up for them
        told = [generator for generator in generators if self._site.setpoint(generator) is not None]
        feeding_kw = sum(self._snapshot.power_kw(g) or 0.0 for g in told if self._snapshot.available(g))
        kept = max(0.0, 1 + headroom_kw / feeding_kw) if feeding_kw > 0 else 0.0
        return min(rated_kw, measured_kw * kept)

    # -- what is planned and measured ----------------------------------------------------------------

    def _planned(self, name: str) -> float | None:
        if self._plan is None or self._step is None or name not in self._plan.assets:
            return None
        return float(self._plan.assets[name].power_kw[self._step])

    def _planned_curtailed(self, name: str, planned_kw: float) -> bool:
        assert self._plan is not None
        available = self._plan.assets[name].available_kw
        return available is not None and planned_kw < CURTAILED_BELOW * float(available[self._step]) - 1.0

    def _still_to_give_kw(self, name: str) -> float:
        """What the batteries after this one will give more than now once they follow the plan."""
        batteries = list(self._site.dispatched_of(Battery))
        more_kw = 0.0
        for later in batteries[batteries.index(name) + 1 :]:
            planned_kw, measured_kw = self._planned(later), self._snapshot.power_kw(later)
            told = self._site.setpoint(later) is not None and self._snapshot.available(later)
            if told and planned_kw is not None and measured_kw is not None:
                more_kw += planned_kw - measured_kw
        return more_kw

    def _within_corridor(self, name: str, battery: Battery, soc: float, correction_kw: float) -> float:
        """The correction, faded out where it would drive the state further from the plan than the corridor."""
        assert self._plan is not None
        assert self._step is not None
        stored = self._plan.assets[name].stored_kwh
        if stored is None:
            return correction_kw
        into_h = (self._snapshot.at - self._plan.start).total_seconds() / 3600 - self._plan.step_h[: self._step].sum()
        share = into_h / self._plan.step_h[self._step]
        planned_kwh = stored[self._step] + share * (stored[self._step + 1] - stored[self._step])
        ahead = soc - float(planned_kwh) / battery.capacity_kwh
        # a battery fuller than planned must not charge more, an emptier one must not discharge more
        worsening = ahead < 0 if correction_kw > 0 else ahead > 0
        fade = max(0.0, 1 - abs(ahead) / CORRIDOR_SOC) if worsening else 1.0
        return correction_kw * fade

    def _tank(self) -> tuple[float | None, HotWaterTank | None]:
        for name, tank in self._site.dispatched_of(HotWaterTank).items():
            return self._snapshot.value(name, "soc"), tank
        return None, None


def _in_load_range(wanted_kw: float, least_kw: float) -> float:
    """Off, or within the load range: below half of the least load off is nearer than on."""
    if wanted_kw < least_kw / 2:
        return 0.0
    return max(wanted_kw, least_kw)


def _decision(
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
