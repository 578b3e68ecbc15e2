"""Every command that a device received, on its way to the plant."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from simulators.served import Plant


class CommandLog:
    """A plant (see `simulators.served.Plant`) with its commands written down."""

    def __init__(self, plant: Plant, path: Path | None) -> None:
        """`path` takes one JSON object per command, as it comes; None writes nothing."""
        self._plant = plant
        self._file: TextIO | None = None if path is None else path.open("w", encoding="utf-8", buffering=1)
        self.last: dict[str, dict[str, Any]] = {}
        """By setpoint, such as ``battery_pcs.power_setpoint_kw``: the last command."""

    @property
    def now(self) -> datetime:
        return self._plant.now

    def values(self, device: str) -> Mapping[str, float]:
        return self._plant.values(device)

    def advance(self, dt_s: float) -> None:
        self._plant.advance(dt_s)

    def command(self, device: str, point: str, value: float | None) -> None:
        self._plant.command(device, point, value)
        self._write(device, point, value)

    def set_running(self, device: str, running: bool) -> None:
        """A device that dies forgets what it was commanded; that is written down as a release."""
        self._plant.set_running(device, running)
        held = [entry for entry in self.last.values() if entry["device"] == device and entry["value"] is not None]
        for entry in held if not running else ():
            self._write(device, entry["point"], None)

    def _write(self, device: str, point: str, value: float | None) -> None:
        entry = {
            "at": self._plant.now.isoformat(),
            "device": device,
            "point": point,
            "value": value,
        }
        self.last[f"{device}.{point}"] = entry
        if self._file is not None:
            self._file.write(json.dumps(entry | {"monotonic_s": round(time.monotonic(), 3)}) + "\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
