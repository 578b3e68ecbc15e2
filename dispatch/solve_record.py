"""One solve as one JSON text: what went in, what came out, and what it was solved with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import TypeAdapter, ValidationError

from config.site import Site
from dispatch.plan import DispatchError, Plan, Situation

FORM = 1
"""The number of the form that records have; it rises when a reader of the old form would misunderstand the new one.
New fields with a default are no new form: an old record is read as if they stood at it."""
SOLVED_WITH = ("parkgrid", "cvxpy", "highspy", "numpy")


class BadRecord(DispatchError):
    """A text that is no record of a solve, or of another form; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveRecord:
    """One call of the dispatcher."""

    form: int = FORM
    site: str
    fingerprint: str
    """Of what the site file says to dispatch, see `fingerprint_of`."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of `SOLVED_WITH`."""
    issued_at: datetime
    situation: Situation
    """Spot prices only where the horizon needs them."""
    plan: Plan | None
    """None where the solver found none."""
    failure: str = ""
    """Why there is no plan; empty when there is one."""
    solve_s: float | None = None


_ADAPTER = TypeAdapter(SolveRecord)


def recorded(
    site: Site,
    situation: Situation,
    issued_at: datetime,
    plan: Plan | None,
    failure: str = "",
    solve_s: float | None = None,
) -> SolveRecord:
    """The record of a solve that was just made."""
    spot = situation.spot
    if spot is not None:
        start_s = situation.start.timestamp()
        spot = spot.within(start_s, start_s + 3600.0 * float(situation.step_h.sum()))
    return SolveRecord(
        site=site.name,
        fingerprint=fingerprint_of(site),
        versions={name: version_of(name) for name in SOLVED_WITH},
        issued_at=issued_at,
        situation=replace(situation, spot=spot),
        plan=plan,
        failure=failure,
        solve_s=solve_s,
    )


def written(record: SolveRecord) -> str:
    """The record as text. Numbers are written so that they read back as themselves."""
    # an integer where a float is due is as good, and no reason to warn an operator
    data = _ADAPTER.dump_python(record, mode="json", warnings=False)
    return json.dumps(data, ensure_ascii=False, allow_nan=False)


def read(text: str | bytes) -> SolveRecord:
    """The record in a text. Raises BadRecord."""
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRecord("it is not whole JSON") from error
    if not isinstance(data, dict) or "situation" not in data:
        raise BadRecord("it is no record of a solve")
    if data.get("form") != FORM:
        raise BadRecord(f"it has form {data.get('form')!r}, and this version of parkgrid reads form {FORM}")
    try:
        return _ADAPTER.validate_python(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadRecord(f"{where} cannot be read: {first['msg'].removeprefix('Value error, ')}") from error


def fingerprint_of(site: Site) -> str:
    """A hash of all that the site file and its tariffs say to dispatch.

    Addresses, devices and file names are not in it: they change nothing about a plan.
    """
    file = site.file
    says = {
        "assets": {name: asset.model_dump(mode="json", exclude={"device"}) for name, asset in site.assets.items()},
        "tariffs": [tariff.model_dump(mode="json") for tariff in site.tariffs],
        "caps": file.caps.model_dump(mode="json"),
        "spot_prices": None if file.spot_prices is None else file.spot_prices.model_dump(mode="json", exclude={"file"}),
        "month_peak_floor_kw": file.month_peak_floor_kw,
        "interval_min": site.control.interval_min,
        "solver": site.control.solver,
        "risk": site.control.risk.model_dump(mode="json"),
        "chance": site.control.chance,
        "lateness": None if site.control.scenarios is None else site.control.scenarios.lateness,
        "commitment": site.control.commitment and site.control.commitment_gap,
    }
    return hashlib.sha256(json.dumps(says, sort_keys=True).encode()).hexdigest()[:16]


def version_of(package: str) -> str:
    """The version of an installed package; parkgrid may run from its folder without being installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
