"""What an alarm says to a person."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """One alarm in one language; whole sentences, but for the title."""

    title: str
    cause: str
    """What is the case; the alarm itself adds the numbers."""
    consequence: str
    action: str
