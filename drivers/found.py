"""What the devices were set to before we wrote to them for the first time."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from drivers.durable import write_durably

_log = logging.getLogger(__name__)

_VALUES: TypeAdapter[dict[str, float]] = TypeAdapter(dict[str, float])


class Found(Protocol):
    """By point key, the value that was in force before our first write; in the point's unit and the site's sign."""

    def get(self, key: str) -> float | None: ...

    def keep(self, key: str, value: float) -> None: ...  # kept for good when it returns; raises OSError

    def forget(self, key: str) -> None: ...  # the device has been given back; raises OSError


class FoundInMemory:
    """For as long as somebody looks at the devices."""

    def __init__(self) -> None:
        self._values: dict[str, float] = {}

    def get(self, key: str) -> float | None:
        return self._values.get(key)

    def keep(self, key: str, value: float) -> None:
        self._values[key] = value

    def forget(self, key: str) -> None:
        self._values.pop(key, None)


class FoundFile:
    """Kept in the state folder through restarts and crashes: our own leftovers are never taken for what was found.

    A file that cannot be read is put aside. What is found then may be what we left ourselves: for a limit that is
    at worst a tighter one.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "found.json"
        self._values = self._loaded()

    def get(self, key: str) -> float | None:
        return self._values.get(key)

    def keep(self, key: str, value: float) -> None:
        self._save(self._values | {key: value})

    def forget(self, key: str) -> None:
        if key in self._values:
            self._save({of: value for of, value in self._values.items() if of != key})

    def _save(self, values: dict[str, float]) -> None:
        write_durably(self._path, _VALUES.dump_json(values, indent=1).decode())
        self._values = values

    def _loaded(self) -> dict[str, float]:
        try:
            return _VALUES.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError) as error:
            _log.warning("%s cannot be read (%s) and is put aside", self._path, type(error).__name__)
            # where that fails nothing can be kept either, and then nothing is written
            with contextlib.suppress(OSError):
                self._path.replace(self._path.with_suffix(".unusable"))
            return {}
