"""The heat bus: makers, tanks that take the rest, and loads.

    tanks = heat pumps + boilers - heat loads                          (+ into the tanks)

What the tanks cannot take is thrown away and counted. What they cannot give is missing at the loads, in equal shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from simulators.gas_boiler import GasBoilerModel
from simulators.heat_pump import HeatPumpModel, Source
from simulators.load import HeatLoadModel
from simulators.tank import TankModel

NETWORK_DEGC = 60.0
"""Water of a heat network without a tank."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What the heat bus cannot change, at the end of a step."""

    demand_kw: Mapping[str, float]
    """By heat load."""
    outdoor_degc: float
    source_degc: Mapping[Source, float]


class HeatBus:
    """The heat side of a park; each part by asset, any of them may be empty."""

    def __init__(
        self,
        pumps: Mapping[str, HeatPumpModel],
        boilers: Mapping[str, GasBoilerModel],
        tanks: Mapping[str, TankModel],
        loads: Mapping[str, HeatLoadModel],
    ) -> None:
        self._pumps = tuple(pumps.values())
        self._boilers = tuple(boilers.values())
        self._tanks = tuple(tanks.values())
        self._loads = dict(loads)
        self._capacity_kwh = sum(tank.spec.capacity_kwh for tank in self._tanks)
        self.surplus_kwh = 0.0
        """Heat thrown away; a counter."""

    def step(self, outside: Outside, dt_s: float) -> float:
        """Go `dt_s` on; returns the electricity used in kWh."""
        wanted_kwh = {name: load.step(outside.demand_kw[name], dt_s) for name, load in self._loads.items()}
        total_kwh = sum(wanted_kwh.values())
        missing_kw = sum(load.demand_kw for load in self._loads.values())
        soc = self._soc()
        used_kwh, left_kwh = 0.0, -total_kwh
        for pump in self._pumps:
            used, heat = pump.step(
                source_degc=outside.source_degc[pump.spec.source],
                outdoor_degc=outside.outdoor_degc,
                soc=soc,
                missing_heat_kw=max(missing_kw, 0.0),
                dt_s=dt_s,
            )
            used_kwh += used
            left_kwh += heat
            missing_kw -= pump.heat_kw
        for boiler in self._boilers:
            left_kwh += boiler.step(soc=soc, missing_heat_kw=max(missing_kw, 0.0), dt_s=dt_s)
            missing_kw -= boiler.heat_kw
        for tank in self._tanks:
            left_kwh = tank.step(left_kwh, dt_s)
        self.surplus_kwh += max(left_kwh, 0.0)
        served = 1.0 - min(max(-left_kwh, 0.0) / total_kwh, 1.0) if total_kwh > 0 else 1.0
        source_degc = max((tank.top_degc for tank in self._tanks), default=NETWORK_DEGC)
        for name, load in self._loads.items():
            load.serve(wanted_kwh[name], served, source_degc)
        return used_kwh

    def _soc(self) -> float | None:
        """Level of all tanks together, None without one."""
        if not self._tanks:
            return None
        return sum(tank.stored_kwh for tank in self._tanks) / self._capacity_kwh
