"""Operator overrides: one asset held at one value by a named person for a stated time.

They live as one small file each in the state folder, so that they survive the controller and that a
person at the box can see them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from config.base import Frozen, Identifier
from drivers.durable import write_durably


class Override(Frozen):
    """`asset` is held at `value_kw`, in its setpoint's sign, until `until`."""

    asset: Identifier
    value_kw: float
    owner: str
    reason: str
    until: AwareDatetime


class OverrideFolder:
    """The overrides of a site, one JSON file per asset."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "overrides"

    def put(self, override: Override) -> None:
        """Replace what held the asset before; a reader sees the old file or the new one."""
        write_durably(self._folder / f"{override.asset}.json", override.model_dump_json())

    def clear(self, asset: str) -> bool:
        """Give the asset back to the controller. False when nothing held it."""
        try:
            (self._folder / f"{asset}.json").unlink()
        except FileNotFoundError:
            return False
        return True

    def read(self) -> tuple[list[Override], list[str]]:
        """Every override, expired ones too, and the names of files that cannot be read."""
        found: list[Override] = []
        damaged: list[str] = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                found.append(Override.model_validate_json(path.read_text(encoding="utf-8")))
            except FileNotFoundError:
                continue
            except (OSError, ValidationError, UnicodeDecodeError):
                damaged.append(path.name)
        return found, damaged


def in_force(overrides: Iterable[Override], now: datetime) -> dict[str, Override]:
    """The overrides that have not expired, by asset."""
    return {override.asset: override for override in overrides if now < override.until}
