"""Bytes that are altered on their way, one bit after another, in every protocol that can notice."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asyncua import Server, ua
from chaos_proxy import ChaosProxy, Spoil, flipped_bits, flipped_bits_within
from driver_rig import CLOCK
from modbus_rigs import ModbusRig, ModbusRtuOverTcpRig, ModbusTlsRig
from ports import unused_port

from config.connection import OpcUa
from config.point import Point, points_of
from config.profile import OpcuaProfile
from drivers.certificates import Certificates
from drivers.driver import Driver, LinkDown
from drivers.opcua import OpcuaDriver
from drivers.opcua_session import OpcuaSession
from simulators.servers.namespace_zero import SmallInternalServer

TIMEOUT_S = 0.04
"""Most altered answers cost one."""
PATIENT_TIMEOUT_S = 1.0
"""Where opening a connection takes longer than that."""

SHOWN = {"active_power_kw": -7000, "soc": 50, "supply_degc": 200}
RIGHT = [700.0, 0.5, 20.0]
ANSWER_BYTES = 2 * 5
"""They lie in five registers, which are read together."""

HEADER_BYTES = 7
"""Transaction, protocol, length, unit."""
FUNCTION_AND_COUNT_BYTES = 2


def bit(number: int) -> Spoil:
    """Flips this bit of every piece that has it."""

    def spoil(data: bytes, _: random.Random) -> bytes:
        spoilt = bytearray(data)
        if number // 8 < len(spoilt):
            spoilt[number // 8] ^= 1 << number % 8
        return bytes(spoilt)

    return spoil


@contextlib.asynccontextmanager
async def running(kind: type[ModbusRig], timeout_s: float) -> AsyncIterator[tuple[ChaosProxy, Driver, list[Point]]]:
    rig = kind(unused_port())
    rig.timeout_s = timeout_s
    await rig.start()
    for name, raw in SHOWN.items():
        await rig.show(name, raw)
    driver = rig.driver()
    try:
        yield rig.line, driver, [rig.points[name] for name in SHOWN]
    finally:
        await driver.close()
        await rig.stop()


async def answered(driver: Driver, points: Sequence[Point]) -> list[float | None] | None:
    """The values of one read, each right or none; None when there is no answer."""
    try:
        await driver.connect()
        readings = await driver.read(points)
    except LinkDown:
        return None
    values = [reading.value for reading in readings]
    for value, right in zip(values, RIGHT, strict=True):
        assert value is None or value == pytest.approx(right), readings
    return values


async def recovered(driver: Driver, points: Sequence[Point]) -> None:
    for _ in range(500):
        values = await answered(driver, points)
        if values is not None and None not in values:
            return
        await asyncio.sleep(TIMEOUT_S / 4)
    pytest.fail("the line does not recover")


async def try_bits(kind: type[ModbusRig], bits: Sequence[int]) -> None:
    async with running(kind, TIMEOUT_S) as (line, driver, points):
        for number in bits:
            await recovered(driver, points)
            line.to_client.spoil = bit(number)
            values = await answered(driver, points)
            assert values is None or set(values) == {None}, f"bit {number} was not noticed"
            line.heal()


async def test_every_bit_of_a_modbus_tcp_answer_that_is_not_of_its_registers() -> None:
    await try_bits(ModbusRig, range(8 * (HEADER_BYTES + FUNCTION_AND_COUNT_BYTES)))


async def test_every_bit_of_an_rtu_answer() -> None:
    unit_and_checksum_bytes = 3
    bits = range(8 * (unit_and_checksum_bytes + FUNCTION_AND_COUNT_BYTES + ANSWER_BYTES))
    # on four lines at once: nearly all of it is waiting
    async with asyncio.TaskGroup() as group:
        for first in range(4):
            group.create_task(try_bits(ModbusRtuOverTcpRig, bits[first::4]))


async def altered_at_random(line: ChaosProxy, driver: Driver, points: Sequence[Point], spoil: Spoil) -> None:
    """Answers altered at one random place each: none of them is taken."""
    for _ in range(40):
        await recovered(driver, points)
        line.to_client.spoil = spoil
        values = await answered(driver, points)
        line.heal()
        assert values is None


async def test_altered_bytes_within_tls() -> None:
    async with running(ModbusTlsRig, PATIENT_TIMEOUT_S) as (line, driver, points):
        await altered_at_random(line, driver, points, flipped_bits(1.0))


async def test_altered_bytes_of_a_signed_opcua_message(tmp_path: Path) -> None:
    theirs, ours = Certificates(tmp_path / "server"), Certificates(tmp_path / "client")
    async with a_signing_server(theirs) as port:
        (tmp_path / "client" / "trusted").mkdir(parents=True)
        shutil.copy(theirs.own_certificate, tmp_path / "client" / "trusted")
        line = ChaosProxy()
        await line.open(port)
        spec = OpcUa(
            protocol="opcua",
            endpoint=f"opc.tcp://127.0.0.1:{line.port}/plc",
            security="basic256sha256",
            timeout_s=PATIENT_TIMEOUT_S,
            mode="poll",  # a subscription still has what it was told before
        )
        driver = OpcuaDriver(OpcuaSession(spec, ours), POINTS, CLOCK)
        # what follows the message's type and length is signed and encrypted; those two only tell where it ends
        await altered_at_random(line, driver, POINTS, flipped_bits_within(1.0, 8, None))
        await driver.close()
        await line.shut()


POINTS = points_of(
    "plc",
    OpcuaProfile.model_validate(
        {
            "protocol": "opcua",
            "description": "made up",
            "verified": True,
            "source": "this file",
            "points": {name: {"node": f"ns=2;s={name}", "valid": [-1000, 1000]} for name in SHOWN},
        }
    ),
    {},
)


@contextlib.asynccontextmanager
async def a_signing_server(certificates: Certificates) -> AsyncIterator[int]:
    own = certificates.own(datetime.now(UTC))
    server = Server(SmallInternalServer())
    await server.init()
    await server.set_application_uri(own.application_uri)
    port = unused_port()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/plc")
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    await server.load_certificate(own.certificate)
    await server.load_private_key(own.key, format="pem")
    index = await server.register_namespace("urn:parkgrid:altered")
    assert index == 2
    for name, value in zip(SHOWN, RIGHT, strict=True):
        await server.nodes.objects.add_variable(ua.NodeId(name, index), name, value, ua.VariantType.Double)
    async with server:
        yield port
