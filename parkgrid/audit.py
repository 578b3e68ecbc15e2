"""`parkgrid audit`: what was written to devices and done by people, and whether the record of it is whole."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parkgrid.operating import local
from parkgrid.refusal import Failed, Refused
from parkgrid.site_argument import AnnouncementOption, SiteArgument, announcement_from, clock_from, site_from
from parkgrid.state_argument import StateOption, state_folder
from parkgrid.time_argument import time_of

if TYPE_CHECKING:
    from config.site import Site
    from controller.auditing.entry import Sealed


def audit(
    site: SiteArgument,
    asset: Annotated[str | None, typer.Option(metavar="ASSET", help="Only what concerns it.")] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="WHO", help="Only what this owner or person did.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="ISO 8601, or HH:MM of today at the site.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="TIME", help="The same; what came before it.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Prove every entry and say how many there are.")] = False,
    expect: Annotated[
        str | None,
        typer.Option("--expect", metavar="SEAL", help="A seal that was noted before: it must still be in the chain."),
    ] = None,
    state: StateOption = None,
    announcement: AnnouncementOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each entry as one JSON object on a line.")] = False,
) -> None:
    """Show what was written to devices and done by people, or prove that the record is whole.

    Every entry is proved before it is shown.
    """
    from controller.auditing.chain import AuditChain
    from controller.auditing.entry import line_of
    from controller.auditing.verify import BrokenChain, entries

    announced = announcement_from(announcement)
    loaded, clock = site_from(site, announced), clock_from(announced)
    now = clock.now()
    begin = None if from_ is None else time_of("--from", from_, now, loaded)
    end = None if to is None else time_of("--to", to, now, loaded)
    if expect is not None and len(expect) != 64:
        raise Refused("--expect should be a whole seal, 64 digits of 0 to 9 and a to f, as --verify prints it")
    chain = AuditChain(state_folder(state, loaded), loaded.name)
    if not chain.files():
        raise Failed(f"there is no audit in {chain.folder} yet; --state names another state folder")
    found: list[Sealed] = []
    count, first, last, expected = 0, None, None, expect is None
    try:
        for entry in entries(chain, loaded.name):
            count, first, last = count + 1, first or entry, entry
            expected = expected or entry.seal == expect
            if _asked_for(entry, asset, by, begin, end):
                found.append(entry)
    except BrokenChain as broken:
        raise Failed(f"the audit is not whole: {chain.folder / str(broken)}") from broken
    if not expected:
        raise Failed(f"the audit is not whole: no entry has the seal {expect}, so entries at its end are missing")
    if verify or expect is not None:
        assert first is not None
        assert last is not None
        typer.echo(f"{count} entries from {local(first.at, loaded)} to {local(last.at, loaded)}, the chain is whole")
        typer.echo(f"last seal: {last.seal}")
    elif as_json:
        for entry in found:
            typer.echo(line_of(entry))
    else:
        _show(loaded, found, chain.folder)


def _asked_for(entry: Sealed, asset: str | None, by: str | None, begin: datetime | None, end: datetime | None) -> bool:
    return (
        (asset is None or entry.asset == asset)
        and (by is None or entry.who == by)
        and (begin is None or entry.at >= begin)
        and (end is None or entry.at < end)
    )


def _show(site: Site, found: list[Sealed], folder: Path) -> None:
    if not found:
        typer.echo(f"nothing of that kind is in the audit of {folder}")
        return
    from rich.table import Table

    from parkgrid.page import page

    console = page(200)
    table = Table(title=f"{site.name}: audit", title_justify="left", title_style="bold")
    for column in ("number", "time", "who", "what", "value", "outcome", "why"):
        table.add_column(column, justify="right" if column in ("number", "value") else "left", overflow="fold")
    for entry in found:
        value = "" if entry.value is None else f"{entry.value:g}"
        again = f" (the one before {entry.repeated} times more)" if entry.repeated else ""
        when = local(entry.at, site)
        table.add_row(str(entry.number), when, entry.who, entry.what, value, entry.outcome + again, entry.why)
    console.print(table, markup=False)
