"""Time that is stepped: how a step is cut, what happens in it, and in which order."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from simulators.stepping import LONGEST, BadStep, Stepping

START = datetime(2026, 10, 14, 7, 0, tzinfo=UTC)


class Told:
    """Physics and what is around it, which write down what they are told."""

    def __init__(self) -> None:
        self.now = START
        self.done: list[str | float] = []

    def advance(self, dt_s: float) -> None:
        self.now += timedelta(seconds=dt_s)
        self.done.append(dt_s)

    async def live(self, *, patient: bool) -> None:
        assert patient
        await asyncio.sleep(0)
        self.done.append("live")

    async def show(self, *, at_once: bool) -> None:
        assert at_once
        await asyncio.sleep(0)
        self.done.append("show")

    async def tend(self) -> None:
        await asyncio.sleep(0)
        self.done.append("tend")


def stepping_of(told: Told, *others: Told) -> Stepping:
    return Stepping((told, *others), told, asyncio.Event())


async def test_a_step_ends_at_every_whole_second_and_looks_there() -> None:
    told = Told()
    stepping = stepping_of(told)
    await stepping.advance(timedelta(seconds=2.5))
    assert told.done == ["live", 1.0, "live", 1.0, "live", 0.5, "live", "show"]
    told.done.clear()
    await stepping.advance(timedelta(seconds=1))
    assert told.done == ["live", 0.5, "live", 0.5, "live", "show"]
    assert told.now == START + timedelta(seconds=3.5)


async def test_all_plants_go_together() -> None:
    told, alone = Told(), Told()
    await stepping_of(told, alone).advance(timedelta(minutes=15))
    assert told.now == alone.now == START + timedelta(minutes=15)


async def test_steps_and_looks_between_them_come_one_after_another() -> None:
    told = Told()
    stepping = stepping_of(told)
    await asyncio.gather(
        stepping.advance(timedelta(seconds=1)), stepping.stand(), stepping.advance(timedelta(seconds=1))
    )
    assert told.done == ["live", 1.0, "live", "show", "tend", "live", 1.0, "live", "show"]


@pytest.mark.parametrize("lasts", [timedelta(0), timedelta(seconds=-1), LONGEST + timedelta(microseconds=1)])
async def test_no_step_and_one_that_is_too_long_are_refused(lasts: timedelta) -> None:
    told = Told()
    with pytest.raises(BadStep, match="longer than nothing and at most 7 days"):
        await stepping_of(told).advance(lasts)
    assert told.done == []


async def test_a_park_that_ends_ends_its_step() -> None:
    told, stop = Told(), asyncio.Event()
    step = asyncio.create_task(Stepping((told,), told, stop).advance(LONGEST))
    await asyncio.sleep(0.01)
    stop.set()
    await asyncio.wait_for(step, 10)
    assert START < told.now < START + LONGEST
