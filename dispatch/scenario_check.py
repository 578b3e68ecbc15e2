"""Whether a plan over scenarios is one plan: the same first interval in each of them, and their mean as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace

import numpy as np

from config.site import Site
from dispatch.findings import ENERGY_KWH, POWER_KW
from dispatch.first_interval import decided_now
from dispatch.mean import mean_asset, mean_cost
from dispatch.plan import AssetPlan, BoolArray, FloatArray, Plan, Situation
from dispatch.registry import forms_of

MONEY = 0.01
"""As in the bill of a plan: a hundredth of the currency, or a millionth of the term."""


def cases(situation: Situation, plan: Plan) -> list[tuple[str, Situation, Plan]]:
    """By scenario, its name, the situation as it has it, and the plan that it has; none where they do not match."""
    if [each.name for each in situation.scenarios] != [each.name for each in plan.scenarios]:
        return []
    return [
        (given.name, situation.under(given), replace(plan, assets=own.assets, cost=own.cost, scenarios=()))
        for given, own in zip(situation.scenarios, plan.scenarios, strict=True)
    ]


def together(site: Site, situation: Situation, plan: Plan) -> Iterator[str]:
    """What is wrong with a plan whose scenarios are each right in themselves."""
    for given, own in zip(situation.scenarios, plan.scenarios, strict=True):
        if abs(given.probability - own.probability) > 1e-9:
            yield f"the scenario {own.name} counts {own.probability:g}, and has a probability of {given.probability:g}"
    first = plan.scenarios[0]
    for name in sorted(decided_now(forms_of(site), situation)):
        for own in plan.scenarios[1:]:
            one_kw, other_kw = float(first.assets[name].power_kw[0]), float(own.assets[name].power_kw[0])
            if abs(one_kw - other_kw) > POWER_KW:
                yield (
                    f"{name}, step 0: {one_kw:.2f} kW in the scenario {first.name} and {other_kw:.2f} kW in "
                    f"{own.name}, but it must be decided before one knows"
                )
    weights = [own.probability for own in plan.scenarios]
    for name in first.assets:
        if name not in plan.assets:
            yield f"{name} is not in the plan"
            continue
        yield from _mean(name, plan.assets[name], mean_asset([own.assets[name] for own in plan.scenarios], weights))
    for term, right in mean_cost([own.cost for own in plan.scenarios], weights).items():
        if not abs(plan.cost.get(term, np.nan) - right) <= MONEY + 1e-6 * abs(right):
            yield f"cost: {term} is not the scenarios' mean of {right:.2f}"


def _mean(name: str, asset: AssetPlan, mean: AssetPlan) -> Iterator[str]:
    for each in fields(AssetPlan):
        found, right = _series(getattr(asset, each.name)), _series(getattr(mean, each.name))
        tolerance = ENERGY_KWH if each.name == "stored_kwh" else POWER_KW
        if found.keys() != right.keys() or any(
            np.shape(found[key]) != np.shape(right[key]) or not np.all(np.abs(found[key] - right[key]) <= tolerance)
            for key in right
        ):
            yield f"{name}: {each.name} is not the scenarios' mean"


def _series(value: Mapping[str, FloatArray] | FloatArray | BoolArray | None) -> Mapping[str, FloatArray]:
    if value is None:
        return {}
    return value if isinstance(value, Mapping) else {"": np.asarray(value, dtype=np.float64)}
