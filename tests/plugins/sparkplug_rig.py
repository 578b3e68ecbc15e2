"""The contract's device as one behind a Sparkplug edge node of pysparkplug."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from driver_rig import CLOCK, LIMITS, POWER, PROFILE, SOC, SUPPLY, TIMEOUT_S
from sparkplug_peer import SparkplugPeer

from config.connection import Mqtt
from config.point import points_of
from config.profile import SparkplugProfile
from drivers.driver import Driver
from drivers.mqtt_session import MqttSession
from drivers.sparkplug import SparkplugDriver

TYPES = {"power": "INT16", "soc": "FLOAT", "supply": "DOUBLE", "setpoint": "INT32"}


class SparkplugRig:
    """mosquitto, an edge node, and behind it the device, which publishes what changes."""

    def __init__(self, port: int) -> None:
        self.timeout_s = TIMEOUT_S
        self._port = port
        self._broker: asyncio.subprocess.Process | None = None
        self._node: SparkplugPeer | None = None
        self._listener: asyncio.Task[None] | None = None
        self._state: dict[str, float | None] = {"power": 0, "soc": 50.0, "supply": 0.0, "setpoint": 0}
        self.deaf = False
        profile = SparkplugProfile.model_validate(
            {
                **PROFILE,
                "protocol": "mqtt",
                "format": "sparkplug_b",
                "group": "contract",
                "edge_node": "node",
                "device": "device",
                "points": {
                    "active_power_kw": {**POWER, "metric": "power"},
                    "soc": {**SOC, "metric": "soc"},
                    "supply_degc": {**SUPPLY, "metric": "supply"},
                    "power_setpoint_kw": {**POWER, "metric": "setpoint", "setpoint": LIMITS},
                },
            }
        )
        self.points = {point.name: point for point in points_of("device", profile, {})}

    def driver(self) -> Driver:
        spec = Mqtt(protocol="mqtt", host="127.0.0.1", port=self._port, timeout_s=self.timeout_s)
        return SparkplugDriver(MqttSession(spec, None, CLOCK), list(self.points.values()), CLOCK)

    async def start(self) -> None:
        quiet = asyncio.subprocess.DEVNULL
        self._broker = await asyncio.create_subprocess_exec("mosquitto", "-p", str(self._port), stderr=quiet)
        await self._listening()
        metrics = [self._metric(name) | {"alias": alias} for alias, name in enumerate(TYPES, start=1)]
        self._node = SparkplugPeer(self._port, group="contract", node="node", devices={"device": metrics})
        await self._node.start()
        self._listener = asyncio.create_task(self._obey(self._node))

    async def _listening(self) -> None:
        """Until the broker accepts connections: the edge node's library tries only once."""
        for _ in range(250):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return

    def _metric(self, name: str) -> dict[str, Any]:
        value = self._state[name]
        return {"name": name, "type": TYPES[name], "value": value, "null": value is None}

    async def _obey(self, node: SparkplugPeer) -> None:
        while True:
            told = await node.was_told()
            if "setpoint" in told["metrics"] and not self.deaf:
                self._state["setpoint"] = told["metrics"]["setpoint"]
                await node.tell("data", device="device", metrics=[self._metric("setpoint")])

    async def stop(self) -> None:
        if self._listener is None or self._node is None or self._broker is None:
            return
        self._broker.send_signal(signal.SIGCONT)
        self._listener.cancel()
        await asyncio.wait([self._listener])
        self._broker.kill()
        await self._broker.wait()
        await self._node.kill()
        self._listener = self._node = self._broker = None

    async def freeze(self) -> None:
        assert self._broker is not None
        self._broker.send_signal(signal.SIGSTOP)

    async def thaw(self) -> None:
        if self._broker is not None:
            self._broker.send_signal(signal.SIGCONT)

    async def show(self, name: str, raw: float | None) -> None:
        name = {"active_power_kw": "power", "soc": "soc", "supply_degc": "supply"}[name]
        self._state[name] = raw
        assert self._node is not None
        await self._node.tell("data", device="device", metrics=[self._metric(name)])

    async def taken(self) -> float:
        found = self._state["setpoint"]
        assert found is not None
        return found
