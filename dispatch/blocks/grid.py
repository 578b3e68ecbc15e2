"""The connection point: import, export and the monthly peak."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from dispatch.block import Block, Inputs, Slack, TimeGrid, solved
from dispatch.forms.connection import Connection
from dispatch.given import Given
from dispatch.plan import AssetPlan
from dispatch.worth import TIE

MONTHS = 2
"""A horizon of at most 28 days touches two calendar months."""
OVER_LIMIT_SHARE = 9.0
"""Import beyond the limit is itself limited, to this many times the limit: a wrong load value should be seen
as load that is not served, not as a plan to import a power station."""


def grid_block(name: str, form: Connection, grid: TimeGrid) -> Block:
    """grid[t] = import[t] + over[t] - export[t];  import[t] + over[t] <= peak[m(t)] + extra[m(t)]

    0 <= import <= import limit, 0 <= export <= export limit, over >= 0 in kW, shape (steps,); over is import
    beyond the limit, at a steep price. extra >= 0 in kW is what this plan adds to the peak of month m so far,
    shape (2,): only that excess is priced, because the peak itself is paid whatever the plan does.

    cost = sum over t of (p_import + p_carbon) * (import + over) * dt - p_export * export * dt
           + sum over m of p_demand[m] * extra[m]

    Where export pays more than import costs, the cheapest plan would be to do both at once. There the dearer
    side is taken away: import costs as much as export pays in intervals that are taken to export, and export
    pays as little as import costs in the others. The cost by term keeps the true prices, and so does the plan
    when the guess is right. A meter interval other than the plan's is not modelled: with intervals below 15 min
    the peak is taken too high, never too low.
    """
    steps, step_h = grid.steps, grid.step_h
    imported = cp.Variable(steps, bounds=[0, form.import_limit_kw], name=f"{name}.import_kw")
    over = cp.Variable(steps, bounds=[0, OVER_LIMIT_SHARE * form.import_limit_kw], name=f"{name}.over_limit_kw")
    exported = cp.Variable(steps, bounds=[0, form.export_limit_kw], name=f"{name}.export_kw")
    extra = [cp.Variable(bounds=[0, None], name=f"{name}.extra_peak_{month}_kw") for month in range(MONTHS)]

    import_price = Given(steps, name=f"{name}.import_price_per_kw")
    carbon_price = Given(steps, name=f"{name}.carbon_price_per_kw")
    export_price = Given(steps, name=f"{name}.export_price_per_kw")
    export_cut = Given(steps, nonneg=True, name=f"{name}.export_price_cut_per_kw")
    import_rise = Given(steps, nonneg=True, name=f"{name}.import_price_rise_per_kw")
    peak = Given(steps, nonneg=True, name=f"{name}.peak_so_far_kw")
    in_month = [Given(steps, nonneg=True, name=f"{name}.in_month_{month}") for month in range(MONTHS)]
    demand = Given(MONTHS, nonneg=True, name=f"{name}.demand_price_per_kw")

    total = imported + over
    allowed = peak + sum(cp.multiply(mask, kw) for mask, kw in zip(in_month, extra, strict=True))

    def assign(inputs: Inputs) -> None:
        prices = inputs.prices
        months = len(prices.demand_per_kw)
        import_price.value = prices.import_per_kwh * step_h
        carbon_price.value = prices.import_carbon_per_kwh * step_h
        export_price.value = prices.export_per_kwh * step_h
        gap = np.maximum(prices.export_per_kwh - prices.import_cost_per_kwh, 0.0) * step_h
        import_rise.value = np.where(inputs.exporting, gap, 0.0)
        export_cut.value = np.where(inputs.exporting, 0.0, gap)
        peak.value = inputs.peaks_kw[prices.month]
        for month, mask in enumerate(in_month):
            mask.value = (prices.month == month).astype(np.float64)
        demand.value = np.append(prices.demand_per_kw, np.zeros(MONTHS - months))

    def extract() -> AssetPlan:
        towards = np.maximum(solved(imported), 0.0) + np.maximum(solved(over), 0.0)
        power = towards - np.maximum(solved(exported), 0.0)
        return AssetPlan(power_kw=power, flows_kw=form.flows(power))

    return Block(
        asset=name,
        flows={form.bus: total - exported},
        constraints=[total <= allowed],
        cost={
            "energy_import": import_price @ total,
            "export_revenue": -(export_price @ exported),
            "carbon": carbon_price @ total,
            "demand": sum(demand[month] * kw for month, kw in enumerate(extra)),
        },
        counted={"import_kw": total, "export_kw": exported},
        penalty=(
            grid.worth.over_limit_per_kwh * (step_h @ over)
            + TIE * (step_h @ exported)
            + export_cut @ exported
            + import_rise @ total
        ),
        slacks=[
            Slack("import beyond the limit", "kW", over, limit=form.import_limit_kw),
            Slack("imports and exports at once", "kW", cp.minimum(imported, exported)),
        ],
        assign=assign,
        extract=extract,
    )
