"""What PV plants and wind turbines have in common: they feed what is available, up to a limit that ramps.

fed = min(mean available, mean limit) * dt;   curtailed = mean available * dt - fed
"""

from __future__ import annotations

from simulators.account import Account
from simulators.commanded import Commanded
from simulators.inverter import Inverter
from simulators.model import Moment, Seat, Wired
from simulators.ramp import ramp


class GeneratorModel(Commanded):
    """Feeds what is available up to its limit."""

    more_commands = ("reactive_setpoint_kvar",)

    def __init__(
        self, rated_kw: float, limit_ramp_per_s: float, available_kw: float, rated_kva: float | None = None
    ) -> None:
        """`limit_ramp_per_s` is the share of the rating by which the limit moves in a second."""
        super().__init__()
        self.inverter = Inverter(rated_kw if rated_kva is None else rated_kva)
        self.power_kw = available_kw
        self._rated_kw = rated_kw
        self._limit_ramp_kw_per_s = limit_ramp_per_s * rated_kw
        self._limit_kw = rated_kw
        self._available_kw = available_kw
        self._fed_kwh = 0.0
        self._curtailed_kwh = 0.0

    def accept(self, value_kw: float) -> float:
        """The limit that the generator takes from a command."""
        return min(max(value_kw, 0.0), self._rated_kw)

    def step(self, available_kw: float, weather: float, dt_s: float, /) -> float:
        """Go `dt_s` on, to a time with this weather and the power that it gives; returns the energy fed in kWh."""
        raise NotImplementedError

    def points(self) -> dict[str, float]:
        raise NotImplementedError

    def take(self, point: str, value: float | None) -> None:
        self.inverter.set_reactive(value)

    @property
    def limit_kw(self) -> float:
        """The limit in force, the rating without one."""
        return self._rated_kw if self.setpoint_kw is None else self.setpoint_kw

    @property
    def throttled(self) -> bool:
        return self.power_kw < self._available_kw - 1e-9

    def account(self) -> Account:
        return Account(electricity_fed_kwh=self._fed_kwh, curtailed_kwh=self._curtailed_kwh)

    def feed(self, available_kw: float, dt_s: float) -> float:
        """Go `dt_s` on, to a time at which `available_kw` can be fed; returns the energy fed in kWh."""
        mean_available_kw = (self._available_kw + available_kw) / 2
        self._available_kw = available_kw
        if not self.running:
            self._limit_kw = self.power_kw = 0.0
            self.inverter.stand()
            return 0.0
        limit = ramp(self._limit_kw, self.limit_kw, self._limit_ramp_kw_per_s, dt_s)
        self._limit_kw = limit.end_kw
        self.power_kw = min(available_kw, limit.end_kw)
        fed_kwh = min(mean_available_kw, limit.mean_kw) * dt_s / 3600
        self._fed_kwh += fed_kwh
        self._curtailed_kwh += mean_available_kw * dt_s / 3600 - fed_kwh
        self.inverter.react(self.power_kw)
        return fed_kwh

    def hold_back(self, energy_kwh: float, dt_s: float) -> None:
        """Take back energy of the last step: the frequency of an island was too high for it."""
        self._fed_kwh -= energy_kwh
        self._curtailed_kwh += energy_kwh
        if dt_s:
            self.power_kw = max(self.power_kw - energy_kwh * 3600 / dt_s, 0.0)

    def generator_points(self) -> dict[str, float]:
        """The standard points that every generator shows."""
        return {
            "active_power_kw": self.power_kw,
            "energy_kwh": self._fed_kwh,
            **self.inverter.reactive_points(),
            "available": float(self.running),
            "power_limit_kw": self.limit_kw,
        }


def wired_generator(model: GeneratorModel, seat: Seat, weather: str) -> Wired:
    """Hang a generator on the electric bus; `weather` is the value of its own that it shows."""
    electricity, available, shown = seat.electricity, seat.own("available_kw"), seat.own(weather)

    def advance(now: Moment) -> None:
        fed_kwh = model.step(now.values[available], now.values[shown], now.dt_s)
        electricity.feed(fed_kwh, model.power_kw, model.inverter.reactive_kvar)
        electricity.may_hold_back(model, fed_kwh)

    return Wired(model, advance)
