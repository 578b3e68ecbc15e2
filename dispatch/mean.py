"""What the plans of several scenarios are together: one plan, with theirs in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from dispatch.plan import AssetPlan, FloatArray, Plan, Scenario, ScenarioPlan


def over_scenarios(scenarios: Sequence[Scenario], plans: Sequence[Plan]) -> Plan:
    """One plan from one for each scenario.

    Assets and cost are the mean. Duals already count with the scenario's probability, and are added up. A note that
    not all scenarios have says whose it is.
    """
    weights = [scenario.probability for scenario in scenarios]
    first = plans[0]
    return replace(
        first,
        assets={name: mean_asset([plan.assets[name] for plan in plans], weights) for name in first.assets},
        cost=mean_cost([plan.cost for plan in plans], weights),
        marginal_per_kwh=_added([plan.marginal_per_kwh for plan in plans]),
        stored_value_per_kwh=_added([plan.stored_value_per_kwh for plan in plans]),
        scenarios=tuple(
            ScenarioPlan(name=scenario.name, probability=scenario.probability, assets=plan.assets, cost=plan.cost)
            for scenario, plan in zip(scenarios, plans, strict=True)
        ),
        note=_note(scenarios, plans),
    )


def _note(scenarios: Sequence[Scenario], plans: Sequence[Plan]) -> str:
    if len({plan.note for plan in plans}) == 1:
        return plans[0].note
    return "; ".join(
        f"in the scenario {scenario.name}: {plan.note}"
        for scenario, plan in zip(scenarios, plans, strict=True)
        if plan.note
    )


def _added(found: Sequence[Mapping[str, FloatArray]]) -> dict[str, FloatArray]:
    return {key: weighted([each[key] for each in found], [1.0] * len(found)) for key in found[0]}


def mean_asset(plans: Sequence[AssetPlan], weights: Sequence[float]) -> AssetPlan:
    """Every series that they have, whatever it is called, weighted; `weights` are 1 together. A unit runs where it is
    likely to."""
    return AssetPlan(
        **{each.name: _mean([getattr(plan, each.name) for plan in plans], weights) for each in fields(AssetPlan)}
    )


def mean_cost(costs: Sequence[Mapping[str, float]], weights: Sequence[float]) -> dict[str, float]:
    """By term."""
    return {term: sum(weight * cost[term] for weight, cost in zip(weights, costs, strict=True)) for term in costs[0]}


def _mean(found: Sequence[Any], weights: Sequence[float]) -> Any:
    match found[0]:
        case Mapping() as series:
            return {key: weighted([each[key] for each in found], weights) for key in series}
        case None:
            return None
        case np.ndarray(dtype=np.bool_):
            return weighted(found, weights) >= 0.5
        case _:
            return weighted(found, weights)


def weighted(series: Sequence[FloatArray], weights: Sequence[float]) -> FloatArray:
    return np.asarray(np.einsum("i,i...->...", np.asarray(weights), np.asarray(series, dtype=np.float64)))
