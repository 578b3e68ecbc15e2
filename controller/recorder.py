"""Everything the controller puts down: telemetry, the series that forecasts learn from, InfluxDB when configured."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from config.clock import Clock
from config.site import Site
from config.weather import OUTDOOR
from controller.alarming.alarm import AlarmEvent
from controller.decision import AssetDecision, Decision
from controller.interval import Interval
from controller.records import (
    alarm_records,
    asset_records,
    balance_residual_kw,
    controller_record,
    decision_record,
    interval_records,
    plan_records,
    point_records,
    skill_records,
)
from controller.status import Status
from controller.telemetry.database import StoreError
from controller.telemetry.history import SeriesStore
from controller.telemetry.influx import InfluxForwarder
from controller.telemetry.store import TelemetryStore
from controller.telemetry.writer import TelemetryWriter
from controller.writes import Written
from dispatch.forecast.experience import TRAINED_DAYS
from dispatch.forecast.history import History
from dispatch.forecast.learned import Skill
from dispatch.plan import Plan
from dispatch.registry import forecast_for


class Recorder:
    """The telemetry of one controller. Nothing here ever delays or fails a cycle."""

    def __init__(self, site: Site, clock: Clock, state: Path) -> None:
        """Raises NoToken when InfluxDB is configured and its token is not set."""
        settings = site.file.telemetry
        self._site = site
        self._store = TelemetryStore(
            state / "telemetry.sqlite",
            spool_limit=settings.spool_limit,
            retention_days=settings.retention_days,
            forwarding=site.file.influxdb is not None,
        )
        self._writer = TelemetryWriter(self._store, clock=clock)
        self._series = SeriesStore(state / "history.sqlite")
        self._forwarder = InfluxForwarder(self._store, site.file.influxdb) if site.file.influxdb is not None else None
        self._period_s = settings.period_s
        self._measured_s = float("-inf")
        self._shown: dict[str, tuple[str, float | None]] = {}
        self._series_error = ""
        self._pending_means: list[tuple[str, datetime, float | None]] = []

    def parts(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        """The long-running parts, by name."""
        parts: list[tuple[str, Callable[[], Awaitable[None]]]] = [("telemetry", self._writer.run)]
        if self._forwarder is not None:
            parts.append(("influxdb", self._forwarder.run))
        return parts

    @property
    def written(self) -> int:
        return self._writer.state.written

    @property
    def influxdb_down(self) -> str:
        """Why InfluxDB takes nothing now; empty when it does or is not configured."""
        if self._forwarder is None or self._forwarder.state.link != "down":
            return ""
        return f"{self._forwarder.state.error}; {self._writer.state.stored.waiting} records wait"

    @property
    def lost(self) -> str:
        """What keeps records from being kept; empty when all are."""
        state = self._writer.state
        if state.error:
            return state.error
        if state.refused:
            return f"{state.refused} records were refused, last: {state.last_refusal}"
        if state.dropped or state.stored.dropped:
            return f"{state.dropped + state.stored.dropped} records were dropped"
        return self._series_error

    def cycle(self, status: Status, solve_s: float) -> None:
        """What was measured, once per period, and decisions that changed without a write."""
        snapshot, decision = status.snapshot, status.decision
        for name, asset in decision.assets.items():
            if self._shown.get(name) != (asset.owner, asset.setpoint_kw):
                self.decided(decision, asset, status.written.get(name))
        if snapshot.monotonic_s - self._measured_s < self._period_s:
            return
        self._measured_s = snapshot.monotonic_s
        self._writer.put(point_records(snapshot))
        self._writer.put(asset_records(snapshot, decision, status.plan))
        stored = self._writer.state.stored
        fields: dict[str, float | int | str] = {
            "mode": status.mode.value,
            "cycle_ms": status.timings.cycle_ms,
            "acquire_ms": status.timings.acquire_ms,
            "decide_ms": status.timings.decide_ms,
            "apply_ms": status.timings.apply_ms,
            "late_ms": status.timings.late_ms,
            "overruns": status.overruns,
            "queue": self._writer.state.queued,
            "waiting": stored.waiting,
            "dropped": stored.dropped,
            "solve_s": solve_s,
            "plan_method": status.plan.method.value if status.plan is not None else "none",
            "month_peak_kw": status.month_peak_kw,
            "active_alarms": sum(alarm.active for alarm in status.alarms),
        }
        if status.prices is not None:
            fields["import_price"] = status.prices.import_per_kwh
            fields["export_price"] = status.prices.export_per_kwh
        if (demand := status.demand) is not None:
            fields["demand_kw"] = demand.mean_kw
            fields["demand_target_kw"] = demand.target_kw
            fields["demand_allowed_kw"] = demand.allowed_kw
        residual_kw = balance_residual_kw(snapshot)
        if residual_kw is not None:
            fields["balance_residual_kw"] = residual_kw
        self._writer.put([controller_record(snapshot, fields)])

    def decided(self, decision: Decision, asset: AssetDecision, written: Written | None) -> None:
        """Why an asset was told what it was told."""
        self._shown[asset.asset] = (asset.owner, asset.setpoint_kw)
        self._writer.put([decision_record(self._site, decision, asset, written)])

    def plan(self, plan: Plan) -> None:
        self._writer.put(plan_records(self._site, plan))

    def skills(self, skills: Mapping[str, Skill], at: datetime) -> None:
        """How well series were forecast that have been learned anew."""
        self._writer.put(skill_records(self._site, skills, at))

    def alarms(self, events: Sequence[AlarmEvent]) -> None:
        self._writer.put(alarm_records(self._site, events))

    def interval(self, interval: Interval) -> None:
        self._writer.put(interval_records(self._site, interval))
        self._pending_means += [(name, interval.start, mean) for name, mean in interval.mean_kw.items()]

    async def history(self, until: datetime) -> History:
        """The interval means of the last days, with gaps where nothing was measured."""
        names = forecast_for(self._site)
        step_min = self._site.control.interval_min
        await self._keep_means()
        try:
            start, series = await asyncio.to_thread(self._series.load, [*names, OUTDOOR], until, TRAINED_DAYS, step_min)
        except StoreError as error:
            # forecasts have defaults for a history that cannot be read
            self._series_error = str(error)
            return History(start=until, step_min=step_min, series={})
        return History(start=start, step_min=step_min, series=series)

    async def close(self) -> None:
        """Put down what is left. Idempotent."""
        await self._keep_means()
        await self._writer.close()
        self._store.close()
        self._series.close()

    async def _keep_means(self) -> None:
        means, self._pending_means = self._pending_means, []
        try:
            await asyncio.to_thread(self._series.add_many, means)
            self._series_error = ""
        except StoreError as error:
            self._pending_means = means + self._pending_means
            self._series_error = str(error)
