"""A simulated SunSpec device of any profile that has a whole block, and pysunspec2 as its client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sunspec2.modbus.client as sunspec

import config
from config.loader import load_profile
from config.point import points_of
from config.profile import ModbusProfile
from simulators.servers.modbus import ModbusServer
from simulators.servers.sunspec_block import LAYOUTS, SunspecBlock
from simulators.watchdog import Watchdog

PARAMETERS = {"rated_power_kw": 50, "safe_power_kw": 20}


class SunspecDevice:
    """A plant of one device, which does what it is told."""

    now = datetime(2026, 6, 14, 4, 0, tzinfo=UTC)

    def __init__(self, profile: str) -> None:
        self.profile = loaded = load_profile(Path(config.__file__).parent / "profiles" / f"{profile}.yaml")
        assert isinstance(loaded, ModbusProfile)
        parameters = {name: value for name, value in PARAMETERS.items() if name in loaded.parameters}
        self.points = points_of("device", loaded, parameters)
        self.commands: list[float | None] = []
        self.now_s = 0.0
        self.shown = {
            "active_power_kw": -12.5,
            "soc": 0.625,
            "status": 4,
            "frequency_hz": 49.98,
            "voltage_v": 231.0,
            "reactive_power_kvar": 3.5,
            "energy_import_kwh": 1234.5,
            "energy_export_kwh": 77.7,
            "energy_kwh": 1234.5,
            "available": 1.0,
            "dc_1_power_kw": -6.25,
            "dc_2_power_kw": -6.25,
            "power_setpoint_kw": 0.0,
            "power_limit_kw": 50.0,
            "reactive_setpoint_kvar": 0.0,
        }
        self.watchdog = Watchdog(self, lambda: self.now_s)
        block = SunspecBlock("device", 1, self.points, self, self.watchdog, loaded, LAYOUTS[profile])
        self.server = ModbusServer([block], "127.0.0.1", 0)

    def values(self, device: str) -> dict[str, float]:
        return self.shown

    def command(self, device: str, point: str, value: float | None) -> None:
        self.commands.append(value)

    async def look(self, at: Callable[[Any], Any]) -> Any:
        """What a SunSpec client sees that has walked the block."""

        def scanned() -> Any:
            device = sunspec.SunSpecModbusClientDeviceTCP(
                slave_id=1, ipaddr="127.0.0.1", ipport=self.server.address["port"], timeout=5
            )
            device.scan()
            try:
                return at(device)
            finally:
                device.close()

        return await asyncio.to_thread(scanned)
