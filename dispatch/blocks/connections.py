"""One of several grid connections, and the meter that all of them are billed by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cvxpy as cp
import numpy as np

from dispatch.block import Block, Inputs, Slack, TimeGrid, solved
from dispatch.blocks.account import Account
from dispatch.blocks.grid import OVER_LIMIT_SHARE, grid_block
from dispatch.forms.connection import Connection
from dispatch.plan import AssetPlan
from dispatch.worth import TIE

METER = "grid connections"
"""What all connections are together; no asset has a name with a space."""


def connection_block(name: str, form: Connection, grid: TimeGrid) -> Block:
    """power[t] = inward[t] + over[t] - outward[t],   0 <= inward <= import limit,   0 <= outward <= export limit

    in kW, shape (steps,); over >= 0 is import beyond the limit, at a steep price. What it costs is counted for all
    connections together (`metered`). A tie-break keeps power from going in at one and out at another.
    """
    inward = cp.Variable(grid.steps, bounds=[0, form.import_limit_kw], name=f"{name}.inward_kw")
    over = cp.Variable(grid.steps, bounds=[0, OVER_LIMIT_SHARE * form.import_limit_kw], name=f"{name}.over_limit_kw")
    outward = cp.Variable(grid.steps, bounds=[0, form.export_limit_kw], name=f"{name}.outward_kw")

    def assign(inputs: Inputs) -> None:
        """Nothing changes from solve to solve."""

    def extract() -> AssetPlan:
        power = np.maximum(solved(inward), 0.0) + np.maximum(solved(over), 0.0) - np.maximum(solved(outward), 0.0)
        return AssetPlan(power_kw=power, flows_kw=form.flows(power))

    return Block(
        asset=name,
        flows={form.bus: inward + over - outward},
        penalty=grid.worth.over_limit_per_kwh * (grid.step_h @ over) + TIE * (grid.step_h @ outward),
        slacks=[Slack("import beyond the limit", "kW", over, limit=form.import_limit_kw)],
        assign=assign,
        extract=extract,
    )


def metered(connections: Mapping[str, Connection], blocks: Sequence[Block], grid: TimeGrid) -> tuple[Block, Account]:
    """The bill's connection, which has the power of all: import[t] - export[t] = sum over i of power_i[t]

    It has the equations of a single one (`dispatch.blocks.grid`), with limits that never bind: each connection has its
    own. It is no asset, so the account has what it brings to the problem.
    """
    most_kw = (1.0 + OVER_LIMIT_SHARE) * sum(form.import_limit_kw for form in connections.values())
    form = Connection(
        bus=METER,
        gives=1,
        import_limit_kw=most_kw,
        export_limit_kw=sum(form.export_limit_kw for form in connections.values()),
    )
    meter = grid_block(METER, form, grid)
    flows = [block.flows[connections[block.asset].bus] for block in blocks if block.asset in connections]
    account = Account(
        constraints=[*meter.constraints, meter.flows[METER] == sum(flows[1:], start=flows[0])],
        cost=meter.cost,
        penalty=meter.penalty,
        assign=meter.assign,
        meter=meter,
    )
    return meter, account
