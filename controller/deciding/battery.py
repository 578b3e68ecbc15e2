"""The battery: follows its plan, and takes up what the grid's power deviates from the plan."""

from __future__ import annotations

import math

from config.assets import Battery
from config.battery_curves import share_left
from controller.bounds import Bound, Priority, exactly, resolve
from controller.deciding.merit import CORRIDOR_SOC, worth_of
from controller.deciding.standing import AT_ONCE_S, DEMAND_GUARD, Standing, decision_of
from controller.decision import AssetDecision
from controller.island import ISLAND

RESERVE_TAPER_H = 0.25
"""Over which what is above the reserve may be given: a billed interval."""


def decide_battery(park: Standing, name: str, battery: Battery) -> AssetDecision:
    measured_kw = park.measured_kw(name)
    if park.island is not None and battery.grid_forming:
        reason = f"holds voltage and frequency of the island: gives {measured_kw:+.0f} kW, as it needs"
        return AssetDecision(asset=name, setpoint_kw=None, owner=ISLAND, reason=reason)
    soc = park.snapshot.value(name, "soc")
    assert soc is not None
    bounds = [
        Bound("rating", Priority.DEVICE, -battery.max_charge_kw, battery.max_discharge_kw, "rated power"),
        *_taper(battery, soc),
        *_soc_window(battery, soc, park.holds_h),
        park.import_bound(measured_kw + park.expected_grid_kw - park.import_limit_kw, math.inf),
        park.export_bound(-math.inf, measured_kw + park.expected_grid_kw + park.export_limit_kw),
        *park.line_both_ways(name),
        *park.override(name),
        *park.demand_bounds(measured_kw - park.demand_room_kw, math.inf),
        *_reserve(park, battery, soc, measured_kw - park.demand_room_kw),
    ]
    planned_kw, correction_kw = park.planned(name), 0.0
    if planned_kw is not None and park.grid_target_kw is not None:
        net_kw = measured_kw + park.expected_grid_kw - _still_to_give_kw(park, name)
        worth = worth_of(park, name, battery, soc)
        if worth is not None:
            best_kw, why = worth.best_kw(net_kw - park.held_back_kw, planned_kw)
            correction_kw = best_kw - planned_kw
            reason = f"plan {planned_kw:+.0f} kW, {correction_kw:+.0f} kW: {why}"
        else:
            correction_kw = _within_corridor(park, name, battery, soc, net_kw - park.grid_target_kw - planned_kw)
            reason = (
                f"plan {planned_kw:+.0f} kW, {correction_kw:+.0f} kW to hold the grid "
                f"at {park.grid_target_kw:.0f} kW (measured {park.expected_grid_kw:.0f} kW)"
            )
        bounds.append(exactly("plan", Priority.PLAN, planned_kw + correction_kw, reason))
    bounds.append(exactly("local default", Priority.LOCAL, 0.0, "no plan: the battery only keeps the limits"))
    resolved = resolve(bounds)
    if name not in park.not_following:
        more_kw = resolved.value - measured_kw
        late_kw = max(0.0, -more_kw - battery.ramp_kw_per_s * AT_ONCE_S)
        park.gives_kw(name, more_kw, late_kw, max(0.0, _most_kw(bounds) - resolved.value))
    return decision_of(name, resolved, planned_kw, correction_kw)


def _most_kw(bounds: list[Bound]) -> float:
    """What it could give at most."""
    return min(bound.high for bound in bounds if bound.priority <= Priority.OPERATOR)


def _reserve(park: Standing, battery: Battery, soc: float, peak_kw: float) -> list[Bound]:
    """What is kept for the month's peak is not given for a price; `peak_kw` is what that takes now."""
    if park.demand is None or park.demand.reserve_kwh <= 0.0:
        return []
    told = [unit for name, unit in park.site.dispatched_of(Battery).items() if park.site.setpoint(name) is not None]
    own_kwh = park.demand.reserve_kwh * battery.capacity_kwh / sum(unit.capacity_kwh for unit in told)
    stored_kwh = max(0.0, soc - battery.soc_min) * battery.capacity_kwh * battery.discharge_efficiency
    most_kw = max(0.0, peak_kw, (stored_kwh - own_kwh) / RESERVE_TAPER_H)
    reason = f"keeps {own_kwh:.0f} kWh of {stored_kwh:.0f} for peaks above {park.demand.target_kw:.0f} kW"
    return [Bound(DEMAND_GUARD, Priority.DEMAND, -math.inf, most_kw, reason)]


def _taper(battery: Battery, soc: float) -> list[Bound]:
    """What near full or near empty is left of its powers."""
    charge, discharge = share_left(battery.charge_taper, soc), share_left(battery.discharge_taper, soc)
    if charge == discharge == 1.0:
        return []
    reason = f"taper: SOC {soc:.1%} leaves {charge:.0%} for charging and {discharge:.0%} for discharging"
    low_kw, high_kw = -charge * battery.max_charge_kw, discharge * battery.max_discharge_kw
    return [Bound("taper", Priority.DEVICE, low_kw, high_kw, reason)]


def _soc_window(battery: Battery, soc: float, holds_h: float) -> list[Bound]:
    """What leaves it within its window for as long as the decision holds."""
    if soc >= battery.soc_max:
        reason = f"full: SOC {soc:.1%} at the upper bound {battery.soc_max:.0%}"
        return [Bound("SOC window", Priority.DEVICE, 0.0, battery.max_discharge_kw, reason)]
    if soc <= battery.soc_min:
        reason = f"empty: SOC {soc:.1%} at the lower bound {battery.soc_min:.0%}"
        return [Bound("SOC window", Priority.DEVICE, -battery.max_charge_kw, 0.0, reason)]
    if holds_h <= 0.0:
        return []
    low_kw = -(battery.soc_max - soc) * battery.capacity_kwh / battery.charge_efficiency / holds_h
    high_kw = (soc - battery.soc_min) * battery.capacity_kwh * battery.discharge_efficiency / holds_h
    if low_kw <= -battery.max_charge_kw and high_kw >= battery.max_discharge_kw:
        return []
    reason = (
        f"SOC {soc:.1%} lasts for {high_kw:.0f} kW of discharging and {-low_kw:.0f} kW of charging until the next look"
    )
    return [Bound("SOC window", Priority.DEVICE, low_kw, high_kw, reason)]


def _still_to_give_kw(park: Standing, name: str) -> float:
    """What the batteries after this one will give more than now once they follow the plan."""
    batteries = list(park.site.dispatched_of(Battery))
    more_kw = 0.0
    for later in batteries[batteries.index(name) + 1 :]:
        planned_kw, measured_kw = park.planned(later), park.snapshot.power_kw(later)
        told = park.site.setpoint(later) is not None and park.snapshot.available(later)
        if told and planned_kw is not None and measured_kw is not None:
            more_kw += planned_kw - measured_kw
    return more_kw


def _within_corridor(park: Standing, name: str, battery: Battery, soc: float, correction_kw: float) -> float:
    """The correction, faded out where it would drive the state further from the plan than the corridor."""
    planned_kwh = park.planned_kwh(name)
    if planned_kwh is None:
        return correction_kw
    ahead = soc - planned_kwh / battery.capacity_kwh
    # a battery fuller than planned must not charge more, an emptier one must not discharge more
    worsening = ahead < 0 if correction_kw > 0 else ahead > 0
    fade = max(0.0, 1 - abs(ahead) / CORRIDOR_SOC) if worsening else 1.0
    return correction_kw * fade
