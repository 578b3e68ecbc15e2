"""`parkgrid check`: is the site file right, and do its devices answer?"""

from __future__ import annotations

import asyncio
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkgrid.refusal import Failed, Refused
from parkgrid.site_argument import AnnouncementOption, SiteArgument, announcement_from, clock_from, site_path
from parkgrid.state_argument import StateOption, state_folder

if TYPE_CHECKING:
    from config.clock import Clock
    from config.document import Fault
    from config.site import Site
    from drivers.driver import Setpoint, WriteResult
    from parkgrid.device_check import DeviceCheck
    from parkgrid.write_test import Tried


def check(
    site: SiteArgument,
    devices: Annotated[bool, typer.Option("--devices", help="Also connect and read every point once.")] = False,
    write_test: Annotated[
        bool, typer.Option("--write-test", help="Then offer to write each setpoint once and give back what was found.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="With --write-test: do not ask, write what is in force already.")
    ] = False,
    owner: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who writes.  [default: the login name]", show_default=False),
    ] = None,
    state: StateOption = None,
    announcement: AnnouncementOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as one JSON object.")] = False,
) -> None:
    """Check a site file and its devices.

    Prints every fault of the file at once, or a summary of the site. With --devices every point is read once.
    With --write-test as well, each setpoint that the site file allows is shown with what would be sent for it, and
    written if you say so; what was written is in the audit. Exit code 2 when the file has faults, 1 when a device
    does not answer or follow.
    """
    if write_test and not devices:
        raise Refused("--write-test goes with --devices: look at what the devices say before you write to them")
    if write_test and not yes and (as_json or not sys.stdin.isatty()):
        raise Refused("--write-test asks before each write, which needs a terminal; with --yes it does not ask")
    from config.loader import SiteError, load_site

    announced = announcement_from(announcement)
    path = site_path(site)
    try:
        loaded = load_site(path, announced.connections if announced else None)
    except SiteError as error:
        if as_json:
            typer.echo(json.dumps({"valid": False, "faults": [_as_data(fault) for fault in error.faults]}, indent=2))
        raise Refused(str(error)) from error

    from drivers.driver import DriverError
    from parkgrid.device_check import check_devices
    from parkgrid.operating import login_name, words
    from parkgrid.page import page
    from parkgrid.site_tables import device_tables, site_data, site_tables
    from parkgrid.write_test import asked, lines_of, try_writes, unchanged

    console = page()
    checked: list[DeviceCheck] = []
    if not as_json:
        console.print(*site_tables(loaded), sep="\n")
    if devices:
        try:
            checked = asyncio.run(check_devices(loaded))
        except DriverError as error:
            raise Failed(str(error)) from error
        if not as_json:
            console.print(*device_tables(checked), sep="\n")
    tried: list[Tried] = []
    if write_test:
        put_down = partial(
            _put_down,
            state_folder(state, loaded),
            loaded,
            clock_from(announced),
            words("--owner", login_name("--owner") if owner is None else owner),
        )
        try:
            tried = asyncio.run(try_writes(loaded, unchanged if yes else asked, put_down))
        except DriverError as error:
            raise Failed(str(error)) from error
    if as_json:
        answer: dict[str, Any] = {"valid": True, "faults": [], **site_data(loaded)}
        if devices:
            answer["read"] = [device.as_data() for device in checked]
        if write_test:
            answer["written"] = [each.as_data() for each in tried]
        typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    elif write_test:
        typer.echo("\n".join(lines_of(tried)) or "the site file allows no point to be written")
    silent = [device for device in checked if not device.answers]
    if silent:
        raise Failed("\n".join(f"{device.name} does not answer: {device.reason}" for device in silent))
    if any(each.outcome in ("rejected", "unconfirmed") for each in tried):
        raise Failed("not every device has followed")


def _put_down(
    folder: Path, site: Site, clock: Clock, who: str, setpoint: Setpoint, result: WriteResult, why: str
) -> None:
    from parkgrid.operating import put_down

    point = setpoint.point.key
    asset = site.asset_of_written.get(point, "")
    put_down(folder, site, clock.now(), who=who, what=point, asset=asset, value=setpoint.value, why=why, written=result)


def _as_data(fault: Fault) -> dict[str, Any]:
    return {"file": fault.file, "line": fault.line, "where": fault.where, "what": fault.what}
