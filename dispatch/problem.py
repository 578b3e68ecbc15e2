"""The park as one optimisation problem: the blocks of its assets, joined by the balance of each bus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import cvxpy as cp
import numpy as np

from config.assets import (
    Asset,
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
from dispatch.block import Block, BusId, Inputs, TimeGrid
from dispatch.blocks.battery import battery_block
from dispatch.blocks.electric_load import electric_load_block
from dispatch.blocks.gas_boiler import gas_boiler_block
from dispatch.blocks.generator import generator_block
from dispatch.blocks.grid import grid_block
from dispatch.blocks.heat_load import heat_load_block
from dispatch.blocks.heat_pump import heat_pump_block
from dispatch.blocks.hot_water_tank import hot_water_tank_block
from dispatch.plan import FloatArray
from dispatch.worth import worth_of

BUSES: tuple[BusId, ...] = ("electricity", "heat")


@dataclass(frozen=True, slots=True)
class ParkProblem:
    """minimise sum of costs and penalties, so that for each bus and step the sum of flows is zero."""

    problem: cp.Problem
    blocks: tuple[Block, ...]
    balances: dict[BusId, cp.Constraint]
    """Only the buses that an asset of the site feeds or draws from."""
    step_h: FloatArray

    def assign(self, inputs: Inputs) -> None:
        for block in self.blocks:
            block.assign(inputs)

    def cost(self, terms: tuple[str, ...]) -> dict[str, float]:
        """Money by term, from the last solution."""
        totals = dict.fromkeys(terms, 0.0)
        for block in self.blocks:
            for term, expression in block.cost.items():
                totals[term] += float(np.asarray(expression.value))
        return totals

    def marginal_per_kwh(self) -> dict[str, FloatArray]:
        """By bus, what one more kWh used in each interval would cost, shape (steps,), from the duals.

        A dual is per kW held through the interval, and cvxpy counts it positive for more supply.
        """
        return {bus: -np.asarray(balance.dual_value) / self.step_h for bus, balance in self.balances.items()}


def build_problem(site: Site, step_h: FloatArray) -> ParkProblem:
    """The problem of a site on intervals of `step_h` hours, shape (steps,), with all numbers left open.

    Raises ValueError when the problem is outside disciplined parametrised programming: each solve would then
    compile it again.
    """
    grid = TimeGrid(step_h, worth_of(site, step_h))
    blocks = tuple(_block(name, asset, grid) for name, asset in site.assets.items())
    balances: dict[BusId, cp.Constraint] = {}
    for bus in BUSES:
        flows = [block.flows[bus] for block in blocks if bus in block.flows]
        if flows:
            balances[bus] = sum(flows[1:], start=flows[0]) == 0
    costs = [block.penalty for block in blocks] + [cost for block in blocks for cost in block.cost.values()]
    constraints = [constraint for block in blocks for constraint in block.constraints]
    problem = cp.Problem(cp.Minimize(sum(costs[1:], start=costs[0])), [*balances.values(), *constraints])
    if not problem.is_dpp():
        raise ValueError(f"the problem of site {site.name} is not DPP")
    return ParkProblem(problem, blocks, balances, step_h)


def _block(name: str, asset: Asset, grid: TimeGrid) -> Block:
    match asset:
        case GridConnection():
            return grid_block(name, asset, grid)
        case PvPlant() | WindTurbine():
            return generator_block(name, asset, grid)
        case Battery():
            return battery_block(name, asset, grid)
        case HeatPump():
            return heat_pump_block(name, asset, grid)
        case HotWaterTank():
            return hot_water_tank_block(name, asset, grid)
        case GasBoiler():
            return gas_boiler_block(name, asset, grid)
        case ElectricLoad():
            return electric_load_block(name, grid)
        case HeatLoad():
            return heat_load_block(name, grid)
        case other:
            assert_never(other)
