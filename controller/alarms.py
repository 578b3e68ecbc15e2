"""Alarms: conditions that need a person, raised after a delay and cleared after one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmKind:
    """What an alarm means to the person who reads it. Delays are real seconds."""

    name: str
    priority: str
    """high: act now; medium: act today; low: know about it."""
    consequence: str
    action: str
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0


KINDS: Mapping[str, AlarmKind] = {
    kind.name: kind
    for kind in (
        AlarmKind(
            name="grid_meter_lost",
            priority="high",
            consequence="Every device is held at its safe value; the plan is not followed.",
            action="Check the meter's power, its network and its address in the site file.",
        ),
        AlarmKind(
            name="asset_unavailable",
            priority="high",
            consequence="The plan and the other assets go on without it.",
            action="Check the device, its network and whether it is switched to local.",
            on_delay_s=2.0,
            off_delay_s=2.0,
        ),
        AlarmKind(
            name="setpoint_not_followed",
            priority="high",
            consequence="The asset does not do what was decided; limits are kept with the other assets.",
            action="Check the device's control mode and whether another controller writes to it.",
        ),
        AlarmKind(
            name="import_limit_exceeded",
            priority="high",
            consequence="The connection is overloaded or a contract penalty is near.",
            action="Switch off load that can wait; the battery and the heat pump already give what they can.",
            on_delay_s=5.0,
            off_delay_s=5.0,
        ),
        AlarmKind(
            name="export_limit_exceeded",
            priority="high",
            consequence="The grid operator's limit is broken.",
            action="Check that the generators follow their limits; switch one off if they do not.",
            on_delay_s=5.0,
            off_delay_s=5.0,
        ),
        AlarmKind(
            name="demand_at_risk",
            priority="medium",
            consequence="The month's peak grows, and each kW of it costs the demand charge of the whole month.",
            action="Switch off what can wait a quarter of an hour; the battery and all that may wait already give way.",
            on_delay_s=5.0,
            off_delay_s=60.0,
        ),
        AlarmKind(
            name="soc_implausible",
            priority="medium",
            consequence="The battery may be fuller or emptier than it shows; plans and limits go by what it shows.",
            action="Compare the battery's own display; have its management calibrated by a full charge.",
            on_delay_s=10.0,
            off_delay_s=60.0,
        ),
        AlarmKind(
            name="heat_supply_low",
            priority="medium",
            consequence="Heat pump and boiler run at full power whatever heat costs; demand may not be met.",
            action="Check heat pump and boiler; reduce heat demand that can wait.",
            on_delay_s=5.0,
            off_delay_s=5.0,
        ),
        AlarmKind(
            name="cold_supply_low",
            priority="medium",
            consequence="Chillers run at full load whatever cold costs; demand may not be met.",
            action="Check the chillers; reduce cooling demand that can wait.",
            on_delay_s=5.0,
            off_delay_s=5.0,
        ),
        AlarmKind(
            name="hydrogen_supply_low",
            priority="medium",
            consequence="The electrolyser runs at full load whatever power costs; demand may not be met.",
            action="Check the electrolyser; reduce hydrogen demand that can wait.",
            on_delay_s=5.0,
            off_delay_s=5.0,
        ),
        AlarmKind(
            name="fallback_plan",
            priority="medium",
            consequence="The park is run by an older or simpler plan; it costs more than it must.",
            action="See the planner's message; check forecasts, limits and the solver.",
            on_delay_s=15.0,  # a fresh start has no plan for some seconds
        ),
        AlarmKind(
            name="demand_not_met",
            priority="high",
            consequence="Even the best plan leaves a limit or a demand open in the hours named.",
            action="Bring lost assets back, or reduce the demand that can wait.",
            on_delay_s=5.0,
        ),
        AlarmKind(
            name="tariff_missing",
            priority="medium",
            consequence="Nothing can be planned or priced; local rules keep every limit.",
            action="Add a tariff file that is valid today, and check the clock of the box.",
        ),
        AlarmKind(
            name="planner_lost",
            priority="medium",
            consequence="No new plans until it is back; the last plan goes on.",
            action="It is restarted by itself; if it does not stay up, look at the log and the memory.",
        ),
        AlarmKind(
            name="plan_refused",
            priority="medium",
            consequence="A plan that breaks its own balance was not used; the last one goes on.",
            action="Keep the log: a refused plan is a fault of the program, not of the park.",
        ),
        AlarmKind(
            name="influxdb_down",
            priority="low",
            consequence="Records wait on the local disk and are sent later; nothing is lost yet.",
            action="Check the database, its address, bucket and token.",
            on_delay_s=5.0,
        ),
        AlarmKind(
            name="telemetry_lost",
            priority="medium",
            consequence="Records are dropped or cannot be written.",
            action="Check the disk of the box, or bring InfluxDB back.",
        ),
        AlarmKind(
            name="state_not_saved",
            priority="medium",
            consequence="After a restart the month's peak and the timers would be old.",
            action="Check the disk of the box and the rights on the state folder.",
        ),
        AlarmKind(
            name="cycle_overrun",
            priority="low",
            consequence="The controller reacts later than it should.",
            action="Look for a slow device, or give the box more processor.",
            off_delay_s=30.0,
        ),
        AlarmKind(
            name="clock_jumped",
            priority="medium",
            consequence="Tariff hours and records follow the new time; setpoints do not jump.",
            action="Check the time service of the box.",
            off_delay_s=60.0,
        ),
        AlarmKind(
            name="internal_error",
            priority="high",
            consequence="A part of the controller failed and was started again; devices keep their watchdogs.",
            action="Keep the log and report it: this is a fault of the program.",
            off_delay_s=60.0,
        ),
        AlarmKind(
            name="override_damaged",
            priority="medium",
            consequence="An operator override cannot be read and is not in force.",
            action="Set it again, or delete the file in the state folder.",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is the case now. `asset` is empty when it is the whole park's."""

    kind: str
    asset: str
    text: str
    """The cause, in words, with its numbers."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that stands."""

    kind: AlarmKind
    asset: str
    text: str
    since: datetime


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """An alarm that was raised or cleared."""

    alarm: Alarm
    raised: bool
    at: datetime


class AlarmBoard:
    """Turns the conditions of each cycle into alarms that stand, and the events between."""

    def __init__(self, standing: Iterable[Alarm] = ()) -> None:
        self._standing = {(alarm.kind.name, alarm.asset): alarm for alarm in standing}
        self._true_since_s: dict[tuple[str, str], float] = {}
        self._false_since_s: dict[tuple[str, str], float] = {}
        self.raised_count = 0

    @property
    def standing(self) -> tuple[Alarm, ...]:
        return tuple(self._standing.values())

    def update(self, conditions: Iterable[Condition], now: datetime, now_s: float) -> list[AlarmEvent]:
        """Take in what is the case at `now`; `now_s` are real seconds that never go back."""
        present = {(condition.kind, condition.asset): condition for condition in conditions}
        events = []
        for key, condition in present.items():
            self._false_since_s.pop(key, None)
            since_s = self._true_since_s.setdefault(key, now_s)
            kind = KINDS[condition.kind]
            if key not in self._standing and now_s - since_s >= kind.on_delay_s:
                alarm = Alarm(kind, condition.asset, condition.text, now)
                self._standing[key] = alarm
                self.raised_count += 1
                events.append(AlarmEvent(alarm, raised=True, at=now))
        for key in [key for key in self._true_since_s if key not in present]:
            del self._true_since_s[key]
        for key in [key for key in self._standing if key not in present]:
            since_s = self._false_since_s.setdefault(key, now_s)
            if now_s - since_s >= KINDS[key[0]].off_delay_s:
                del self._false_since_s[key]
                events.append(AlarmEvent(self._standing.pop(key), raised=False, at=now))
        return events
