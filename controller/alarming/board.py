"""The alarm board: from the conditions of each cycle and what people do to alarms that stand. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controller.alarming.alarm import Alarm, AlarmEvent, Condition, Key, PutAside, shown_state
from controller.alarming.kinds import KINDS, AlarmKind
from controller.alarming.rates import CHATTER_S, Chatter, Flood
from controller.alarming.states import Event, State, next_standing, shown_again

FLOOD = "alarm_flood"


@dataclass(slots=True)
class _Watched:
    """One alarm, as far as the board follows it."""

    kind: AlarmKind
    asset: str
    since: datetime
    text: str = ""
    standing: State = State.NORMAL
    put_aside: PutAside | None = None
    explained_by: Key | None = None
    """The alarm that it is suppressed by."""
    present: bool = False
    true_since_s: float | None = None
    false_since_s: float | None = None
    chatter: Chatter = field(default_factory=Chatter)
    chattering: bool = False

    @property
    def stands(self) -> bool:
        """Whether its cause is there, with its delays."""
        return self.standing in (State.UNACKNOWLEDGED, State.ACKNOWLEDGED)

    @property
    def state(self) -> State:
        return shown_state(self.standing, self.put_aside, self.explained_by)

    def alarm(self) -> Alarm:
        return Alarm(
            kind=self.kind,
            asset=self.asset,
            text=self.text,
            since=self.since,
            standing=self.standing,
            present=self.present,
            chattering=self.chattering,
            put_aside=self.put_aside,
            explained_by=self.explained_by,
        )

    def happens(self, event: Event) -> None:
        self.standing = next_standing(self.standing, event, latches=self.kind.latches)


class AlarmBoard:
    """Every alarm that is not normal, and what happened to each."""

    def __init__(self, before: Iterable[Alarm] = ()) -> None:
        """`before` is what stood, or was put aside, when the controller ran last."""
        self._watched: dict[Key, _Watched] = {}
        for alarm in before:
            self._watched[alarm.kind.name, alarm.asset] = _Watched(
                alarm.kind, alarm.asset, alarm.since, alarm.text, alarm.standing, alarm.put_aside, alarm.explained_by
            )
        self._flood = Flood()
        self.raised_count = 0
        """How often alarms were raised that a person was shown."""

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """Every alarm that is not normal."""
        return tuple(watched.alarm() for watched in self._watched.values() if watched.state is not State.NORMAL)

    @property
    def active(self) -> tuple[Alarm, ...]:
        """Those that stand and are shown."""
        return tuple(alarm for alarm in self.alarms if alarm.active)

    def update(self, conditions: Iterable[Condition], now: datetime, now_s: float) -> list[AlarmEvent]:
        """Take in what is the case at `now`; `now_s` are real seconds that never go back."""
        before = {key: watched.state for key, watched in self._watched.items()}
        present = {condition.key: condition for condition in conditions}
        self._take(present, now, now_s)
        shown = self._show(present, now, before)
        if text := self._flood.update(sum(event.what == "raised" for event in shown), now_s):
            present[FLOOD, ""] = Condition(FLOOD, "", text)
        self._follow((FLOOD, ""), present.get((FLOOD, "")), now, now_s)
        events = shown + self._events([(FLOOD, "")], before, now)
        self.raised_count += sum(event.what == "raised" for event in events)
        self._forget()
        return events

    # -- what people do ------------------------------------------------------------------------------

    def acknowledge(self, keys: Iterable[Key], now: datetime, by: str) -> list[AlarmEvent]:
        """Somebody has seen these alarms."""
        return self._done(keys, now, by, lambda watched: watched.happens(Event.ACKNOWLEDGE))

    def reset(self, keys: Iterable[Key], now: datetime, by: str) -> list[AlarmEvent]:
        """Somebody has looked after the cause of these: those that were latched, and whose cause has gone, end."""
        return self._done(keys, now, by, lambda watched: watched.happens(Event.RESET))

    def put_aside(self, key: Key, aside: PutAside) -> list[AlarmEvent]:
        """Shelve an alarm, or take it out of service, whether it stands or not. Raises KeyError for unknown kinds."""
        self._watched.setdefault(key, _Watched(KINDS[key[0]], key[1], aside.at))

        def put(watched: _Watched) -> None:
            watched.put_aside = aside

        return self._done([key], aside.at, aside.by, put)

    def put_back(self, key: Key, now: datetime, by: str) -> list[AlarmEvent]:
        """Show an alarm again that was put aside."""
        return self._done([key], now, by, _back)

    def _done(self, keys: Iterable[Key], now: datetime, by: str, do: Callable[[_Watched], None]) -> list[AlarmEvent]:
        known = [key for key in keys if key in self._watched]
        before = {key: self._watched[key].state for key in known}
        for key in known:
            do(self._watched[key])
        events = self._events(known, before, now, by)
        self._forget()
        return events

    # -- what is the case ----------------------------------------------------------------------------

    def _take(self, present: Mapping[Key, Condition], now: datetime, now_s: float) -> None:
        for key in [*self._watched, *(key for key in present if key not in self._watched)]:
            if key[0] != FLOOD:
                self._follow(key, present.get(key), now, now_s)

    def _follow(self, key: Key, condition: Condition | None, now: datetime, now_s: float) -> None:
        """Delays, deadband and chatter of one alarm."""
        watched = self._watched.get(key)
        if watched is None:
            if condition is None or condition.nearly:
                return
            watched = self._watched[key] = _Watched(KINDS[key[0]], key[1], now)
        watched.present = condition is not None and (watched.stands or not condition.nearly)
        raised = False
        if watched.present:
            assert condition is not None
            watched.false_since_s = None
            if watched.true_since_s is None:
                watched.true_since_s = now_s
            if not watched.stands and now_s - watched.true_since_s >= watched.kind.on_delay_s:
                watched.text, watched.since, raised = condition.text, now, True
                watched.happens(Event.RAISE)
        else:
            watched.true_since_s = None
        watched.chattering = watched.chatter.update(watched.present, now_s, raised=raised)
        if watched.stands and not watched.present:
            if watched.false_since_s is None:
                watched.false_since_s = now_s
            off_delay_s = max(watched.kind.off_delay_s, CHATTER_S if watched.chattering else 0.0)
            if now_s - watched.false_since_s >= off_delay_s:
                watched.happens(Event.RETURN)

    def _show(self, present: Mapping[Key, Condition], now: datetime, before: Mapping[Key, State]) -> list[AlarmEvent]:
        """What is shown of them: not what another explains, and again what was shelved until now."""
        for key, watched in self._watched.items():
            aside = watched.put_aside
            if aside is not None and aside.until is not None and now >= aside.until:
                _back(watched)
            condition = present.get(key)
            because = watched.explained_by if condition is None else condition.explained_by
            cause = self._watched.get(because) if because is not None else None
            if watched.stands and cause is not None and cause.stands:
                watched.explained_by = because
            elif watched.explained_by is not None:
                watched.explained_by = None
                watched.standing = shown_again(watched.standing)
        return self._events([key for key in self._watched if key[0] != FLOOD], before, now)

    def _events(
        self, keys: Iterable[Key], before: Mapping[Key, State], now: datetime, by: str = ""
    ) -> list[AlarmEvent]:
        events = []
        for key in keys:
            watched = self._watched.get(key)
            if watched is None:
                continue
            what = _what(before.get(key, State.NORMAL), watched.state)
            if what:
                events.append(AlarmEvent(watched.alarm(), what, now, by))
        return events

    def _forget(self) -> None:
        """What is normal, waits for nothing and does not chatter."""
        for key in [key for key, watched in self._watched.items() if _is_over(watched)]:
            del self._watched[key]


def _back(watched: _Watched) -> None:
    if watched.put_aside is not None:
        watched.put_aside = None
        watched.standing = shown_again(watched.standing)


def _is_over(watched: _Watched) -> bool:
    return watched.state is State.NORMAL and not watched.present and not watched.chatter.remembers


def _what(before: State, after: State) -> str:
    """What a person would call the change; empty for none."""
    if before is after:
        return ""
    match after:
        case State.SHELVED | State.SUPPRESSED | State.OUT_OF_SERVICE:
            return str(after.value)
        case State.UNACKNOWLEDGED:
            return "raised"
        case State.LATCHED_UNACKNOWLEDGED:
            return "latched"
        case State.LATCHED:
            return "acknowledged" if before is State.LATCHED_UNACKNOWLEDGED else "latched"
        case State.ACKNOWLEDGED:
            return "acknowledged"
        case State.RETURNED | State.NORMAL:
            return _how_it_ended(before, after)


def _how_it_ended(before: State, after: State) -> str:
    match before:
        case State.UNACKNOWLEDGED | State.ACKNOWLEDGED:
            return "cleared"
        case State.LATCHED_UNACKNOWLEDGED | State.LATCHED:
            return "reset"
        case State.RETURNED:
            return "acknowledged"
        case State.SUPPRESSED:
            return "cleared"
        case _:
            return "shown_again"
