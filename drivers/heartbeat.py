"""Heartbeats: what a device must hear regularly, so that it knows that it is still controlled. Pure: no wire."""

from __future__ import annotations

from dataclasses import dataclass, field

from config.register import Heartbeat, registers_of
from drivers.codec import decode, encode, limits_of
from drivers.modbus_connection import Refusal
from drivers.register_values import Words
from drivers.registers import Span

_EARLY = 0.9
"""Share of its period after which a heartbeat is due: cycles of just this length come a little early now and then."""


def heartbeat_span(heartbeat: Heartbeat) -> Span:
    return Span("holding", heartbeat.address, registers_of(heartbeat.type))


def count_after(heartbeat: Heartbeat, count: int) -> int:
    """The next count. All ones are "no value" in SunSpec and are passed over: after them comes 0."""
    _, high = limits_of(heartbeat.type)
    return count + 1 if count + 1 < high else 0


@dataclass(slots=True)
class Pulse:
    """The heartbeats of one device, and how far each has come."""

    heartbeats: tuple[Heartbeat, ...]
    _beaten_s: dict[Heartbeat, float] = field(default_factory=dict)
    _counts: dict[Heartbeat, int] = field(default_factory=dict)
    _refusals: dict[Heartbeat, Refusal] = field(default_factory=dict)

    def due(self, now_s: float) -> list[Heartbeat]:
        """Those whose period is over, and those that have not beaten yet."""
        return [
            heartbeat
            for heartbeat in self.heartbeats
            if now_s - self._beaten_s.get(heartbeat, float("-inf")) >= _EARLY * heartbeat.period_s
        ]

    def must_be_seen(self, heartbeat: Heartbeat) -> bool:
        """True for one that counts on from what the device shows, which nobody has looked at yet."""
        return heartbeat.value is None and heartbeat not in self._counts

    def seen(self, heartbeat: Heartbeat, said: Words | Refusal) -> None:
        """What a device shows in a register that counts; one that cannot be read counts from 0."""
        count = 0
        if not isinstance(said, Refusal):
            count = int(decode(said, heartbeat.type, low_word_first=heartbeat.low_word_first) or 0)
        self._counts[heartbeat] = count

    def next(self, heartbeat: Heartbeat, now_s: float) -> Words:
        """The registers to write now."""
        self._beaten_s[heartbeat] = now_s
        number = heartbeat.value
        if number is None:
            number = self._counts[heartbeat] = count_after(heartbeat, self._counts.get(heartbeat, 0))
        return encode(number, heartbeat.type, low_word_first=heartbeat.low_word_first)

    def answered(self, heartbeat: Heartbeat, refusal: Refusal | None) -> None:
        """What became of the last beat."""
        if refusal is None:
            self._refusals.pop(heartbeat, None)
        else:
            self._refusals[heartbeat] = refusal

    def refused(self) -> list[str]:
        """Why a device did not take heartbeats the last time that they were due."""
        return [f"heartbeat at {beat.address}: {refusal.reason}" for beat, refusal in self._refusals.items()]

    def forget(self) -> None:
        """A device that was away may have come back with another count, and hears from us at once."""
        self._beaten_s.clear()
        self._counts.clear()
        self._refusals.clear()
