"""What must survive a restart, in one file that is whole at every instant, even through kill -9 in a write."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, Field, ValidationError, ValidatorFunctionWrapHandler, field_validator

from config.base import Frozen
from controller.alarming.alarm import PutAside
from controller.alarming.states import STANDING, State
from controller.totals import SavedTotals
from dispatch.plan import Plan
from drivers.durable import write_durably


class StateInUse(Exception):
    """Another controller holds the state folder; two of them must never steer the same devices."""


class SavedGuard(Frozen):
    """The guard's memory of one asset, with ages instead of clock readings."""

    setpoint_kw: float
    running: bool
    switched_ago_s: float | None
    """None when it was long ago."""
    starts_ago_s: tuple[float, ...] = ()


class SavedAlarm(Frozen):
    """An alarm that is not normal; its explanation comes back with its cause."""

    kind: str
    asset: str
    text: str
    since: AwareDatetime
    standing: State = State.UNACKNOWLEDGED
    put_aside: PutAside | None = None

    @field_validator("standing")
    @classmethod
    def _an_alarm_itself_stands_so(cls, standing: State) -> State:
        if standing not in STANDING:
            raise ValueError(f"an alarm itself is never {standing.value}")
        return standing


class SavedInterval(Frozen):
    """The running 15-min interval of the ledger."""

    start: AwareDatetime
    until: AwareDatetime
    """When it was last added to."""
    covered_s: float
    measured_s: dict[str, float]
    energy_kwh: dict[str, float]
    gas_kwh: float
    import_kwh: float
    export_kwh: float
    curtailed_kwh: float
    limited: tuple[str, ...]
    outdoor_degc_s: float
    outdoor_s: float
    factor_kwh: float = 0.0
    factor_kvarh: float = 0.0
    bought_kwh: dict[str, float] = Field(default_factory=dict)
    sold_kwh: dict[str, float] = Field(default_factory=dict)
    discharged_kwh: dict[str, float] = Field(default_factory=dict)


class SavedState(Frozen):
    """The state file, key by key."""

    version: Literal[1] = 1
    site: str
    saved_at: AwareDatetime
    month: str | None
    """Local month that the peak belongs to, such as ``2026-10``."""
    month_peak_kw: float
    interval: SavedInterval | None
    counters_kwh: dict[str, float]
    totals: SavedTotals | None = None
    """What month and year have used; a file of a version without ladders and caps has none."""
    guards: dict[str, SavedGuard]
    alarms: tuple[SavedAlarm, ...]
    plan: Plan | None

    @field_validator("plan", mode="wrap")
    @classmethod
    def _a_strange_plan_is_left_out(cls, value: object, handler: ValidatorFunctionWrapHandler) -> Plan | None:
        """A plan of another version is worth a quarter of an hour, the month's peak beside it is worth money."""
        try:
            plan: Plan | None = handler(value)
        except ValidationError:
            return None
        return plan


class StateFile:
    """Reads and replaces the state file of one site."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "state.json"
        self._saving = threading.Lock()
        """A save that was cancelled in its thread still writes while the last one begins."""

    def load(self, site: str) -> tuple[SavedState | None, str]:
        """The saved state and a warning, which is empty when all is well.

        A file that cannot be used is moved aside, never deleted: the controller must start all the same.
        """
        try:
            state = SavedState.model_validate_json(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None, ""
        except (OSError, ValidationError, UnicodeDecodeError) as error:
            return None, self._put_aside(f"cannot be read ({type(error).__name__})")
        if state.site != site:
            return None, self._put_aside(f"belongs to site {state.site!r}")
        return state, ""

    def save(self, state: SavedState) -> None:
        """Raises OSError."""
        with self._saving:
            write_durably(self._path, state.model_dump_json())

    def _put_aside(self, why: str) -> str:
        aside = self._path.with_suffix(".unusable")
        try:
            self._path.replace(aside)
        except OSError as error:
            return (
                f"the state file {why}; it cannot be moved aside ({error.strerror}), the controller starts without it"
            )
        return f"the state file {why}; it was moved to {aside.name} and the controller starts without it"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a state folder for one controller; the hold ends with the process, however that ends.

    Raises StateInUse, and OSError when the folder cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateInUse(f"another controller is running with the state folder {folder}") from error
        yield


def saved_plan(plan: Plan) -> Plan:
    """A plan as it goes into the state file; the marginal values of buses are left out, they are for display."""
    return replace(plan, marginal_per_kwh={})
