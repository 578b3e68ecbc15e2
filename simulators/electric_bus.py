"""The electric bus: the grid takes the rest, or, as an island, a grid-forming battery does.

    grid = loads + converters + transformer - generators - batteries     (+ import)
    f    = 50 Hz - DROOP * (power of the forming batteries / their rating)            as an island

An island that is short of power first loses its sheddable loads, in their order, and then goes dark: every device
stops, and stays so until the breaker closes again.
"""

from __future__ import annotations

from typing import Protocol

from simulators.grid import GridModel

NOMINAL_HZ = 50.0
DROOP_HZ = 0.5
"""Frequency that a forming battery gives up at full discharge: 1 %, as grid-forming converters are set."""
SHED_HZ = 49.0
"""What the underfrequency relays of sheddable loads see when they act."""
DARK_V = 0.0


class DroppedModel(Protocol):
    """A load whose supply may fail."""

    power_kw: float

    def drop(self, energy_kwh: float, share: float) -> None: ...  # of the energy counted in this step


class ShedModel(DroppedModel, Protocol):
    """A load with an underfrequency relay."""

    shed: bool
    shed_order: int


class HeldBackModel(Protocol):
    """A generator that feeds less when the frequency is too high."""

    def hold_back(self, energy_kwh: float, dt_s: float) -> None: ...


class FormingModel(Protocol):
    """A battery that balances an island."""

    power_kw: float

    @property
    def rated_kw(self) -> float: ...

    def can_form_kw(self) -> float: ...  # highest discharge now

    def form(self, need_kwh: float, dt_s: float) -> float: ...  # gives what it can of it, + for discharge


class TransformerPart(Protocol):
    power_kw: float

    def step(self, through_kw: float, through_kvar: float, dt_s: float) -> float: ...  # its loss in kWh


class ElectricBus:
    """The electric bus, from `begin` to `settle` in each step."""

    def __init__(self, grid: GridModel) -> None:
        self.grid = grid
        self.dark = False
        """True in an island that could not be held."""
        self.surplus_kwh = 0.0
        """Energy that an island burnt in its brake resistors because nothing could take or hold it back; a counter."""
        self.inertia_kwh = 0.0
        """What rotating machines gave in the moment before an island went dark; a counter."""
        self.transformers: list[TransformerPart] = []
        self.sheddable: list[ShedModel] = []
        self._taken_kw = self._made_kw = self._kvar = 0.0
        self._used_kwh = self._fed_kwh = self._wanted_kwh = 0.0
        self._loads: list[tuple[DroppedModel, float]] = []
        self._generators: list[tuple[HeldBackModel, float]] = []
        self.formers: list[FormingModel] = []
        self._forming: list[FormingModel] = []
        self._short_kw = 0.0

    @property
    def island(self) -> bool:
        return not self.grid.closed

    def open(self) -> None:
        """Open the breaker: the park is an island from the next step on, or dark at once if nothing can hold it."""
        was_closed = self.grid.closed
        self.grid.lose()
        if was_closed:
            need_kw = self.grid.power_kw + sum(battery.power_kw for battery in self.formers)
            self._short_kw = max(0.0, need_kw - sum(battery.can_form_kw() for battery in self.formers))
            self.dark = not self.formers

    def close(self) -> None:
        """The grid is back: once its relay closes the breaker, whatever was shed or dark comes back."""
        self.grid.come_back()

    def begin(self) -> None:
        """Before the assets take part in a step."""
        self.grid.step()
        if self.island:
            self._protect()
        else:
            self.dark = False
            for load in self.sheddable:
                load.shed = False
        self._taken_kw = self._made_kw = self._kvar = 0.0
        self._used_kwh = self._fed_kwh = self._wanted_kwh = 0.0
        self._forming.clear()

    def _protect(self) -> None:
        """Shed and go dark by what the step before left open."""
        missing_kw = self._short_kw
        for load in sorted(self.sheddable, key=lambda each: each.shed_order):
            if missing_kw <= 0:
                return
            if not load.shed:
                missing_kw -= load.power_kw
                load.shed = True
        self.dark = self.dark or missing_kw > 0

    def want(self, load: DroppedModel, energy_kwh: float, power_kw: float, kvar: float) -> None:
        """A load uses energy in this step, and power at its end."""
        if not self.grid.closed:
            self._loads.append((load, energy_kwh))
            self._wanted_kwh += energy_kwh
        self._used_kwh += energy_kwh
        self._taken_kw += power_kw
        self._kvar += kvar

    def use(self, energy_kwh: float, power_kw: float, kvar: float = 0.0) -> None:
        """A converter uses energy in this step, and power at its end."""
        self._used_kwh += energy_kwh
        self._taken_kw += power_kw
        self._kvar += kvar

    def feed(self, energy_kwh: float, power_kw: float, kvar: float = 0.0) -> None:
        """A generator or battery gives energy in this step, and power at its end; `kvar` is what it supplies."""
        self._fed_kwh += energy_kwh
        self._made_kw += power_kw
        self._kvar -= kvar

    def may_hold_back(self, generator: HeldBackModel, energy_kwh: float) -> None:
        """A generator that has fed in this step and could have fed less."""
        if not self.grid.closed:
            self._generators.append((generator, energy_kwh))

    def forms(self, battery: FormingModel) -> None:
        """A grid-forming battery, which waits for `settle` while the park is an island."""
        self._forming.append(battery)

    def settle(self, dt_s: float, frequency_hz: float, grid_voltage: float) -> None:
        """After all assets: grid or forming batteries take the rest. `grid_voltage` is 1 for the nominal one."""
        net_kwh = self._used_kwh - self._fed_kwh
        net_kw = self._taken_kw - self._made_kw
        for transformer in self.transformers if self.grid.closed else ():
            through_kw = net_kwh * 3600 / dt_s if dt_s else net_kw
            net_kwh += transformer.step(through_kw, self._kvar, dt_s)
            net_kw += transformer.power_kw
        if self.grid.closed:
            self.grid.count(net_kwh)
            self.grid.show(net_kw, self._kvar, frequency_hz, grid_voltage)
            return
        self._balance(net_kwh, net_kw, dt_s)

    def _balance(self, net_kwh: float, net_kw: float, dt_s: float) -> None:
        for transformer in self.transformers:
            transformer.power_kw = 0.0
        rated_kw = sum(battery.rated_kw for battery in self._forming)
        given_kw = 0.0
        rest_kwh = net_kwh
        for battery in self._forming:
            rest_kwh -= battery.form(net_kwh * battery.rated_kw / rated_kw, dt_s)
            given_kw += battery.power_kw
        # what a step of no time would be short of shows in powers only
        self._short_kw = max(0.0, net_kw - sum(battery.can_form_kw() for battery in self._forming))
        if rest_kwh > 0:
            share = min(rest_kwh / self._wanted_kwh, 1.0) if self._wanted_kwh > 0 else 0.0
            for load, energy_kwh in self._loads:
                load.drop(energy_kwh, share)
            self.inertia_kwh += rest_kwh - share * self._wanted_kwh
        elif rest_kwh < 0:
            able_kwh = sum(energy_kwh for _, energy_kwh in self._generators)
            share = min(-rest_kwh / able_kwh, 1.0) if able_kwh > 0 else 0.0
            for generator, energy_kwh in self._generators:
                generator.hold_back(energy_kwh * share, dt_s)
            self.surplus_kwh += -rest_kwh - share * able_kwh
        self._loads.clear()
        self._generators.clear()
        if self.dark or not self._forming:
            self.dark = True
            self.grid.show(0.0, 0.0, 0.0, DARK_V)
            return
        frequency_hz = NOMINAL_HZ - DROOP_HZ * given_kw / rated_kw
        self.grid.show(0.0, 0.0, min(frequency_hz, SHED_HZ) if self._short_kw > 0 else frequency_hz, 1.0)
