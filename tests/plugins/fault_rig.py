"""The fault park in front of a still plant, with its book of faults."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fault_eyes import Eye, ModbusEye, MqttEye, OpcuaEye, Unseen
from pydantic import TypeAdapter
from still_plant import NOW, StillPlant

from config.clock import ScaledClock
from config.loader import load_site
from config.site import Site
from simulators.faults.book import Entry, FaultBook
from simulators.faults.kinds import AnyFault
from simulators.park import Park

SITE_FILE = Path(__file__).parents[1] / "sites" / "fault_park" / "fault_park.yaml"
SEED = 7

POWER_KW, WIND = 612.5, 9.5
TURBINE = {
    "active_power_kw": POWER_KW,
    "wind_speed_m_per_s": WIND,
    "status": 3.0,
    "available": 1.0,
    "power_limit_kw": 330.0,
}
SHOWN = {
    "turbine_m": TURBINE,
    "turbine_o": TURBINE,
    "turbine_q": TURBINE,
    "grid_meter": {
        "active_power_kw": -321.0,
        "reactive_power_kvar": 45.0,
        "voltage_v": 5774.0,
        "frequency_hz": 50.02,
        "energy_import_kwh": 123456.78,
        "energy_export_kwh": 987.65,
    },
    "battery_pcs": {
        "active_power_kw": -250.5,
        "soc": 0.4321,
        "status": 1.0,
        "available": 1.0,
        "energy_import_kwh": 70000.0,
        "energy_export_kwh": 80000.0,
        "power_setpoint_kw": 0.0,
    },
    "hall_meter": {"active_power_kw": 876.5, "reactive_power_kvar": -12.5, "energy_kwh": 4321.0},
}

PATIENCE_S = 30.0
"""For what takes a fraction of a second on an idle machine."""

_FAULT: TypeAdapter[Any] = TypeAdapter(AnyFault)


class Rig:
    """The park with its book of faults, ticked by the test."""

    def __init__(self, plant: StillPlant, site: Site, **options: Any) -> None:
        self.plant = plant
        self.book = FaultBook(site, start=NOW, seed=SEED, breaker="switchgear" in options)
        self.park = Park(site, plant, faults=self.book, **options)
        self._eyes: list[Eye] = []

    @property
    def connections(self) -> dict[str, dict[str, Any]]:
        clock = ScaledClock(start=NOW, origin_s=0.0, speed=1.0)
        return self.park.announcement(clock).connections

    async def set(self, kind: str, target: str, **keys: Any) -> Entry:
        entry = self.book.set(_FAULT.validate_python({"kind": kind, "target": target, **keys}), self.plant.now)
        await self.park.tick()
        return entry

    async def clear(self, entry: Entry) -> None:
        self.book.clear(entry.id, self.plant.now)
        await self.park.tick()

    def eye(self, protocol: str) -> Eye:
        eye = {"modbus": ModbusEye, "opcua": OpcuaEye, "mqtt": MqttEye}[protocol](lambda: self.connections)
        self._eyes.append(eye)
        return eye

    async def until(self, holds: Callable[[], Awaitable[bool]], what: str) -> None:
        """Tick until something holds."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    await self.park.tick()
                    if await holds():
                        return
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"not within {PATIENCE_S:g} s: {what}") from None

    async def until_seen(self, eye: Eye, point: str, value: float | None) -> None:
        seen: list[Any] = []

        async def holds() -> bool:
            try:
                seen.append(await eye.see(point))
            except Unseen as unseen:
                seen.append(str(unseen))
                return False
            found = seen[-1]
            return found == value if found is None or value is None else math.isclose(found, value, abs_tol=0.06)

        try:
            await self.until(holds, f"{point} is {value}")
        except AssertionError as error:
            raise AssertionError(f"{error}; {eye.protocol} saw {seen[-3:]}") from None

    async def until_unseen(self, eye: Eye, words: str, point: str = "active_power_kw") -> None:
        seen: list[Any] = []

        async def holds() -> bool:
            try:
                seen.append(await eye.see(point))
            except Unseen as unseen:
                seen.append(str(unseen))
                return words in str(unseen)
            return False

        try:
            await self.until(holds, words)
        except AssertionError as error:
            raise AssertionError(f"{error}; {eye.protocol} saw {seen[-3:]}") from None

    async def close(self) -> None:
        for eye in self._eyes:
            await eye.close()
        await self.park.stop()


def fault_site() -> Site:
    return load_site(SITE_FILE)
