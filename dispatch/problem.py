"""The park as one optimisation problem: the blocks of its assets, joined by the balance of each bus."""

from __future__ import annotations

from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from config.site import Site
from dispatch.block import Block, Inputs, TimeGrid
from dispatch.blocks.account import Account, accounts_of
from dispatch.blocks.feeder import metered
from dispatch.blocks.reserve import reserve_account
from dispatch.forms.connection import connections_of
from dispatch.given import Given
from dispatch.plan import ELECTRICITY, BusId, FloatArray
from dispatch.registry import buses_of, forms_of
from dispatch.reserve import batteries
from dispatch.worth import TIE, worth_of


@dataclass(frozen=True, slots=True)
class _Local:
    """What assets under local control take from a bus and give to it; what nobody can take of it is left over.

    net[t] = local[t] + over[t],  0 <= over[t] <= max(0, -local[t])

    in kW, shape (steps,). Heat that is left over is thrown away; of electricity it is a sign that the export limit
    will not be kept.
    """

    use: cp.Parameter
    most: cp.Parameter
    over: cp.Variable
    penalty: cp.Expression

    @classmethod
    def of(cls, bus: BusId, grid: TimeGrid) -> _Local:
        most = Given(grid.steps, nonneg=True, name=f"local.{bus}.most_over_kw")
        over = cp.Variable(grid.steps, bounds=[0, most], name=f"local.{bus}.over_kw")
        price = grid.worth.left_over_per_kwh if bus == ELECTRICITY else TIE
        return cls(Given(grid.steps, name=f"local.{bus}.kw"), most, over, price * (grid.step_h @ over))

    @property
    def net(self) -> cp.Expression:
        net: cp.Expression = self.use + self.over
        return net

    def assign(self, use_kw: FloatArray) -> None:
        self.use.value = use_kw
        self.most.value = np.maximum(-use_kw, 0.0)


@dataclass(frozen=True, slots=True)
class ParkProblem:
    """minimise sum of costs and penalties, so that for each bus and step the sum of flows is zero."""

    problem: cp.Problem
    blocks: tuple[Block, ...]
    balances: dict[BusId, cp.Constraint]
    """Every bus that an asset of the site feeds or draws from."""
    step_h: FloatArray
    local: dict[BusId, _Local]
    """Only for a site with assets under local control."""
    accounts: tuple[Account, ...]
    """The ladder, the caps and the reserve, and the meter of several connections."""

    @property
    def parts(self) -> list[Block | Account]:
        return [*self.blocks, *self.accounts]

    def assign(self, inputs: Inputs) -> None:
        for bus, local in self.local.items():
            local.assign(inputs.situation.local(bus))
        for part in self.parts:
            part.assign(inputs)

    def cost(self, terms: tuple[str, ...]) -> dict[str, float]:
        """Money by term, from the last solution."""
        totals = dict.fromkeys(terms, 0.0)
        for part in self.parts:
            for term, expression in part.cost.items():
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
    forms = forms_of(site)
    blocks = tuple(form.block(name, grid) for name, form in forms.items())
    balances: dict[BusId, cp.Constraint] = {}
    local = {bus: _Local.of(bus, grid) for bus in buses_of(forms)} if site.measured else {}
    for bus in buses_of(forms):
        flows = [block.flows[bus] for block in blocks if bus in block.flows]
        balances[bus] = sum(flows[1:], start=flows[0]) == (local[bus].net if bus in local else 0)
    connections = connections_of(forms)
    counted, accounts = blocks, tuple[Account, ...]()
    if len(connections) > 1:
        meter, billed = metered(connections, blocks, grid)
        counted, accounts = (*blocks, meter), (billed,)
    accounts += accounts_of(site, counted, grid)
    if (reserve := site.file.reserve) is not None and (stores := batteries(forms)):
        accounts += (reserve_account(stores, blocks, grid, reserve.demand_response is not None),)
    parts: list[Block | Account] = [*blocks, *accounts]
    costs = [part.penalty for part in parts] + [each.penalty for each in local.values()]
    costs += [cost for part in parts for cost in part.cost.values()]
    constraints = [constraint for part in parts for constraint in part.constraints]
    problem = cp.Problem(cp.Minimize(sum(costs[1:], start=costs[0])), [*balances.values(), *constraints])
    if not problem.is_dpp():
        raise ValueError(f"the problem of site {site.name} is not DPP")
    return ParkProblem(problem, blocks, balances, step_h, local, accounts)
