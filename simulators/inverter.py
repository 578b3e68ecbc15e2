"""The reactive power of an inverter, + when it supplies it.

|Q| <= sqrt(S^2 - P^2)

S   apparent rating; active power has the right of way
"""

from __future__ import annotations

import math


class Inverter:
    """Follows a reactive setpoint within its circle."""

    def __init__(self, rated_kva: float) -> None:
        self._rated_kva = rated_kva
        self.reactive_setpoint_kvar: float | None = None
        self.reactive_kvar = 0.0

    def set_reactive(self, value_kvar: float | None) -> None:
        """Take a setpoint; None gives it back, to a power factor of 1."""
        if value_kvar is not None:
            value_kvar = min(max(value_kvar, -self._rated_kva), self._rated_kva)
        self.reactive_setpoint_kvar = value_kvar

    def react(self, power_kw: float) -> None:
        """Follow the setpoint beside an active power; inverters do that within a second."""
        if self.reactive_setpoint_kvar is None:
            self.reactive_kvar = 0.0
            return
        most_kvar = math.sqrt(max(self._rated_kva**2 - power_kw**2, 0.0))
        self.reactive_kvar = min(max(self.reactive_setpoint_kvar, -most_kvar), most_kvar)

    def stand(self) -> None:
        self.reactive_kvar = 0.0

    def reactive_points(self) -> dict[str, float]:
        return {
            "reactive_power_kvar": self.reactive_kvar,
            "reactive_setpoint_kvar": self.reactive_setpoint_kvar or 0.0,
        }
