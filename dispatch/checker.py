"""The independent look at a plan: everything is added up again from its numbers, without the optimiser's model.

A plan is only used when this finds nothing, or when what it finds is known to be unavoidable: slack that a plan
names in its note is reported here like any other violation, because the park will not get what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from config.site import Site
from dispatch.bill import bill
from dispatch.caps import cap_terms, exceeded
from dispatch.direct_use import held_back
from dispatch.feeders import overloaded
from dispatch.findings import POWER_KW, series
from dispatch.forms.demand import Demand
from dispatch.forms.storage import Storage
from dispatch.plan import ELECTRICITY, BusId, FloatArray, Method, Plan, Situation
from dispatch.registry import buses_of, forms_of, units_of
from dispatch.reserve import not_kept
from dispatch.scenario_check import cases, together
from dispatch.tariff import Prices, calendar_of

MONEY = 0.01
"""A difference of a cost term that counts: one hundredth of the currency, or a millionth of the term."""


def check_plan(site: Site, situation: Situation, plan: Plan) -> list[str]:
    """What is wrong with a plan for a situation: one sentence each with asset, step and by how much; empty is good.

    These are its `faults`, and where there are none what is `unmet`. The situation must be sound. Minimum
    loads of plans that do not say when units run, and ramps of those that are not the solver's, are the guard's,
    second by second. A plan over scenarios is held against each of them, and must be their mean.
    """
    if plan.scenarios:
        return _over_scenarios(site, situation, plan)
    if broken := list(_frame(site, situation, plan)):
        return broken
    return _faults(site, situation, plan) + list(_unmet(site, situation, plan))


def _over_scenarios(site: Site, situation: Situation, plan: Plan) -> list[str]:
    found = cases(situation, plan)
    if not found:
        return ["the plan is for other scenarios than the situation"]
    broken = [f"in the scenario {name}: {words}" for name, case, own in found for words in check_plan(site, case, own)]
    # what has no numbers to look at in one scenario has no mean either
    framed = not any(words for _, case, own in found for words in _frame(site, case, own))
    return broken + (list(together(site, situation, plan)) if framed else [])


def unmet(site: Site, situation: Situation, plan: Plan, *, priced: bool = True) -> list[str]:
    """What a plan that is right in itself leaves open: demand not served, import beyond the limit, a cap exceeded.

    The sentences are among those of `check_plan`; a plan with nothing else may still be the best there is. One whose
    numbers cannot be looked at leaves nothing open, it is wrong. Without `priced`, what has a price of its own is
    left out, loads and caps with one, the reserve and the cycles of a day: to leave it open may be what the site wants.
    """
    if plan.scenarios:
        return [
            f"in the scenario {name}: {words}"
            for name, case, own in cases(situation, plan)
            for words in unmet(site, case, own, priced=priced)
        ]
    return [] if list(_frame(site, situation, plan)) else list(_unmet(site, situation, plan, priced=priced))


def _unmet(site: Site, situation: Situation, plan: Plan, *, priced: bool = True) -> Iterator[str]:
    forms = forms_of(site)
    for name, form in forms.items():
        has_a_price = isinstance(form, Storage) or (isinstance(form, Demand) and form.price_per_kwh is not None)
        if priced or not has_a_price:
            yield from form.unmet(name, situation, plan.assets[name])
    if site.measured:
        rests = _rests(buses_of(forms), situation, plan)
        for step in np.flatnonzero(rests[ELECTRICITY] > POWER_KW):
            left_kw = rests[ELECTRICITY][step]
            yield f"electricity, step {step}: {left_kw:.2f} kW under local control are more than anybody can take"
        for bus, rest_kw in rests.items():
            for step in np.flatnonzero((rest_kw < -POWER_KW) & (bus != ELECTRICITY)):
                yield f"{bus}, step {step}: {-rest_kw[step]:.2f} kW under local control are not served"
    if plan.method is Method.OPTIMAL:
        yield from held_back(forms, situation, plan.assets)
    yield from overloaded(site, plan.assets)
    if priced:
        yield from not_kept(site, situation, plan.assets)
    if cap_terms(site):
        yield from exceeded(site, situation, _prices(site, situation, plan), plan.assets, priced=priced)


def _faults(site: Site, situation: Situation, plan: Plan) -> list[str]:
    """Balances, what holds for each asset, tariff and cost."""
    forms = forms_of(site)
    found = [*_balances(buses_of(forms), situation, plan)]
    for name, form in forms.items():
        found += form.counts(name, plan.assets[name])
        found += form.check(name, situation, plan.assets[name])
        if plan.method is Method.OPTIMAL:
            found += form.pace(name, situation, plan.assets[name])
    return found + list(_money(site, situation, plan))


def _frame(site: Site, situation: Situation, plan: Plan) -> Iterator[str]:
    """What must hold before single numbers can be looked at."""
    if plan.start != situation.start:
        yield f"the plan starts at {plan.start.isoformat()}, the situation at {situation.start.isoformat()}"
    if np.shape(plan.step_h) != np.shape(situation.step_h):
        yield f"the plan has {plan.steps} steps, the situation {situation.steps}"
        return
    if not np.allclose(plan.step_h, situation.step_h, rtol=0.0, atol=1e-9):
        yield "the plan's intervals are not as long as the situation's"
    for name in sorted(plan.assets.keys() - site.dispatched.keys()):
        yield f"{name} is planned, but the site has no such asset"
    shape, bounds = (plan.steps,), (plan.steps + 1,)
    units = units_of(site)
    yield from series("the plan", "import_price_per_kwh", plan.import_price_per_kwh, shape)
    for bus, values in plan.marginal_per_kwh.items():
        yield from series(bus, "marginal_per_kwh", values, shape)
    for name, form in forms_of(site).items():
        if name not in plan.assets:
            yield f"{name} is not in the plan"
            continue
        asset = plan.assets[name]
        yield from series(name, "power_kw", asset.power_kw, shape)
        for bus in form.buses:
            yield from series(name, f"flow into {bus}", asset.flows_kw.get(bus), shape)
        for bus in sorted(asset.flows_kw.keys() - set(form.buses)):
            yield f"{name}: it has nothing to do with {bus}, where its plan has a flow"
        if form.burns:
            yield from series(name, "gas_kw", asset.gas_kw, shape)
        elif asset.gas_kw is not None:
            yield f"{name}: its plan has gas, and it burns none"
        if form.need == "stored_kwh" and name in situation.stored_kwh:
            yield from series(name, "stored_kwh", asset.stored_kwh, bounds)
        if asset.running is not None and name not in units:
            yield f"{name}: its plan says when it runs, and it is no unit that runs or stands still"
        elif asset.running is not None:
            yield from series(name, "running", asset.running, shape)
        if form.need == "available_kw":
            yield from series(name, "available_kw", asset.available_kw, shape)


def _balances(buses: Sequence[BusId], situation: Situation, plan: Plan) -> Iterator[str]:
    for bus, rest in _rests(buses, situation, plan).items():
        # what is under local control may give more than anybody takes, and take more than anybody gives
        spare = np.maximum(-situation.local(bus), 0.0)
        short = np.zeros(plan.steps) if bus == ELECTRICITY else np.maximum(situation.local(bus), 0.0)
        for step in np.flatnonzero((rest < -short - POWER_KW) | (rest > spare + POWER_KW)):
            word = "too much" if rest[step] > 0 else "missing"
            yield f"{bus}, step {step}: the balance is open, {abs(rest[step]):.2f} kW {word}"


def _rests(buses: Sequence[BusId], situation: Situation, plan: Plan) -> dict[BusId, FloatArray]:
    """By bus, what is given more than taken."""
    rests = {bus: -situation.local(bus) for bus in buses}
    for asset in plan.assets.values():
        for bus, flow_kw in asset.flows_kw.items():
            rests[bus] = rests[bus] + flow_kw
    return rests


def _prices(site: Site, situation: Situation, plan: Plan) -> Prices:
    return calendar_of(site).over(plan.start, plan.step_h, situation.spot)


def _money(site: Site, situation: Situation, plan: Plan) -> Iterator[str]:
    prices = _prices(site, situation, plan)
    for step in np.flatnonzero(np.abs(plan.import_price_per_kwh - prices.import_per_kwh) > 1e-6):
        wrong, right = plan.import_price_per_kwh[step], prices.import_per_kwh[step]
        by = abs(wrong - right)
        yield f"{site.grid[0]}, step {step}: import price {wrong:.4f} is {by:.4f} off the tariff's {right:.4f}"
    if plan.method is Method.SHIFTED and not plan.cost:
        return  # a plan that was moved on claims no cost
    yield from _terms(plan.cost, bill(site, prices, situation, plan.assets))


def _terms(claimed: Mapping[str, float], right: Mapping[str, float]) -> Iterator[str]:
    for term in sorted(right.keys() | claimed.keys()):
        if term not in claimed:
            yield f"cost: the term {term} is missing, it is {right[term]:.2f}"
        elif term not in right:
            yield f"cost: {term} is not a term of the bill"
        elif not abs(claimed[term] - right[term]) <= MONEY + 1e-6 * abs(right[term]):
            by = abs(claimed[term] - right[term])
            yield f"cost: {term} of {claimed[term]:.2f} is {by:.2f} off, it is {right[term]:.2f}"
