"""Where alarms and people meet in the running controller: the board, what is asked of it, and the log."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from controller.alarming.alarm import Alarm, AlarmEvent, Condition
from controller.alarming.board import AlarmBoard
from controller.alarming.requests import RequestFolder, answer

_log = logging.getLogger(__name__)


class AlarmDesk:
    """The alarms of one running controller."""

    def __init__(self, state: Path) -> None:
        self._board = AlarmBoard()
        self._requests = RequestFolder(state)

    def restore(self, before: Iterable[Alarm]) -> None:
        """Go on from what the state file holds."""
        self._board = AlarmBoard(before)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """Every alarm that is not normal."""
        return self._board.alarms

    @property
    def raised_count(self) -> int:
        return self._board.raised_count

    @property
    def damaged(self) -> Sequence[str]:
        """Requests that cannot be read."""
        return self._requests.damaged

    def update(self, conditions: Iterable[Condition], now: datetime, now_s: float) -> list[AlarmEvent]:
        """Do what people ask for, then take in what is the case; what changed."""
        events = [event for request in self._requests.take() for event in answer(self._board, request)]
        events += self._board.update(conditions, now, now_s)
        for event in events:
            who = f" by {event.by}" if event.by else ""
            _log.warning("alarm %s%s: %s: %s", event.what, who, event.alarm.name, event.alarm.text)
        return events

    def saved(self) -> None:
        """The alarms are in the state file, and with them what people asked for."""
        self._requests.saved()
