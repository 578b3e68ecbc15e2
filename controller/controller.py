"""The running controller: acquire, freeze, decide, guard, apply, record, on a fixed grid."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from config.clock import Clock
from config.point import Point
from config.site import Site
from controller.adopt import adopted, restored_guard
from controller.alarming.desk import AlarmDesk
from controller.auditing.journal import Journal
from controller.conditions import Health, conditions
from controller.decide import decide
from controller.deciding.standing import Inputs
from controller.decision import Decision
from controller.field import Field
from controller.following import Following
from controller.guard import AssetGuard, guard
from controller.image import ProcessImage, Snapshot
from controller.island import breaker_open, island_of
from controller.ledger import Ledger
from controller.measurement_watch import MeasurementWatch
from controller.memory import remembered, saved_alarms
from controller.modes import Facts, Mode, next_mode
from controller.override import Override, OverrideFolder, in_force
from controller.pacer import Pacer
from controller.park_state import limited_generators, shed_loads
from controller.planner import PlannerProcess
from controller.planning import Planning
from controller.reconnection import release_of
from controller.recorder import Recorder
from controller.records import balance_residual_kw
from controller.service_manager import ServiceManager
from controller.soc_watch import SocWatch
from controller.state import StateFile
from controller.status import Status, Timings, Totals
from controller.supervisor import supervise
from controller.trade import Trade
from controller.writes import WriteBook
from drivers.driver import Accepted, Setpoint, WriteResult
from drivers.found import FoundFile
from drivers.site import links_of

ACQUIRE_SHARE = 0.4
"""Share of the cycle that reading may take; the rest is for deciding, writing and reading back."""
APPLY_SHARE = 0.4
SETTLE_S = 3.0
"""How long the first reads may take before the controller goes on without those who did not answer."""
SAVE_EVERY_S = 5.0
"""And at once after a new plan or a closed interval."""
STOP_WITHIN_S = 3.0
"""How long the devices have to take their safe values when the controller stops."""

_log = logging.getLogger(__name__)


class Controller:
    """Runs one site until it is told to stop, and leaves every device at its safe value."""

    def __init__(
        self, site: Site, *, clock: Clock, state: Path, shadow: bool = False, planner: PlannerProcess | None = None
    ) -> None:
        """`state` is the folder for what must survive; with `shadow` nothing is ever written to a device.

        `planner` is a planner's process that was started ahead; the controller ends it.
        """
        self._site = site
        self._clock = clock
        self._shadow = shadow
        self._image = ProcessImage(site)
        self._field = Field(site, links_of(site, clock, FoundFile(state)), self._image, clock)
        self._writes = WriteBook(site)
        self._ledger = Ledger(site)
        self._overrides = OverrideFolder(state)
        self._trade = Trade(site, self._ledger)
        self._state_file = StateFile(state)
        self._recorder = Recorder(site, clock, state)
        self._journal = Journal(state, site.name, clock)
        self._planning = Planning(site, self._ledger, self._recorder, state, planner)
        self._plans = self._planning.book
        self._mode = Mode.STARTING
        self._guards: dict[str, AssetGuard] = {}
        self._alarms = AlarmDesk(state)
        self._following = Following()
        self._soc_watch = SocWatch()
        self._measurement_watch = MeasurementWatch()
        self._lagging: dict[str, str] = {}
        """Assets that do not do what they were told, and in what."""
        self._snapshot: Snapshot | None = None
        self._decision: Decision | None = None
        self._started_s = float("-inf")
        self._limited: frozenset[str] = frozenset()
        self._internal_error = ""
        self._state_error = ""
        self._service_manager = ServiceManager()
        self._cycles = 0
        self._residual_kw: float | None = None
        self._largest_residual_kw = 0.0
        self._saved_s = float("-inf")
        self.status: Status | None = None
        """The last cycle; None before the first."""

    async def run(self, stop: asyncio.Event, shown: Callable[[Status], None] | None = None) -> None:
        """Control the site until `stop` is set; `shown` is told every cycle's status."""
        self._restore()
        self._journal.began("shadow: nothing is written" if self._shadow else "it may write")
        parts = [
            asyncio.create_task(supervise(name, work, self._failed), name=name)
            for name, work in (
                ("planner", self._planning.planner.run),
                ("audit", self._journal.run),
                *self._recorder.parts(),
                *self._field.parts(),
            )
        ]
        try:
            await self._cycles_until(stop, shown)
            self._service_manager.stopping()
            await self._leave_safe()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            await self._field.close()
            await self._save()
            self._journal.ended()
            await self._journal.close()
            await self._recorder.close()
            self._service_manager.close()

    def totals(self) -> Totals:
        """What was done since the start; right at any time, final once `run` has returned."""
        return Totals(
            cycles=self._cycles,
            overruns=self.status.overruns if self.status is not None else 0,
            plans=dict(self._plans.counts),
            reads=self._field.reads(),
            writes=self._field.writes(),
            telemetry_points=self._recorder.written,
            alarms=self._alarms.raised_count,
            energy_kwh=dict(self._ledger.total_kwh),
            largest_residual_kw=self._largest_residual_kw,
        )

    # -- the cycle -----------------------------------------------------------------------------------

    async def _cycles_until(self, stop: asyncio.Event, shown: Callable[[Status], None] | None) -> None:
        pacer = Pacer(self._site.control.cycle_s, self._clock)
        self._started_s = self._clock.monotonic_s()
        while not stop.is_set():
            late_s = await pacer.wait(stop)
            if stop.is_set():
                return
            try:
                await self._cycle(late_s=late_s, overruns=pacer.overruns)
            except Exception as error:  # noqa: BLE001 - the cycle must outlive any fault of the program
                _log.exception("cycle failed")
                self._failed("cycle", error)
            else:
                self._service_manager.healthy(f"{self._mode.value}, cycle {self._cycles}")
            if shown is not None and self.status is not None:
                shown(self.status)

    async def _cycle(self, *, late_s: float, overruns: int) -> None:
        clock, cycle_s = self._clock, self._site.control.cycle_s
        began_s = clock.monotonic_s()
        await self._field.acquire(ACQUIRE_SHARE * cycle_s)
        acquired_s = clock.monotonic_s()

        before = self._snapshot
        snapshot = self._image.freeze(at=clock.now(), site_s=clock.site_s(), monotonic_s=acquired_s)
        self._snapshot = snapshot
        self._lagging = {} if self._shadow else self._following.update(snapshot, self._guards)
        self._account(snapshot)
        if self._planning.update(snapshot, self._limited, self._guards):
            self._saved_s = float("-inf")
        self._trade.update(snapshot, self._plans.plan)
        self._mode = next_mode(self._mode, self._facts(snapshot))
        overrides, damaged = self._overrides.read()
        decision = self._decide(snapshot, in_force(overrides, snapshot.at))
        decided_s = clock.monotonic_s()

        if self._mode is not Mode.STARTING and not self._shadow:
            due = self._writes.due(decision, clock.monotonic_s())
            await self._field.apply(due, partial(self._written, decision), APPLY_SHARE * cycle_s)
        applied_s = clock.monotonic_s()

        self._cycles += 1
        timings = Timings(
            acquire_ms=(acquired_s - began_s) * 1000,
            decide_ms=(decided_s - acquired_s) * 1000,
            apply_ms=(applied_s - decided_s) * 1000,
            cycle_ms=(applied_s - began_s) * 1000,
            late_ms=late_s * 1000,
        )
        overran = overruns > (self.status.overruns if self.status is not None else 0)
        self._alarm(snapshot, before, damaged=damaged, overran=overran)
        self.status = self._status(snapshot, decision, timings, overruns)
        self._recorder.cycle(self.status, self._plans.solve_s)
        if applied_s - self._saved_s >= SAVE_EVERY_S:
            await self._save()

    def _decide(self, snapshot: Snapshot, overrides: Mapping[str, Override]) -> Decision:
        """The guarded decision; before the controller acts it adopts what the devices are doing."""
        if self._mode is Mode.STARTING:
            self._guards |= adopted(snapshot, self._guards)
            decision = Decision(at=snapshot.at, mode=self._mode, assets={}, grid_target_kw=None)
        else:
            wanted = decide(self._trade.inputs(self._mode, overrides, frozenset(self._lagging)))
            for name in self._returned(wanted):
                self._guards |= adopted(snapshot, self._guards, only=name)
                self._writes.forget(name)
            decision, self._guards = guard(wanted, snapshot, self._guards)
            decision = self._with_all(decision, snapshot, overrides)
        self._decision = decision
        return decision

    def _with_all(self, decision: Decision, snapshot: Snapshot, overrides: Mapping[str, Override]) -> Decision:
        """The guarded decision with what is told beside the setpoints proper."""
        decision = self._trade.with_reactive(decision, snapshot, self._decision)
        return replace(decision, release=release_of(snapshot, self._mode, overrides))

    def _returned(self, wanted: Decision) -> list[str]:
        """Assets that can be told something again after they could not."""
        if self._decision is None:
            return []
        could_not = {name for name, asset in self._decision.assets.items() if asset.setpoint_kw is None}
        return [name for name, asset in wanted.assets.items() if name in could_not and asset.setpoint_kw is not None]

    def _written(self, decision: Decision, setpoint: Setpoint, result: WriteResult) -> None:
        name = self._writes.written(setpoint, result, self._clock.monotonic_s())
        owner, reason = decision.why(name, setpoint.point)
        if setpoint.point is self._site.setpoint(name):
            self._recorder.decided(decision, decision.assets[name], self._writes.last(name))
        self._journal.written(setpoint.point, name, setpoint.value, owner, reason, result)

    # -- money and alarms -------------------------------------------------------------------------

    def _account(self, snapshot: Snapshot) -> None:
        limited = limited_generators(snapshot, self._decision, self._plans.plan)
        self._limited = frozenset(limited) | shed_loads(snapshot, self._decision)
        for interval in self._ledger.update(snapshot, limited):
            self._recorder.interval(interval)
            self._saved_s = float("-inf")
        self._residual_kw = balance_residual_kw(snapshot)
        if self._residual_kw is not None:
            self._largest_residual_kw = max(self._largest_residual_kw, abs(self._residual_kw))

    def _facts(self, snapshot: Snapshot) -> Facts:
        return Facts(
            grid_metered=snapshot.power_kw(self._site.grid[0]) is not None,
            settled=self._planning.everything_available or snapshot.monotonic_s - self._started_s >= SETTLE_S,
            optimal_plan=self._plans.fresh(snapshot.at),
            stop=False,
            breaker_open=breaker_open(snapshot),
            formed=island_of(snapshot) is not None,
        )

    def _alarm(self, snapshot: Snapshot, before: Snapshot | None, *, damaged: list[str], overran: bool) -> None:
        health = Health(
            plan_failure=self._planning.failure() if self._mode is Mode.FALLBACK else "",
            plan_refused=self._plans.refused,
            plan_short=self._plans.short,
            tariff_missing=self._trade.tariff_missing,
            planner_lost=self._planning.planner.lost,
            influxdb_down=self._recorder.influxdb_down,
            telemetry_lost=self._recorder.lost,
            state_not_saved=self._state_error,
            audit_not_kept=self._journal.error,
            request_damaged=", ".join([*damaged, *self._alarms.damaged]),
            internal_error=self._internal_error,
            overrun="the last cycle took longer than its period" if overran else "",
        )
        self._internal_error = ""
        not_followed = self._lagging | self._writes.not_followed()
        found = conditions(
            snapshot,
            before,
            self._mode,
            not_followed,
            health,
            self._demand_at_risk(),
            self._soc_watch.update(snapshot),
            self._measurement_watch.frozen(snapshot),
            self._measurement_watch.imbalance(snapshot, self._residual_kw),
        )
        events = self._alarms.update(found, snapshot.at, snapshot.monotonic_s)
        self._recorder.alarms(events)
        if events:
            self._saved_s = float("-inf")

    def _demand_at_risk(self) -> str:
        risk, demand = self._trade.risk(), self._trade.demand
        if risk is None or demand is None or self._mode is Mode.STARTING:
            return ""
        return risk.in_words(demand.target_kw)

    def _failed(self, part: str, error: Exception) -> None:
        self._internal_error = f"{part}: {type(error).__name__}: {error}"

    def _status(self, snapshot: Snapshot, decision: Decision, timings: Timings, overruns: int) -> Status:
        written = {name: last for name in decision.assets if (last := self._writes.last(name)) is not None}
        return Status(
            snapshot=snapshot,
            mode=self._mode,
            decision=decision,
            written=written,
            plan=self._plans.plan,
            alarms=self._alarms.alarms,
            prices=self._trade.prices(snapshot),
            month_peak_kw=self._ledger.month_peak_kw,
            demand=self._trade.demand,
            timings=timings,
            cycles=self._cycles,
            overruns=overruns,
        )

    # -- beginning and end ---------------------------------------------------------------------------

    def _restore(self) -> None:
        """Take over what the state file holds: peak, running interval, timers, alarms and the last plan."""
        saved, warning = self._state_file.load(self._site.name)
        if warning:
            _log.warning("%s", warning)
        if saved is None:
            return
        now, site_s = self._clock.now(), self._clock.site_s()
        self._ledger.restore(saved.month, saved.month_peak_kw, saved.interval, saved.counters_kwh, saved.totals)
        self._trade = Trade(self._site, self._ledger)
        self._guards = {name: restored_guard(held, saved.saved_at, now, site_s) for name, held in saved.guards.items()}
        self._alarms.restore(saved_alarms(saved))
        self._plans.plan = saved.plan

    async def _save(self) -> None:
        if self._snapshot is None:
            return
        state = remembered(
            self._site.name,
            self._clock.now(),
            self._clock.site_s(),
            ledger=self._ledger,
            guards=self._guards,
            alarms=self._alarms.alarms,
            plan=self._plans.plan,
        )
        self._saved_s = self._clock.monotonic_s()
        try:
            await asyncio.to_thread(self._state_file.save, state)
            self._state_error = ""
            self._alarms.saved()
        except OSError as error:
            self._state_error = str(error)

    async def _leave_safe(self) -> None:
        """Leave every device as its profile wants it, and see that it shows its safe value, while there is time."""
        if self._snapshot is None or self._shadow or self._mode is Mode.STARTING:
            return
        self._mode = Mode.STOPPED
        wanted = decide(Inputs(snapshot=self._snapshot, plan=None, mode=Mode.STOPPED, overrides={}))
        decision, self._guards = guard(wanted, self._snapshot, self._guards)
        decision = self._with_all(decision, self._snapshot, {})
        until_s = self._clock.monotonic_s() + STOP_WITHIN_S
        for name in decision.assets:
            self._writes.forget(name)
        await self._give_back(decision)
        while (left_s := until_s - self._clock.monotonic_s()) > 0:
            due = self._writes.due(decision, self._clock.monotonic_s())
            waiting = [setpoint for setpoint in due if _stops_safe(setpoint.point)]
            if not waiting:
                return
            await self._field.apply(waiting, partial(self._written, decision), left_s)
            await asyncio.sleep(0.05)

    async def _give_back(self, decision: Decision) -> None:
        """Devices that are not left at a safe value get back what was found, or their own control."""
        points = [point for _, point, _ in decision.points(self._site)]
        results = await self._field.give_back([point for point in points if not _stops_safe(point)], STOP_WITHIN_S)
        for key, result in results.items():
            self._journal.given_back(key, result)
            if not isinstance(result, Accepted):
                _log.warning("%s could not be given back: %s", key, result.reason)


def _stops_safe(point: Point) -> bool:
    return point.setpoint is None or point.setpoint.on_stop == "safe"
