"""What the controller remembers of itself, to and from the state file's form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from controller.adopt import aged
from controller.alarming.alarm import Alarm
from controller.alarming.kinds import KINDS
from controller.guard import AssetGuard
from controller.ledger import Ledger
from controller.state import SavedAlarm, SavedState, saved_plan
from dispatch.plan import Plan


def remembered(
    site: str,
    now: datetime,
    site_s: float,
    *,
    ledger: Ledger,
    guards: Mapping[str, AssetGuard],
    alarms: tuple[Alarm, ...],
    plan: Plan | None,
) -> SavedState:
    """Everything that must survive a restart, as of now."""
    return SavedState(
        site=site,
        saved_at=now,
        month=ledger.month,
        month_peak_kw=ledger.saved_peak_kw,
        interval=ledger.saved_interval(),
        counters_kwh=ledger.saved_counters_kwh,
        totals=ledger.saved_totals,
        guards={name: aged(held, site_s) for name, held in guards.items()},
        alarms=tuple(_alarm_to_save(alarm) for alarm in alarms),
        plan=saved_plan(plan) if plan is not None else None,
    )


def saved_alarms(saved: SavedState) -> list[Alarm]:
    """The alarms that were not normal when the state was saved; kinds that this version does not know are left out."""
    return [_saved_alarm(alarm) for alarm in saved.alarms if alarm.kind in KINDS]


def _alarm_to_save(alarm: Alarm) -> SavedAlarm:
    return SavedAlarm(
        kind=alarm.kind.name,
        asset=alarm.asset,
        text=alarm.text,
        since=alarm.since,
        standing=alarm.standing,
        put_aside=alarm.put_aside,
    )


def _saved_alarm(alarm: SavedAlarm) -> Alarm:
    return Alarm(
        kind=KINDS[alarm.kind],
        asset=alarm.asset,
        text=alarm.text,
        since=alarm.since,
        standing=alarm.standing,
        put_aside=alarm.put_aside,
    )
