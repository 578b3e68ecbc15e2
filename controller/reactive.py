"""Reactive power: the month's power factor is kept at its target by inverters, inside each one's circle. Pure.

    Q' <= tan(acos(target)) * P      of the month's energies, Q counted whichever way it flows
    |q| <= sqrt(S^2 - P^2)           of each unit, whose active power has the right of way

What the park takes without its inverters, grid + sum of theirs, does not depend on what they are told, so nothing
swings however late they answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from config.assets import Battery, PvPlant
from config.point import Point
from config.power_factor import PowerFactor
from config.site import Site
from controller.decision import AssetDecision, ReactiveDecision
from controller.image import Snapshot
from controller.modes import Mode

MARGIN = 0.05
"""Share of the reactive power that is allowed which is kept free: meters of class 1, and what is between two cycles."""
ROOM = 0.98
"""Share of its circle that a unit is asked for."""
DEADBAND = 0.02
"""Share of a unit's apparent power below which a change is not worth a write."""
LEAST_AHEAD_H = 24.0
"""What was too much is made up for over a day at least: an hour's worth would ask for more than there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthSoFar:
    """What counts for the power factor of the running month."""

    import_kwh: float
    reactive_kvarh: float
    elapsed_h: float
    left_h: float


def target_of(site: Site, rule: PowerFactor | None) -> float | None:
    """What the site asks for, else the power factor beyond which the tariff rewards nothing more; None for neither."""
    own = site.grid[1].power_factor_target
    if own is not None or rule is None:
        return own
    hundredths = 0 if rule.bonus_per_hundredth == 0.0 else math.ceil(rule.most_bonus / rule.bonus_per_hundredth - 1e-9)
    return min(0.99, rule.standard + hundredths / 100.0)


def allowed_tan(target: float, month: MonthSoFar) -> float:
    """Reactive per active power that may be taken from now on, so that the month ends at its target; never below 0."""
    tan = math.tan(math.acos(target))
    if month.import_kwh <= 0.0 or month.elapsed_h <= 0.0:
        return tan
    ahead_h = max(min(month.left_h, 30 * 24.0), LEAST_AHEAD_H)
    ahead_kwh = month.import_kwh / month.elapsed_h * ahead_h
    allowed_kvarh = tan * (month.import_kwh + ahead_kwh) - month.reactive_kvarh
    # what was saved so far is no reason to let go now: the load of the rest is not known
    return min(tan, max(0.0, allowed_kvarh / ahead_kwh))


def decide_reactive(
    snapshot: Snapshot,
    mode: Mode,
    told: Mapping[str, AssetDecision],
    before: Mapping[str, ReactiveDecision],
    target: float | None,
    month: MonthSoFar,
) -> dict[str, ReactiveDecision]:
    """What every inverter that may be told is told, in kvar, + when it supplies them.

    `told` are the active powers of this cycle, `before` what was decided in the last one.
    """
    site = snapshot.site
    units = {name: point for name in site.assets if (point := site.reactive_setpoint(name)) is not None}
    why = _why_not(snapshot, mode, target)
    if why or target is None:
        return {name: _at_safe(name, point, why) for name, point in units.items()}
    rooms_kvar: dict[str, float] = {}
    own_kvar = 0.0
    for name in units:
        kvar = snapshot.value(name, "reactive_power_kvar")
        if kvar is not None and snapshot.available(name):
            own_kvar += kvar
            rooms_kvar[name] = _room_kvar(snapshot, name, units[name], told.get(name))
    grid = site.grid[0]
    grid_kw, grid_kvar = snapshot.power_kw(grid), snapshot.value(grid, "reactive_power_kvar")
    assert grid_kw is not None, "see _why_not"
    assert grid_kvar is not None, "see _why_not"
    free_kvar = (1.0 - MARGIN) * allowed_tan(target, month) * max(grid_kw, 0.0)
    park_kvar = grid_kvar + own_kvar
    wanted_kvar = math.copysign(max(0.0, abs(park_kvar) - free_kvar), park_kvar)
    share = 0.0 if wanted_kvar == 0.0 else min(1.0, abs(wanted_kvar) / max(sum(rooms_kvar.values()), 1e-9))
    so_far = _factor(month)
    reason = f"park takes {park_kvar:+.0f} kvar, {free_kvar:.0f} are free at a target of {target:.2f} ({so_far})"
    decided = {}
    for name, point in units.items():
        if name not in rooms_kvar:
            decided[name] = ReactiveDecision(
                asset=name, setpoint_kvar=None, owner="unavailable", reason="its reactive power cannot be read"
            )
            continue
        kvar = math.copysign(share * rooms_kvar[name], wanted_kvar)
        kvar = _steady(kvar, before.get(name), rooms_kvar[name], DEADBAND * _apparent_kva(site, name))
        decided[name] = ReactiveDecision(
            asset=name, setpoint_kvar=_in_range(point, kvar), owner="power factor", reason=reason
        )
    return decided


def _why_not(snapshot: Snapshot, mode: Mode, target: float | None) -> str:
    """Why every unit is told its safe value; empty when none is."""
    if mode not in (Mode.OPTIMAL, Mode.FALLBACK):
        return f"mode {mode.value}"
    if target is None:
        return "no power factor is asked for"
    grid = snapshot.site.grid[0]
    if snapshot.value(grid, "reactive_power_kvar") is None or snapshot.power_kw(grid) is None:
        return "the reactive power of the connection cannot be read"
    return ""


def _apparent_kva(site: Site, name: str) -> float:
    unit = site.assets[name]
    if isinstance(unit, Battery):
        return unit.rated_kva or max(unit.max_charge_kw, unit.max_discharge_kw)
    assert isinstance(unit, PvPlant), "only inverters have a reactive setpoint"
    return unit.rated_kva or unit.rated_kw


def _room_kvar(snapshot: Snapshot, name: str, point: Point, told: AssetDecision | None) -> float:
    """What its circle leaves beside the active power that it has, and that it is told to have, within its range."""
    measured_kw = abs(snapshot.power_kw(name) or 0.0)
    is_battery = isinstance(snapshot.site.assets[name], Battery)
    told_kw = abs(told.setpoint_kw) if is_battery and told is not None and told.setpoint_kw is not None else 0.0
    kva = _apparent_kva(snapshot.site, name)
    assert point.setpoint is not None
    range_kvar = min(point.setpoint.high, -point.setpoint.low)
    return max(0.0, min(range_kvar, ROOM * math.sqrt(max(0.0, kva**2 - max(measured_kw, told_kw) ** 2))))


def _steady(kvar: float, before: ReactiveDecision | None, room_kvar: float, deadband_kvar: float) -> float:
    """What it was told before, where that is near enough and still fits."""
    held = None if before is None else before.setpoint_kvar
    if held is None or abs(held) > room_kvar or abs(kvar - held) > deadband_kvar or (kvar == 0.0) != (held == 0.0):
        return kvar
    return held


def _in_range(point: Point, kvar: float) -> float:
    assert point.setpoint is not None
    allowed = point.setpoint
    steps = math.trunc(kvar / allowed.resolution + math.copysign(1e-9, kvar))  # towards 0, so that the circle holds
    return min(max(steps * allowed.resolution, allowed.low), allowed.high)


def _at_safe(name: str, point: Point, why: str) -> ReactiveDecision:
    assert point.setpoint is not None
    return ReactiveDecision(asset=name, setpoint_kvar=point.setpoint.safe, owner="safety", reason=why)


def _factor(month: MonthSoFar) -> str:
    if month.import_kwh <= 0.0:
        return "nothing measured in this month"
    return f"{month.import_kwh / math.hypot(month.import_kwh, month.reactive_kvarh):.2f} so far"
