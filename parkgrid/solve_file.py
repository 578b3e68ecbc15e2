"""Solves as files: one that is written beside a plan, and one that is solved again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from parkgrid.refusal import Failed, Refused

if TYPE_CHECKING:
    from config.site import Site
    from dispatch.replay import Replay
    from dispatch.solve_record import SolveRecord
    from parkgrid.planning import Planned

MOST_BYTES = 200_000_000
"""Far more than a solve of the largest park: what is longer is another file."""
SHOWN = 20
"""Differences; who looks for a cause starts with the first."""


def save_solve(planned: Planned, path: Path) -> None:
    """Write what went into a plan and what came out. Raises Refused."""
    from dispatch.solve_record import recorded, written

    record = recorded(
        planned.site,
        planned.situation,
        planned.plan.issued_at,
        None if planned.failure else planned.plan,
        planned.failure,
        planned.solve_s,
    )
    try:
        path.write_text(written(record), encoding="utf-8")
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from error


def read_solve(site: Site, path: Path) -> SolveRecord:
    """The record in a file. Raises Refused when it is not there, damaged, of another form or of another site."""
    from dispatch.solve_record import BadRecord, read

    try:
        if path.stat().st_size > MOST_BYTES:
            raise Refused(f"{path} is larger than {MOST_BYTES // 1_000_000} MB: it is no record of a solve")
        record = read(path.read_bytes())
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from error
    except BadRecord as error:
        raise Refused(f"{path} cannot be replayed: {error}") from error
    if record.site != site.name:
        raise Refused(f"{path} is a solve of site {record.site}, not of {site.name}")
    return record


def show_replay(site: Site, path: Path, *, as_json: bool) -> None:
    """Solve a record again and say what differs. Raises Refused, and Failed when it does not come out the same."""
    from dispatch.plan import DispatchError
    from dispatch.replay import replayed

    record = read_solve(site, path)
    try:
        found = replayed(site, record)
    except DispatchError as error:
        raise Refused(f"{path} cannot be replayed on this site: {error}") from error
    if as_json:
        typer.echo(json.dumps(replay_data(record, found), ensure_ascii=False))
    else:
        typer.echo("\n".join(replay_words(record, found)))
    if not found.same:
        raise Failed(f"the replay differs from the record: {found.differences[0]}")


def replay_data(record: SolveRecord, found: Replay) -> dict[str, object]:
    return {
        "site": record.site,
        "issued_at": record.issued_at.isoformat(),
        "same": found.same,
        "cost_then": found.cost_then,
        "cost_now": found.cost_now,
        "differences": list(found.differences),
        "circumstances": list(found.circumstances),
    }


def replay_words(record: SolveRecord, found: Replay) -> list[str]:
    """What came of it, one line each."""
    lines = [f"{record.site}: the solve of {record.issued_at.isoformat()}, solved again"]
    lines += [f"Changed since: {words}" for words in found.circumstances]
    if found.cost_then is None and found.same:
        lines.append("The same: there is no plan, then as now")
    elif found.same and not found.differences:
        lines.append(f"The same: cost {found.cost_now:.2f}, and every power and store")
    elif found.same:
        lines.append(f"The same cost, {found.cost_now:.2f}, by another plan that is as cheap:")
    else:
        lines.append("Not the same:")
    lines += [f"  {words}" for words in found.differences[:SHOWN]]
    if len(found.differences) > SHOWN:
        lines.append(f"  and {len(found.differences) - SHOWN} more")
    return lines
