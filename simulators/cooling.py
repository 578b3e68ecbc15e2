"""Cooling: compression chiller, absorption chiller and cold store.

Compression      P = P_full(T_out) * (0.06 + 0.88 x + 0.06 x^2),   P_full = Q_max / COP(T_out)
                 COP(T_out) = COP_rated * carnot(T_out) / carnot(35 degC)
                 carnot(T_out) = T_supply / (T_out + CONDENSER_K - T_supply)
Absorption       heat = Q / (COP_rated * g),   g = (T - T_least) / (T_rated - T_least), at most 1;   Q <= Q_max * g
Store            as a mixed tank; full is cold, and what comes in from outside is its loss

Q          cooling, x = Q / Q_max,   T_out outdoors,   carnot factors with kelvin
"""

from __future__ import annotations

from config.thermal_assets import AbsorptionChiller, Chiller, ColdStore
from simulators.account import Account
from simulators.model import REACTIVE_PER_ACTIVE, Moment, Seat, Wired, moved_by_its_bus
from simulators.store import LossyStore
from simulators.surroundings import OUTDOOR
from simulators.thermostat import Thermostat, wanted_kw
from simulators.unit import RampedUnit, RunTimes

RATED_OUTDOOR_DEGC = 35.0
"""Data sheets of air-cooled chillers count from here."""
CONDENSER_K = 12.0
LEAST_OUTDOOR_DEGC = 15.0
"""Fans keep the condenser at least this warm, for the sake of the expansion valve."""
NO_LOAD, LINEAR, SQUARE = 0.06, 0.88, 0.06
"""Power over load of a screw chiller."""
FULL_RAMP_S = 120.0
ABSORPTION_START_S, ABSORPTION_RAMP_S = 600.0, 1200.0
"""Absorption chillers have tons of solution to warm."""
ON_BELOW_SOC, OFF_ABOVE_SOC = 0.3, 0.8
ABSORPTION_ON_BELOW_SOC, ABSORPTION_OFF_ABOVE_SOC = 0.6, 0.95
"""Cold from heat comes first; the compressor backs it up."""
ZERO_DEGC_K = 273.15
STANDBY, COOLING, STARTING = 1.0, 2.0, 3.0


class ChillerModel(RampedUnit):
    """One compression chiller; its load is cooling."""

    def __init__(self, spec: Chiller) -> None:
        super().__init__(
            least_kw=spec.min_cooling_kw,
            most_kw=spec.max_cooling_kw,
            ramp_kw_per_s=spec.max_cooling_kw / FULL_RAMP_S,
            times=RunTimes(min_on_s=spec.min_on_s, min_off_s=spec.min_off_s),
        )
        self.spec = spec
        self.electric_kw = 0.0
        self._thermostat = Thermostat(ON_BELOW_SOC, OFF_ABOVE_SOC)
        self._outdoor_degc = RATED_OUTDOOR_DEGC
        self._cooling_kwh = self._used_kwh = 0.0

    def electricity_kw(self, cooling_kw: float, outdoor_degc: float) -> float:
        """Electric power for a cooling power."""
        if cooling_kw <= 0:
            return 0.0
        ratio = self._carnot(RATED_OUTDOOR_DEGC) / self._carnot(max(outdoor_degc, LEAST_OUTDOOR_DEGC))
        load = cooling_kw / self.spec.max_cooling_kw
        return self.spec.max_cooling_kw / self.spec.rated_cop * ratio * (NO_LOAD + load * (LINEAR + load * SQUARE))

    def _carnot(self, outdoor_degc: float) -> float:
        lift_k = max(outdoor_degc + CONDENSER_K - self.spec.supply_degc, 1.0)
        return (self.spec.supply_degc + ZERO_DEGC_K) / lift_k

    def step(
        self, *, outdoor_degc: float, soc: float | None, missing_cooling_kw: float, dt_s: float
    ) -> tuple[float, float]:
        """Go `dt_s` on; returns electricity used and cold made in kWh."""
        self._outdoor_degc = outdoor_degc
        own_kw = wanted_kw(self._thermostat, soc, self.spec.max_cooling_kw, missing_cooling_kw)
        mean_kw = self.move(own_kw, dt_s)
        hours = dt_s / 3600
        used_kwh = self.electricity_kw(mean_kw, outdoor_degc) * hours
        self.electric_kw = self.electricity_kw(self.power_kw, outdoor_degc)
        self._cooling_kwh += mean_kw * hours
        self._used_kwh += used_kwh
        return used_kwh, mean_kw * hours

    def account(self) -> Account:
        return Account(
            electricity_used_kwh=self._used_kwh,
            cooling_fed_kwh=self._cooling_kwh,
            lost_kwh=self._used_kwh + self._cooling_kwh,
        )

    def points(self) -> dict[str, float]:
        return {
            "active_power_kw": self.electric_kw,
            "cooling_power_kw": self.power_kw,
            "energy_kwh": self._cooling_kwh,
            "supply_degc": self.spec.supply_degc,
            "outdoor_degc": self._outdoor_degc,
            "available": float(self.running),
            "status": STARTING if self.below_least else COOLING if self.power_kw > 0 else STANDBY,
            "cooling_setpoint_kw": self.shown_setpoint_kw(),
        }


class AbsorptionChillerModel(RampedUnit):
    """One absorption chiller; its load is cooling."""

    def __init__(self, spec: AbsorptionChiller) -> None:
        super().__init__(
            least_kw=spec.min_cooling_kw,
            most_kw=spec.max_cooling_kw,
            ramp_kw_per_s=spec.max_cooling_kw / ABSORPTION_RAMP_S,
            times=RunTimes(start_s=ABSORPTION_START_S),
        )
        self.spec = spec
        self.heat_kw = 0.0
        self._thermostat = Thermostat(ABSORPTION_ON_BELOW_SOC, ABSORPTION_OFF_ABOVE_SOC)
        self._source_degc = 0.0
        self._cooling_kwh = self._heat_kwh = self._used_kwh = 0.0

    @property
    def electric_kw(self) -> float:
        return self.spec.pump_kw if self.power_kw > 0 else 0.0

    def strength(self, source_degc: float) -> float:
        """Share of the rated cooling, and of the rated COP, that heat of this temperature gives."""
        span_k = self.spec.rated_source_degc - self.spec.least_source_degc
        return min(max((source_degc - self.spec.least_source_degc) / span_k, 0.0), 1.0)

    def step(
        self,
        *,
        source_degc: float,
        available_heat_kwh: float,
        soc: float | None,
        missing_cooling_kw: float,
        dt_s: float,
    ) -> tuple[float, float, float]:
        """Go `dt_s` on; returns heat drawn, electricity used and cold made in kWh."""
        self._source_degc = source_degc
        hours = dt_s / 3600
        strength = self.strength(source_degc)
        if hours == 0:
            return 0.0, 0.0, 0.0
        cop = self.spec.rated_cop * strength
        most_kw = min(self.spec.max_cooling_kw * strength, available_heat_kwh / hours * cop)
        own_kw = wanted_kw(self._thermostat, soc, self.spec.max_cooling_kw, missing_cooling_kw)
        mean_kw = self.move(own_kw, dt_s, most_kw)
        cold_kwh = min(mean_kw * hours, available_heat_kwh * cop)
        heat_kwh = cold_kwh / cop if cop > 0 else 0.0
        used_kwh = self.spec.pump_kw * hours if mean_kw > 0 else 0.0
        self.heat_kw = heat_kwh / hours
        self._cooling_kwh += cold_kwh
        self._heat_kwh += heat_kwh
        self._used_kwh += used_kwh
        return heat_kwh, used_kwh, cold_kwh

    def account(self) -> Account:
        return Account(
            electricity_used_kwh=self._used_kwh,
            heat_used_kwh=self._heat_kwh,
            cooling_fed_kwh=self._cooling_kwh,
            lost_kwh=self._used_kwh + self._heat_kwh + self._cooling_kwh,
        )

    def points(self) -> dict[str, float]:
        return {
            "active_power_kw": self.electric_kw,
            "cooling_power_kw": self.power_kw,
            "heat_power_kw": self.heat_kw,
            "energy_kwh": self._cooling_kwh,
            "supply_degc": self.spec.supply_degc,
            "source_degc": self._source_degc,
            "available": float(self.running),
            "status": STARTING if self.times.starting else COOLING if self.power_kw > 0 else STANDBY,
            "cooling_setpoint_kw": self.shown_setpoint_kw(),
        }


class ColdStoreModel(LossyStore):
    """One store of cold."""

    def __init__(self, spec: ColdStore, soc: float) -> None:
        super().__init__(spec, soc)
        self.spec = spec

    @property
    def supply_degc(self) -> float | None:
        return self.spec.empty_degc + self.soc * (self.spec.full_degc - self.spec.empty_degc)

    def step(self, left_kwh: float, dt_s: float) -> float:
        """Take `left_kwh` of cold (- what the bus misses); returns what remains of it."""
        return left_kwh - self.exchange(left_kwh, dt_s)

    def account(self) -> Account:
        return Account(
            cooling_fed_kwh=self._discharged_kwh,
            cooling_used_kwh=self._charged_kwh,
            lost_kwh=self._lost_kwh,
            stored_kwh=self.stored_kwh,
        )

    def points(self) -> dict[str, float]:
        degc = self.supply_degc
        assert degc is not None
        return {"soc": self.soc, "supply_degc": degc}


def wire_chiller(spec: Chiller, seat: Seat) -> Wired:
    model, cold, electricity = ChillerModel(spec), seat.bus("cooling"), seat.electricity
    outdoor = seat.places[OUTDOOR]

    def advance(now: Moment) -> None:
        used_kwh, cold_kwh = model.step(
            outdoor_degc=now.values[outdoor],
            soc=cold.soc,
            missing_cooling_kw=max(cold.missing_kw, 0.0),
            dt_s=now.dt_s,
        )
        electricity.use(used_kwh, model.electric_kw, model.electric_kw * REACTIVE_PER_ACTIVE)
        cold.feed(cold_kwh, model.power_kw, spec.supply_degc)

    return Wired(model, advance)


def wire_absorption_chiller(spec: AbsorptionChiller, seat: Seat) -> Wired:
    model, cold, electricity = AbsorptionChillerModel(spec), seat.bus("cooling"), seat.electricity
    source = seat.bus(spec.source_bus)

    def advance(now: Moment) -> None:
        heat_kwh, used_kwh, cold_kwh = model.step(
            source_degc=source.degc,
            available_heat_kwh=source.available_kwh(now.dt_s),
            soc=cold.soc,
            missing_cooling_kw=max(cold.missing_kw, 0.0),
            dt_s=now.dt_s,
        )
        source.draw(heat_kwh, model.heat_kw, now.dt_s)
        electricity.use(used_kwh, model.electric_kw)
        cold.feed(cold_kwh, model.power_kw, spec.supply_degc)

    return Wired(model, advance)


def wire_cold_store(spec: ColdStore, seat: Seat) -> Wired:
    """It takes no part of its own: the bus moves it."""
    model = ColdStoreModel(spec, seat.soc)
    seat.bus("cooling").attach(model)
    return moved_by_its_bus(model)
