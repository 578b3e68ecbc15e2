"""The last word on every setpoint: range, SOC window, least load, minimum times, deadband, ramp. Pure.

What may be written at all is settled before: a setpoint that the site file does not list under `write` does not
exist for the controller (`Site.setpoint`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from config.asset import AssetBase, OnOff, Ramped
from config.assets import Battery, PvPlant, WindTurbine
from config.flexible_assets import ShiftableJob
from config.site import Site
from controller.deciding.by_weather import EXPORT_LIMIT
from controller.deciding.line import FEEDER
from controller.deciding.load_range import in_load_range, load_range_kw, ready_kw, runs
from controller.decision import AssetDecision, Decision
from controller.image import Snapshot
from controller.island import ISLAND
from controller.limits import CONTRACT, GRID_OPERATOR, TRANSFORMER
from controller.modes import Mode

DEADBAND = 0.005
"""Share of the setpoint's span below which a change is not worth a write: devices hold about 0.5 to 1 %."""


HOUR_S = 3600.0
DWELL_S = 60.0
"""How long a battery keeps its direction for a wish: clouds turn a park round more often than its contactors like."""
LIMITS = (EXPORT_LIMIT, TRANSFORMER, FEEDER, GRID_OPERATOR, ISLAND)
"""Owners whose word a generator follows down at once."""
WISHES = ("plan", "local default")
"""Owners whose word may wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetGuard:
    """What the guard must remember of one asset; times are seconds of the site's physics."""

    setpoint_kw: float
    """What the device was last told, or was found doing."""
    running: bool
    """Whether a unit with minimum times runs."""
    switched_s: float
    """When it was last switched on or off; -inf when that was long ago."""
    decided_s: float
    starts_s: tuple[float, ...] = ()
    """When a unit with a limit of its starts was started within the last hour."""
    direction: int = 0
    """1 when it last gave, -1 when it last took, 0 before either."""
    turned_s: float = -math.inf
    """When that changed last."""


GuardState = Mapping[str, AssetGuard]


def guard(decision: Decision, snapshot: Snapshot, state: GuardState) -> tuple[Decision, dict[str, AssetGuard]]:
    """The decision with every setpoint made safe, and what to remember for the next cycle.

    A decision that would break a rule is moved to the nearest value that does not, and says so in its owner
    and reason. Assets without memory are taken as they are decided: the first setpoint has no ramp to keep.
    """
    site, site_s = snapshot.site, snapshot.site_s
    guarded: dict[str, AssetDecision] = {}
    remembered: dict[str, AssetGuard] = {}
    for name, asset in decision.assets.items():
        held = state.get(name)
        if asset.setpoint_kw is None:
            guarded[name] = asset
            if held is not None:
                remembered[name] = replace(held, decided_s=site_s)
            continue
        kept = _soc_window(snapshot, _in_range(site, asset))
        if decision.mode in (Mode.OPTIMAL, Mode.FALLBACK, Mode.ISLANDED):
            kept = _load_range(site, kept)
            kept = _minimum_times(site, kept, held, site_s)
            kept = _few_starts(site, kept, held, site_s)
            kept = _dwell(site, kept, held, site_s)
            # before the ramp: a slow ramp's steps are smaller than the deadband
            kept = _deadband(site, kept, held)
            kept = _ramp(site, kept, held, site_s)
        guarded[name] = kept
        assert kept.setpoint_kw is not None
        remembered[name] = _memory(kept.setpoint_kw, held, site_s, site.assets[name])
    return replace(decision, assets=guarded), remembered


def _in_range(site: Site, asset: AssetDecision) -> AssetDecision:
    """Inside what the device's profile allows, on the grid of its resolution."""
    point = site.setpoint(asset.asset)
    assert point is not None
    assert point.setpoint is not None
    assert asset.setpoint_kw is not None
    allowed = point.setpoint
    value = min(max(asset.setpoint_kw, allowed.low), allowed.high)
    if value != asset.setpoint_kw:
        reason = f"{asset.setpoint_kw:.1f} kW is outside {allowed.low:g} to {allowed.high:g} kW; {asset.reason}"
        asset = replace(asset, owner="guard", reason=reason)
    steps = round(value / allowed.resolution)
    value = min(max(steps * allowed.resolution, allowed.low), allowed.high)
    return replace(asset, setpoint_kw=value)


def _soc_window(snapshot: Snapshot, asset: AssetDecision) -> AssetDecision:
    """A full battery is not charged and an empty one not discharged, whoever wants it."""
    battery = snapshot.site.assets[asset.asset]
    soc = snapshot.value(asset.asset, "soc")
    if not isinstance(battery, Battery) or soc is None or asset.setpoint_kw is None:
        return asset
    if (soc >= battery.soc_max and asset.setpoint_kw < 0) or (soc <= battery.soc_min and asset.setpoint_kw > 0):
        window = f"{battery.soc_min:.0%} to {battery.soc_max:.0%}"
        reason = f"SOC {soc:.1%} at the edge of {window}, wanted {asset.setpoint_kw:.1f} kW: {asset.reason}"
        return replace(asset, setpoint_kw=0.0, owner="guard", reason=reason)
    return asset


def _load_range(site: Site, asset: AssetDecision) -> AssetDecision:
    """Below its least load a unit cannot run, and above what was asked for it must not: it is off, or stands by."""
    assert asset.setpoint_kw is not None
    unit = site.assets[asset.asset]
    least_kw, _ = load_range_kw(unit)
    if not 0 < asset.setpoint_kw < least_kw or (ready_kw(unit) and in_load_range(asset.setpoint_kw, unit) < least_kw):
        return asset
    reason = f"{asset.setpoint_kw:.1f} kW is below the least load of {least_kw:g} kW; {asset.reason}"
    return replace(asset, setpoint_kw=0.0, owner="guard", reason=reason)


def _minimum_times(site: Site, asset: AssetDecision, held: AssetGuard | None, site_s: float) -> AssetDecision:
    """A compressor or burner stays on, or off, for its minimum time."""
    unit = site.assets[asset.asset]
    if held is None or not isinstance(unit, OnOff):
        return asset
    assert asset.setpoint_kw is not None
    since_s = site_s - held.switched_s
    wants_on = runs(asset.setpoint_kw, unit)
    if held.running and not wants_on and since_s < unit.min_on_s:
        reason = f"minimum on time: {since_s:.0f} of {unit.min_on_s:.0f} s; wanted off: {asset.reason}"
        return replace(asset, setpoint_kw=load_range_kw(unit)[0], owner="guard", reason=reason)
    if not held.running and wants_on and since_s < unit.min_off_s:
        reason = f"minimum off time: {since_s:.0f} of {unit.min_off_s:.0f} s; wanted on: {asset.reason}"
        return replace(asset, setpoint_kw=0.0, owner="guard", reason=reason)
    return asset


def _few_starts(site: Site, asset: AssetDecision, held: AssetGuard | None, site_s: float) -> AssetDecision:
    """A compressor is started only so often within an hour."""
    unit = site.assets[asset.asset]
    if held is None or held.running or not isinstance(unit, OnOff) or unit.max_starts_per_h is None:
        return asset
    assert asset.setpoint_kw is not None
    lately = sum(site_s - at_s < HOUR_S for at_s in held.starts_s)
    if not runs(asset.setpoint_kw, unit) or lately < unit.max_starts_per_h:
        return asset
    reason = f"{lately} starts within an hour, no more are allowed; wanted on: {asset.reason}"
    return replace(asset, setpoint_kw=0.0, owner="guard", reason=reason)


def _dwell(site: Site, asset: AssetDecision, held: AssetGuard | None, site_s: float) -> AssetDecision:
    """A battery that has just turned round rests before it turns again, unless a limit or a person says so."""
    if held is None or not isinstance(site.assets[asset.asset], Battery) or asset.owner not in WISHES:
        return asset
    assert asset.setpoint_kw is not None
    since_s = site_s - held.turned_s
    if asset.setpoint_kw * held.direction >= 0.0 or since_s >= DWELL_S:
        return asset
    reason = f"turned round {since_s:.0f} s ago: rests before {asset.setpoint_kw:.0f} kW; {asset.reason}"
    return replace(asset, setpoint_kw=0.0, owner="guard", reason=reason)


def _ramp(site: Site, asset: AssetDecision, held: AssetGuard | None, site_s: float) -> AssetDecision:
    unit = site.assets[asset.asset]
    if held is None or isinstance(unit, ShiftableJob):  # a job is switched
        return asset
    assert asset.setpoint_kw is not None
    rate_kw_per_s = unit.ramp_kw_per_s if isinstance(unit, Battery | Ramped) else site.control.ramp_kw_per_s
    step_kw = rate_kw_per_s * max(0.0, site_s - held.decided_s)
    start_kw = _ramp_start_kw(site, asset.asset, held)
    change_kw = asset.setpoint_kw - start_kw
    if abs(change_kw) <= step_kw or (_gives_way_at_once(unit, asset) and change_kw < 0):
        return asset
    value = start_kw + (step_kw if change_kw > 0 else -step_kw)
    least_kw, _ = load_range_kw(unit)
    if 0 < value < least_kw:
        # below its least load a unit does not run: the ramp starts at, and falls from, that load
        value = least_kw if change_kw > 0 else asset.setpoint_kw
    reason = f"ramp {rate_kw_per_s:g} kW/s towards {asset.setpoint_kw:.1f} kW: {asset.reason}"
    return replace(asset, setpoint_kw=value, owner="guard", reason=reason)


def _gives_way_at_once(unit: AssetBase, asset: AssetDecision) -> bool:
    """A generator that a limit holds down."""
    return isinstance(unit, PvPlant | WindTurbine) and asset.owner in LIMITS


def _ramp_start_kw(site: Site, name: str, held: AssetGuard) -> float:
    """Where a ramp starts: inside the range whatever the device was found at, and at 0 for a unit that is off."""
    if load_range_kw(site.assets[name])[0] > 0 and not held.running:
        return 0.0
    point = site.setpoint(name)
    assert point is not None
    assert point.setpoint is not None
    return min(max(held.setpoint_kw, point.setpoint.low), point.setpoint.high)


def _deadband(site: Site, asset: AssetDecision, held: AssetGuard | None) -> AssetDecision:
    """A change too small to matter is not made, except to zero or to the end of the range."""
    point = site.setpoint(asset.asset)
    assert point is not None
    assert point.setpoint is not None
    assert asset.setpoint_kw is not None
    if held is None or asset.setpoint_kw in (0.0, point.setpoint.low, point.setpoint.high):
        return asset
    if asset.owner in (CONTRACT, *LIMITS, "SOC window"):
        return asset
    low = max(point.setpoint.low, point.setpoint.low if asset.low_kw is None else asset.low_kw)
    high = min(point.setpoint.high, point.setpoint.high if asset.high_kw is None else asset.high_kw)
    if not low <= held.setpoint_kw <= high:
        return asset
    if abs(asset.setpoint_kw - held.setpoint_kw) < DEADBAND * (point.setpoint.high - point.setpoint.low):
        return replace(asset, setpoint_kw=held.setpoint_kw)
    return asset


def _memory(setpoint_kw: float, held: AssetGuard | None, site_s: float, unit: AssetBase) -> AssetGuard:
    running = runs(setpoint_kw, unit)
    if held is None:
        switched_s = float("-inf")
    else:
        switched_s = site_s if running != held.running else held.switched_s
    starts_s: tuple[float, ...] = ()
    if isinstance(unit, OnOff) and unit.max_starts_per_h is not None:
        starts_s = () if held is None else tuple(at_s for at_s in held.starts_s if site_s - at_s < HOUR_S)
        starts_s += (site_s,) if running and held is not None and not held.running else ()
    before, turned_s = (0, -math.inf) if held is None else (held.direction, held.turned_s)
    direction = (setpoint_kw > 0.0) - (setpoint_kw < 0.0) or before
    return AssetGuard(
        setpoint_kw=setpoint_kw,
        running=running,
        switched_s=switched_s,
        decided_s=site_s,
        starts_s=starts_s,
        direction=direction,
        turned_s=site_s if before and direction != before else turned_s,
    )
