"""What profiles of one's own may ask of a simulated device: browse paths, answers, lists, several values in a text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import aiomqtt
import pytest
from asyncua import Client, ua
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.constants import ExcCodes

from config.connection import Mqtt
from config.point import Point, points_of
from config.profile import ModbusProfile, MqttProfile, OpcuaProfile
from simulators.broker import OwnBroker, installed_mosquitto
from simulators.faults.present import Present
from simulators.servers.modbus import ModbusServer
from simulators.servers.mqtt import MqttServer
from simulators.servers.opcua import OpcuaServer
from simulators.servers.registers import ProfileRegisters
from simulators.watchdog import Watchdog

HEAD = {"description": "made up", "verified": False, "source": "this file"}


class Shown:
    """A device that shows what it is told to."""

    now = datetime(2026, 6, 14, 4, 0, tzinfo=UTC)

    def __init__(self, **values: float) -> None:
        self.shown = values
        self.commands: list[tuple[str, float | None]] = []
        self.now_s = 0.0

    def values(self, device: str) -> dict[str, float]:
        return self.shown

    def command(self, device: str, point: str, value: float | None) -> None:
        self.commands.append((point, value))

    def clock_s(self) -> float:
        return self.now_s


# -- Modbus ----------------------------------------------------------------------------------------


def modbus_of(shown: Shown, points: dict[str, Any], **keys: Any) -> tuple[ProfileRegisters, Watchdog]:
    profile = ModbusProfile.model_validate({**HEAD, "protocol": "modbus", "points": points, **keys})
    watchdog = Watchdog(shown, shown.clock_s)
    return ProfileRegisters("device", 1, points_of("device", profile, {}), shown, watchdog, profile), watchdog


SETPOINT = {"range": [-100, 100], "resolution": 1, "tolerance": 1, "safe": 0}
POWER = {"address": 10, "type": "s16", "valid": [-100, 100]}


def test_bits_of_several_points_share_a_register() -> None:
    flag = {"address": 5, "type": "u16", "valid": [0, 255]}
    registers, _ = modbus_of(
        Shown(low_nibble=5, flag=1, high=2),
        {"low_nibble": {**flag, "bits": [0, 3]}, "flag": {**flag, "bits": [7, 7]}, "high": {**flag, "bits": [8, 15]}},
    )
    assert registers.read("holding", 5, 1) == [0x0285]


def test_the_sum_of_what_is_added_and_taken_away_is_the_value() -> None:
    sums = {"address": 1, "type": "u16", "plus": [3], "minus": [5, 7], "valid": [-100, 100], "scale": 0.1}
    shown = Shown(active_power_kw=2.5)
    registers, _ = modbus_of(shown, {"active_power_kw": sums})
    assert [registers.read("holding", at, 1) for at in (1, 3, 5, 7)] == [[13], [12], [0], [0]]
    shown.shown["active_power_kw"] = -0.3
    assert [registers.read("holding", at, 1) for at in (1, 3, 5, 7)] == [[0], [0], [2], [1]]


def test_what_has_no_value_says_its_sentinel() -> None:
    registers, _ = modbus_of(Shown(), {"active_power_kw": {**POWER, "sentinels": [0x8000]}})
    assert registers.read("holding", 10, 1) == [0x8000]


def test_a_device_refuses_requests_that_its_profile_forbids() -> None:
    points = {f"p{at}_kw": {**POWER, "address": at} for at in range(10, 20)}
    limits = {"most_registers": 4, "holes": [{"first": 20, "last": 29}]}
    registers, _ = modbus_of(Shown(**dict.fromkeys(points, 1.0)), points, requests=limits)
    assert registers.read("holding", 10, 4) == [1, 1, 1, 1]
    assert registers.read("holding", 10, 5) is ExcCodes.ILLEGAL_ADDRESS
    assert registers.read("holding", 18, 3) is ExcCodes.ILLEGAL_ADDRESS


def test_a_setpoint_is_done_once_it_is_armed_and_until_it_is_given_back() -> None:
    shown = Shown(power_setpoint_kw=0)
    arms = {"arm": [{"address": 11, "value": 2}], "release": [{"address": 11, "value": 0}], "on_stop": "release"}
    registers, _ = modbus_of(shown, {"power_setpoint_kw": {**POWER, "setpoint": {**SETPOINT, **arms}}})
    assert registers.write(10, [70]) is None
    assert (shown.commands, registers.read("holding", 10, 2)) == ([], [70, 0])
    assert registers.write(11, [2]) is None
    assert shown.commands == [("power_setpoint_kw", 70)]
    assert registers.write(10, [0xFFFF - 79]) is None
    assert shown.commands[1:] == [("power_setpoint_kw", -80)]
    assert registers.write(10, [101]) is ExcCodes.ILLEGAL_VALUE
    assert registers.write(11, [0]) is None
    assert shown.commands[2:] == [("power_setpoint_kw", None)]
    assert registers.read("holding", 10, 2) == [0, 0]


@pytest.mark.parametrize(("beat", "words"), [({"value": 60}, (60, 60, 60)), ({}, (1, 2, 2))])
def test_a_device_gives_up_when_the_heartbeat_stops(beat: dict[str, Any], words: Sequence[int]) -> None:
    shown = Shown(power_setpoint_kw=0)
    registers, watchdog = modbus_of(
        shown,
        {"power_setpoint_kw": {**POWER, "setpoint": SETPOINT}},
        heartbeats=[{"address": 20, "period_s": 5, **beat}],
    )
    assert registers.write(10, [70]) is None
    for now_s, word in zip((6.0, 12.0, 18.0), words, strict=True):
        shown.now_s = now_s
        watchdog.check()
        assert registers.write(20, [word]) is None
    assert shown.commands == [("power_setpoint_kw", 70)]
    # the last one that counts: the third with a fixed number, the second where the register must go on
    shown.now_s = 27.9 if beat else 21.9
    watchdog.check()
    assert len(shown.commands) == 1
    shown.now_s += 0.1
    watchdog.check()
    assert shown.commands[1:] == [("power_setpoint_kw", None)]
    assert registers.read("holding", 10, 1) == [0]


async def test_texts_and_switches_stand_where_the_profile_has_them() -> None:
    condition = {"address": 60, "values": [3], "otherwise": "it is under local control"}
    registers, _ = modbus_of(
        Shown(power_setpoint_kw=0),
        {"power_setpoint_kw": {**POWER, "setpoint": {**SETPOINT, "only_when": [condition]}}},
        identity={
            "maker": {"address": 40, "registers": 3, "expect": "Acme", "low_byte_first": True},
            "serial": {"address": 50, "registers": 4},
        },
    )
    server = ModbusServer([registers], "127.0.0.1", 0)
    await server.start()
    client = AsyncModbusTcpClient("127.0.0.1", port=server.address["port"], timeout=2, retries=0)
    assert await client.connect()
    maker = (await client.read_holding_registers(40, count=3, device_id=1)).registers
    assert b"".join(word.to_bytes(2, "little") for word in maker) == b"Acme\0\0"
    serial = (await client.read_holding_registers(50, count=4, device_id=1)).registers
    assert b"".join(word.to_bytes(2, "big") for word in serial) == b"device\0\0"
    assert (await client.read_holding_registers(60, count=1, device_id=1)).registers == [3]
    client.close()
    await server.stop()


# -- OPC UA ----------------------------------------------------------------------------------------


async def test_a_browse_path_leads_to_a_value_that_can_be_written() -> None:
    node = "/Objects/nsu=urn:plant;Hall&/1/nsu=urn:plant;Pump"
    profile = OpcuaProfile.model_validate(
        {
            **HEAD,
            "protocol": "opcua",
            "points": {
                "active_power_kw": {"path": f"{node}/3:Power", "type": "float", "valid": [0, 100], "scale": 0.001},
                "status": {"path": f"{node}/nsu=urn:plant;State", "type": "uint16", "valid": [0, 9]},
                "power_setpoint_kw": {"path": f"{node}/3:Wanted", "valid": [-100, 100], "setpoint": SETPOINT},
            },
        }
    )
    shown = Shown(active_power_kw=12.5, status=4, power_setpoint_kw=0)
    points = {"device": points_of("device", profile, {})}
    server = OpcuaServer(points, "opc.tcp://127.0.0.1:0/park", 0, shown, Watchdog(shown), Present({}))
    await server.start()
    async with Client(server.address["endpoint"]) as client:
        plant = await client.get_namespace_index("urn:plant")
        pump = await client.nodes.objects.get_child([f"{plant}:Hall/1", f"{plant}:Pump"])
        power = await pump.get_child("3:Power")
        assert (await power.read_value(), await power.read_data_type_as_variant_type()) == (
            12500,
            ua.VariantType.Float,
        )
        state = await (await pump.get_child(f"{plant}:State")).read_data_value()
        assert (state.Value.Value, state.Value.VariantType) == (4, ua.VariantType.UInt16)
        wanted = await pump.get_child("3:Wanted")
        await wanted.write_value(42.0)
        assert shown.commands == [("power_setpoint_kw", 42.0)]
        with pytest.raises(ua.UaStatusCodeError):
            await wanted.write_value(101.0)
    await server.stop()


# -- MQTT ------------------------------------------------------------------------------------------


@pytest.fixture
async def broker() -> AsyncIterator[Mqtt]:
    own = OwnBroker(mosquitto=installed_mosquitto())
    await own.start()
    yield Mqtt(protocol="mqtt", host="127.0.0.1", port=own.port)
    await own.stop()


def mqtt_points(points: dict[str, Any]) -> tuple[Point, ...]:
    return points_of("device", MqttProfile.model_validate({**HEAD, "protocol": "mqtt", "points": points}), {})


async def test_several_values_stand_in_one_payload(broker: Mqtt) -> None:
    texts = {"topic": "d/text", "valid": [-100, 100]}
    lists = {"topic": "d/json", "valid": [-100, 100]}
    points = mqtt_points(
        {
            "active_power_kw": {**texts, "template": "P={value} kW;*"},
            "reactive_power_kvar": {**texts, "template": "*;Q={value} kvar"},
            "power_l1_kw": {**lists, "path": "EM.Power.0"},
            "power_l3_kw": {**lists, "path": "EM.Power.2"},
            "status": {**lists, "path": "EM.State", "values": {"ON": 1, "OFF": 0}},
        }
    )
    shown = Shown(active_power_kw=12.5, reactive_power_kvar=-3, power_l1_kw=4, power_l3_kw=5, status=1)
    server = MqttServer("device", points, broker, shown, Watchdog(shown), Present({}))
    got: dict[str, bytes] = {}
    async with aiomqtt.Client("127.0.0.1", broker.port, timeout=2) as client:
        await client.subscribe("d/#")
        await server.start()
        async with asyncio.timeout(5):
            async for message in client.messages:
                got[str(message.topic)] = message.payload
                if len(got) == 2:
                    break
    await server.stop()
    assert got["d/text"] == b"P=12.5 kW;Q=-3.0 kvar"
    assert json.loads(got["d/json"]) == {"EM": {"Power": [4.0, None, 5.0], "State": "ON"}}


async def test_a_device_answers_its_commands_and_can_be_given_back(broker: Mqtt) -> None:
    setpoint = {
        **SETPOINT,
        "command_topic": "d/rpc",
        "payload": '{"id": {id}, "method": "Set", "w": {value}}',
        "release": '{"method": "Auto"}',
        "on_stop": "release",
        "acknowledge": {
            "topic": "d/answer",
            "id_path": "id",
            "accepted": {"path": "result"},
            "rejected": {"path": "error"},
            "reason_path": "error.message",
        },
    }
    points = mqtt_points({"power_setpoint_kw": {"topic": "d/w", "valid": [-100, 100], "setpoint": setpoint}})
    shown = Shown(power_setpoint_kw=0)
    server = MqttServer("device", points, broker, shown, Watchdog(shown), Present({}))
    async with aiomqtt.Client("127.0.0.1", broker.port, timeout=2) as client:
        await client.subscribe("d/w")
        await client.subscribe("d/answer")
        await server.start()
        said = aiter(client.messages)
        async with asyncio.timeout(10):
            # it has subscribed to its commands by the time that it publishes
            await anext(said)
            for payload in (b'{"id": 7, "method": "Set", "w": 40}', b'{"id": 8, "method": "Set", "w": 400}'):
                await client.publish("d/rpc", payload)
            answers: list[Any] = []
            while len(answers) < 2:
                message = await anext(said)
                if str(message.topic) == "d/answer":
                    answers.append(json.loads(message.payload))
            assert answers == [
                {"id": 7, "result": {}},
                {"id": 8, "error": {"message": "400 is out of range"}},
            ]
            await client.publish("d/rpc", b'{"method": "Auto"}')
            while len(shown.commands) < 2:
                await anext(said)
    await server.stop()
    assert shown.commands == [("power_setpoint_kw", 40.0), ("power_setpoint_kw", None)]
