"""The independent look at a plan: everything is added up again from its numbers, without the optimiser's model.

A plan is only used when this finds nothing, or when what it finds is known to be unavoidable: slack that a plan
names in its note is reported here like any other violation, because the park will not get what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from config.assets import (
    Battery,
    ElectricLoad,
    GasBoiler,
    GridConnection,
    HeatLoad,
    HeatPump,
    HotWaterTank,
    PvPlant,
    WindTurbine,
)
from config.site import Site
from dispatch.bill import bill
from dispatch.plan import AssetPlan, FloatArray, Method, Plan, Situation
from dispatch.tariff import TariffCalendar

POWER_KW = 0.01
"""A difference of power that counts: a hundred times the solver's rounding at park scale, and below any meter."""
ENERGY_KWH = 0.05
"""The same for stored energy, where the rounding of all steps before adds up."""
MONEY = 0.01
"""The same for each cost term: one hundredth of the currency, or a millionth of the term."""


def check_plan(site: Site, situation: Situation, plan: Plan) -> list[str]:
    """What is wrong with a plan for a situation: one sentence each with asset, step and by how much; empty is good.

    These are its `faults`, and where there are none what is `unmet`. The situation must be sound. Ramps and
    minimum loads are the guard's, second by second.
    """
    if broken := list(_frame(site, situation, plan)):
        return broken
    return _faults(site, situation, plan) + unmet(site, situation, plan)


def unmet(site: Site, situation: Situation, plan: Plan) -> list[str]:
    """What a plan that is right in itself leaves open: demand not served, import beyond the limit.

    The sentences are among those of `check_plan`; a plan with nothing else may still be the best there is.
    """
    return list(_unmet(site, situation, plan))


def _unmet(site: Site, situation: Situation, plan: Plan) -> Iterator[str]:
    for name, demand_kw in {**situation.load_kw, **situation.heat_load_kw}.items():
        short_kw = demand_kw - plan.assets[name].power_kw
        for step in np.flatnonzero(short_kw > POWER_KW):
            yield f"{name}, step {step}: {short_kw[step]:.2f} kW of {demand_kw[step]:.2f} kW are not served"
    left_kw = _rests(site, situation, plan)["electricity"] if site.measured else np.zeros(plan.steps)
    for step in np.flatnonzero(left_kw > POWER_KW):
        yield f"electricity, step {step}: {left_kw[step]:.2f} kW under local control are more than anybody can take"
    name, grid = site.grid
    over_kw = plan.assets[name].power_kw - grid.import_limit_kw
    for step in np.flatnonzero(over_kw > POWER_KW):
        yield f"{name}, step {step}: import is {over_kw[step]:.2f} kW beyond the limit of {grid.import_limit_kw:.2f}"


def _faults(site: Site, situation: Situation, plan: Plan) -> list[str]:
    """Balances, ratings, unavailable assets at zero, stores, tariff and cost."""
    found = [*_balances(site, situation, plan)]
    for name, spec in site.dispatched.items():
        asset = plan.assets[name]
        power_kw = asset.power_kw
        on = 0.0 if name in situation.unavailable else 1.0
        match spec:
            case GridConnection():
                found += _between(name, power_kw, -spec.export_limit_kw, np.inf)
            case PvPlant() | WindTurbine():
                found += _between(name, power_kw, 0.0, np.minimum(situation.available_kw[name], spec.rated_kw) * on)
            case Battery() | HotWaterTank():
                found += _between(name, power_kw, -spec.max_charge_kw * on, spec.max_discharge_kw * on)
                found += _store(name, spec, situation, asset)
            case HeatPump():
                found += _between(name, power_kw, 0.0, spec.max_power_kw * on)
                found += _same(name, "heat_kw", asset.heat_kw, situation.cop[name] * power_kw, POWER_KW)
            case GasBoiler():
                found += _between(name, power_kw, 0.0, spec.max_heat_kw * on)
                found += _same(name, "gas_kw", asset.gas_kw, power_kw / spec.efficiency, POWER_KW)
            case ElectricLoad():
                found += _between(name, power_kw, 0.0, situation.load_kw[name])
            case HeatLoad():
                found += _between(name, power_kw, 0.0, situation.heat_load_kw[name])
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
    yield from _series("the plan", "import_price_per_kwh", plan.import_price_per_kwh, shape)
    for bus, values in plan.marginal_per_kwh.items():
        yield from _series(bus, "marginal_per_kwh", values, shape)
    for name, spec in site.dispatched.items():
        if name not in plan.assets:
            yield f"{name} is not in the plan"
            continue
        asset = plan.assets[name]
        yield from _series(name, "power_kw", asset.power_kw, shape)
        if isinstance(spec, HeatPump):
            yield from _series(name, "heat_kw", asset.heat_kw, shape)
        if isinstance(spec, GasBoiler):
            yield from _series(name, "gas_kw", asset.gas_kw, shape)
        if isinstance(spec, Battery | HotWaterTank) and name in situation.stored_kwh:
            yield from _series(name, "stored_kwh", asset.stored_kwh, bounds)


def _series(name: str, what: str, values: FloatArray | None, shape: tuple[int, ...]) -> Iterator[str]:
    if values is None:
        yield f"{name}: {what} is missing"
    elif np.shape(values) != shape:
        yield f"{name}: {what} has shape {np.shape(values)}, expected {shape}"
    elif not np.all(np.isfinite(values)):
        yield f"{name}, step {int(np.argmin(np.isfinite(values)))}: {what} is not a finite number"


def _balances(site: Site, situation: Situation, plan: Plan) -> Iterator[str]:
    for bus, rest in _rests(site, situation, plan).items():
        # what is under local control may give more than anybody takes
        spare = np.maximum(-situation.local(bus), 0.0)
        for step in np.flatnonzero((rest < -POWER_KW) | (rest > spare + POWER_KW)):
            word = "too much" if rest[step] > 0 else "missing"
            yield f"{bus}, step {step}: the balance is open, {abs(rest[step]):.2f} kW {word}"


def _rests(site: Site, situation: Situation, plan: Plan) -> dict[str, FloatArray]:
    """By bus, what is given more than taken."""
    electricity, heat = -situation.local("electricity"), -situation.local("heat")
    for name, spec in site.dispatched.items():
        asset = plan.assets[name]
        match spec:
            case GridConnection() | PvPlant() | WindTurbine() | Battery():
                electricity += asset.power_kw
            case ElectricLoad():
                electricity -= asset.power_kw
            case HeatPump():
                electricity -= asset.power_kw
                heat += np.zeros(plan.steps) if asset.heat_kw is None else asset.heat_kw
            case HotWaterTank() | GasBoiler():
                heat += asset.power_kw
            case HeatLoad():
                heat -= asset.power_kw
    return {"electricity": electricity, "heat": heat}


def _between(
    name: str,
    values: FloatArray,
    low: FloatArray | float,
    high: FloatArray | float,
    what: str = "power_kw",
    tolerance: float = POWER_KW,
) -> Iterator[str]:
    low, high = np.broadcast_to(low, values.shape), np.broadcast_to(high, values.shape)
    for step in np.flatnonzero(values < low - tolerance):
        by = low[step] - values[step]
        yield f"{name}, step {step}: {what} {values[step]:.2f} is {by:.2f} below {low[step]:.2f}"
    for step in np.flatnonzero(values > high + tolerance):
        by = values[step] - high[step]
        yield f"{name}, step {step}: {what} {values[step]:.2f} is {by:.2f} above {high[step]:.2f}"


def _same(name: str, what: str, values: FloatArray | None, wanted: FloatArray, tolerance: float) -> Iterator[str]:
    if values is None:
        return
    for step in np.flatnonzero(np.abs(values - wanted) > tolerance):
        difference = values[step] - wanted[step]
        word = "more" if difference > 0 else "less"
        yield f"{name}, step {step}: {what} {values[step]:.2f} is {abs(difference):.2f} {word} than {wanted[step]:.2f}"


def _store(name: str, spec: Battery | HotWaterTank, situation: Situation, asset: AssetPlan) -> Iterator[str]:
    if name not in situation.stored_kwh or asset.stored_kwh is None:
        return
    stored, hours = asset.stored_kwh, situation.step_h
    if isinstance(spec, Battery):
        keep = np.ones(situation.steps)
        charged = np.where(asset.power_kw < 0, -asset.power_kw * spec.charge_efficiency, 0.0)
        drained = np.where(asset.power_kw > 0, asset.power_kw / spec.discharge_efficiency, 0.0)
        change = (charged - drained) * hours
    else:
        keep = (1.0 - spec.loss_per_h) ** hours
        change = -asset.power_kw * hours
    start = situation.stored_kwh[name]
    if abs(stored[0] - start) > ENERGY_KWH:
        by = abs(stored[0] - start)
        yield f"{name}, step 0: starts with {stored[0]:.2f} kWh, {by:.2f} off the measured {start:.2f}"
    yield from _same(name, "stored_kwh after it", stored[1:], keep * stored[:-1] + change, ENERGY_KWH)
    alone = start * np.cumprod(keep)
    low = np.minimum(spec.soc_min * spec.capacity_kwh, alone)
    high = np.maximum(spec.soc_max * spec.capacity_kwh, alone)
    yield from _between(name, stored[1:], low, high, "stored_kwh after it", ENERGY_KWH)


def _money(site: Site, situation: Situation, plan: Plan) -> Iterator[str]:
    prices = TariffCalendar(site.tariffs).over(plan.start, plan.step_h)
    for step in np.flatnonzero(np.abs(plan.import_price_per_kwh - prices.import_per_kwh) > 1e-6):
        wrong, right = plan.import_price_per_kwh[step], prices.import_per_kwh[step]
        by = abs(wrong - right)
        yield f"{site.grid[0]}, step {step}: import price {wrong:.4f} is {by:.4f} off the tariff's {right:.4f}"
    if plan.method is Method.SHIFTED and not plan.cost:
        return  # a plan that was moved on claims no cost
    yield from _terms(plan.cost, bill(site, prices, plan.step_h, plan.assets, situation.month_peak_kw))


def _terms(claimed: Mapping[str, float], right: Mapping[str, float]) -> Iterator[str]:
    for term in sorted(right.keys() | claimed.keys()):
        if term not in claimed:
            yield f"cost: the term {term} is missing, it is {right[term]:.2f}"
        elif term not in right:
            yield f"cost: {term} is not a term of the bill"
        elif not abs(claimed[term] - right[term]) <= MONEY + 1e-6 * abs(right[term]):
            by = abs(claimed[term] - right[term])
            yield f"cost: {term} of {claimed[term]:.2f} is {by:.2f} off, it is {right[term]:.2f}"
