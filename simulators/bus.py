"""A bus of one carrier that is not electricity: heat at one level, steam, cooling or hydrogen.

    stores = makers - loads - converters                               (+ into the stores)

What the stores cannot take is thrown away and counted. What they cannot give is missing at the loads, in equal shares;
converters draw only what is there once the loads have what they want.
"""

from __future__ import annotations

from typing import Protocol

from config.asset import Carrier


class StoreModel(Protocol):
    """Takes what a bus has left and gives what it misses."""

    stored_kwh: float

    @property
    def capacity_kwh(self) -> float: ...

    @property
    def supply_degc(self) -> float | None: ...  # None where temperature has no meaning

    def step(self, left_kwh: float, dt_s: float) -> float: ...  # returns what remains of it

    def can_give_kwh(self, dt_s: float) -> float: ...

    def can_take_kwh(self, dt_s: float) -> float: ...


class ServedModel(Protocol):
    """A load that may get less than it wants."""

    def serve(self, wanted_kwh: float, served: float, source_degc: float) -> None: ...


class Bus:
    """One bus, from `begin` to `settle` in each step."""

    def __init__(self, name: str, carrier: Carrier, idle_degc: float) -> None:
        """`idle_degc` is the temperature of a bus without a store that nobody feeds."""
        self.name = name
        self.carrier = carrier
        self.surplus_kwh = 0.0
        """What nobody took; a counter."""
        self.left_kwh = 0.0
        """What was fed in this step less what was wanted and drawn."""
        self.missing_kw = 0.0
        """What is wanted at the end of the step less what is made."""
        self.soc: float | None = None
        """Level of all stores together at the start of the step; None without one."""
        self.degc = idle_degc
        """Temperature of what the bus gives."""
        self._idle_degc = idle_degc
        self._wanted_kwh = 0.0
        self._wished_kw = 0.0
        self._hottest_degc: float | None = None
        self._stores: list[StoreModel] = []
        self._capacity_kwh = 0.0
        self._loads: list[tuple[ServedModel, float]] = []

    def attach(self, store: StoreModel) -> None:
        """Hang a store on the bus, once."""
        self._stores.append(store)
        self._capacity_kwh += store.capacity_kwh

    def begin(self) -> None:
        """Before the assets take part in a step."""
        # converters of the last step count as demand: a maker that runs before them can still see them
        self.missing_kw, self._wished_kw = self._wished_kw, 0.0
        self.left_kwh = self._wanted_kwh = 0.0
        self._hottest_degc = None
        if self._stores:
            self.soc = sum(store.stored_kwh for store in self._stores) / self._capacity_kwh

    def want(self, load: ServedModel, wanted_kwh: float, wanted_kw: float) -> None:
        """A load wants energy in this step, and power at its end."""
        self._loads.append((load, wanted_kwh))
        self._wanted_kwh += wanted_kwh
        self.left_kwh -= wanted_kwh
        self.missing_kw += wanted_kw

    def feed(self, energy_kwh: float, power_kw: float, degc: float | None = None) -> None:
        """A maker gives energy in this step, and power at its end."""
        self.left_kwh += energy_kwh
        self.missing_kw -= power_kw
        if degc is not None and energy_kwh > 0 and (self._hottest_degc is None or degc > self._hottest_degc):
            self._hottest_degc = degc
            self.degc = degc

    def draw(self, wanted_kwh: float, wanted_kw: float, dt_s: float) -> float:
        """What a converter gets of what it wants in this step, in kWh."""
        self._wished_kw += wanted_kw
        drawn_kwh = min(wanted_kwh, self.available_kwh(dt_s))
        self.left_kwh -= drawn_kwh
        return drawn_kwh

    def available_kwh(self, dt_s: float) -> float:
        """What a converter could draw in this step."""
        return max(0.0, self.left_kwh + sum(store.can_give_kwh(dt_s) for store in self._stores))

    def room_kwh(self, dt_s: float, soc: float) -> float:
        """What is still missing in this step, with what fills the stores up to a state on top; never negative."""
        stored_kwh = sum(store.stored_kwh for store in self._stores)
        takes_kwh = sum(store.can_take_kwh(dt_s) for store in self._stores)
        fills_kwh = min(takes_kwh, max(0.0, soc * self._capacity_kwh - stored_kwh))
        return max(0.0, fills_kwh - self.left_kwh)

    def short_kwh(self, dt_s: float) -> float:
        """What is missing in this step and no store can give."""
        return max(0.0, -self.left_kwh - sum(store.can_give_kwh(dt_s) for store in self._stores))

    def spare_kwh(self, dt_s: float) -> float:
        """What is left in this step and no store can take."""
        return max(0.0, self.left_kwh - sum(store.can_take_kwh(dt_s) for store in self._stores))

    def settle(self, dt_s: float) -> None:
        """After all assets but the stores: these take the rest, and the loads get what there is."""
        left_kwh = self.left_kwh
        for store in self._stores:
            left_kwh = store.step(left_kwh, dt_s)
        if left_kwh > 0:
            self.surplus_kwh += left_kwh
        served = 1.0
        if left_kwh < 0 < self._wanted_kwh:
            served = 1.0 - min(-left_kwh / self._wanted_kwh, 1.0)
        self.degc = self._supply_degc()
        for load, wanted_kwh in self._loads:
            load.serve(wanted_kwh, served, self.degc)
        self._loads.clear()

    def _supply_degc(self) -> float:
        warm = [degc for store in self._stores if (degc := store.supply_degc) is not None]
        if warm:
            return min(warm) if self.carrier == "cooling" else max(warm)
        return self._idle_degc if self._hottest_degc is None else self._hottest_degc
