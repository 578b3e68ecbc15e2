"""The connection point: it takes the rest of the electric bus while its breaker is closed; power is + for import.

U = U_nominal * (u_grid - DROP * P / P_limit - DROP_REACTIVE * Q / P_limit)

u_grid   voltage of the grid at no load, as a share of the nominal one
P, Q     import of active and reactive power
"""

from __future__ import annotations

from config.assets import GridConnection
from config.points import RECONNECTION_PERMITTED, RECONNECTION_RELEASE
from simulators.account import Account
from simulators.commanded import Commanded

NOMINAL_V = 230.9
"""Line to neutral behind the park's transformers (400 V between lines)."""
DROP = 0.015
"""Share of the voltage that is lost over the resistance of the source at the import limit."""
DROP_REACTIVE = 0.03
"""The same for its reactance: at medium voltage it is about twice the resistance."""


class GridModel(Commanded):
    """The meter and the breaker at the connection point. It counts the net of the phases, as revenue meters do.

    The breaker closes again once the grid is back, and where its relay waits for a release, with that.
    """

    more_commands = (RECONNECTION_RELEASE,)

    def __init__(self, spec: GridConnection, *, waits: bool = False) -> None:
        super().__init__()
        self.spec = spec
        self.closed = True
        """Whether the breaker is closed."""
        self._waits = waits
        self._there = True
        self._released = False
        self.power_kw = 0.0
        self._reactive_kvar = 0.0
        self._frequency_hz = 50.0
        self._voltage = 1.0
        self._imported_kwh = 0.0
        self._exported_kwh = 0.0

    def lose(self) -> None:
        """The grid is gone: the breaker opens."""
        self.closed = self._there = False

    def come_back(self) -> None:
        """The grid is there again."""
        self._there = True
        self.step()

    def step(self) -> None:
        """The relay closes the breaker when it may."""
        self.closed = self.closed or (self._there and (self._released or not self._waits))

    def take(self, point: str, value: float | None) -> None:
        if point != RECONNECTION_RELEASE:
            raise KeyError(point)
        self._released = value is not None and value >= 0.5

    def show(self, power_kw: float, reactive_kvar: float, frequency_hz: float, voltage: float) -> None:
        """What the meter reads at this moment; `voltage` is that of the grid at no load, 1 for the nominal one."""
        self.power_kw = power_kw
        self._reactive_kvar = reactive_kvar
        self._frequency_hz = frequency_hz
        self._voltage = voltage

    def count(self, energy_kwh: float) -> None:
        """Count the net energy of a step, + for import."""
        if energy_kwh > 0:
            self._imported_kwh += energy_kwh
        else:
            self._exported_kwh -= energy_kwh

    def account(self) -> Account:
        return Account(electricity_fed_kwh=self._imported_kwh, electricity_used_kwh=self._exported_kwh)

    def points(self) -> dict[str, float]:
        lost = (DROP * self.power_kw + DROP_REACTIVE * self._reactive_kvar) / self.spec.import_limit_kw
        return {
            "active_power_kw": self.power_kw,
            "reactive_power_kvar": self._reactive_kvar,
            "voltage_v": NOMINAL_V * max(self._voltage - lost, 0.0),
            "frequency_hz": self._frequency_hz,
            "energy_import_kwh": self._imported_kwh,
            "energy_export_kwh": self._exported_kwh,
            "breaker_closed": float(self.closed),
            RECONNECTION_PERMITTED: float(self._there),
            RECONNECTION_RELEASE: float(self._released),
        }
