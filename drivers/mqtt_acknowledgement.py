"""What a device answers to its commands, and which command an answer belongs to."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from config.setpoint_spec import Acknowledgement, Sign
from drivers.mqtt_inbox import Message
from drivers.payload import NoNumber, found_at, text_of, word_of

FORGOTTEN_S: Final = 60.0
"""A command that nobody has answered for a minute will not be answered any more. Until then a late answer without an
id is taken for the one that it belongs to, and not for that of the command after it."""


@dataclass(frozen=True, slots=True)
class Yes:
    """The device takes the command."""


@dataclass(frozen=True, slots=True)
class No:
    """The device refuses the command, in its own words."""

    reason: str


Answer = Yes | No


@dataclass(slots=True, eq=False)
class Command:
    """A command under way."""

    spec: Acknowledgement
    id: int
    sent_s: float
    answer: Answer | None = None


class Answers:
    """Follows the answers on one topic, whoever's commands they belong to."""

    def __init__(self) -> None:
        self._waiting: deque[Command] = deque()

    def expect(self, command: Command) -> None:
        """To be called before the command is sent: an answer may be quicker than the broker's receipt."""
        while self._waiting and command.sent_s - self._waiting[0].sent_s > FORGOTTEN_S:
            self._waiting.popleft()
        self._waiting.append(command)

    def withdraw(self, command: Command) -> None:
        """A command that has not gone out is not answered."""
        self._waiting.remove(command)

    def begin(self) -> None:
        """Answers to commands of the last session may still come, and belong to those."""

    def take(self, topic: str, message: Message) -> None:
        if message.retained:
            return  # an answer to somebody before us
        try:
            document: Any = message.document
        except NoNumber:
            try:
                document = text_of(message.payload)
            except NoNumber:
                return
        for command in self._waiting:
            answer = answer_in(document, command.spec)
            if answer is not None and _repeats_id(document, command):
                command.answer = answer
                self._waiting.remove(command)
                return


def _repeats_id(document: Any, command: Command) -> bool:
    if command.spec.id_path is None:
        return True
    return _word_at(document, command.spec.id_path) == str(command.id)


def answer_in(document: Any, spec: Acknowledgement) -> Answer | None:
    """Whether a device says yes or no; None when it says neither. What is both is a no."""
    if _shows(document, spec.rejected):
        reason = _word_at(document, spec.reason_path) or _word_at(document, spec.rejected.path)
        return No(reason or "it does not say why")
    return Yes() if _shows(document, spec.accepted) else None


def _shows(document: Any, sign: Sign) -> bool:
    try:
        found = found_at(document, sign.path)
    except NoNumber:
        return False
    return word_of(found) in sign.words if sign.words else found is not None


def _word_at(document: Any, path: str | None) -> str | None:
    try:
        return word_of(found_at(document, path))
    except NoNumber:
        return None
