"""A battery with its power conversion; power is + for discharge, at the AC side.

    E[t+dt] = E[t] + (eta_c * charge - discharge / eta_d) * dt,   0 <= E <= capacity

    charge, discharge   means over the step in kW, never both above zero
    eta_c, eta_d        one-way efficiencies between the AC side and the cells

The power moves at the battery's ramp. In the first and the last hundredth of the capacity the battery management
lowers what it allows, in proportion to what is left.
"""

from __future__ import annotations

from config.assets import Battery
from simulators.account import Account
from simulators.ramp import ramp

TAPER = 0.01
"""Share of the capacity over which the battery management closes; batteries do not stop at full power."""
STANDBY, CHARGING, DISCHARGING = 1.0, 2.0, 3.0


class BatteryModel:
    """One battery: follows its setpoint within ramp, rating and what it holds."""

    def __init__(self, spec: Battery, soc: float) -> None:
        self.spec = spec
        self.setpoint_kw: float | None = None
        self.running = True
        self.power_kw = 0.0
        self.stored_kwh = soc * spec.capacity_kwh
        self._discharged_kwh = 0.0
        self._charged_kwh = 0.0

    @property
    def soc(self) -> float:
        return self.stored_kwh / self.spec.capacity_kwh

    def accept(self, value_kw: float) -> float:
        """The setpoint that the converter takes from a command."""
        return min(max(value_kw, -self.spec.max_charge_kw), self.spec.max_discharge_kw)

    def step(self, dt_s: float) -> float:
        """Go `dt_s` on; returns the energy in kWh, + for discharge."""
        if not self.running:
            self.power_kw = 0.0
            return 0.0
        low_kw = -self.spec.max_charge_kw * min(1.0, (1.0 - self.soc) / TAPER)
        high_kw = self.spec.max_discharge_kw * min(1.0, self.soc / TAPER)
        target_kw = min(max(self.setpoint_kw or 0.0, low_kw), high_kw)
        to_zero_s = abs(self.power_kw) / self.spec.ramp_kw_per_s
        if self.power_kw * target_kw < 0 and to_zero_s < dt_s:
            # the two directions have different efficiencies, so a step never holds both
            first_kwh = self._move(0.0, to_zero_s)
            return first_kwh + self._move(target_kw, dt_s - to_zero_s)
        return self._move(target_kw, dt_s)

    def _move(self, target_kw: float, dt_s: float) -> float:
        """Ramp without a change of direction; returns the energy in kWh, + for discharge."""
        end_kw, mean_kw = ramp(self.power_kw, target_kw, self.spec.ramp_kw_per_s, dt_s)
        energy_kwh = mean_kw * dt_s / 3600
        if energy_kwh > 0:
            possible_kwh = self.stored_kwh * self.spec.discharge_efficiency
            if energy_kwh >= possible_kwh:
                energy_kwh, end_kw, self.stored_kwh = possible_kwh, 0.0, 0.0
            else:
                self.stored_kwh -= energy_kwh / self.spec.discharge_efficiency
            self._discharged_kwh += energy_kwh
        else:
            possible_kwh = (self.spec.capacity_kwh - self.stored_kwh) / self.spec.charge_efficiency
            if -energy_kwh > possible_kwh:
                energy_kwh, end_kw, self.stored_kwh = -possible_kwh, 0.0, self.spec.capacity_kwh
            else:
                self.stored_kwh -= energy_kwh * self.spec.charge_efficiency
            self._charged_kwh -= energy_kwh
        self.power_kw = end_kw
        return energy_kwh

    def account(self) -> Account:
        return Account(
            electricity_fed_kwh=self._discharged_kwh,
            electricity_used_kwh=self._charged_kwh,
            stored_kwh=self.stored_kwh,
        )

    def points(self) -> dict[str, float]:
        return {
            "active_power_kw": self.power_kw,
            "reactive_power_kvar": 0.0,
            "soc": self.soc,
            "energy_import_kwh": self._discharged_kwh,
            "energy_export_kwh": self._charged_kwh,
            "available": float(self.running),
            "status": DISCHARGING if self.power_kw > 0 else CHARGING if self.power_kw < 0 else STANDBY,
            "power_setpoint_kw": self.setpoint_kw or 0.0,
        }
