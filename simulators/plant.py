"""The simulated park: every asset of a site on its buses, moved by `advance`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from config.asset import Carrier, carrier_of
from config.point import Point
from config.points import NEEDS
from config.site import Site
from simulators.account import Tally
from simulators.bus import Bus
from simulators.commanded import Commanded
from simulators.electric_bus import ElectricBus
from simulators.generator import GeneratorModel
from simulators.grid import GridModel
from simulators.kinds import KINDS
from simulators.ledger import INTERVAL_S, Ledger
from simulators.model import Advance, Key, Model, Moment, Seat
from simulators.surroundings import FREQUENCY, VOLTAGE, Surroundings, simulation_of

LONGEST_STEP_S = 5.0
"""No step of the physics is longer: the ramps of the demo's devices take some seconds."""
DEFAULT_SOC = 0.5
"""Where the site file says nothing, stores begin half full."""
IDLE_DEGC: Mapping[Carrier, float] = {"heat": 60.0, "steam": 180.0, "cooling": 12.0, "hydrogen": 20.0}
"""What a bus without a store shows while nobody feeds it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Plant:
    """A simulated park. Not a thing for several threads.

    `controlled=False` makes the park as it would be without a controller: the same weather and loads, every device on
    its own; it takes no commands. Two plants of one site and seed may share their `surroundings`, which saves work and
    changes nothing.

    Raises ValueError for a site that cannot be simulated.
    """

    def __init__(
        self,
        site: Site,
        *,
        start: datetime,
        seed: int,
        controlled: bool = True,
        surroundings: Surroundings | None = None,
        longest_step_s: float = LONGEST_STEP_S,
    ) -> None:
        """`longest_step_s` is that of the physics; beyond a minute thermostats and ramps become coarse."""
        if start.tzinfo is None:
            raise ValueError("start needs a time zone")
        self.surroundings = surroundings or Surroundings(site, seed)
        self.controlled = controlled
        self._zone = ZoneInfo(site.location.time_zone)
        self._now_us = (start - _EPOCH) // _MICROSECOND
        self._longest_step_us = round(longest_step_s * 1e6)
        self._owed_s = 0.0
        self._offset_s = self._utc_offset_s()
        self._places: Mapping[Key, int] = {key: index for index, key in enumerate(self.surroundings.keys)}
        self._grid = GridModel(site.grid[1], waits=controlled and site.release is not None)
        self._electricity = ElectricBus(self._grid)
        self._buses: dict[str, Bus] = {}
        self._models, self._advances = self._wired(site, seed)
        self._dead: set[str] = set()
        self._dark = False
        self._kinds = {name: asset.kind for name, asset in site.assets.items()}
        self._behind: dict[str, list[str]] = {}
        for name, asset in site.assets.items():
            self._behind.setdefault(asset.device, []).append(name)
        self._points = site.points
        self._owners = {device: self._owners_of(device, site.points[device]) for device in self._behind}
        self._step(0)
        self.ledger = Ledger(site.assets, self.now, self.tally())

    def _wired(self, site: Site, seed: int) -> tuple[dict[str, Model], tuple[Advance, ...]]:
        """The models by asset in the site's order, and their parts in a step in the order of their kinds."""
        levels, kinds = simulation_of(site).initial_soc, {name: asset.kind for name, asset in site.assets.items()}
        first = self.surroundings.at(self._now_us / 1e6)
        wired = {
            name: wire(
                asset,
                Seat(
                    name=name,
                    electricity=self._electricity,
                    bus=self._bus,
                    places=self._places,
                    first=first,
                    soc=levels.get(name, DEFAULT_SOC),
                    seed=seed,
                    kinds=kinds,
                    others=lambda of: self._models[of],
                    mean_degc=self.surroundings.weather.mean_degc,
                ),
            )
            for kind, wire in KINDS.items()
            for name, asset in site.assets.items()
            if asset.kind == kind
        }
        models = {name: wired[name].model if name in wired else self._grid for name in site.assets}
        return models, tuple(each.advance for each in wired.values())

    def _bus(self, name: str) -> Bus:
        if name not in self._buses:
            carrier = carrier_of(name)
            self._buses[name] = Bus(name, carrier, IDLE_DEGC[carrier])
        return self._buses[name]

    def _owners_of(self, device: str, points: Sequence[Point]) -> dict[str, str]:
        """The asset behind each point of a device that one or more assets share; others nobody knows.

        An asset that needs the point comes before one that may have it, and that before one that just can show it.
        """
        owners = {}
        for point in points:
            for rank in (_needs, _may_have, _can_show):
                able = [
                    name for name in self._behind[device] if rank(self._kinds[name], self._models[name], point.name)
                ]
                if able:
                    owners[point.name] = able[0]
                    break
        return owners

    # -- what the protocol servers use -----------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The park's calendar, UTC."""
        return _EPOCH + timedelta(microseconds=self._now_us)

    @property
    def balance_residual(self) -> float:
        """Largest relative residual of the energy balances in any step so far."""
        return self.ledger.balance_residual

    def values(self, device: str) -> dict[str, float]:
        """The points of the device's profile that its assets have, in the point's unit and the site's sign.

        Raises KeyError for a device that no asset uses.
        """
        shown = {name: self._models[name].points() for name in self._assets_of(device)}
        return {point: shown[owner][point] for point, owner in self._owners[device].items()}

    def command(self, device: str, point: str, value: float | None) -> None:
        """Set a setpoint, in the site's sign and unit; the device keeps it within its rating.

        None releases it: the device falls back to what it was commissioned to do by itself (battery 0 kW, generators
        their profile's safe value, so that a park without its controller keeps its export limit, heat makers their
        own thermostats). A device that is not running forgets the command.
        Raises KeyError for a device without asset, ValueError for a point that is no setpoint of the device, a value
        that is not finite, or a plant without control.
        """
        takers = self._takers_of(device)
        if not self.controlled:
            raise ValueError("the plant without control takes no commands")
        if point not in takers:
            known = ", ".join(sorted(takers)) or "none"
            raise ValueError(f"{device}.{point} is not a setpoint; the device takes {known}")
        if value is not None and not math.isfinite(value):
            raise ValueError(f"{device}.{point}: {value} is not a setpoint")
        model, main = takers[point]
        if not main:
            model.take(point, value)
            return
        if value is None and isinstance(model, GeneratorModel):
            value = self._safe_value(device, point)
        if model.running:
            model.setpoint_kw = None if value is None else model.accept(float(value))

    def _takers_of(self, device: str) -> dict[str, tuple[Commanded, bool]]:
        """By point, who takes it, and whether it is the setpoint proper."""
        takers: dict[str, tuple[Commanded, bool]] = {}
        for name in self._assets_of(device):
            model, setpoint = self._models[name], NEEDS[self._kinds[name]].setpoint
            if isinstance(model, Commanded):
                takers |= dict.fromkeys(model.more_commands, (model, False))
                if setpoint is not None:
                    takers[setpoint] = model, True
        return takers

    def _safe_value(self, device: str, point: str) -> float | None:
        found = next(of for of in self._points[device] if of.name == point)
        return None if found.setpoint is None else found.setpoint.safe

    def set_running(self, device: str, running: bool) -> None:
        """Say that a device died or came back. A dead battery, generator or heat maker gives 0 and forgets its
        setpoint; meters and tanks go on physically.

        Raises KeyError for a device that no asset uses.
        """
        for name in self._assets_of(device):
            if running:
                self._dead.discard(name)
            else:
                self._dead.add(name)
            self._power(name)

    def open_breaker(self) -> None:
        """Part from the grid: the park is an island, if a battery can form one, or dark."""
        self._electricity.open()

    def close_breaker(self) -> None:
        """The grid is back; where a relay waits for a release, the breaker closes with that."""
        self._electricity.close()

    def advance(self, dt_s: float) -> None:
        """Go `dt_s` seconds on, in steps that end at every quarter of an hour. Raises ValueError."""
        if not (math.isfinite(dt_s) and dt_s >= 0):
            raise ValueError(f"cannot advance by {dt_s} s")
        # what is less than a microsecond waits for the next call, so that many small steps lose nothing
        self._owed_s += dt_s
        left_us = round(self._owed_s * 1e6)
        self._owed_s -= left_us / 1e6
        while left_us > 0:
            to_bound_us = INTERVAL_S * 1_000_000 - self._now_us % (INTERVAL_S * 1_000_000)
            step_us = min(left_us, self._longest_step_us, to_bound_us)
            self._step(step_us)
            self.ledger.add(self.now, self.tally(), self._grid.power_kw)
            left_us -= step_us
            if step_us == to_bound_us:
                # clocks are put forward and back at the full hour
                self._offset_s = self._utc_offset_s()

    def look(self) -> None:
        """Show what an interval brings that begins now, where surroundings change at once."""
        self._step(0)

    def tally(self) -> Tally:
        """The accounts of all assets now."""
        return Tally(
            {name: model.account() for name, model in self._models.items()},
            {name: bus.surplus_kwh for name, bus in self._buses.items()}
            | {"electricity": self._electricity.surplus_kwh},
            self._electricity.inertia_kwh,
        )

    def _assets_of(self, device: str) -> list[str]:
        try:
            return self._behind[device]
        except KeyError:
            raise KeyError(f"no asset of the site uses a device {device!r}") from None

    # -- physics ---------------------------------------------------------------------------------

    def _step(self, step_us: int) -> None:
        self._now_us += step_us
        t_s, dt_s = self._now_us / 1e6, step_us / 1e6
        values = self.surroundings.until(t_s) if dt_s else self.surroundings.at(t_s)
        now = Moment(t_s, t_s + self._offset_s, dt_s, values)
        self._electricity.begin()
        if self._electricity.dark is not self._dark:
            self._dark = self._electricity.dark
            for name in self._models:
                self._power(name)
        for bus in self._buses.values():
            bus.begin()
        for advance in self._advances:
            advance(now)
        for bus in self._buses.values():
            bus.settle(dt_s)
        self._electricity.settle(dt_s, values[self._places[FREQUENCY]], values[self._places[VOLTAGE]])

    def _power(self, name: str) -> None:
        """A device without power is as dead as one that died, until power is back."""
        model = self._models[name]
        if isinstance(model, Commanded):
            model.running = name not in self._dead and not self._dark
            if not model.running:
                model.setpoint_kw = None

    def _utc_offset_s(self) -> float:
        offset = self.now.astimezone(self._zone).utcoffset()
        assert offset is not None  # aware
        return offset.total_seconds()


def _needs(kind: str, model: Model, point: str) -> bool:
    return point in NEEDS[kind].required or point == NEEDS[kind].setpoint


def _may_have(kind: str, model: Model, point: str) -> bool:
    return point in (*NEEDS[kind].optional, *NEEDS[kind].one_of) and point in model.points()


def _can_show(kind: str, model: Model, point: str) -> bool:
    return point in model.points()
