"""What a battery's cycles cost by their depth."""

from __future__ import annotations

from dataclasses import dataclass

import cvxpy as cp

from dispatch.battery_curves import DepthWear
from dispatch.block import TimeGrid


@dataclass(frozen=True, slots=True)
class WearPieces:
    constraints: list[cp.Constraint]
    cost: cp.Expression


def wear_pieces(name: str, wear: DepthWear, grid: TimeGrid, stored_kwh: cp.Expression) -> WearPieces:
    """E[t] = sum over j of e_j[t],   0 <= e_j <= width_j,   out_j[t] >= e_j[t] - e_j[t+1],   cost = sum of c_j * out_j

    e_j in kWh, shape (steps + 1,), and out_j >= 0 in kWh, shape (steps,), for the pieces j of the capacity. Prices c_j
    rise with j, so the cheapest plan moves energy through the first pieces that can take part
    (`dispatch.battery_curves.DepthWear`).
    """
    pieces = range(len(wear.width_kwh))
    held = [cp.Variable(grid.steps + 1, bounds=[0, wear.width_kwh[j]], name=f"{name}.piece_{j}_kwh") for j in pieces]
    out = [cp.Variable(grid.steps, bounds=[0, None], name=f"{name}.out_of_piece_{j}_kwh") for j in pieces]
    constraints = [sum(held[1:], start=held[0]) == stored_kwh]
    constraints += [out[j] >= held[j][:-1] - held[j][1:] for j in pieces]
    cost = sum(wear.price_per_kwh[j] * cp.sum(out[j]) for j in pieces)
    return WearPieces(constraints, cost)
