"""What a plan's batteries must keep: energy for an outage, power and energy for demand response.

outage            need[t] = sum over the next h hours of max(0, critical load - sure generation) * dt
demand response   need[t] = up_kw * duration,  room[t] = down_kw * duration,  and the powers themselves, in its windows

Both are events of their own, so the larger need counts, not their sum. Energy counts as it reaches the electric bus.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from config.reserve import DemandResponse, OutageReserve
from config.site import Site
from config.tariff import MINUTES_PER_DAY, minutes_of
from dispatch.daily_price import mean_by_minute
from dispatch.findings import ENERGY_KWH, POWER_KW
from dispatch.forms.form import Form
from dispatch.forms.storage import Storage
from dispatch.plan import ELECTRICITY, AssetPlan, FloatArray, Situation
from dispatch.registry import forms_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveNeed:
    """What must be kept, each of shape (steps,): energies at the end of each interval, powers within it."""

    energy_kwh: FloatArray
    """To be given, less than is held above the lowest charge."""
    room_kwh: FloatArray
    """To be taken, less than the room below the highest charge."""
    up_kw: FloatArray
    down_kw: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the batteries of a plan keep, in the same shapes."""

    energy_kwh: FloatArray
    room_kwh: FloatArray
    up_kw: FloatArray
    down_kw: FloatArray


def batteries(forms: Mapping[str, Form]) -> dict[str, Storage]:
    """The stores that count for the reserve."""
    return {name: form for name, form in forms.items() if isinstance(form, Storage) and form.bus == ELECTRICITY}


def reserve_need(site: Site, situation: Situation) -> ReserveNeed | None:
    """None for a site without a reserve."""
    reserve = site.file.reserve
    if reserve is None:
        return None
    nothing = np.zeros(situation.steps)
    energy_kwh, room_kwh, up_kw, down_kw = nothing, nothing, nothing, nothing
    if (outage := reserve.outage) is not None:
        energy_kwh = _outage_kwh(outage, forms_of(site), situation)
    if (response := reserve.demand_response) is not None:
        called = _called(response, ZoneInfo(site.location.time_zone), situation)
        # an interval may end in a window, or a window begin with its end
        around = np.maximum(called, np.append(called[1:], called[-1]))
        up_kw, down_kw = response.up_kw * called, response.down_kw * called
        energy_kwh = np.maximum(energy_kwh, response.up_kw * response.duration_h * around)
        room_kwh = response.down_kw * response.duration_h * around
    return ReserveNeed(energy_kwh=energy_kwh, room_kwh=room_kwh, up_kw=up_kw, down_kw=down_kw)


def within_reach(need: ReserveNeed, forms: Mapping[str, Form], situation: Situation) -> ReserveNeed:
    """What of a need batteries could keep if they did nothing else from now on: the rest is nobody's choice."""
    passed_h = np.cumsum(situation.step_h)
    energy_kwh, room_kwh = np.zeros(situation.steps), np.zeros(situation.steps)
    for name, form in batteries(forms).items():
        if name in situation.unavailable:
            continue
        floor_kwh, ceiling_kwh = form.soc_min * form.capacity_kwh, form.soc_max * form.capacity_kwh
        start_kwh = form.start_kwh(name, situation)
        most_kwh = start_kwh + form.charge_efficiency * form.max_charge_kw * passed_h
        least_kwh = start_kwh - form.max_discharge_kw / form.discharge_efficiency * passed_h
        energy_kwh += form.discharge_efficiency * (np.minimum(most_kwh, ceiling_kwh) - floor_kwh)
        room_kwh += (ceiling_kwh - np.maximum(least_kwh, floor_kwh)) / form.charge_efficiency
    return ReserveNeed(
        energy_kwh=np.minimum(need.energy_kwh, np.maximum(energy_kwh, 0.0)),
        room_kwh=np.minimum(need.room_kwh, np.maximum(room_kwh, 0.0)),
        up_kw=need.up_kw,
        down_kw=need.down_kw,
    )


def kept(forms: Mapping[str, Form], situation: Situation, assets: Mapping[str, AssetPlan]) -> Kept:
    """What a plan keeps; an unavailable battery keeps nothing."""
    steps = situation.steps
    energy_kwh, room_kwh, up_kw, down_kw = (np.zeros(steps) for _ in range(4))
    for name, form in batteries(forms).items():
        asset = assets[name]
        if name in situation.unavailable or asset.stored_kwh is None:
            continue
        energy_kwh += form.discharge_efficiency * (asset.stored_kwh[1:] - form.soc_min * form.capacity_kwh)
        room_kwh += (form.soc_max * form.capacity_kwh - asset.stored_kwh[1:]) / form.charge_efficiency
        up_kw += form.max_discharge_kw - asset.power_kw
        down_kw += form.max_charge_kw + asset.power_kw
    return Kept(energy_kwh=energy_kwh, room_kwh=room_kwh, up_kw=up_kw, down_kw=down_kw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """By how much one need is not kept, each of shape (steps,)."""

    what: str
    unit: str
    needed: FloatArray
    short: FloatArray
    """0 where rounding explains it."""

    def in_words(self) -> str:
        """The whole horizon in a sentence."""
        step, steps = int(np.argmax(self.short)), int(np.count_nonzero(self.short))
        most = f"most {self.short[step]:.1f} {self.unit} in step {step}"
        return f"reserve: {self.what} is not kept in {steps} steps, {most}"


def shortages(site: Site, situation: Situation, assets: Mapping[str, AssetPlan]) -> Iterator[Shortage]:
    """What a plan does not keep, added up from its numbers."""
    need = reserve_need(site, situation)
    if need is None:
        return
    has = kept(forms_of(site), situation, assets)
    for what, needed, found, unit, tolerance in (
        ("energy", need.energy_kwh, has.energy_kwh, "kWh", ENERGY_KWH),
        ("room", need.room_kwh, has.room_kwh, "kWh", ENERGY_KWH),
        ("power up", need.up_kw, has.up_kw, "kW", POWER_KW),
        ("power down", need.down_kw, has.down_kw, "kW", POWER_KW),
    ):
        short = np.where((needed > 0.0) & (needed - found > tolerance), needed - found, 0.0)
        if np.any(short):
            yield Shortage(what=what, unit=unit, needed=needed, short=short)


def not_kept(site: Site, situation: Situation, assets: Mapping[str, AssetPlan]) -> Iterator[str]:
    """Where a plan falls short of the reserve, one sentence for each interval."""
    for each in shortages(site, situation, assets):
        for step in np.flatnonzero(each.short):
            of = f"{each.short[step]:.2f} {each.unit} of {each.needed[step]:.2f} {each.unit}"
            yield f"reserve, step {step}: {of} of {each.what} are not kept"


def too_weak(site: Site, situation: Situation) -> list[str]:
    """Critical loads that the batteries could not carry with any energy, in words: no plan can change that."""
    reserve = site.file.reserve
    if reserve is None or reserve.outage is None:
        return []
    forms = forms_of(site)
    able_kw = sum(form.max_discharge_kw * situation.on(name) for name, form in batteries(forms).items())
    critical_kw = _critical_kw(reserve.outage, forms, situation)
    step = int(np.argmax(critical_kw))
    if critical_kw[step] <= able_kw + POWER_KW:
        return []
    return [f"reserve: critical loads take {critical_kw[step]:.1f} kW in step {step}, batteries give {able_kw:.1f}"]


def _critical_kw(outage: OutageReserve, forms: Mapping[str, Form], situation: Situation) -> FloatArray:
    """What critical loads take beyond what is sure to come, shape (steps,)."""
    needed_kw = np.zeros(situation.steps)
    for name in outage.critical:
        if name in forms:
            needed_kw = needed_kw + situation.load_kw[name]
    for name, share in outage.sure.items():
        if name in forms:
            needed_kw = needed_kw - share * situation.on(name) * situation.available_kw[name]
    return np.maximum(needed_kw, 0.0)


def _outage_kwh(outage: OutageReserve, forms: Mapping[str, Form], situation: Situation) -> FloatArray:
    """What an outage that begins at the end of each interval would take; beyond the horizon as in its last interval."""
    needed_kw = _critical_kw(outage, forms, situation)
    edges_h = np.concatenate(([0.0], np.cumsum(situation.step_h), [situation.step_h.sum() + outage.hours]))
    used_kwh = np.concatenate(([0.0], np.cumsum(np.append(needed_kw, needed_kw[-1]) * np.diff(edges_h))))
    begins_h = edges_h[1:-1]
    taken: FloatArray = np.interp(begins_h + outage.hours, edges_h, used_kwh) - np.interp(begins_h, edges_h, used_kwh)
    return taken


def _called(response: DemandResponse, zone: ZoneInfo, situation: Situation) -> FloatArray:
    """1 in each interval that a window touches, else 0."""
    within = np.zeros(MINUTES_PER_DAY)
    for hours in response.windows:
        start, end = minutes_of(hours)
        within[start:end] = 1.0
    return np.where(mean_by_minute(within, zone, situation.start, situation.step_h) > 0.0, 1.0, 0.0)
