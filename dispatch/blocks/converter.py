"""A converter: its operating points, mixed within each interval."""

from __future__ import annotations

from collections.abc import Sequence

import cvxpy as cp
import numpy as np

from dispatch.block import Block, Inputs, TimeGrid, solved
from dispatch.blocks.running import UnitChoice
from dispatch.forms.converter import Converter
from dispatch.given import Given
from dispatch.plan import AssetPlan, BusId, FloatArray


def converter_block(name: str, form: Converter, grid: TimeGrid) -> Block:
    """flow_b[t] = sum over k of share[k, t] * flow_b,k[t] - thrown[b, t],   sum over k of share[k, t] <= 1

    share in 0..1, each of shape (steps,), for the operating points k of the load curve; flows in kW into each bus b,
    - for what is taken; thrown in kW, only for heat that need not be used, at most what is made of it. All flow_b,k
    are zero while the converter is unavailable. cost = sum over t and k of (p_gas + p_carbon) * gas_k * share[k, t]
    * dt, and that of a unit's starts.

    One that takes no command has share + held_back >= what it takes by itself (`dispatch.direct_use`), with held_back
    as dear as import beyond its limit: that may be all the heat there is, and rounding must not make it impossible.

    Where the curve is better in its middle, the mix of neighbouring points is its upper hull, and below the best
    point the converter runs there for a part of the interval.

    A unit runs for whole intervals: sum over k of share[k, t] = on[t], or <= on[t] if it has no least load
    (`dispatch.blocks.running`). For others, least loads, starts and minimum times are left to the guard.
    """
    points = range(len(form.points))
    shares = [cp.Variable(grid.steps, bounds=[0, 1], name=f"{name}.share_{k}") for k in points]
    flow = {bus: [Given(grid.steps, name=f"{name}.{bus}_{k}_kw") for k in points] for bus in form.buses}
    burning = points if form.burns else ()
    gas_cost = [Given(grid.steps, name=f"{name}.gas_cost_{k}") for k in burning]
    carbon_cost = [Given(grid.steps, name=f"{name}.carbon_cost_{k}") for k in burning]
    burnt = [Given(grid.steps, nonneg=True, name=f"{name}.gas_{k}_kw") for k in burning]
    thrown = {
        bus: cp.Variable(grid.steps, bounds=[0, None], name=f"{name}.{bus}_thrown_away_kw")
        for bus in sorted(form.thrown_away)
    }
    made = {bus: _mixed(kw, shares) for bus, kw in flow.items()}
    flows = {bus: made[bus] - thrown[bus] if bus in thrown else made[bus] for bus in form.buses}
    running = UnitChoice(name, form, form.unit, grid, shares) if form.unit is not None else None
    ready_kw = form.unit.ready_kw if form.unit is not None else 0.0
    if running is not None and running.ready is not None:
        flows[form.bus] = flows[form.bus] + form.gives * ready_kw * running.ready
    constraints = [thrown[bus] <= made[bus] for bus in thrown]
    if running is not None:
        constraints += running.constraints
    elif len(shares) > 1:
        constraints.append(sum(shares[1:], start=shares[0]) <= 1)
    limit_kw = form.ramps(grid.step_h)
    if limit_kw is not None:
        change = form.gives * (made[form.bus][1:] - made[form.bus][:-1])
        up, down = (limit_kw, limit_kw) if running is None else running.jumps(limit_kw)
        constraints += [change <= up, change >= -down]
    cost = {} if running is None else dict(running.cost)
    if form.burns:
        cost |= {"gas": cp.sum(_mixed(gas_cost, shares)), "carbon": cp.sum(_mixed(carbon_cost, shares))}
    penalty = running.penalty if running is not None else cp.Constant(0.0)
    least = Given(grid.steps, nonneg=True, name=f"{name}.least_share") if form.takes_first else None
    if least is not None:
        held_back = cp.Variable(grid.steps, bounds=[0, 1], name=f"{name}.held_back_share")
        constraints.append(shares[-1] + held_back >= least)
        full_kw = abs(form.points[-1].flows_kw[form.makes])
        penalty = penalty + (grid.worth.over_limit_per_kwh * full_kw * grid.step_h) @ held_back
    gas_kw: list[FloatArray] = []

    def assign(inputs: Inputs) -> None:
        gas_kw.clear()
        if least is not None:
            least.value = inputs.taken_first.get(name, np.zeros(grid.steps))
        if running is not None:
            running.assign(inputs)
        for k, point in enumerate(form.curve(name, inputs.situation)):
            for bus in form.buses:
                flow[bus][k].value = point.flows_kw[bus]
            gas_kw.append(point.gas_kw)
            if form.burns:
                burnt[k].value = point.gas_kw
                gas_cost[k].value = inputs.prices.gas_per_kwh * point.gas_kw * grid.step_h
                carbon_cost[k].value = inputs.prices.gas_carbon_per_kwh * point.gas_kw * grid.step_h

    def extract() -> AssetPlan:
        mix = [np.clip(solved(share), 0.0, 1.0) for share in shares]
        taken: dict[BusId, FloatArray] = {}
        for bus in form.buses:
            taken[bus] = np.sum([solved(kw) * part for kw, part in zip(flow[bus], mix, strict=True)], axis=0)
            if bus in thrown:
                taken[bus] = np.clip(taken[bus] - solved(thrown[bus]), 0.0, taken[bus])
        if running is not None and running.ready is not None:
            taken[form.bus] = taken[form.bus] + form.gives * ready_kw * np.clip(solved(running.ready), 0.0, 1.0)
        return AssetPlan(
            power_kw=form.gives * taken[form.bus],
            flows_kw=taken,
            gas_kw=np.sum([kw * part for kw, part in zip(gas_kw, mix, strict=True)], axis=0) if form.burns else None,
            running=running.decided if running is not None else None,
        )

    return Block(
        asset=name,
        flows=flows,
        constraints=constraints,
        cost=cost,
        penalty=penalty,
        slacks=running.slacks if running is not None else (),
        choices=(running,) if running is not None else (),
        counted={"gas_kw": _mixed(burnt, shares)} if form.burns else {},
        assign=assign,
        extract=extract,
    )


def _mixed(values: Sequence[cp.Parameter], shares: Sequence[cp.Variable]) -> cp.Expression:
    terms = [cp.multiply(value, share) for value, share in zip(values, shares, strict=True)]
    mixed: cp.Expression = sum(terms[1:], start=terms[0])
    return mixed
