"""What the alarm board takes in and gives out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime

from config.base import Frozen
from controller.alarming.kinds import AlarmKind
from controller.alarming.states import ACTIVE, State

Key = tuple[str, str]
"""The name of a kind and the asset, which is empty for the whole park."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is the case now. `asset` is empty when it is the whole park's."""

    kind: str
    asset: str
    text: str
    """The cause, in words, with its numbers."""
    explained_by: Key | None = None
    """The alarm that says the same better while it stands: this one is then suppressed."""
    nearly: bool = False
    """Within the deadband: it keeps an alarm that stands, and raises none."""

    @property
    def key(self) -> Key:
        return self.kind, self.asset


class PutAside(Frozen):
    """A person does not want to see an alarm: shelved until a time, or out of service until he puts it back."""

    by: str
    reason: str
    at: AwareDatetime
    until: AwareDatetime | None
    """None when it is out of service."""


def shown_state(standing: State, put_aside: PutAside | None, explained_by: Key | None) -> State:
    """The state that a person sees of an alarm: what lies upon it, or how it stands itself."""
    if put_aside is not None:
        return State.OUT_OF_SERVICE if put_aside.until is None else State.SHELVED
    return State.SUPPRESSED if explained_by is not None else standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm as it is now."""

    kind: AlarmKind
    asset: str
    text: str
    since: datetime
    """When it was raised last; when it was put aside, where it never was."""
    standing: State
    """How it stands itself, whatever lies upon it."""
    present: bool = True
    """Whether its cause is there now."""
    chattering: bool = False
    put_aside: PutAside | None = None
    explained_by: Key | None = None

    @property
    def state(self) -> State:
        return shown_state(self.standing, self.put_aside, self.explained_by)

    @property
    def active(self) -> bool:
        """Whether it stands and is shown."""
        return self.state in ACTIVE

    @property
    def name(self) -> str:
        """What a person calls it: ``asset_unavailable:battery``."""
        return f"{self.kind.name}:{self.asset}" if self.asset else self.kind.name


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """A change that a person would have seen."""

    alarm: Alarm
    what: str
    """raised, cleared, latched, acknowledged, reset, shelved, suppressed, out_of_service, shown_again."""
    at: datetime
    by: str = ""
    """Who did it; empty for what the controller saw itself."""
