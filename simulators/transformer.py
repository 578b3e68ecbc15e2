"""The transformer between the connection point and the park.

loss = P_no_load + P_load * (S / S_rated)^2

S   apparent power through it
"""

from __future__ import annotations

import math

from config.flexible_assets import Transformer
from simulators.account import Account
from simulators.model import Seat, Wired, moved_by_its_bus


class TransformerModel:
    """One transformer; what its meters show is its loss."""

    def __init__(self, spec: Transformer) -> None:
        self.spec = spec
        self.power_kw = spec.no_load_kw
        self._load_share = 0.0
        self._lost_kwh = 0.0

    def step(self, through_kw: float, through_kvar: float, dt_s: float) -> float:
        """Go `dt_s` on with this power through it; returns the loss in kWh."""
        self._load_share = math.hypot(through_kw, through_kvar) / self.spec.rated_kva
        self.power_kw = self.spec.no_load_kw + self.spec.load_kw * self._load_share**2
        lost_kwh = self.power_kw * dt_s / 3600
        self._lost_kwh += lost_kwh
        return lost_kwh

    def account(self) -> Account:
        return Account(electricity_used_kwh=self._lost_kwh, lost_kwh=self._lost_kwh)

    def points(self) -> dict[str, float]:
        return {"active_power_kw": self.power_kw, "energy_kwh": self._lost_kwh, "load_share": self._load_share}


def wire_transformer(spec: Transformer, seat: Seat) -> Wired:
    """It takes no part of its own: the electric bus passes its power through it."""
    model = TransformerModel(spec)
    seat.electricity.transformers.append(model)
    return moved_by_its_bus(model)
