"""What the planner is asked and when, and what becomes of its answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from config.site import Site
from controller.guard import GuardState
from controller.image import Snapshot
from controller.ledger import Ledger
from controller.limits import limits_now
from controller.park_state import park_state
from controller.planner import Planner, PlannerProcess
from controller.planner_process import PlanRequest
from controller.plans import PlanBook
from controller.recorder import Recorder
from controller.spot import SpotBook
from controller.weather import WeatherBook


class Planning:
    """The controller's plans: a new one is wanted at each interval, whenever an asset or an order of the grid operator
    comes or goes, and when the plan in force is too old at once, as after a jump of the calendar."""

    def __init__(
        self, site: Site, ledger: Ledger, recorder: Recorder, state: Path, process: PlannerProcess | None
    ) -> None:
        """`state` is the controller's folder; `process` a planner that was started ahead."""
        self._site = site
        self._ledger = ledger
        self._recorder = recorder
        self.book = PlanBook(site)
        self.spot = SpotBook(site)
        self.weather = WeatherBook(site, state)
        self.planner = Planner(site, self._request, process, solves=state / "solves")
        self._snapshot: Snapshot | None = None
        self._limited: frozenset[str] = frozenset()
        self._guards: GuardState = {}
        self._seen = asyncio.Event()
        """Set once there is a snapshot."""
        self._asked_interval: datetime | None = None
        self._available: frozenset[str] = frozenset()
        self._ordered: tuple[float | None, float | None] = (None, None)
        self._fresh = False
        self._requests = 0

    def update(self, snapshot: Snapshot, limited: frozenset[str], guards: GuardState) -> bool:
        """Take the answers that came, and ask again where it is time. True when another plan is in force.

        `limited` are the generators and loads that are held back, whose power says nothing of tomorrow's; `guards`
        know since when units run.
        """
        self._snapshot, self._limited, self._guards = snapshot, limited, guards
        self._seen.set()
        changed = False
        for answer in self.planner.answers():
            self._recorder.skills(answer.skills, snapshot.at)
            if self.book.take(answer, snapshot.at) and self.book.plan is not None:
                self._recorder.plan(self.book.plan)
                changed = True
        available = frozenset(name for name in self._site.assets if snapshot.available(name))
        interval = self._ledger.running_start
        ordered = limits_now(snapshot).ordered
        was_fresh, self._fresh = self._fresh, self.book.fresh(snapshot.at)
        asked = (self._available, self._asked_interval, self._ordered)
        # also one that was asked for before a jump of the calendar, and came after it
        too_old = not self._fresh and (was_fresh or (changed and not self.book.failure))
        if (available, interval, ordered) != asked or too_old:
            self._available, self._asked_interval, self._ordered = available, interval, ordered
            self.planner.ask()
        return changed

    @property
    def everything_available(self) -> bool:
        return self._available == self._site.assets.keys()

    def failure(self) -> str:
        """Why there is no plan of the optimiser that could be followed."""
        return self.book.failure or ("the plan is too old" if self.book.plan is not None else "there is no plan yet")

    async def _request(self) -> PlanRequest:
        """What the planner needs to know, as of now."""
        await self._seen.wait()
        await asyncio.to_thread(self.spot.refresh)
        await asyncio.to_thread(self.weather.refresh)
        snapshot, ledger = self._snapshot, self._ledger
        assert snapshot is not None
        self._requests += 1
        ledger.spot = self.spot.series
        return PlanRequest(
            number=self._requests,
            now=snapshot.at,
            state=replace(
                park_state(
                    snapshot, ledger.month_peak_kw, ledger.used(snapshot.at), self._limited, ledger.spot, self._guards
                ),
                weather=self.weather.forecast,
            ),
            history=await self._recorder.history(snapshot.at),
            ordered=self._ordered,
        )
