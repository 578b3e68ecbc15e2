"""What people ask of alarms, from any process: a small file each in the state folder, until the controller has done it.

A file is removed once the state that it led to is saved, so that nothing is lost in a crash between the two.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from config.base import Frozen
from controller.alarming.alarm import AlarmEvent, Key, PutAside
from controller.alarming.board import AlarmBoard
from controller.alarming.kinds import KINDS
from controller.alarming.states import ASIDE
from drivers.durable import write_durably


class AlarmRequest(Frozen):
    """`do` this to some alarms, all that are shown where none is named."""

    do: Literal["acknowledge", "reset", "shelve", "out_of_service", "put_back"]
    alarms: tuple[tuple[str, str], ...] = ()
    """Kind and asset of each."""
    by: Annotated[str, Field(min_length=1)]
    reason: str = ""
    at: AwareDatetime
    until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _says_all(self) -> AlarmRequest:
        if self.do in ("shelve", "out_of_service") and not (self.alarms and self.reason):
            raise ValueError(f"{self.do} needs the alarms and a reason")
        if (self.until is not None) is not (self.do == "shelve"):
            raise ValueError("until is for shelve, and for nothing else")
        if strange := [kind for kind, _ in self.alarms if kind not in KINDS]:
            raise ValueError(f"there is no alarm {strange[0]!r}")
        return self


class RequestFolder:
    """The requests of a site, in the order in which they were made."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "alarm_requests"
        self._done: list[Path] = []
        self._damaged: list[str] = []

    def put(self, request: AlarmRequest) -> None:
        """Leave a request for the controller; it sees the whole file or none."""
        write_durably(self._folder / f"{time.time_ns():020d}_{os.getpid()}.json", request.model_dump_json())

    def take(self) -> list[AlarmRequest]:
        """Those that have come since the last time."""
        found = []
        self._damaged = []
        for path in sorted(self._folder.glob("*.json")):
            if path in self._done:
                continue
            try:
                found.append(AlarmRequest.model_validate_json(path.read_text(encoding="utf-8")))
            except (OSError, ValidationError, UnicodeDecodeError):
                self._damaged.append(path.name)
            else:
                self._done.append(path)
        return found

    @property
    def damaged(self) -> Sequence[str]:
        """Files that cannot be read, as of the last time."""
        return self._damaged

    def saved(self) -> None:
        """What was taken is in the state file: it need not be taken again."""
        for path in self._done:
            path.unlink(missing_ok=True)
        self._done = []


def answer(board: AlarmBoard, request: AlarmRequest) -> list[AlarmEvent]:
    """Do what a request asks for; alarms that are not there are passed over."""
    keys: Sequence[Key] = request.alarms or [
        (alarm.kind.name, alarm.asset) for alarm in board.alarms if alarm.state not in ASIDE
    ]
    match request.do:
        case "acknowledge":
            return board.acknowledge(keys, request.at, request.by)
        case "reset":
            return board.reset(keys, request.at, request.by)
        case "shelve" | "out_of_service":
            aside = PutAside(by=request.by, reason=request.reason, at=request.at, until=request.until)
            return [event for key in keys for event in board.put_aside(key, aside)]
        case "put_back":
            return [event for key in keys for event in board.put_back(key, request.at, request.by)]
