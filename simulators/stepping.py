"""Time that goes on only when it is told to: a park in step with whoever controls it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

GRID_S = 1.0
"""Seconds of the park between two looks at faults and watchdogs: as fine as the times that they are given in."""

LONGEST = timedelta(days=7)
"""Of one step. A week takes some minutes, in which nobody else can step."""


class BadStep(ValueError):
    """A step that a park does not take; the message says why."""


class Physics(Protocol):
    @property
    def now(self) -> datetime: ...

    def advance(self, dt_s: float) -> None: ...


class Surface(Protocol):
    """What is around the physics (see `simulators.park.Park`)."""

    async def live(self, *, patient: bool) -> None: ...  # faults, outages and watchdogs of this moment

    async def show(self, *, at_once: bool) -> None: ...  # the values of this moment, on every protocol

    async def tend(self) -> None: ...  # processes that may have died


class Stepping:
    """Moves a park by what is asked for, one request after another.

    The same steps, with the same writes between them, lead to the same park: nothing in it follows the wall.
    """

    def __init__(self, plants: Sequence[Physics], surface: Surface, stop: asyncio.Event) -> None:
        """`plants` go together, the first is the one that is shown; `stop` ends a step where it is."""
        self._plants = plants
        self._surface = surface
        self._stop = stop
        self._start = plants[0].now
        self._turn = asyncio.Lock()

    async def advance(self, lasts: timedelta) -> None:
        """Go on, and show what is then; everything shows it when this returns, except what a broker has yet to hand on.

        Raises BadStep for one that is too long, or none.
        """
        if not timedelta(0) < lasts <= LONGEST:
            raise BadStep(f"a step should be longer than nothing and at most {LONGEST.days} days")
        async with self._turn:
            # faults that were commanded since the last step begin with this one
            await self._surface.live(patient=True)
            end = self._plants[0].now + lasts
            while (left_s := (end - self._plants[0].now).total_seconds()) > 0 and not self._stop.is_set():
                dt_s = min(left_s, self._to_grid_s())
                for plant in self._plants:
                    plant.advance(dt_s)
                await self._surface.live(patient=True)
                await asyncio.sleep(0)  # the servers answer meanwhile
            await self._surface.show(at_once=True)

    async def stand(self) -> None:
        """Look after what may die in real time, between two steps."""
        async with self._turn:
            await self._surface.tend()

    def _to_grid_s(self) -> float:
        passed_s = (self._plants[0].now - self._start).total_seconds()
        return (math.floor(passed_s / GRID_S) + 1) * GRID_S - passed_s
