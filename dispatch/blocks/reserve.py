"""The reserve that batteries keep, as a part of the problem that belongs to all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cvxpy as cp
import numpy as np

from dispatch.block import Block, Inputs, TimeGrid
from dispatch.blocks.account import Account
from dispatch.forms.storage import Storage
from dispatch.given import Given


class _Short:
    """What is not kept of one need, at a price for the worst of it, and a lesser one for as long as it lasts.

    0 <= short[t] <= worst;  penalty = p_worst * worst + sum over t of p_h * short[t] * dt[t]
    """

    def __init__(self, what: str, worst_price: float, price_per_h: float, grid: TimeGrid) -> None:
        self.need = Given(grid.steps, name=f"reserve.{what}")
        self.short = cp.Variable(grid.steps, bounds=[0, None], name=f"reserve.{what}_short")
        worst = cp.Variable(bounds=[0, None], name=f"reserve.{what}_worst")
        self.constraints = [self.short <= worst]
        self.penalty = worst_price * worst + (price_per_h * grid.step_h) @ self.short


def reserve_account(stores: Mapping[str, Storage], blocks: Sequence[Block], grid: TimeGrid, response: bool) -> Account:
    """sum over i of eta_d,i * (E_i[t+1] - floor_i) + short[t] >= need[t]

    and for demand response  sum over i of (ceiling_i - E_i[t+1]) / eta_c,i + short[t] >= room[t],
    sum over i of (P_max,i - power_i[t]) + short[t] >= up[t],
    sum over i of (C_max,i + power_i[t]) + short[t] >= down[t]

    over the batteries i, with needs that are within reach (`dispatch.reserve`). What an unavailable battery holds is
    known, since nobody moves it, and is added to the needs instead of taken out of the sums; so are constants.
    """
    worth = grid.worth
    blocks_of = {block.asset: block for block in blocks}
    power = [blocks_of[name].flows[form.bus] for name, form in stores.items()]
    given = sum(form.discharge_efficiency * _after(blocks_of[name]) for name, form in stores.items())
    energy = _Short("energy", worth.reserve_per_kwh, worth.reserve_per_kwh_h, grid)
    shorts = [energy]
    constraints = [given + energy.short >= energy.need]
    if response:
        filled = sum(_after(blocks_of[name]) / form.charge_efficiency for name, form in stores.items())
        total = sum(power[1:], start=power[0])
        # a kW that cannot be called for an hour is as bad as a kWh
        room = _Short("room", worth.reserve_per_kwh, worth.reserve_per_kwh_h, grid)
        up = _Short("power_up", worth.reserve_per_kwh, worth.reserve_per_kwh_h, grid)
        down = _Short("power_down", worth.reserve_per_kwh, worth.reserve_per_kwh_h, grid)
        shorts += [room, up, down]
        constraints += [
            -filled + room.short >= room.need,
            -total + up.short >= up.need,
            total + down.short >= down.need,
        ]

    def assign(inputs: Inputs) -> None:
        need, situation = inputs.reserve, inputs.situation
        assert need is not None
        floor = sum(form.discharge_efficiency * form.soc_min * form.capacity_kwh for form in stores.values())
        ceiling = sum(form.soc_max * form.capacity_kwh / form.charge_efficiency for form in stores.values())
        idle_kwh = idle_room_kwh = most_up_kw = most_down_kw = 0.0
        for name, form in stores.items():
            most_up_kw += situation.on(name) * form.max_discharge_kw
            most_down_kw += situation.on(name) * form.max_charge_kw
            if name in situation.unavailable:
                stored_kwh = form.start_kwh(name, situation)
                idle_kwh += form.discharge_efficiency * (stored_kwh - form.soc_min * form.capacity_kwh)
                idle_room_kwh += (form.soc_max * form.capacity_kwh - stored_kwh) / form.charge_efficiency
        # where nothing is needed, a battery on its way back into its window keeps less than nothing, which is right
        energy.need.value = np.where(need.energy_kwh > 0.0, need.energy_kwh + floor + idle_kwh, 0.0)
        if response:
            most_filled = sum(form.capacity_kwh / form.charge_efficiency for form in stores.values())
            room.need.value = np.where(need.room_kwh > 0.0, need.room_kwh + idle_room_kwh - ceiling, -most_filled)
            up.need.value = need.up_kw - most_up_kw
            down.need.value = need.down_kw - most_down_kw

    return Account(
        constraints=[*constraints, *(constraint for short in shorts for constraint in short.constraints)],
        penalty=sum(short.penalty for short in shorts),
        assign=assign,
    )


def _after(block: Block) -> cp.Expression:
    """Stored energy at the end of each interval."""
    assert block.stored is not None  # every store's block has it
    return block.stored.kwh[1:]
