"""What the alarm board takes in and gives out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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


@dataclass(frozen=True, slots=True, kw_only=True)
class PutAside:
    """A person does not want to see an alarm: shelved until a time, or out of service until he puts it back."""

    by: str
    reason: str
    at: datetime
    until: datetime | None
    """None when it is out of service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm as it is now."""

    kind: AlarmKind
    asset: str
    text: str
    since: datetime
    """When it was raised last; when it was put aside, where it never was."""
    state: State
    standing: State
    """The state that it has beneath, while it is put aside."""
    present: bool = True
    """Whether its cause is there now."""
    chattering: bool = False
    put_aside: PutAside | None = None
    explained_by: Key | None = None

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
