"""The simulated park: every asset of a site on its buses, moved by `advance`.

    grid = loads + heat pumps - PV - wind - battery                    (+ import)

The heat side is a bus of its own (`heat_bus`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from config.assets import (
    Asset,
    Battery,
    ElectricLoad,
    GasBoiler,
    GridConnection,
    HeatLoad,
    HeatPump,
    HotWaterTank,
    PvPlant,
    WindTurbine,
)
from config.point import Point
from config.points import NEEDS
from config.site import Site
from simulators.account import Tally
from simulators.battery import BatteryModel
from simulators.gas_boiler import GasBoilerModel
from simulators.generator import GeneratorModel
from simulators.grid import GridModel
from simulators.heat_bus import HeatBus, Outside
from simulators.heat_pump import HeatPumpModel
from simulators.ledger import INTERVAL_S, Ledger
from simulators.load import REACTIVE_PER_ACTIVE, ElectricLoadModel, HeatLoadModel
from simulators.pv import PvModel
from simulators.surroundings import FREQUENCY, OUTDOOR, WATER, Key, Surroundings, simulation_of
from simulators.tank import TankModel
from simulators.wind import WindModel

MAX_STEP_US = 5_000_000
"""No step of the physics is longer: the ramps of the demo's devices take some seconds."""
DEFAULT_SOC = 0.5
"""Where the site file says nothing, stores begin half full."""

Commanded = PvModel | WindModel | BatteryModel | HeatPumpModel | GasBoilerModel
Model = Commanded | GridModel | TankModel | ElectricLoadModel | HeatLoadModel
ModelT = TypeVar("ModelT", bound=Model)

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
    ) -> None:
        if start.tzinfo is None:
            raise ValueError("start needs a time zone")
        self.surroundings = surroundings or Surroundings(site, seed)
        self.controlled = controlled
        self._now_us = (start - _EPOCH) // _MICROSECOND
        self._owed_s = 0.0
        self._place: Mapping[Key, int] = {key: index for index, key in enumerate(self.surroundings.keys)}
        values = self.surroundings.at(self._now_us / 1e6)
        levels = simulation_of(site).initial_soc
        self._models: dict[str, Model] = {
            name: self._made(name, asset, values, levels.get(name, DEFAULT_SOC)) for name, asset in site.assets.items()
        }
        self._grid = _only(self._models, GridModel)[site.grid[0]]
        self._pv = _only(self._models, PvModel)
        self._wind = _only(self._models, WindModel)
        self._batteries = _only(self._models, BatteryModel)
        self._loads = _only(self._models, ElectricLoadModel)
        self._heat_loads = _only(self._models, HeatLoadModel)
        pumps = _only(self._models, HeatPumpModel)
        self._heat_bus = HeatBus(
            pumps, _only(self._models, GasBoilerModel), _only(self._models, TankModel), self._heat_loads
        )
        self._makers: tuple[PvModel | WindModel | BatteryModel, ...] = (
            *self._pv.values(),
            *self._wind.values(),
            *self._batteries.values(),
        )
        self._takers: tuple[ElectricLoadModel | HeatPumpModel, ...] = (
            *self._loads.values(),
            *pumps.values(),
        )
        self._kinds = {name: asset.kind for name, asset in site.assets.items()}
        self._behind: dict[str, list[str]] = {}
        for name, asset in site.assets.items():
            self._behind.setdefault(asset.device, []).append(name)
        self._points = site.points
        self._owners = {device: self._owners_of(device, site.points[device]) for device in self._behind}
        self._step(0)
        self.ledger = Ledger(site.assets, self.now, self.tally())

    def _made(self, name: str, asset: Asset, values: list[float], soc: float) -> Model:
        match asset:
            case GridConnection():
                return GridModel(asset)
            case PvPlant():
                return PvModel(asset, values[self._place[name, "available_kw"]])
            case WindTurbine():
                return WindModel(asset, values[self._place[name, "available_kw"]])
            case Battery():
                return BatteryModel(asset, soc)
            case HeatPump():
                return HeatPumpModel(asset)
            case HotWaterTank():
                return TankModel(asset, soc)
            case GasBoiler():
                return GasBoilerModel(asset)
            case ElectricLoad():
                return ElectricLoadModel(asset, values[self._place[name, "demand_kw"]])
            case HeatLoad():
                return HeatLoadModel(asset, values[self._place[name, "demand_kw"]])

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
        setpoints = {NEEDS[self._kinds[name]].setpoint: self._models[name] for name in self._assets_of(device)}
        if not self.controlled:
            raise ValueError("the plant without control takes no commands")
        model = setpoints.get(point)
        if not isinstance(model, Commanded):
            known = ", ".join(sorted(name for name in setpoints if name is not None)) or "none"
            raise ValueError(f"{device}.{point} is not a setpoint; the device takes {known}")
        if value is not None and not math.isfinite(value):
            raise ValueError(f"{device}.{point}: {value} is not a setpoint")
        if value is None and isinstance(model, GeneratorModel):
            value = self._safe_value(device, point)
        if model.running:
            model.setpoint_kw = None if value is None else model.accept(float(value))

    def _safe_value(self, device: str, point: str) -> float | None:
        found = next(of for of in self._points[device] if of.name == point)
        return None if found.setpoint is None else found.setpoint.safe

    def set_running(self, device: str, running: bool) -> None:
        """Say that a device died or came back. A dead battery, generator or heat maker gives 0 and forgets its
        setpoint; meters and tanks go on physically.

        Raises KeyError for a device that no asset uses.
        """
        for name in self._assets_of(device):
            model = self._models[name]
            if isinstance(model, Commanded):
                model.running = running
                if not running:
                    model.setpoint_kw = None

    def advance(self, dt_s: float) -> None:
        """Go `dt_s` seconds on, in steps of at most 5 s that end at every quarter of an hour. Raises ValueError."""
        if not (math.isfinite(dt_s) and dt_s >= 0):
            raise ValueError(f"cannot advance by {dt_s} s")
        # what is less than a microsecond waits for the next call, so that many small steps lose nothing
        self._owed_s += dt_s
        left_us = round(self._owed_s * 1e6)
        self._owed_s -= left_us / 1e6
        while left_us > 0:
            to_bound_us = INTERVAL_S * 1_000_000 - self._now_us % (INTERVAL_S * 1_000_000)
            step_us = min(left_us, MAX_STEP_US, to_bound_us)
            self._step(step_us)
            self.ledger.add(self.now, self.tally(), self._grid.power_kw)
            left_us -= step_us

    def tally(self) -> Tally:
        """The accounts of all assets now."""
        return Tally({name: model.account() for name, model in self._models.items()}, self._heat_bus.surplus_kwh)

    def _assets_of(self, device: str) -> list[str]:
        try:
            return self._behind[device]
        except KeyError:
            raise KeyError(f"no asset of the site uses a device {device!r}") from None

    # -- physics ---------------------------------------------------------------------------------

    def _step(self, step_us: int) -> None:
        self._now_us += step_us
        dt_s = step_us / 1e6
        values = self.surroundings.at(self._now_us / 1e6)
        used_kwh = self._heat_bus.step(self._outside(values), dt_s)
        for name, load in self._loads.items():
            used_kwh += load.step(values[self._place[name, "demand_kw"]], dt_s)
        fed_kwh = sum(battery.step(dt_s) for battery in self._batteries.values())
        for name, pv in self._pv.items():
            available_kw, irradiance = self._pair(values, name, "available_kw", "irradiance_w_per_m2")
            fed_kwh += pv.step(available_kw, irradiance, dt_s)
        for name, turbine in self._wind.items():
            available_kw, wind = self._pair(values, name, "available_kw", "wind_speed_m_per_s")
            fed_kwh += turbine.step(available_kw, wind, dt_s)
        self._grid.count(used_kwh - fed_kwh)
        taken_kw = sum(taker.power_kw for taker in self._takers)
        self._grid.show(
            power_kw=taken_kw - sum(maker.power_kw for maker in self._makers),
            reactive_kvar=taken_kw * REACTIVE_PER_ACTIVE,
            frequency_hz=values[self._place[FREQUENCY]],
        )

    def _pair(self, values: list[float], name: str, first: str, second: str) -> tuple[float, float]:
        return values[self._place[name, first]], values[self._place[name, second]]

    def _outside(self, values: list[float]) -> Outside:
        outdoor_degc = values[self._place[OUTDOOR]]
        return Outside(
            demand_kw={name: values[self._place[name, "demand_kw"]] for name in self._heat_loads},
            outdoor_degc=outdoor_degc,
            source_degc={
                "air": outdoor_degc,
                "ground": self.surroundings.weather.mean_degc,
                "water": values[self._place[WATER]],
            },
        )


def _only(models: Mapping[str, Model], kind: type[ModelT]) -> dict[str, ModelT]:
    """The models of one kind, by asset, in the site's order."""
    return {name: model for name, model in models.items() if isinstance(model, kind)}


def _needs(kind: str, model: Model, point: str) -> bool:
    return point in NEEDS[kind].required or point == NEEDS[kind].setpoint


def _may_have(kind: str, model: Model, point: str) -> bool:
    return point in NEEDS[kind].optional and point in model.points()


def _can_show(kind: str, model: Model, point: str) -> bool:
    return point in model.points()
