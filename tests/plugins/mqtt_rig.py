"""The contract's device on MQTT."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from typing import Literal

import aiomqtt
from chaos_proxy import ChaosProxy
from driver_rig import CLOCK, LIMITS, POWER, PROFILE, SOC, SUPPLY, TIMEOUT_S
from ports import unused_port

from config.connection import Mqtt
from config.point import points_of
from config.profile import MqttProfile
from drivers.driver import Driver
from drivers.mqtt import MqttDriver
from drivers.mqtt_session import MqttSession

ANSWERS = {
    "topic": "device/answer",
    "id_path": "id",
    "accepted": {"path": "ok", "words": ["true"]},
    "rejected": {"path": "ok", "words": ["false"]},
    "reason_path": "why",
}


class MqttRig:
    """mosquitto, and a device that shows its state ten times a second and answers commands."""

    version: Literal["3.1.1", "5"] = "3.1.1"

    def __init__(self, port: int) -> None:
        self.line = ChaosProxy(port)
        self.timeout_s = TIMEOUT_S
        self._port = port
        self._broker_port = 0
        self._broker: asyncio.subprocess.Process | None = None
        self._device: asyncio.Task[None] | None = None
        self._state: dict[str, float | None] = {"power": 0.0, "soc": 50.0, "supply": 0.0, "setpoint": 0.0}
        self.deaf = False
        self._refuses = False
        status = {"topic": "device/status", "time_path": "time", "stale_s": 5}
        profile = MqttProfile.model_validate(
            {
                **PROFILE,
                "protocol": "mqtt",
                "points": {
                    "active_power_kw": {**POWER, **status, "path": "device.power"},
                    "soc": {**SOC, **status, "path": "device.soc"},
                    "supply_degc": {**SUPPLY, **status, "path": "device.supply"},
                    "power_setpoint_kw": {
                        **POWER,
                        **status,
                        "path": "device.setpoint",
                        "setpoint": {
                            **LIMITS,
                            "command_topic": "device/command",
                            "payload": '{"id": {id}, "kw": {value}}',
                            "acknowledge": ANSWERS,
                        },
                    },
                },
            }
        )
        self.points = {point.name: point for point in points_of("device", profile, {})}

    def driver(self) -> Driver:
        spec = Mqtt(protocol="mqtt", host="127.0.0.1", port=self._port, version=self.version, timeout_s=self.timeout_s)
        return MqttDriver(MqttSession(spec, None, CLOCK), list(self.points.values()), CLOCK)

    async def start(self) -> None:
        quiet = asyncio.subprocess.DEVNULL
        self._broker_port = unused_port()
        self._broker = await asyncio.create_subprocess_exec("mosquitto", "-p", str(self._broker_port), stderr=quiet)
        await self.line.open(self._broker_port)
        self._device = asyncio.create_task(self._run_device())

    async def _run_device(self) -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client("127.0.0.1", self._broker_port, timeout=TIMEOUT_S) as client:
                    await client.subscribe("device/command", qos=1)
                    listener = asyncio.create_task(self._listen(client))
                    try:
                        while True:
                            status = {"time": "2026-10-14T08:00:00+08:00", "device": self._state}
                            await client.publish("device/status", json.dumps(status))
                            await asyncio.sleep(0.1)
                    finally:
                        listener.cancel()
                        await asyncio.wait([listener])
            await asyncio.sleep(0.05)

    async def _listen(self, client: aiomqtt.Client) -> None:
        with contextlib.suppress(aiomqtt.MqttError):
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                command = json.loads(message.payload)
                if not (self.deaf or self._refuses):
                    self._state["setpoint"] = command["kw"]
                answer = {"id": command["id"], "ok": not self._refuses, "why": "it is locked"}
                await client.publish("device/answer", json.dumps(answer), qos=1)

    async def stop(self) -> None:
        if self._device is None or self._broker is None or self._broker.returncode is not None:
            return
        await self.line.shut()
        self._broker.send_signal(signal.SIGCONT)
        # leaving a session that is lost can end in an error of the library, which then takes the cancellation's place
        while not self._device.done():
            self._device.cancel()
            await asyncio.wait([self._device], timeout=TIMEOUT_S)
        self._broker.kill()
        await self._broker.wait()

    async def freeze(self) -> None:
        assert self._broker is not None
        self._broker.send_signal(signal.SIGSTOP)

    async def thaw(self) -> None:
        assert self._broker is not None
        self._broker.send_signal(signal.SIGCONT)

    async def show(self, name: str, raw: float | None) -> None:
        self._state[{"active_power_kw": "power", "soc": "soc", "supply_degc": "supply"}[name]] = raw

    async def refuse(self) -> None:
        self._refuses = True

    async def taken(self) -> float:
        found = self._state["setpoint"]
        assert found is not None
        return found


class Mqtt5Rig(MqttRig):
    """The same, spoken to in MQTT 5."""

    version = "5"
