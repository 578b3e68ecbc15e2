"""Which alarms there are, how urgent each is, and how long it waits before it comes and goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controller.alarming import texts_en, texts_zh
from controller.alarming.words import Words

LANGUAGES: Mapping[str, Mapping[str, Words]] = {"en": texts_en.WORDS, "zh": texts_zh.WORDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmKind:
    """What all alarms of a name have in common. Delays are real seconds."""

    name: str
    priority: str
    """high: act now; medium: act today; low: know about it."""
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    latches: bool = False
    """Whether it stays until a person resets it: what caused it must be looked at even when it has gone."""

    def words(self, language: str) -> Words:
        """What it means to the person who reads it, in a language of `LANGUAGES`."""
        return LANGUAGES[language][self.name]


KINDS: Mapping[str, AlarmKind] = {
    kind.name: kind
    for kind in (
        AlarmKind(name="grid_meter_lost", priority="high"),
        # both come together, so that a lost connection is never told once for each of its devices
        AlarmKind(name="connection_lost", priority="high", on_delay_s=2.0, off_delay_s=5.0),
        AlarmKind(name="asset_unavailable", priority="high", on_delay_s=2.0, off_delay_s=2.0),
        AlarmKind(name="setpoint_not_followed", priority="high"),
        AlarmKind(name="import_limit_exceeded", priority="high", on_delay_s=5.0, off_delay_s=5.0),
        AlarmKind(name="export_limit_exceeded", priority="high", on_delay_s=5.0, off_delay_s=5.0),
        AlarmKind(name="islanded", priority="high", off_delay_s=5.0),
        AlarmKind(name="operator_limit_lost", priority="high", on_delay_s=5.0, off_delay_s=5.0),
        # for as long as 15 minutes take, so that two peaks close together are one trouble
        AlarmKind(name="demand_at_risk", priority="medium", on_delay_s=5.0, off_delay_s=900.0),
        AlarmKind(name="soc_implausible", priority="medium", on_delay_s=10.0, off_delay_s=60.0),
        AlarmKind(name="measurement_frozen", priority="medium", off_delay_s=10.0),
        AlarmKind(name="balance_not_closed", priority="medium", on_delay_s=120.0, off_delay_s=60.0),
        AlarmKind(name="heat_supply_low", priority="medium", on_delay_s=5.0, off_delay_s=5.0),
        AlarmKind(name="cold_supply_low", priority="medium", on_delay_s=5.0, off_delay_s=5.0),
        AlarmKind(name="hydrogen_supply_low", priority="medium", on_delay_s=5.0, off_delay_s=5.0),
        AlarmKind(name="fallback_plan", priority="medium", on_delay_s=15.0),  # a fresh start has no plan for seconds
        AlarmKind(name="demand_not_met", priority="high", on_delay_s=5.0),
        AlarmKind(name="tariff_missing", priority="medium"),
        AlarmKind(name="planner_lost", priority="medium"),
        AlarmKind(name="plan_refused", priority="medium"),
        AlarmKind(name="influxdb_down", priority="low", on_delay_s=5.0),
        AlarmKind(name="telemetry_lost", priority="medium"),
        AlarmKind(name="state_not_saved", priority="medium"),
        AlarmKind(name="audit_not_kept", priority="medium"),
        AlarmKind(name="cycle_overrun", priority="low", off_delay_s=30.0),
        AlarmKind(name="clock_jumped", priority="medium", off_delay_s=60.0),
        AlarmKind(name="internal_error", priority="high", off_delay_s=60.0, latches=True),
        AlarmKind(name="request_damaged", priority="medium"),
        AlarmKind(name="alarm_flood", priority="medium"),
    )
}
