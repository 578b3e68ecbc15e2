"""`parkgrid simulate`: the simulated park on its protocols."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parkgrid.refusal import Failed, Refused
from parkgrid.site_argument import SiteArgument, site_from

if TYPE_CHECKING:
    from config.site import Site

# A person waits for the addresses; a park needs a second or two to listen everywhere.
_LOOK_AGAIN_S = 0.1

FaultsOption = Annotated[
    Path | None, typer.Option("--faults", metavar="FILE", help="A script of faults that the park is to have.")
]


def simulate(
    site: SiteArgument,
    speed: Annotated[float, typer.Option(help="Seconds of the park's time per real second.")] = 1.0,
    stepped: Annotated[
        bool, typer.Option("--stepped", help="Let the park's time stand until 'parkgrid step' moves it.")
    ] = False,
    announce: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write here what listens where, for --announcement.")
    ] = None,
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Listen on free ports instead of those of the site file.")
    ] = False,
    broker: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Publish to this MQTT broker instead of an own one.")
    ] = None,
    apart: Annotated[
        list[str] | None, typer.Option(metavar="DEVICE", help="Run this device as a process of its own; repeatable.")
    ] = None,
    restart_after: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Start dead devices again after this time; 0: never.")
    ] = 10.0,
    truth: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write here at the end what really happened.")
    ] = None,
    history: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write here the measurements of the weeks before.")
    ] = None,
    faults: FaultsOption = None,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="The park's time at the start, such as 2026-07-01T06:00.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the weather and the loads.")] = None,
) -> None:
    """Serve the simulated park of a site.

    It runs until it is stopped. Every server listens on the loopback interface only.
    """
    loaded = site_from(site)
    for path in (announce, truth, history):
        if path is not None and not path.parent.is_dir():
            raise Refused(f"there is no folder {path.parent} for {path.name}")

    from config.loader import SiteError
    from simulators.broker import BrokerDown
    from simulators.process import ParkOptions, main_park

    with tempfile.TemporaryDirectory(prefix="parkgrid-") as folder:
        announced = announce or Path(folder) / "park.json"
        announced.unlink(missing_ok=True)  # one from before would send readers to ports that are gone
        try:
            options = ParkOptions(
                site=loaded,
                speed=speed,
                stepped=stepped,
                start=_aware(start, loaded),
                seed=seed,
                announce=announced,
                free_ports=free_ports,
                broker=_host_and_port(broker),
                apart=tuple(apart or ()),
                restart_after_s=restart_after,
                truth=truth,
                history=history,
                faults=faults,
            )
            with _telling(loaded, announced):
                main_park(options)
        except (ValueError, SiteError) as error:
            raise Refused(str(error)) from error
        except BrokerDown as error:
            raise Failed(str(error)) from error
        except OSError as error:
            raise Failed(f"{error}{'' if free_ports else '; --free-ports takes ports that are free'}") from error


@contextmanager
def _telling(site: Site, announced: Path) -> Iterator[None]:
    """Print what listens where as soon as the park announces it."""
    ended = threading.Event()

    def wait() -> None:
        while not ended.wait(_LOOK_AGAIN_S):
            if announced.exists():
                with suppress(BrokenPipeError):  # whoever read this has left; the park goes on
                    _say(site, announced)
                return

    thread = threading.Thread(target=wait, name="telling")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _say(site: Site, announced: Path) -> None:
    from config.announcement import read_announcement
    from config.loader import load_site
    from parkgrid.site_tables import address

    park = read_announcement(announced)
    where = load_site(site.path, park.connections)
    pace = f"{park.speed:g} times as fast as real time" if park.speed else "and parkgrid step moves it on"
    typer.echo(f"{site.name} as of {park.start.isoformat()}, {pace}")
    for name, connection in where.connections.items():
        devices = ", ".join(device for device, spec in where.devices.items() if spec.connection == name)
        typer.echo(f"  {connection.protocol:<7} {address(connection):<40} {devices}")
    typer.echo("Ctrl-C ends it")


def _aware(text: str | None, site: Site) -> datetime | None:
    """A time with its zone: the site's where none is given."""
    if text is None:
        return None
    from zoneinfo import ZoneInfo

    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(f"--start {text!r} should look like 2026-07-01T06:00 or 2026-07-01T06:00+08:00") from error
    return when if when.tzinfo is not None else when.replace(tzinfo=ZoneInfo(site.location.time_zone))


def _host_and_port(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise Refused(f"--broker {text!r} should look like 127.0.0.1:1883")
    return host, int(port)
