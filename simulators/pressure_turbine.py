"""Power from gas or steam that a process lets down: a top-gas turbine (TRT), a letdown turbine.

P = m * c_p * T_1 * (1 - (p_2 / p_1)^((k - 1) / k)) * eta_is * eta_gen,     at most the rated power

m          mass flow, follows the process; below the least flow the valve takes it
T_1        inlet temperature in kelvin, p_1 and p_2 absolute pressures
c_p, k     heat capacity and isentropic exponent of the gas
"""

from __future__ import annotations

from config.thermal_assets import PressureTurbine
from simulators.account import Account
from simulators.commanded import Commanded
from simulators.model import Moment, Seat, Wired

GASES: dict[str, tuple[float, float]] = {
    "blast_furnace_gas": (1.05, 1.39),
    "natural_gas": (2.2, 1.30),
    "steam": (2.1, 1.30),
    "air": (1.006, 1.40),
}
"""Heat capacity in kJ/kgK and isentropic exponent; steam superheated."""
ZERO_DEGC_K = 273.15
BYPASSED, RUNNING = 1.0, 2.0


def per_flow_kw(spec: PressureTurbine) -> float:
    """Electric power for each kg/s."""
    heat_capacity, exponent = GASES[spec.gas]
    drop = 1.0 - (spec.outlet_bar / spec.inlet_bar) ** ((exponent - 1.0) / exponent)
    work: float = heat_capacity * (spec.inlet_degc + ZERO_DEGC_K) * drop
    return work * spec.isentropic_efficiency * spec.generator_efficiency


class PressureTurbineModel(Commanded):
    """One turbine; it follows its flow and takes no command."""

    def __init__(self, spec: PressureTurbine) -> None:
        super().__init__()
        self.spec = spec
        self.power_kw = 0.0
        self._flow_kg_per_s = 0.0
        self._per_flow_kw = per_flow_kw(spec)
        self._made_kwh = 0.0

    def step(self, flow_kg_per_s: float, dt_s: float) -> float:
        """Go `dt_s` on, to a time with this flow; returns the electricity made in kWh."""
        self._flow_kg_per_s = flow_kg_per_s
        before_kw = self.power_kw
        runs = self.running and flow_kg_per_s >= self.spec.min_flow_kg_per_s
        self.power_kw = min(flow_kg_per_s * self._per_flow_kw, self.spec.rated_kw) if runs else 0.0
        made_kwh = (before_kw + self.power_kw) / 2 * dt_s / 3600 if self.running else 0.0
        self._made_kwh += made_kwh
        return made_kwh

    def account(self) -> Account:
        return Account(electricity_fed_kwh=self._made_kwh)

    def points(self) -> dict[str, float]:
        return {
            "active_power_kw": self.power_kw,
            "energy_kwh": self._made_kwh,
            "flow_kg_per_s": self._flow_kg_per_s,
            "pressure_bar": self.spec.inlet_bar,
            "available": float(self.running),
            "status": RUNNING if self.power_kw > 0 else BYPASSED,
        }


def wire_pressure_turbine(spec: PressureTurbine, seat: Seat) -> Wired:
    """Its series is in kg/s."""
    model, electricity, flow = PressureTurbineModel(spec), seat.electricity, seat.own("demand_kw")

    def advance(now: Moment) -> None:
        electricity.feed(model.step(now.values[flow], now.dt_s), model.power_kw)

    return Wired(model, advance)
