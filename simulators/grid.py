"""The connection point: it takes the rest of the electric bus; power is + for import.

grid = loads + heat pumps - PV - wind - battery
"""

from __future__ import annotations

from config.assets import GridConnection
from simulators.account import Account

NOMINAL_V = 230.9
"""Line to neutral behind the park's transformers (400 V between lines)."""
DROP = 0.02
"""Share of the voltage that is lost at the import limit."""


class GridModel:
    """The meter at the connection point. It counts the net of the phases, as revenue meters do."""

    def __init__(self, spec: GridConnection) -> None:
        self.spec = spec
        self.power_kw = 0.0
        self._reactive_kvar = 0.0
        self._frequency_hz = 50.0
        self._imported_kwh = 0.0
        self._exported_kwh = 0.0

    def show(self, power_kw: float, reactive_kvar: float, frequency_hz: float) -> None:
        """What the meter reads at this moment."""
        self.power_kw = power_kw
        self._reactive_kvar = reactive_kvar
        self._frequency_hz = frequency_hz

    def count(self, energy_kwh: float) -> None:
        """Count the net energy of a step, + for import."""
        if energy_kwh > 0:
            self._imported_kwh += energy_kwh
        else:
            self._exported_kwh -= energy_kwh

    def account(self) -> Account:
        return Account(electricity_fed_kwh=self._imported_kwh, electricity_used_kwh=self._exported_kwh)

    def points(self) -> dict[str, float]:
        return {
            "active_power_kw": self.power_kw,
            "reactive_power_kvar": self._reactive_kvar,
            "voltage_v": NOMINAL_V * (1.0 - DROP * self.power_kw / self.spec.import_limit_kw),
            "frequency_hz": self._frequency_hz,
            "energy_import_kwh": self._imported_kwh,
            "energy_export_kwh": self._exported_kwh,
        }
