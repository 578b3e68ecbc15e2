"""A hot-water tank: a store (`store`) whose temperature is that of its uppermost layer.

T_top = T_low + h_1 * (T_high - T_low),   E = capacity * mean(h)

h_1 .. h_n          heat of each layer from the top, 0 at T_low and 1 at T_high; a mixed tank has one

Charging puts water of T_high on top and takes the lowest layer out, discharging takes the top layer out and puts water
of T_low below; a flow of f tank contents moves every layer by f * n of the difference to its neighbour. Neighbours mix
slowly, and water that is hotter than the layer above rises at once.
"""

from __future__ import annotations

import math

from config.assets import HotWaterTank
from simulators.account import Account
from simulators.model import Seat, Wired, moved_by_its_bus
from simulators.store import LossyStore

MIXING_PER_H = 0.05
"""Share of the difference between two layers that conduction and eddies level out in an hour."""
LONGEST_MOVE = 0.5
"""Share of a layer that moves at once; a larger flow is taken in several turns."""
EMPTY = 1e-9


class TankModel(LossyStore):
    """One tank."""

    def __init__(self, spec: HotWaterTank, soc: float) -> None:
        super().__init__(spec, soc)
        self.spec = spec
        n = spec.layers
        # the hot water stands above the cold
        self._heat = [min(max(soc * n - index, 0.0), 1.0) for index in range(n)] if n > 1 else [soc]

    @property
    def top_degc(self) -> float:
        return self._degc(self.soc if len(self._heat) == 1 else self._heat[0])

    @property
    def bottom_degc(self) -> float:
        return self.spec.low_degc if len(self._heat) == 1 else self._degc(self._heat[-1])

    @property
    def supply_degc(self) -> float | None:
        return self.top_degc

    def _degc(self, heat: float) -> float:
        return self.spec.low_degc + heat * (self.spec.high_degc - self.spec.low_degc)

    def step(self, left_kwh: float, dt_s: float) -> float:
        """Take `left_kwh` (+ what the bus has left in `dt_s`, - what it misses); returns what remains of it."""
        moved_kwh = self.exchange(left_kwh, dt_s)
        if len(self._heat) > 1:
            hours = dt_s / 3600
            kept = math.exp(-self.spec.loss_per_h * hours)
            self._heat = [heat * kept for heat in self._heat]
            self._flow(moved_kwh / self.spec.capacity_kwh)
            self._mix(hours)
        return left_kwh - moved_kwh

    def _flow(self, change: float) -> None:
        """Move the layers until the mean heat has changed by `change`."""
        heat, n = self._heat, len(self._heat)
        while abs(change) > EMPTY:
            # in times the content of a layer: what comes in less what goes out is the change
            difference = 1.0 - heat[-1] if change > 0 else heat[0]
            if difference <= EMPTY:
                break
            flow = min(abs(change) * n / difference, LONGEST_MOVE)
            done = flow * difference / n
            if change > 0:
                above = 1.0
                for index in range(n):
                    heat[index], above = heat[index] + flow * (above - heat[index]), heat[index]
                change -= done
            else:
                below = 0.0
                for index in reversed(range(n)):
                    heat[index], below = heat[index] + flow * (below - heat[index]), heat[index]
                change += done

    def _mix(self, hours: float) -> None:
        heat = self._heat
        share = min(MIXING_PER_H * hours, 0.5)
        for index in range(len(heat) - 1):
            upper, lower = heat[index], heat[index + 1]
            if lower > upper:
                heat[index] = heat[index + 1] = (upper + lower) / 2
            else:
                moved = share * (upper - lower) / 2
                heat[index], heat[index + 1] = upper - moved, lower + moved

    def account(self) -> Account:
        return Account(
            heat_fed_kwh=self._discharged_kwh,
            heat_used_kwh=self._charged_kwh,
            lost_kwh=self._lost_kwh,
            stored_kwh=self.stored_kwh,
        )

    def points(self) -> dict[str, float]:
        return {"soc": self.soc, "supply_degc": self.top_degc, "return_degc": self.bottom_degc}


def wire_hot_water_tank(spec: HotWaterTank, seat: Seat) -> Wired:
    """It takes no part of its own: the bus moves it."""
    model = TankModel(spec, seat.soc)
    seat.bus(spec.heat_bus).attach(model)
    return moved_by_its_bus(model)
