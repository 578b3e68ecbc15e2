"""A linear problem with parameters in every place where one may stand."""

from __future__ import annotations

from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from dispatch.given import Given


@dataclass(frozen=True)
class Works:
    """A works that buys, makes and stores: a parameter in every place where one may stand."""

    price: cp.Parameter
    limit: cp.Parameter
    least: cp.Parameter
    demand: cp.Parameter
    yield_: cp.Parameter
    fine: cp.Parameter
    bought: cp.Variable
    made: cp.Variable
    problem: cp.Problem

    @classmethod
    def of(cls, steps: int = 5) -> Works:
        price, demand = Given(steps, name="price"), Given(steps, name="demand")
        limit, least = Given(name="limit"), Given(steps, name="least")
        yields, fine = Given(steps, name="yield"), Given(name="fine", nonneg=True)
        bought = cp.Variable(steps, bounds=[least, limit], name="bought")
        paid = cp.Variable(steps, name="paid")  # a parameter as a bound and one as a factor would be outside DPP
        made = cp.Variable((2, steps), nonneg=True, name="made")
        capacity = np.linspace(1.0, 2.0, 2 * steps).reshape(2, steps)
        stored = cp.Variable(steps + 1, bounds=[0, 4], name="stored")
        problem = cp.Problem(
            cp.Minimize(
                price @ paid
                + fine * cp.sum(cp.pos(paid - 2.0))
                + 0.3 * cp.max(paid)
                + cp.sum(cp.multiply(np.linspace(0.1, 0.9, 2 * steps).reshape(2, steps), made))
                + 7.0
            ),
            [
                paid == bought,
                stored[0] == 1.0,
                stored[1:] == 0.95 * stored[:-1] + bought + cp.multiply(yields, made[0]) + made[1] - demand,
                made <= capacity,
                cp.sum(made[1]) <= limit,
            ],
        )
        return cls(price, limit, least, demand, yields, fine, bought, made, problem)

    def draw(self, random: np.random.Generator) -> None:
        steps = self.price.size
        self.price.value = random.uniform(-0.2, 1.0, steps)
        self.limit.value = random.uniform(3.0, 6.0)
        self.least.value = random.uniform(-0.5, 0.5, steps)
        self.demand.value = random.uniform(0.0, 3.0, steps)
        self.yield_.value = random.choice([0.0, 0.5, 1.5], steps)
        self.fine.value = random.uniform(0.0, 1.0)
