"""The park as one optimisation problem: the blocks of its assets, joined by the balance of each bus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from config.asset import carrier_of
from config.site import Site
from dispatch.block import Block, Inputs, TimeGrid
from dispatch.blocks.account import Account, accounts_of
from dispatch.blocks.connections import metered
from dispatch.blocks.feeders import feeder_accounts
from dispatch.blocks.reserve import reserve_account
from dispatch.choice import Choice
from dispatch.forms.connection import connections_of
from dispatch.forms.converter import Converter
from dispatch.forms.form import Form
from dispatch.forms.source import Source
from dispatch.given import Given
from dispatch.plan import ELECTRICITY, BusId, FloatArray
from dispatch.registry import buses_of, forms_of
from dispatch.reserve import batteries
from dispatch.worth import TIE, UNSERVED_TIMES, Worth, worth_of


@dataclass(frozen=True, slots=True)
class _Local:
    """What assets under local control take from a bus and give to it, and what nobody can take of it or give to it.

    net[t] = local[t] + over[t] - short[t],  0 <= over[t] <= max(0, -local[t]),  0 <= short[t] <= max(0, local[t])

    in kW, shape (steps,). Heat that is left over is thrown away; of electricity it is a sign that the export limit
    will not be kept. What is short costs as much as a demand of that carrier that is not served. Electricity is never
    short: there the import limit gives way.
    """

    use: cp.Parameter
    most_over: cp.Parameter
    most_short: cp.Parameter
    over: cp.Variable
    short: cp.Variable
    penalty: cp.Expression

    @classmethod
    def of(cls, bus: BusId, grid: TimeGrid) -> _Local:
        most_over = Given(grid.steps, nonneg=True, name=f"local.{bus}.most_over_kw")
        most_short = Given(grid.steps, nonneg=True, name=f"local.{bus}.most_short_kw")
        over = cp.Variable(grid.steps, bounds=[0, most_over], name=f"local.{bus}.over_kw")
        short = cp.Variable(grid.steps, bounds=[0, most_short], name=f"local.{bus}.short_kw")
        over_price = grid.worth.left_over_per_kwh if bus == ELECTRICITY else TIE
        short_price = grid.worth.unserved_per_kwh(UNSERVED_TIMES[carrier_of(bus)])
        penalty = over_price * (grid.step_h @ over) + short_price * (grid.step_h @ short)
        return cls(Given(grid.steps, name=f"local.{bus}.kw"), most_over, most_short, over, short, penalty)

    @property
    def net(self) -> cp.Expression:
        net: cp.Expression = self.use + self.over - self.short
        return net

    def assign(self, bus: BusId, use_kw: FloatArray) -> None:
        self.use.value = use_kw
        self.most_over.value = np.maximum(-use_kw, 0.0)
        self.most_short.value = np.zeros_like(use_kw) if bus == ELECTRICITY else np.maximum(use_kw, 0.0)


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
    """The ladder, the caps, the feeders and the reserve, and the meter of several connections."""

    @property
    def choices(self) -> list[Choice]:
        return [choice for block in self.blocks for choice in block.choices]

    @property
    def parts(self) -> list[Block | Account]:
        return [*self.blocks, *self.accounts]

    @property
    def meter(self) -> Block:
        """What the bill counts: the connection, or all of them together."""
        together = [account.meter for account in self.accounts if account.meter is not None]
        return next(block for block in (*together, *self.blocks) if block.added_peak_kw)

    @property
    def money(self) -> cp.Expression:
        """What the bill says."""
        terms = [cost for part in self.parts for cost in part.cost.values()]
        money: cp.Expression = sum(terms[1:], start=terms[0])
        return money

    @property
    def penalty(self) -> cp.Expression:
        """What steers the plan besides money."""
        terms = [part.penalty for part in (*self.parts, *self.local.values())]
        penalty: cp.Expression = sum(terms[1:], start=terms[0])
        return penalty

    @property
    def end_cost(self) -> cp.Expression:
        """The part of the penalty that stands for money: what stores hold less at the end than at the start."""
        terms = [block.stored.end_cost for block in self.blocks if block.stored is not None]
        end_cost: cp.Expression = sum(terms, start=cp.Constant(0.0))
        return end_cost

    def assign(self, inputs: Inputs) -> None:
        for bus, local in self.local.items():
            local.assign(bus, inputs.situation.local(bus))
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

    def stored_value_per_kwh(self) -> dict[str, FloatArray]:
        """By store, what one kWh more in it at the end of each interval would save, shape (steps,), from the duals.

        Energy that comes for nothing makes the recursion's left side larger, and cvxpy's dual is then what it saves.
        """
        return {
            block.asset: np.array(block.stored.recursion.dual_value, dtype=np.float64)
            for block in self.blocks
            if block.stored is not None
        }


def sums_of(
    site: Site, forms: Mapping[str, Form], blocks: Sequence[Block], grid: TimeGrid, *, reserve: bool = True
) -> tuple[Account, ...]:
    """What is added up over several assets: the meter of several connections, ladder and caps, feeders, the reserve."""
    connections, kept = connections_of(forms), site.file.reserve
    found: tuple[Account, ...] = ()
    if len(connections) > 1:
        meter, billed = metered(connections, blocks, grid)
        found, blocks = (billed,), (*blocks, meter)
    found += (*accounts_of(site, blocks, grid), *feeder_accounts(site, blocks, grid))
    if reserve and kept is not None and (stores := batteries(forms)):
        found += (reserve_account(stores, blocks, grid, kept.demand_response is not None),)
    return found


def build_problem(
    site: Site,
    step_h: FloatArray,
    *,
    forms: Mapping[str, Form] | None = None,
    worth: Worth | None = None,
    accounts: Callable[[Sequence[Block], TimeGrid], tuple[Account, ...]] | None = None,
    surplus_may_cost: bool = False,
    windows: int = 1,
) -> ParkProblem:
    """The problem of a site on intervals of `step_h` hours, shape (steps,), with all numbers left open.

    `forms`, `worth` and `accounts` take the place of the site's own, for a search with other limits. Energy too much
    is taken to cost something where the site's terms say so, and with `surplus_may_cost` anyway; so many `windows` of
    each asset are planned by themselves. Raises ValueError when the problem is outside disciplined parametrised
    programming: each solve would then compile it again.
    """
    worth = worth_of(site, step_h) if worth is None else worth
    forms = forms_of(site) if forms is None else forms
    grid = TimeGrid(step_h, worth, surplus_may_cost or worth.prices_below_zero or _pushed(site, forms), windows)
    blocks = tuple(form.block(name, grid) for name, form in forms.items())
    balances: dict[BusId, cp.Constraint] = {}
    local = {bus: _Local.of(bus, grid) for bus in buses_of(forms)} if site.measured else {}
    for bus in buses_of(forms):
        flows = [block.flows[bus] for block in blocks if bus in block.flows]
        balances[bus] = sum(flows[1:], start=flows[0]) == (local[bus].net if bus in local else 0)
    sums = sums_of(site, forms, blocks, grid) if accounts is None else accounts(blocks, grid)
    parts: list[Block | Account] = [*blocks, *sums]
    costs = [part.penalty for part in parts] + [each.penalty for each in local.values()]
    costs += [cost for part in parts for cost in part.cost.values()]
    constraints = [constraint for part in parts for constraint in part.constraints]
    problem = cp.Problem(cp.Minimize(sum(costs[1:], start=costs[0])), [*balances.values(), *constraints])
    if not problem.is_dpp():
        raise ValueError(f"the problem of site {site.name} is not DPP")
    return ParkProblem(problem, blocks, balances, step_h, local, sums)


def _pushed(site: Site, forms: Mapping[str, Form]) -> bool:
    """Whether electricity may come that nobody can hold back: from assets under local control, from sources that take
    no command, and from units that must run for a while."""
    return bool(site.measured) or any(
        (isinstance(form, Source) and form.bus == ELECTRICITY and not form.free)
        or (
            isinstance(form, Converter)
            and form.unit is not None
            and form.points[-1].flows_kw.get(ELECTRICITY, 0.0) > 0.0
        )
        for form in forms.values()
    )
