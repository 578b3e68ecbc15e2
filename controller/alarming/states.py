"""The states of an alarm and what leads from one to the next, after ISA-18.2. Pure.

Two layers: how the alarm itself stands, which goes on whatever a person does with it, and whether it is put aside and
therefore not shown. What is shown is the second where there is one, else the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class State(Enum):
    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    """It stands, and nobody has said that he has seen it."""
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    """It has gone, and nobody has said that he has seen it."""
    LATCHED_UNACKNOWLEDGED = "latched_unacknowledged"
    """Its cause has gone, and it stays until it is reset; nobody has said that he has seen it."""
    LATCHED = "latched"
    SHELVED = "shelved"
    """Put aside by a person, for a time."""
    SUPPRESSED = "suppressed"
    """Explained by another alarm that stands."""
    OUT_OF_SERVICE = "out_of_service"
    """Put aside by a person until he puts it back."""


class Event(Enum):
    RAISE = "raise"
    RETURN = "return"
    ACKNOWLEDGE = "acknowledge"
    RESET = "reset"


STANDING = (
    State.NORMAL,
    State.UNACKNOWLEDGED,
    State.ACKNOWLEDGED,
    State.RETURNED,
    State.LATCHED_UNACKNOWLEDGED,
    State.LATCHED,
)
"""How an alarm itself can stand."""
ASIDE = (State.SHELVED, State.SUPPRESSED, State.OUT_OF_SERVICE)
ACTIVE = (State.UNACKNOWLEDGED, State.ACKNOWLEDGED, State.LATCHED_UNACKNOWLEDGED, State.LATCHED)
"""In these a person has something to do."""

_NEXT: Mapping[State, Mapping[Event, State]] = {
    State.NORMAL: {Event.RAISE: State.UNACKNOWLEDGED},
    State.UNACKNOWLEDGED: {Event.RETURN: State.RETURNED, Event.ACKNOWLEDGE: State.ACKNOWLEDGED},
    State.ACKNOWLEDGED: {Event.RETURN: State.NORMAL},
    State.RETURNED: {Event.RAISE: State.UNACKNOWLEDGED, Event.ACKNOWLEDGE: State.NORMAL},
    State.LATCHED_UNACKNOWLEDGED: {
        Event.RAISE: State.UNACKNOWLEDGED,
        Event.ACKNOWLEDGE: State.LATCHED,
        Event.RESET: State.RETURNED,
    },
    State.LATCHED: {Event.RAISE: State.UNACKNOWLEDGED, Event.RESET: State.NORMAL},
}
_LATCHING: Mapping[State, State] = {
    State.UNACKNOWLEDGED: State.LATCHED_UNACKNOWLEDGED,
    State.ACKNOWLEDGED: State.LATCHED,
}


def next_standing(state: State, event: Event, *, latches: bool) -> State:
    """How an alarm stands after an event; an event that means nothing in a state leaves it.

    What still stands cannot be reset. Raises KeyError for a state that is not in `STANDING`.
    """
    if latches and event is Event.RETURN and state in _LATCHING:
        return _LATCHING[state]
    return _NEXT[state].get(event, state)


def shown_again(state: State) -> State:
    """How an alarm stands that is not put aside any more.

    What stands must be seen anew, and what came and went unseen needs nobody.
    """
    match state:
        case State.ACKNOWLEDGED:
            return State.UNACKNOWLEDGED
        case State.RETURNED:
            return State.NORMAL
        case _:
            return state
