"""A plan by rules, without a solver: what an experienced operator would set, interval by interval."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from config.assets import Battery, GasBoiler, HeatLoad, HeatPump, HotWaterTank
from config.site import Site
from dispatch.bill import bill, peaks_kw
from dispatch.plan import AssetPlan, FloatArray, Method, Plan, Situation
from dispatch.soundness import generators, require_sound, stores
from dispatch.store import kept
from dispatch.tariff import Prices, TariffCalendar

CHEAP_SHARE = 0.25
"""The lowest quarter of the price range counts as cheap, the highest quarter as dear: with the usual three to
five bands that is the valleys and the peaks, and never the flat hours between them."""
TO_MIDDLE_H = 2.0
"""A tank is brought back to its middle within about this time: slow enough not to start a boiler for it."""


def rules_plan(site: Site, situation: Situation, issued_at: datetime) -> Plan:
    """A plan by rules that keeps every limit which can be kept.

    Heat: heat pumps serve demand and bring the tanks to their middle, boilers make what would lift the import
    above the month's peak so far, tanks give what is still missing. Electricity: batteries hold that peak (or
    the mean import of the horizon, where it is higher): above it they discharge, below it they charge in cheap
    bands; they take surplus, and discharge in dear bands into the park's own demand as far as they do not need
    the energy to hold the peak later. What still exceeds the export limit is curtailed. Import beyond the limit
    and heat that is not served are named in the note. Minimum loads are left to the guard, as in the optimal
    plan.

    Raises BadSituation and NoTariff as the dispatcher does.
    """
    require_sound(site, situation)
    prices = TariffCalendar(site.tariffs).over(situation.start, situation.step_h)
    walk = _Walk.of(site, situation, prices)
    for step in range(situation.steps):
        electricity_kw = _heat(walk, step)
        _electricity(walk, step, electricity_kw)
    assets = walk.assets()
    return Plan(
        issued_at=issued_at,
        method=Method.RULES,
        start=situation.start,
        step_h=situation.step_h,
        assets=assets,
        import_price_per_kwh=prices.import_per_kwh,
        cost=bill(site, prices, situation.step_h, assets, situation.month_peak_kw),
        note=_note(site, situation, assets),
    )


@dataclass(frozen=True, slots=True)
class _Walk:
    """The plan as it grows, interval by interval."""

    site: Site
    situation: Situation
    prices: Prices
    cheap: NDArray[np.bool_]
    dear: NDArray[np.bool_]
    hold_kw: FloatArray
    """Import that batteries hold: below it they may charge from the grid, above it they discharge, shape (steps,)."""
    reserve_kwh: FloatArray
    """Energy that holding the import will still need until it is cheap again, after each interval, shape (steps,)."""
    power_kw: dict[str, FloatArray] = field(default_factory=dict)
    stored_kwh: dict[str, FloatArray] = field(default_factory=dict)
    keep: dict[str, FloatArray] = field(default_factory=dict)

    @classmethod
    def of(cls, site: Site, situation: Situation, prices: Prices) -> _Walk:
        price = prices.import_cost_per_kwh
        low, spread = float(price.min()), float(price.max() - price.min())
        net_kw = sum(situation.load_kw.values(), start=situation.local("electricity"))
        for name in generators(site):
            net_kw = net_kw - _offered(site, situation, name)
        peak_kw = peaks_kw(site, prices, situation.month_peak_kw)[prices.month]
        mean_kw = float(np.maximum(net_kw, 0.0) @ situation.step_h / situation.step_h.sum())
        hold_kw = np.minimum(np.maximum(peak_kw, mean_kw), site.grid[1].import_limit_kw)
        cheap = (price <= low + CHEAP_SHARE * spread) & (spread > 0.0)
        walk = cls(
            site,
            situation,
            prices,
            cheap=cheap,
            dear=(price >= low + (1.0 - CHEAP_SHARE) * spread) & (spread > 0.0),
            hold_kw=hold_kw,
            reserve_kwh=_reserve(np.maximum(net_kw - hold_kw, 0.0) * situation.step_h, cheap),
        )
        for name in site.dispatched:
            walk.power_kw[name] = np.zeros(situation.steps)
        for name, series in {**situation.load_kw, **situation.heat_load_kw}.items():
            walk.power_kw[name] = series.astype(np.float64)
        for name in generators(site):
            walk.power_kw[name] = _offered(site, situation, name)
        for name, spec in stores(site).items():
            loss = spec.loss_per_h if isinstance(spec, HotWaterTank) else 0.0
            walk.keep[name] = kept(loss, situation.step_h)
            walk.stored_kwh[name] = np.full(situation.steps + 1, situation.stored_kwh.get(name, 0.0))
        return walk

    def usable(self, kind: type[Battery] | type[HotWaterTank] | type[HeatPump] | type[GasBoiler]) -> list[str]:
        unavailable = self.situation.unavailable
        return [
            name for name, spec in self.site.dispatched.items() if isinstance(spec, kind) and name not in unavailable
        ]

    def room_kwh(self, name: str, step: int) -> tuple[float, float]:
        """What a store can give and take in an interval without leaving its window any further.

        It gives only so much that its own losses do not empty it below the window before the end.
        """
        spec = stores(self.site)[name]
        stored = float(self.keep[name][step] * self.stored_kwh[name][step])
        kept_to_end = max(float(np.prod(self.keep[name][step + 1 :])), 1e-9)
        give = max(0.0, stored - spec.soc_min * spec.capacity_kwh / kept_to_end)
        return give, max(0.0, spec.soc_max * spec.capacity_kwh - stored)

    def store(self, name: str, step: int, change_kwh: float) -> None:
        self.stored_kwh[name][step + 1] = self.keep[name][step] * self.stored_kwh[name][step] + change_kwh

    def assets(self) -> dict[str, AssetPlan]:
        plans: dict[str, AssetPlan] = {}
        for name, spec in self.site.dispatched.items():
            power = self.power_kw[name]
            plans[name] = AssetPlan(
                power_kw=power,
                heat_kw=power * self.situation.cop[name] if isinstance(spec, HeatPump) else None,
                gas_kw=power / spec.efficiency if isinstance(spec, GasBoiler) else None,
                stored_kwh=self.stored_kwh[name] if name in self.situation.stored_kwh else None,
                available_kw=_offered(self.site, self.situation, name) if name in generators(self.site) else None,
            )
        return plans


def _offered(site: Site, situation: Situation, name: str) -> FloatArray:
    on = 0.0 if name in situation.unavailable else 1.0
    return on * np.minimum(situation.available_kw[name], generators(site)[name].rated_kw)


def _reserve(above_kwh: FloatArray, cheap: NDArray[np.bool_]) -> FloatArray:
    reserve = np.zeros(len(above_kwh))
    for step in range(len(above_kwh) - 2, -1, -1):
        reserve[step] = 0.0 if cheap[step + 1] else reserve[step + 1] + above_kwh[step + 1]
    return reserve


def _battery_limits(walk: _Walk, name: str, step: int) -> tuple[float, float]:
    """The most that a battery can discharge and charge in an interval, kW at the AC side."""
    spec = walk.site.dispatched_of(Battery)[name]
    give, take = walk.room_kwh(name, step)
    hours = float(walk.situation.step_h[step])
    return (
        min(spec.max_discharge_kw, give * spec.discharge_efficiency / hours),
        min(spec.max_charge_kw, take / (spec.charge_efficiency * hours)),
    )


def _heat(walk: _Walk, step: int) -> float:
    """Plans heat for one interval; returns the electricity that loads and heat pumps need beyond generation."""
    site, situation, hours = walk.site, walk.situation, float(walk.situation.step_h[step])
    net_kw = sum(float(series[step]) for series in situation.load_kw.values())
    net_kw += float(situation.local("electricity")[step])
    net_kw -= sum(float(walk.power_kw[name][step]) for name in generators(site))
    reserve_kw = sum(_battery_limits(walk, name, step)[0] for name in walk.usable(Battery))
    headroom_kw = max(0.0, site.grid[1].import_limit_kw + reserve_kw - net_kw)

    need_kw = sum(float(series[step]) for series in situation.heat_load_kw.values())
    need_kw += float(situation.local("heat")[step])
    given_kw, wanted_kw = _to_middle(walk, step, need_kw)
    need_kw -= sum(given_kw.values())
    made_kw = 0.0
    goal_kw = need_kw + sum(wanted_kw.values())

    def run_heat_pumps(heat_kw: float, most_kw: float) -> float:
        made_kw = 0.0
        for name in walk.usable(HeatPump):
            cop = float(situation.cop[name][step])
            spare_kw = site.dispatched_of(HeatPump)[name].max_power_kw - float(walk.power_kw[name][step])
            more_kw = max(0.0, min(spare_kw, most_kw, (heat_kw - made_kw) / cop))
            walk.power_kw[name][step] += more_kw
            most_kw -= more_kw
            made_kw += more_kw * cop
        return made_kw

    made_kw = run_heat_pumps(goal_kw, max(0.0, float(walk.hold_kw[step]) - net_kw))
    for name in walk.usable(GasBoiler):
        heat_kw = min(site.dispatched_of(GasBoiler)[name].max_heat_kw, max(0.0, goal_kw - made_kw))
        walk.power_kw[name][step] = heat_kw
        made_kw += heat_kw
    used_kw = sum(float(walk.power_kw[name][step]) for name in walk.usable(HeatPump))
    made_kw += run_heat_pumps(need_kw - made_kw, headroom_kw - used_kw)
    net_kw += sum(float(walk.power_kw[name][step]) for name in walk.usable(HeatPump))

    missing_kw, left_kw = max(0.0, need_kw - made_kw), max(0.0, made_kw - need_kw)
    for name in walk.usable(HotWaterTank):
        spec = site.dispatched_of(HotWaterTank)[name]
        most_kw = min(spec.max_discharge_kw, walk.room_kwh(name, step)[0] / hours)
        more_kw = min(missing_kw, most_kw - given_kw[name])
        taken_kw = min(left_kw, wanted_kw[name])
        missing_kw -= more_kw
        left_kw -= taken_kw
        walk.power_kw[name][step] = given_kw[name] + more_kw - taken_kw
    for name in site.dispatched_of(HotWaterTank):
        walk.store(name, step, -float(walk.power_kw[name][step]) * hours)
    for name in site.dispatched_of(HeatLoad):
        cut_kw = min(missing_kw, float(walk.power_kw[name][step]))
        walk.power_kw[name][step] -= cut_kw
        missing_kw -= cut_kw
    return net_kw


def _to_middle(walk: _Walk, step: int, need_kw: float) -> tuple[dict[str, float], dict[str, float]]:
    """By usable tank, the heat to give towards `need_kw` and the heat to take so that it comes to its middle."""
    hours = float(walk.situation.step_h[step])
    given_kw: dict[str, float] = {}
    wanted_kw: dict[str, float] = {}
    for name in walk.usable(HotWaterTank):
        spec = walk.site.dispatched_of(HotWaterTank)[name]
        middle_kwh = (spec.soc_min + spec.soc_max) / 2.0 * spec.capacity_kwh
        beyond_kwh = float(walk.keep[name][step] * walk.stored_kwh[name][step]) - middle_kwh
        rate_kw = beyond_kwh / max(TO_MIDDLE_H, hours)
        given_kw[name] = min(max(0.0, rate_kw), spec.max_discharge_kw, need_kw)
        wanted_kw[name] = min(max(0.0, -rate_kw), spec.max_charge_kw)
        need_kw -= given_kw[name]
    return given_kw, wanted_kw


def _electricity(walk: _Walk, step: int, net_kw: float) -> None:
    """Plans batteries, curtailment and the grid for one interval, given what the park needs beyond generation."""
    site, hours = walk.site, float(walk.situation.step_h[step])
    grid_name, grid = site.grid
    for name in walk.usable(Battery):
        spec = site.dispatched_of(Battery)[name]
        most_discharge_kw, most_charge_kw = _battery_limits(walk, name, step)
        hold_kw = float(walk.hold_kw[step])
        above_kw = max(0.0, net_kw - hold_kw)
        if walk.dear[step] and _pays(walk, spec):
            held_kwh = walk.room_kwh(name, step)[0] * spec.discharge_efficiency
            above_kw = max(above_kw, min(net_kw, (held_kwh - float(walk.reserve_kwh[step])) / hours))
        charge_to_kw = hold_kw if walk.cheap[step] and _pays(walk, spec) else 0.0
        power_kw = min(most_discharge_kw, above_kw) - min(most_charge_kw, max(0.0, charge_to_kw - net_kw))
        walk.power_kw[name][step] = power_kw
        net_kw -= power_kw
    for name, spec in site.dispatched_of(Battery).items():
        power_kw = float(walk.power_kw[name][step])
        charged_kw = max(0.0, -power_kw) * spec.charge_efficiency
        walk.store(name, step, (charged_kw - max(0.0, power_kw) / spec.discharge_efficiency) * hours)
    export_limit_kw = grid.export_limit_kw if walk.prices.export_per_kwh[step] >= 0.0 else 0.0
    surplus_kw = max(0.0, -net_kw - export_limit_kw)
    for name in generators(site):
        cut_kw = min(surplus_kw, float(walk.power_kw[name][step]))
        walk.power_kw[name][step] -= cut_kw
        surplus_kw -= cut_kw
        net_kw += cut_kw
    walk.power_kw[grid_name][step] = net_kw


def _pays(walk: _Walk, spec: Battery) -> bool:
    """Whether the spread between cheapest and dearest hour covers losses and wear."""
    price = walk.prices.import_cost_per_kwh
    gain = spec.charge_efficiency * spec.discharge_efficiency * (float(price.max()) - spec.wear_cny_per_kwh)
    return gain > float(price.min())


def _note(site: Site, situation: Situation, assets: dict[str, AssetPlan]) -> str:
    words = ["rules without a solver"]
    name, grid = site.grid
    over_kw = float(np.max(assets[name].power_kw)) - grid.import_limit_kw
    if over_kw > 0.0:
        words.append(f"{name}: import up to {over_kw:.1f} kW beyond the limit")
    for load in site.dispatched_of(HeatLoad):
        short_kwh = float((situation.heat_load_kw[load] - assets[load].power_kw) @ situation.step_h)
        if short_kwh > 0.0:
            words.append(f"{load}: {short_kwh:.1f} kWh of heat not served")
    return "; ".join(words)
