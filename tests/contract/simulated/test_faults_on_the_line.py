"""Faults between a server and its clients, as plain clients of each protocol see them come and go."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from fault_eyes import ANSWER_S, Eye, Unseen
from fault_rig import POWER_KW, Rig

from simulators.faults.kinds import KINDS
from simulators.faults.line import Line, _Connection

pytestmark = pytest.mark.usefixtures("in_a_hurry")


def port_of(rig: Rig, connection: str) -> int:
    address = rig.connections[connection]
    return int(address["port"]) if "port" in address else int(urlsplit(address["endpoint"]).port or 0)


async def dials(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def end_of(eye: Eye) -> None:
    """Look until the session ends: what was published before may still be waiting to be read."""
    try:
        for _ in range(100):
            await eye.see("active_power_kw")
    except Unseen:
        return
    raise AssertionError("the session goes on")


async def test_a_link_that_is_down_ends_sessions_and_refuses_new_ones(rig: Rig, eye: Eye) -> None:
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    port = port_of(rig, eye.connection)
    fault = await rig.set("link_down", eye.connection)
    await end_of(eye)
    await eye.close()
    assert not await dials(port)
    await rig.until_unseen(eye, "refused")
    await rig.clear(fault)
    assert port_of(rig, eye.connection) == port
    await rig.until_seen(eye, "active_power_kw", POWER_KW)


async def test_a_black_hole_takes_connections_and_never_answers(rig: Rig, eye: Eye) -> None:
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    fault = await rig.set("black_hole", eye.connection)
    await rig.until_unseen(eye, "silent")
    await eye.close()
    assert await dials(port_of(rig, eye.connection))
    with pytest.raises(Unseen, match="silent"):
        await eye.see("active_power_kw")
    await rig.clear(fault)
    await eye.close()
    await rig.until_seen(eye, "active_power_kw", POWER_KW)


async def test_what_a_black_hole_swallowed_never_arrives(rig: Rig) -> None:
    eye = rig.eye("modbus")
    await eye.see("active_power_kw")
    fault = await rig.set("black_hole", eye.connection)
    with pytest.raises(Unseen, match="silent"):
        await eye.write(500.0)
    await rig.clear(fault)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    assert rig.plant.commands == []


@pytest.mark.parametrize("protocol", ["modbus", "opcua"])
async def test_a_slow_line_answers_late(rig: Rig, protocol: str) -> None:
    eye = rig.eye(protocol)
    await eye.see("active_power_kw")
    fault = await rig.set("slow", eye.connection, latency_s=0.2, jitter_s=0.2)
    taken_s = [await seconds_for(eye) for _ in range(4)]
    assert min(taken_s) >= 0.2
    assert max(taken_s) > min(taken_s) + 0.01  # jitter
    await rig.clear(fault)
    await rig.until(lambda: quick(eye), "answers come at once again")


async def quick(eye: Eye) -> bool:
    return await seconds_for(eye) < 0.2


async def seconds_for(eye: Eye) -> float:
    began_s = time.monotonic()
    assert await eye.see("active_power_kw") == pytest.approx(POWER_KW)
    return time.monotonic() - began_s


async def test_a_slow_broker_delivers_late_and_everything(rig: Rig) -> None:
    eye = rig.eye("mqtt")
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    fault = await rig.set("slow", eye.connection, latency_s=0.6)
    rig.plant.shown[eye.device]["active_power_kw"] = 100.0
    began_s = time.monotonic()
    await rig.until_seen(eye, "active_power_kw", 100.0)
    assert time.monotonic() - began_s >= 0.5
    await rig.clear(fault)
    rig.plant.shown[eye.device]["active_power_kw"] = 50.0
    await rig.until_seen(eye, "active_power_kw", 50.0)


async def test_jitter_is_the_same_for_the_same_seed(start_rig: Any) -> None:
    rig = await start_rig()
    fault = await rig.set("slow", "turbine_tcp", latency_s=0.1, jitter_s=0.2, id="jittery")
    delays: list[list[float]] = []
    for _ in range(2):
        line = Line("127.0.0.1", 0)
        await line.bring([fault.standing])
        connection = _Connection(1, None)  # type: ignore[arg-type]
        found = []
        for number in range(5):
            connection.answers = number
            found.append(line._delay_s(connection))
        delays.append(found)
    assert delays[0] == delays[1]
    assert len(set(delays[0])) == 5
    assert all(0.1 <= delay_s < 0.3 for delay_s in delays[0])


async def test_a_connection_is_reset_in_the_middle_of_an_answer(rig: Rig, eye: Eye) -> None:
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    fault = await rig.set("reset", eye.connection)
    await end_of(eye)
    await rig.clear(fault)
    await eye.close()
    await rig.until_seen(eye, "active_power_kw", POWER_KW)


async def test_half_of_every_second_answer_and_then_a_reset(rig: Rig) -> None:
    """What Modbus answers to `read register 100 and 101 of unit 1` is 13 bytes: 6 of them come."""
    await rig.set("reset", "turbine_tcp", every=2)
    loop = asyncio.get_running_loop()
    request = bytes.fromhex("0001 0000 0006 01 03 0064 0002")
    with socket.socket() as client:
        client.setblocking(False)
        await loop.sock_connect(client, ("127.0.0.1", port_of(rig, "turbine_tcp")))
        for expected in (13, 6):
            await loop.sock_sendall(client, request)
            answer = await asyncio.wait_for(loop.sock_recv(client, 100), ANSWER_S)
            assert len(answer) == expected
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(loop.sock_recv(client, 100), ANSWER_S)


async def test_a_broker_is_killed_and_started_again(rig: Rig) -> None:
    eye = rig.eye("mqtt")
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    fault = await rig.set("broker_restart", "broker")
    await eye.close()
    await rig.until_unseen(eye, "refused")
    await rig.clear(fault)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)


async def test_a_broker_that_is_just_starting_can_be_killed_again(rig: Rig) -> None:
    eye = rig.eye("mqtt")
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    await rig.clear(await rig.set("broker_restart", "broker"))
    await asyncio.sleep(0)  # its start has begun
    second = await rig.set("broker_restart", "broker")
    await eye.close()
    for _ in range(5):
        await rig.park.tick()
        assert not await dials(port_of(rig, "broker"))
        await asyncio.sleep(0.05)
    await rig.clear(second)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)


async def test_devices_of_other_connections_do_not_notice(rig: Rig) -> None:
    for connection in ("turbine_tcp", "broker"):
        await rig.set("link_down", connection)
    await rig.until_seen(rig.eye("opcua"), "active_power_kw", POWER_KW)


async def test_a_device_that_runs_apart_has_its_line_apart(start_rig: Any) -> None:
    rig = await start_rig(apart=["turbine_m"])
    eye = rig.eye("modbus")
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    port = port_of(rig, eye.connection)
    fault = await rig.set("link_down", eye.connection)
    await rig.until_unseen(eye, "refused")
    await rig.clear(fault)
    await rig.until_seen(eye, "active_power_kw", POWER_KW)
    assert port_of(rig, eye.connection) == port


async def test_a_port_that_was_taken_meanwhile_is_tried_until_it_is_free(rig: Rig) -> None:
    eye = rig.eye("modbus")
    port = port_of(rig, eye.connection)
    fault = await rig.set("link_down", eye.connection)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        await rig.clear(fault)
        await rig.park.tick()
    await rig.until_seen(eye, "active_power_kw", POWER_KW)


def test_every_fault_of_lines_is_here() -> None:
    assert {kind for kind, model in KINDS.items() if model.group == "line"} == {
        *("link_down", "black_hole", "slow", "reset", "broker_restart"),
    }
