"""A battery with its power conversion; power is + for discharge, at the AC side.

    E[t+dt] = E[t] + stored(charge) - drained(discharge),   0 <= E <= capacity * health

    charge, discharge   means over the step in kW, never both above zero
    stored, drained     what converter and cells make of them (`converter`)

The power moves at the battery's ramp. Where the state of charge comes near its ends the management lowers what it
allows, in proportion to what is left, and by the taper of its data sheet, if any; with cells described, also by their
temperature (`battery_cells`).
"""

from __future__ import annotations

from config.assets import Battery
from config.battery_curves import share_left
from simulators.account import Account
from simulators.battery_cells import CellsModel
from simulators.commanded import Commanded
from simulators.converter import ConstantEfficiency, Converter, LossCurve
from simulators.inverter import Inverter
from simulators.model import Moment, Seat, Wired
from simulators.ramp import ramp
from simulators.surroundings import OUTDOOR

TAPER = 0.01
"""Share of the capacity over which the battery management closes; batteries do not stop at full power."""
CELLS_TAPER = 0.05
"""The same for a battery whose cells are described: constant voltage begins there."""
ROOM_DEGC = 20.0
"""Around the cells at the start."""
OVERLOAD = 1.5
"""What a forming converter gives for some seconds, as a multiple of its rating, before protection acts."""
CUT_OFF_SOC = 0.02
"""An empty battery no longer forms a grid: what is left starts its own control again."""
STANDBY, CHARGING, DISCHARGING, TRIPPED = 1.0, 2.0, 3.0, 4.0


class BatteryModel(Commanded):
    """One battery: follows its setpoint within ramp, rating and what it holds."""

    more_commands = ("reactive_setpoint_kvar", "reset")

    def __init__(self, spec: Battery, soc: float) -> None:
        super().__init__()
        self.spec = spec
        self.power_kw = 0.0
        self.own_kw = 0.0
        """What its own control wants when nobody commands it."""
        self.inverter = Inverter(spec.rated_kva or self.rated_kw)
        self.cells: CellsModel | None = None
        self._converter: Converter = ConstantEfficiency(spec)
        if spec.cells is not None:
            self.cells = CellsModel(spec.cells, spec.capacity_kwh, ROOM_DEGC)
            self._converter = LossCurve(spec, spec.cells.no_load_loss_kw)
        self._taper = TAPER if spec.cells is None else CELLS_TAPER
        self.stored_kwh = soc * spec.capacity_kwh
        self._discharged_kwh = 0.0
        self._charged_kwh = 0.0
        self._lost_kwh = 0.0

    @property
    def capacity_kwh(self) -> float:
        return self.spec.capacity_kwh if self.cells is None else self.spec.capacity_kwh * self.cells.health

    @property
    def soc(self) -> float:
        return self.stored_kwh / self.capacity_kwh

    @property
    def rated_kw(self) -> float:
        return max(self.spec.max_charge_kw, self.spec.max_discharge_kw)

    @property
    def max_charge_kw(self) -> float:
        """What the management allows now."""
        allowed = 1.0 if self.cells is None else self.cells.charge_share
        allowed = min(allowed, share_left(self.spec.charge_taper, self.soc))
        return self.spec.max_charge_kw * min(allowed, (1.0 - self.soc) / self._taper)

    @property
    def max_discharge_kw(self) -> float:
        allowed = 1.0 if self.cells is None else self.cells.discharge_share
        allowed = min(allowed, share_left(self.spec.discharge_taper, self.soc))
        return self.spec.max_discharge_kw * min(allowed, self.soc / self._taper)

    def accept(self, value_kw: float) -> float:
        """The setpoint that the converter takes from a command."""
        return min(max(value_kw, -self.spec.max_charge_kw), self.spec.max_discharge_kw)

    def take(self, point: str, value: float | None) -> None:
        if point == "reactive_setpoint_kvar":
            self.inverter.set_reactive(value)
        elif value and self.cells is not None:
            self.cells.reset()

    def step(self, dt_s: float, air_degc: float = ROOM_DEGC) -> float:
        """Go `dt_s` on; returns the energy in kWh, + for discharge."""
        if not self.running or (self.cells is not None and self.cells.tripped):
            self.power_kw = 0.0
            self.inverter.stand()
            self._age(0.0, 0.0, air_degc, dt_s)
            return 0.0
        wanted_kw = self.own_kw if self.setpoint_kw is None else self.setpoint_kw
        target_kw = min(max(wanted_kw, -self.max_charge_kw), self.max_discharge_kw)
        charged_kwh, discharged_kwh, lost_kwh = self._charged_kwh, self._discharged_kwh, self._lost_kwh
        to_zero_s = abs(self.power_kw) / self.spec.ramp_kw_per_s
        if self.power_kw * target_kw < 0 and to_zero_s < dt_s:
            # the two directions have different efficiencies, so a step never holds both
            energy_kwh = self._move(0.0, to_zero_s) + self._move(target_kw, dt_s - to_zero_s)
        else:
            energy_kwh = self._move(target_kw, dt_s)
        through_kwh = self._charged_kwh - charged_kwh + self._discharged_kwh - discharged_kwh
        self._age(through_kwh, self._lost_kwh - lost_kwh, air_degc, dt_s)
        self.inverter.react(self.power_kw)
        return energy_kwh

    def _move(self, target_kw: float, dt_s: float) -> float:
        """Ramp without a change of direction; returns the energy in kWh, + for discharge."""
        end_kw, mean_kw = ramp(self.power_kw, target_kw, self.spec.ramp_kw_per_s, dt_s)
        energy_kwh = self._exchange(mean_kw * dt_s / 3600, dt_s)
        # cells that are full or empty before the end of the step stop
        self.power_kw = end_kw if abs(energy_kwh - mean_kw * dt_s / 3600) <= 1e-12 * abs(energy_kwh) else 0.0
        return energy_kwh

    def _exchange(self, energy_kwh: float, dt_s: float) -> float:
        """Move energy through the converter, + for discharge; returns what of it was possible."""
        if energy_kwh > 0:
            energy_kwh = min(energy_kwh, self._converter.most_given_kwh(self.stored_kwh, dt_s))
            drained_kwh = min(self._converter.drained_kwh(energy_kwh, dt_s), self.stored_kwh)
            self.stored_kwh -= drained_kwh
            self._discharged_kwh += energy_kwh
            self._lost_kwh += drained_kwh - energy_kwh
        elif energy_kwh < 0:
            room_kwh = self.capacity_kwh - self.stored_kwh
            taken_kwh = min(-energy_kwh, self._converter.most_taken_kwh(room_kwh, dt_s))
            stored_kwh = min(self._converter.stored_kwh(taken_kwh, dt_s), room_kwh)
            # what the converter needs beyond the little that it takes comes out of the cells
            stored_kwh = max(stored_kwh, -self.stored_kwh)
            self.stored_kwh += stored_kwh
            self._charged_kwh += taken_kwh
            self._lost_kwh += taken_kwh - stored_kwh
            energy_kwh = -taken_kwh
        return energy_kwh

    def _age(self, through_kwh: float, loss_kwh: float, air_degc: float, dt_s: float) -> None:
        if self.cells is None:
            return
        self.cells.step(through_kwh, loss_kwh, air_degc, dt_s)
        self._converter.resistance = self.cells.resistance
        if self.stored_kwh > self.capacity_kwh:
            self._lost_kwh += self.stored_kwh - self.capacity_kwh
            self.stored_kwh = self.capacity_kwh

    # -- as the one that forms an island -----------------------------------------------------------

    def can_form_kw(self) -> float:
        """The highest load that it can hold now."""
        if not self.running or self.soc <= CUT_OFF_SOC:
            return 0.0
        return self.spec.max_discharge_kw * (1.0 if self.cells is None else self.cells.discharge_share)

    def form(self, need_kwh: float, dt_s: float) -> float:
        """Give what an island needs in `dt_s`, + for discharge, without a ramp; returns what it gave."""
        hours = dt_s / 3600
        low_kw = -self.max_charge_kw
        within_kwh = min(max(need_kwh, low_kw * hours), OVERLOAD * self.spec.max_discharge_kw * hours)
        energy_kwh = self._exchange(within_kwh, dt_s) if dt_s else 0.0
        self.power_kw = energy_kwh / hours if dt_s else self.power_kw
        self.inverter.react(self.power_kw)
        return energy_kwh

    def account(self) -> Account:
        return Account(
            electricity_fed_kwh=self._discharged_kwh,
            electricity_used_kwh=self._charged_kwh,
            lost_kwh=self._lost_kwh,
            stored_kwh=self.stored_kwh,
        )

    def points(self) -> dict[str, float]:
        tripped = self.cells is not None and self.cells.tripped
        return {
            "active_power_kw": self.power_kw,
            **self.inverter.reactive_points(),
            "soc": self.soc,
            "soh": 1.0 if self.cells is None else self.cells.health,
            "energy_import_kwh": self._discharged_kwh,
            "energy_export_kwh": self._charged_kwh,
            "max_charge_kw": max(self.max_charge_kw, 0.0),
            "max_discharge_kw": max(self.max_discharge_kw, 0.0),
            "cell_degc": ROOM_DEGC if self.cells is None else self.cells.degc,
            "tripped": float(tripped),
            "reset": 0.0,
            "available": float(self.running and not tripped),
            "status": TRIPPED if tripped else self._direction(),
            "power_setpoint_kw": self.setpoint_kw or 0.0,
        }

    def _direction(self) -> float:
        return DISCHARGING if self.power_kw > 0 else CHARGING if self.power_kw < 0 else STANDBY


def wire_battery(spec: Battery, seat: Seat) -> Wired:
    """Under local control it holds the import at zero, as batteries behind a meter do by themselves."""
    model, electricity = BatteryModel(spec, seat.soc), seat.electricity
    if spec.grid_forming:
        electricity.formers.append(model)
    local, outdoor = spec.control == "local", seat.places[OUTDOOR]

    def advance(now: Moment) -> None:
        if spec.grid_forming and electricity.island and model.running:
            electricity.forms(model)
            return
        if local:
            model.own_kw = model.accept(model.power_kw + electricity.grid.power_kw)
        energy_kwh = model.step(now.dt_s) if model.cells is None else model.step(now.dt_s, _room(now.values[outdoor]))
        electricity.feed(energy_kwh, model.power_kw, model.inverter.reactive_kvar)

    return Wired(model, advance)


def _room(outdoor_degc: float) -> float:
    """Air in a container that is heated below 10 degC and follows the weather above."""
    return max(outdoor_degc, 10.0)
