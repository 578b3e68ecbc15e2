"""A fault that has begun, as plain data: also devices in processes of their own are told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from simulators.faults.kinds import AnyFault, Fault

_FAULT: TypeAdapter[Fault] = TypeAdapter(AnyFault)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One fault in force."""

    id: str
    fault: Fault
    since: datetime
    """When it was to begin, UTC: drifts and spikes count from here, however late the tick came."""
    seed: int
    points: tuple[str, ...]
    """The points of its device that it falls upon, for a fault in values."""
    before: Mapping[str, float]
    """The device's true values at its first tick."""

    def packed(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "fault": plain(self.fault),
            "since": self.since.isoformat(),
            "seed": self.seed,
            "points": self.points,
            "before": dict(self.before),
        }

    @staticmethod
    def unpacked(told: Mapping[str, Any]) -> Standing:
        return Standing(
            id=told["id"],
            fault=_FAULT.validate_python(told["fault"]),
            since=datetime.fromisoformat(told["since"]),
            seed=told["seed"],
            points=tuple(told["points"]),
            before=told["before"],
        )


def plain(fault: Fault) -> dict[str, Any]:
    """Kind, target and parameters, without its name and its times."""
    return fault.model_dump(mode="json", exclude={"id", "at", "for_"})


def hours(lasts: timedelta) -> float:
    return lasts / timedelta(hours=1)
