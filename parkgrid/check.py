"""`parkgrid check`: is the site file right, and do its devices answer?"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkgrid.refusal import Failed, Refused
from parkgrid.site_argument import AnnouncementOption, SiteArgument, announcement_from, site_path

if TYPE_CHECKING:
    from config.document import Fault
    from parkgrid.device_check import DeviceCheck


def check(
    site: SiteArgument,
    devices: Annotated[bool, typer.Option("--devices", help="Also connect and read every point once.")] = False,
    announcement: AnnouncementOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as one JSON object.")] = False,
) -> None:
    """Check a site file and its devices.

    Prints every fault of the file at once, or a summary of the site. With --devices every point is read once.
    Exit code 2 when the file has faults, 1 when a device does not answer.
    """
    from config.loader import SiteError, load_site

    announced = announcement_from(announcement)
    path = site_path(site)
    try:
        loaded = load_site(path, announced.connections if announced else None)
    except SiteError as error:
        if as_json:
            typer.echo(json.dumps({"valid": False, "faults": [_as_data(fault) for fault in error.faults]}, indent=2))
        raise Refused(str(error)) from error

    from rich.console import Console

    from drivers.driver import DriverError
    from parkgrid.device_check import check_devices
    from parkgrid.site_tables import device_tables, site_data, site_tables

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160  # a pipe or a file has no width of its own; no column should be cut there
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
    if as_json:
        answer: dict[str, Any] = {"valid": True, "faults": [], **site_data(loaded)}
        if devices:
            answer["read"] = [device.as_data() for device in checked]
        typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    silent = [device for device in checked if not device.answers]
    if silent:
        raise Failed("\n".join(f"{device.name} does not answer: {device.reason}" for device in silent))


def _as_data(fault: Fault) -> dict[str, Any]:
    return {"file": fault.file, "line": fault.line, "where": fault.where, "what": fault.what}
