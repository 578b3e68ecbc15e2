"""A plan by rules, without a solver: what an experienced operator would set, interval by interval."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from config.site import Site
from dispatch.bill import bill
from dispatch.caps import counted_late, exceeded
from dispatch.feeders import overload_in_words
from dispatch.forms.connection import Connection
from dispatch.forms.demand import Demand
from dispatch.forms.link import Link
from dispatch.forms.source import Source
from dispatch.forms.storage import Storage, cycles_counted_late
from dispatch.plan import ELECTRICITY, AssetPlan, Method, Plan, Situation
from dispatch.registry import forms_of
from dispatch.reserve import shortages, too_weak
from dispatch.rules_carrier import carriers, plan_carrier
from dispatch.rules_reserve import spare
from dispatch.rules_walk import Walk
from dispatch.soundness import require_sound
from dispatch.spot import spot_tail
from dispatch.tariff import calendar_of
from dispatch.worth import UNSERVED_LOAD_TIMES


def rules_plan(site: Site, situation: Situation, issued_at: datetime) -> Plan:
    """A plan by rules that keeps every limit which can be kept.

    Heat, steam, cooling and hydrogen: waste heat serves demand, then heat pumps, chillers and the like, which also
    bring the stores to their middle; boilers and CHP make what would lift the import above the month's peak so far, or
    a network sells it where that is cheaper than gas; stores give what is still missing. An ORC takes the waste heat
    that is left, and networks what it leaves. Fuel cells stand still. Vehicles and jobs take their energy as soon as
    they can.

    Electricity: batteries keep the reserve, and hold that peak (or the mean import of the horizon, where it is higher):
    above it they discharge, below it they charge in cheap bands; they take surplus, and discharge in dear bands into
    the park's own demand as far as they do not need the energy to hold the peak later. What still exceeds the export
    limit is curtailed, and loads that may be shed are shed where the import limit would be broken. Import beyond the
    limit and demand that is not served are named in the note. Minimum loads and ramps are left to the guard.

    Raises BadSituation and NoTariff as the dispatcher does.
    """
    require_sound(site, situation)
    prices = calendar_of(site).over(situation.start, situation.step_h, situation.spot)
    walk = Walk.of(site, situation, prices)
    order = carriers(walk)
    for step in range(situation.steps):
        net_kw = walk.net_kw(step)
        reserve_kw = sum(_battery_limits(walk, name, step)[0] for name in walk.usable(Storage))
        for bus in order:
            net_kw = plan_carrier(walk, bus, step, net_kw, reserve_kw)
        _electricity(walk, step, net_kw)
    assets = walk.assets()
    return Plan(
        issued_at=issued_at,
        method=Method.RULES,
        start=situation.start,
        step_h=situation.step_h,
        assets=assets,
        import_price_per_kwh=prices.import_per_kwh,
        cost=bill(site, prices, situation, assets),
        note="; ".join(
            [
                _note(site, situation, assets),
                *overload_in_words(site, assets),
                *exceeded(site, situation, prices, assets),
                *counted_late(site, situation),
                *(shortage.in_words() for shortage in shortages(site, situation, assets)),
                *too_weak(site, situation),
                *spot_tail(site, situation),
                *cycles_counted_late(forms_of(site), situation),
            ]
        ),
    )


def _battery_limits(walk: Walk, name: str, step: int) -> tuple[float, float]:
    """The most that a battery can discharge and charge in an interval, kW at the AC side."""
    form = walk.all_of(Storage)[name]
    give, take = walk.room_kwh(name, step)
    hours = float(walk.situation.step_h[step])
    stored_kwh = float(walk.stored_kwh[name][step])
    most_discharge_kw = form.most_discharge_kw(give, stored_kwh, hours)
    if form.daily is not None:
        most_discharge_kw = min(most_discharge_kw, walk.left_today_kwh(name, form, step) / hours)
    return most_discharge_kw, form.most_charge_kw(take, stored_kwh, hours)


def _electricity(walk: Walk, step: int, net_kw: float) -> None:
    """Plans batteries, curtailment, shedding and the grid for one interval, with what is needed beyond generation."""
    hours = float(walk.situation.step_h[step])
    for name, form in walk.usable(Storage).items():
        most_discharge_kw, most_charge_kw = _battery_limits(walk, name, step)
        hold_kw = float(walk.hold_kw[step])
        above_kw = max(0.0, net_kw - hold_kw)
        if walk.dear[step] and _pays(walk, form):
            held_kwh = walk.room_kwh(name, step)[0] * form.discharge_efficiency
            above_kw = max(above_kw, min(net_kw, (held_kwh - float(walk.reserve_kwh[step])) / hours))
        left = spare(walk, step)
        charge_to_kw = hold_kw if left.short or (walk.cheap[step] and _pays(walk, form)) else 0.0
        # the reserve is given before the import limit is broken
        over_kw = min(most_discharge_kw, max(0.0, net_kw - walk.import_limit_kw))
        power_kw = max(min(most_discharge_kw, above_kw, left.give_kw), over_kw)
        power_kw -= min(most_charge_kw, left.take_kw, max(0.0, charge_to_kw - net_kw))
        walk.power_kw[name][step] = power_kw
        net_kw -= power_kw
    walk.store(walk.all_of(Storage), step)
    export_limit_kw = walk.export_limit_kw if walk.prices.export_per_kwh[step] >= 0.0 else 0.0
    surplus_kw = max(0.0, -net_kw - export_limit_kw)
    for name, _ in sorted(walk.all_of(Source).items(), key=lambda item: not item[1].free):
        cut_kw = min(surplus_kw, float(walk.power_kw[name][step]))
        walk.power_kw[name][step] -= cut_kw
        surplus_kw -= cut_kw
        net_kw += cut_kw
    over_kw = max(0.0, net_kw - walk.import_limit_kw)
    for name, load in sorted(walk.all_of(Demand).items(), key=lambda item: item[1].times):
        if load.times < UNSERVED_LOAD_TIMES:
            cut_kw = min(over_kw, float(walk.power_kw[name][step]))
            walk.power_kw[name][step] -= cut_kw
            over_kw -= cut_kw
            net_kw -= cut_kw
    # what is under local control cannot be held back: what is more than may be exported is left open
    net_kw = max(net_kw, -walk.export_limit_kw)
    for name, grid in walk.connections.items():
        # connections share it by their limits, so that none is beyond its own unless all are
        own_kw, all_kw = grid.import_limit_kw, walk.import_limit_kw
        if net_kw < 0.0:
            own_kw, all_kw = grid.export_limit_kw, walk.export_limit_kw
        part_kw = net_kw * own_kw / all_kw if all_kw > 0.0 else 0.0
        walk.power_kw[name][step] = _through(walk, grid, step, part_kw)


def _through(walk: Walk, grid: Connection, step: int, net_kw: float) -> float:
    """What a connection gives so that the park gets `net_kw` through its transformers, which share it by ratings."""
    links = {name: link for name, link in walk.all_of(Link).items() if link.outer == grid.bus}
    rated_kw = sum(link.rated_kw for link in links.values())
    grid_kw = net_kw
    for name, link in links.items():
        walk.power_kw[name][step] = net_kw * link.rated_kw / rated_kw
        grid_kw += float(link.loss_kw(walk.power_kw[name])[step])
    return grid_kw


def _pays(walk: Walk, form: Storage) -> bool:
    """Whether the spread between cheapest and dearest hour covers losses and wear."""
    price = walk.prices.import_cost_per_kwh
    gain = form.charge_efficiency * form.discharge_efficiency * (float(price.max()) - form.wear_per_kwh)
    return gain > float(price.min())


def _note(site: Site, situation: Situation, assets: Mapping[str, AssetPlan]) -> str:
    words = ["rules without a solver"]
    for name, grid in site.grids.items():
        over_kw = float(np.max(assets[name].power_kw)) - grid.import_limit_kw
        if over_kw > 0.0:
            words.append(f"{name}: import up to {over_kw:.1f} kW beyond the limit")
    for load, form in forms_of(site).items():
        if isinstance(form, Demand):
            short_kwh = float((situation.load_kw[load] - assets[load].power_kw) @ situation.step_h)
            carrier = "" if form.bus == ELECTRICITY else f" of {form.bus}"
            if short_kwh > 0.0:
                words.append(f"{load}: {short_kwh:.1f} kWh{carrier} not served")
    return "; ".join(words)
