"""Feeders in the problem: what their lines may carry to the assets that hang on them, and back."""

from __future__ import annotations

from collections.abc import Sequence

import cvxpy as cp

from config.feeder import Feeder
from config.site import Site
from dispatch.block import Block, TimeGrid
from dispatch.blocks.account import Account
from dispatch.feeders import fed_by
from dispatch.plan import ELECTRICITY


def feeder_accounts(site: Site, blocks: Sequence[Block], grid: TimeGrid) -> tuple[Account, ...]:
    """-import limit - over[t] <= sum over i of flow_i[t] <= export limit + back[t],  over >= 0,  back >= 0

    in kW, shape (steps,), over the assets i on a feeder, at a steep price for what is beyond. What runs under local
    control is not known to the plan by asset, and left out.
    """
    found = []
    for name, spec in site.of_kind(Feeder).items():
        hanging = fed_by(site, spec)
        flows = [block.flows[ELECTRICITY] for block in blocks if block.asset in hanging and ELECTRICITY in block.flows]
        if not flows:
            continue
        over = cp.Variable(grid.steps, bounds=[0, None], name=f"{name}.over_kw")
        back = cp.Variable(grid.steps, bounds=[0, None], name=f"{name}.back_kw")
        total = sum(flows[1:], start=flows[0])
        found.append(
            Account(
                constraints=[-total <= spec.import_limit_kw + over, total <= spec.export_limit_kw + back],
                penalty=grid.worth.over_limit_per_kwh * (grid.step_h @ (over + back)),
                feeder=name,
                beyond=(over, back),
            )
        )
    return tuple(found)
