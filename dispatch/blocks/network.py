"""A connection to a network outside of the park: heat or steam, bought and sold."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from dispatch.block import Block, Inputs, TimeGrid, solved
from dispatch.forms.network import Network
from dispatch.given import Given
from dispatch.plan import AssetPlan
from dispatch.worth import TIE


def network_block(name: str, form: Network, grid: TimeGrid) -> Block:
    """power[t] = bought[t] - sold[t],   0 <= bought <= import limit,   0 <= sold <= export limit

    in kW, shape (steps,); nothing while it is unavailable. cost = sum over t of (p_buy + p_carbon * co2) * bought * dt
    - p_sell * sold * dt. Selling never pays more than buying costs (`config.heat_network`), and a tie-break sees to
    it that both are not done at once where they are equal.
    """
    spec, steps, step_h = form.spec, grid.steps, grid.step_h
    bought = cp.Variable(steps, bounds=[0, spec.import_limit_kw], name=f"{name}.bought_kw")
    sold = cp.Variable(steps, bounds=[0, spec.export_limit_kw], name=f"{name}.sold_kw")
    # prices are factors of both, so what an outage allows cannot be among their bounds
    most_bought = Given(nonneg=True, name=f"{name}.most_bought_kw")
    most_sold = Given(nonneg=True, name=f"{name}.most_sold_kw")
    price = Given(steps, nonneg=True, name=f"{name}.price_per_kw")
    revenue = Given(steps, nonneg=True, name=f"{name}.revenue_per_kw")
    carbon_price = Given(steps, nonneg=True, name=f"{name}.carbon_price_per_kw")

    def assign(inputs: Inputs) -> None:
        most_bought.value, most_sold.value = form.limits_kw(name, inputs.situation)
        price_per_kwh, revenue_per_kwh = form.prices_per_kwh(inputs.situation)
        price.value = price_per_kwh * step_h
        revenue.value = revenue_per_kwh * step_h
        carbon_price.value = inputs.prices.carbon_per_kg * spec.co2_kg_per_kwh * step_h

    def extract() -> AssetPlan:
        power = np.maximum(solved(bought), 0.0) - np.maximum(solved(sold), 0.0)
        return AssetPlan(power_kw=power, flows_kw=form.flows(power))

    return Block(
        asset=name,
        flows={form.bus: bought - sold},
        constraints=[bought <= most_bought, sold <= most_sold],
        cost={"heat": price @ bought - revenue @ sold, "carbon": carbon_price @ bought},
        counted={
            "heat_co2_kg_per_h": spec.co2_kg_per_kwh * bought,
            "heat_kgce_per_h": spec.kgce_per_kwh * (bought - sold),
        },
        penalty=TIE * (step_h @ sold),
        assign=assign,
        extract=extract,
    )
