"""The field's workers against gateways that are slow, dead or busy: who is asked when, and what is written first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from gateway import ENERGY, HEARTBEAT, POWER, Gateway, gateway, modbus, running, site_of

from config.register import Heartbeat
from config.site import Site
from controller.image import ProcessImage
from drivers.driver import Accepted, Quality, Setpoint, Unconfirmed, WriteResult

LONG_S = 20.0
"""Far longer than anything here takes, on a busy machine too."""


class Results:
    """What the field was told to tell."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, float, WriteResult]] = []

    def __call__(self, setpoint: Setpoint, result: WriteResult) -> None:
        self.seen.append((setpoint.point.device, setpoint.value, result))


def line_of(one: Gateway, units: int, **device: Any) -> Site:
    """Devices `meter_1`, `meter_2` ... behind one gateway."""
    devices = {f"meter_{unit}": {"connection": "line", "unit": unit, **device} for unit in range(1, units + 1)}
    return site_of({"line": modbus(one)}, devices)


def limit(site: Site, device: str, value: float) -> Setpoint:
    return Setpoint(point=next(p for p in site.points[device] if p.name == "power_limit_kw"), value=value)


async def until(holds: Callable[[], object], what: str) -> None:
    deadline_s = time.monotonic() + LONG_S
    while not holds():
        assert time.monotonic() < deadline_s, what
        await asyncio.sleep(0.005)


def powers(image: ProcessImage) -> dict[str, float | None]:
    readings = image.freeze(at=datetime.now(UTC), site_s=0.0, monotonic_s=time.monotonic()).readings
    return {
        key.partition(".")[0]: reading.value for key, reading in readings.items() if key.endswith("active_power_kw")
    }


# -- reading -----------------------------------------------------------------------------------------


async def test_every_device_is_read_once_a_cycle_and_acquire_waits_for_it() -> None:
    async with gateway({2: 0.05}) as line, running(line_of(line, 3)) as one:
        await one.field.acquire(LONG_S)
        assert powers(one.image) == {"meter_1": 1.0, "meter_2": 2.0, "meter_3": 3.0}
        assert line.count() == {1: 1, 2: 1, 3: 1}
        await one.field.acquire(LONG_S)
        assert line.count() == {1: 2, 2: 2, 3: 2}
        assert one.field.reads() == {"modbus": {"good": 3 * (3 + 1), "bad": 0}}


async def test_a_slow_line_delays_no_other_and_nothing_piles_up() -> None:
    units = range(1, 6)
    async with gateway(dict.fromkeys(units, 0.05)) as slow, gateway() as quick:
        devices = {f"slow_{unit}": {"connection": "slow", "unit": unit} for unit in units}
        devices["quick"] = {"connection": "quick", "unit": 9}
        site = site_of({"slow": modbus(slow), "quick": modbus(quick)}, devices)
        async with running(site) as one:
            await one.field.acquire(0.01)
            for cycle in range(2, 22):
                await one.field.acquire(LONG_S)
                # the slow line is busy and not waited for; the quick one is
                assert quick.count()[9] == cycle
                await asyncio.sleep(0.05)
            before = slow.reads()
            # each of its devices came in turn, however often all of them were due meanwhile
            assert before[:5] == [*units]
            assert len(before) < 3 * len(units) < 21
            await one.field.acquire(LONG_S)
            await until(lambda: slow.reads()[len(before) :][-1:] == before[-1:], "each device once more")
            await asyncio.sleep(0.2)
            assert len(slow.reads()) <= len(before) + len(units)
            assert powers(one.image) == {f"slow_{unit}": float(unit) for unit in units} | {"quick": 9.0}


async def test_a_dead_unit_costs_its_neighbours_one_time_out_and_no_more() -> None:
    async with gateway(dead={2}) as line:
        devices = {f"meter_{unit}": {"connection": "line", "unit": unit} for unit in (1, 2, 3)}
        site = site_of({"line": modbus(line, timeout_s=0.3)}, devices)
        async with running(site) as one:
            for cycle in range(1, 6):
                began_s = time.monotonic()
                await one.field.acquire(LONG_S)
                assert (line.count()[1], line.count()[3]) == (cycle, cycle)
                assert line.count()[2] <= cycle, "asked once in a cycle at most"
                assert time.monotonic() - began_s < 0.3 + 2.0
            assert powers(one.image) == {"meter_1": 1.0, "meter_2": None, "meter_3": 3.0}
            readings = one.image.freeze(at=datetime.now(UTC), site_s=0.0, monotonic_s=0.0).readings
            assert readings["meter_2.active_power_kw"].quality is Quality.BAD
            assert "unit 2 does not answer" in readings["meter_2.active_power_kw"].reason


class JumpingClock:
    seconds = 1000.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def site_s(self) -> float:
        return self.seconds

    def monotonic_s(self) -> float:
        return self.seconds


async def test_fast_and_slow_points_are_read_at_their_own_periods() -> None:
    clock = JumpingClock()
    async with gateway() as line:
        every_cycle = {"connection": "line", "unit": 1}
        seldom = {"connection": "line", "unit": 2, "fast_s": 5, "slow_s": 20}
        site = site_of({"line": modbus(line)}, {"every_cycle": every_cycle, "seldom": seldom})
        async with running(site, clock) as one:
            await one.field.acquire(LONG_S)
            assert (line.count(POWER), line.count(ENERGY)) == ({1: 1, 2: 1}, {1: 1, 2: 1})
            for _ in range(200):
                clock.seconds += 1.0
                await one.field.acquire(LONG_S)
    # the first period is a part of one, so one more or less
    assert line.count(POWER)[1] == 201
    assert line.count(ENERGY)[1] in (41, 42)
    assert line.count(POWER)[2] in (41, 42)
    assert line.count(ENERGY)[2] in (11, 12)


# -- writing -----------------------------------------------------------------------------------------


async def test_a_setpoint_in_the_middle_of_a_slow_round_goes_out_before_the_next_device_is_read() -> None:
    units = range(1, 9)
    async with gateway(dict.fromkeys(units, 0.1)) as line, running(site := line_of(line, 8)) as one:
        results = Results()
        await one.field.acquire(0.15)
        under_way = len(line.reads())
        assert under_way < 8, "the round is not over"
        await one.field.apply([limit(site, "meter_8", 70)], results, 0.01)
        assert results.seen == []  # it takes longer than this cycle has

        await until(lambda: results.seen, "the result is told all the same")
        assert results.seen == [("meter_8", 70.0, Accepted(70.0))]
        (at,) = [index for index, request in enumerate(line.requests) if request.writes]
        before = {request.unit for request in line.requests[:at]}
        # only the device that was being read when it came
        assert len(before) <= len(set(line.reads()[:under_way])) + 1
        assert 8 not in before
        await until(lambda: set(line.reads()) == set(units), "the round goes on")
        assert line.count() == dict.fromkeys(units, 1)


async def test_apply_returns_when_all_is_written() -> None:
    async with gateway({2: 0.05}) as line, running(site := line_of(line, 3)) as one:
        results = Results()
        wanted = [limit(site, f"meter_{unit}", 10.0 * unit) for unit in (1, 2, 3)]
        await one.field.apply(wanted, results, LONG_S)
        assert results.seen == [(f"meter_{unit}", 10.0 * unit, Accepted(10.0 * unit)) for unit in (1, 2, 3)]
        assert one.field.writes() == {"confirmed": 3, "rejected": 0, "unconfirmed": 0}
        await one.field.apply([], results, LONG_S)
        assert len(results.seen) == 3


async def test_only_the_latest_value_goes_out_and_what_is_not_wanted_any_more_does_not() -> None:
    async with gateway({1: 0.5}) as line, running(site := line_of(line, 3)) as one:
        results = Results()
        await one.field.acquire(0.05)  # unit 1 keeps the line busy
        await one.field.apply([limit(site, "meter_2", 50), limit(site, "meter_3", 50)], results, 0.01)
        await one.field.apply([limit(site, "meter_2", 60), limit(site, "meter_3", 60)], results, 0.01)
        await one.field.apply([limit(site, "meter_2", 70)], results, LONG_S)
        assert results.seen == [("meter_2", 70.0, Accepted(70.0))]
        await until(lambda: set(line.reads()) == {1, 2, 3}, "the round is over")
        assert [request.unit for request in line.requests if request.writes] == [2]
        assert (line.written(2), line.written(3)) == (70, None)


async def test_a_setpoint_that_is_on_its_way_is_not_sent_again() -> None:
    async with gateway({1: 0.2}) as line, running(site := line_of(line, 1)) as one:
        results = Results()
        await one.field.apply([limit(site, "meter_1", 50)], results, 0.05)
        assert results.seen == []
        await one.field.apply([limit(site, "meter_1", 50)], results, LONG_S)  # waits for the one on its way
        assert results.seen == [("meter_1", 50.0, Accepted(50.0))]
        await one.field.apply([limit(site, "meter_1", 60)], results, LONG_S)
        assert [request.unit for request in line.requests if request.writes] == [1, 1]
        assert line.written(1) == 60


async def test_a_write_to_a_dead_unit_is_told_and_others_are_written() -> None:
    async with gateway(dead={1}) as line:
        devices = {f"meter_{unit}": {"connection": "line", "unit": unit} for unit in (1, 2)}
        site = site_of({"line": modbus(line, timeout_s=0.3)}, devices)
        async with running(site) as one:
            results = Results()
            await one.field.apply([limit(site, "meter_1", 10), limit(site, "meter_2", 20)], results, LONG_S)
            first, second = results.seen
            assert isinstance(first[2], Unconfirmed)
            assert second == ("meter_2", 20.0, Accepted(20.0))


async def test_heartbeats_keep_their_period_on_a_device_that_is_seldom_read() -> None:
    clock = JumpingClock()
    async with gateway() as line:
        device = {"connection": "line", "unit": 1, "fast_s": 60, "slow_s": 60}
        beat = Heartbeat(address=HEARTBEAT, value=1, period_s=2)
        site = site_of({"line": modbus(line)}, {"battery": device}, heartbeats={"battery": (beat,)})
        async with running(site, clock) as one:
            await one.field.apply([limit(site, "battery", 10)], Results(), LONG_S)
            await one.field.acquire(LONG_S)
            reads = len(line.reads())
            for _ in range(20):
                clock.seconds += 1.0
                await one.field.acquire(LONG_S)
    beats = [request for request in line.requests if request.writes and request.address == HEARTBEAT]
    assert len(beats) == 11
    assert len(line.reads()) <= reads + 1


# -- the end, and faults of the program --------------------------------------------------------------


async def test_stopping_in_the_middle_of_a_read_gives_everything_back() -> None:
    async with gateway(dead={1}) as line:
        async with running(site := line_of(line, 3)) as one:
            await one.field.acquire(0.05)
            await one.field.apply([limit(site, "meter_2", 50)], Results(), 0.05)
            assert line.connections == 1
        assert [request.unit for request in line.requests] == [1]


async def test_a_cancelled_cycle_passes_and_leaves_the_field_usable() -> None:
    async with gateway({1: 0.2}) as line, running(site := line_of(line, 2)) as one:
        results = Results()
        for work in (one.field.acquire(LONG_S), one.field.apply([limit(site, "meter_1", 5)], results, LONG_S)):
            task = asyncio.create_task(work)
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await one.field.apply([limit(site, "meter_1", 5)], results, LONG_S)
        assert results.seen[-1] == ("meter_1", 5.0, Accepted(5.0))
        await one.field.acquire(LONG_S)
        await until(lambda: powers(one.image) == {"meter_1": 1.0, "meter_2": 2.0}, "both are read")


async def test_a_fault_in_one_worker_is_reported_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def broken(setpoint: Setpoint, result: WriteResult) -> None:
        raise ZeroDivisionError("a fault of the program")

    async with gateway() as first, gateway() as second:
        devices = {"a": {"connection": "one", "unit": 1}, "b": {"connection": "two", "unit": 2}}
        site = site_of({"one": modbus(first), "two": modbus(second)}, devices)
        async with running(site) as one:
            await one.field.apply([limit(site, "a", 10)], broken, LONG_S)
            await one.field.acquire(LONG_S)
            assert [(part, str(error)) for part, error in one.failures] == [
                ("connection one", "a fault of the program")
            ]
            assert powers(one.image) == {"b": 2.0}
            # the supervisor starts it again, and it does what was wanted meanwhile
            await until(lambda: "a" in powers(one.image), "it reads again")
            results = Results()
            await one.field.apply([limit(site, "a", 11)], results, LONG_S)
            assert results.seen == [("a", 11.0, Accepted(11.0))]


async def test_all_sockets_are_closed_at_the_end() -> None:
    async with gateway() as line:
        async with running(line_of(line, 3)) as one:
            await one.field.acquire(LONG_S)
            assert line.connections == 1
        await until(lambda: line.connections == 0, "the socket is closed")
