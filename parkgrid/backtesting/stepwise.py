"""A closed loop that decides once in each planning interval, for a year in minutes.

What an interval brings is constant. With `realtime` information its means are known when it is decided on, as they are
to a controller that follows the park by the second; with `setpoint` only what is expected of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from config.asset import OnOff, Ramped
from controller.decider import Decider
from controller.decision import Decision
from controller.image import Snapshot
from dispatch.registry import forecast_for
from drivers.quality import Stamp, good
from parkgrid.closed_loop import ClosedLoop
from simulators.past import Past
from simulators.plant import Plant

Information = Literal["realtime", "setpoint"]
LOOKS_S = (20.0, 30.0, 45.0, 60.0)
"""Batteries are told again until then, while units such as compressors ramp, which takes them less than a minute."""
MOVED_KW = 1.0
SETTLES_S = 10.0
"""How long devices take to be where they were told to be: the ledger looks again then, and at the end."""


class StepwiseLoop(ClosedLoop):
    """One run in steps of the site's planning interval. `plant` must take steps as long."""

    def __init__(self, plant: Plant, decider: Decider, past: Past, information: Information) -> None:
        """Where the decider does not follow, the plan's setpoints are told as they are, whatever is measured."""
        super().__init__(plant, decider, past, cycle_s=decider.site.control.interval_min * 60.0)
        self._blind = information == "setpoint"
        self._ramping = [
            name
            for name, asset in self.site.assets.items()
            if isinstance(asset, Ramped | OnOff) and self.site.setpoint(name) is not None
        ]

    def run(self, lasts: timedelta) -> Iterator[Decision]:
        end = self.plant.now + lasts
        step = timedelta(minutes=self.site.control.interval_min)
        snapshot = self._measure()
        while self.plant.now < end:
            if not self._blind:
                self.plant.look()
                snapshot = self._measure()
            decision = self._decide(snapshot)
            if self._blind:
                self.plant.look()
                self._measure()
            begin = self.plant.now
            later = self._until(begin + timedelta(seconds=SETTLES_S))
            for after_s in LOOKS_S if self.decider.follows and self._has_moved(snapshot, later) else ():
                # batteries make up for what units ramp up, as they do by the second
                self._decide(later)
                later = self._until(begin + timedelta(seconds=after_s))
            snapshot = self._until(begin + step)
            yield decision

    def _has_moved(self, before: Snapshot, later: Snapshot) -> bool:
        """Whether a unit that ramps slowly has begun to."""
        powers_kw = [(before.power_kw(name) or 0.0, later.power_kw(name) or 0.0) for name in self._ramping]
        return any(abs(now_kw - before_kw) > MOVED_KW for before_kw, now_kw in powers_kw)

    def _until(self, until: datetime) -> Snapshot:
        self._advance(until)
        return self._measure()

    def _known(self, snapshot: Snapshot) -> Snapshot:
        return snapshot if self.decider.follows else self._as_foreseen(snapshot)

    def _as_foreseen(self, snapshot: Snapshot) -> Snapshot:
        """The park with what the plan expects of loads in this interval and has sources give, and the grid's power to
        match."""
        plan, site, grid = self.decider.book.plan, self.site, self.site.grid[0]
        step = None if plan is None else plan.step_at(snapshot.at)
        if plan is None or step is None:
            return snapshot
        readings = dict(snapshot.readings)
        stamp = Stamp(received_s=snapshot.monotonic_s, at=snapshot.at)
        change_kw = 0.0
        for name in forecast_for(site):
            planned = plan.assets.get(name)
            series = (
                None if planned is None else planned.wanted_kw if planned.available_kw is None else planned.power_kw
            )
            point = site.point(name, "active_power_kw")
            if series is None or point is None or readings[point.key].value is None:
                continue
            before_kw = snapshot.taken_kw(name, "electricity") or 0.0
            readings[point.key] = good(point.key, float(series[step]), stamp)
            expected = replace(snapshot, readings=readings)
            change_kw += (expected.taken_kw(name, "electricity") or 0.0) - before_kw
        grid_point = site.point(grid, "active_power_kw")
        assert grid_point is not None
        grid_kw = snapshot.power_kw(grid)
        assert grid_kw is not None
        readings[grid_point.key] = good(grid_point.key, grid_kw + change_kw, stamp)
        return replace(snapshot, readings=readings)
