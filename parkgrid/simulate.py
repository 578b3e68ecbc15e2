"""`parkgrid simulate`: the simulated park on its protocols."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkgrid.refusal import Failed, Refused
from parkgrid.scenario_option import ScenarioOption, lasting_from, scenario_from
from parkgrid.site_argument import SiteArgument, site_from

if TYPE_CHECKING:
    from config.site import Site
    from simulators.scenarios.scenario import Scenario

# A person waits for the addresses; a park needs a second or two to listen everywhere.
_LOOK_AGAIN_S = 0.1

FaultsOption = Annotated[
    Path | None, typer.Option("--faults", metavar="FILE", help="A script of faults that the park is to have.")
]


def simulate(
    site: SiteArgument,
    speed: Annotated[float, typer.Option(help="Seconds of the park's time per real second.")] = 1.0,
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
    scenario: ScenarioOption = None,
    lasts: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="End after so much of the park's time, such as 24h.")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="As fast as it goes, without servers: nobody controls the park then.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw at the end what the park did, as .png or .svg.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--summary", metavar="FILE", help="Write at the end an .html page of what it did.")
    ] = None,
) -> None:
    """Serve the simulated park of a site, or only simulate it.

    It runs until it is stopped, or for the time given. Every server listens on the loopback interface only.
    """
    before = site_from(site)
    for path in (announce, truth, history, plot, page):
        if path is not None and not path.parent.is_dir():
            raise Refused(f"there is no folder {path.parent} for {path.name}")
    lasting = lasting_from(lasts)
    begin = _aware(start, before)
    lived, loaded = scenario_from(scenario, before, begin, seed)
    with _pictured(loaded, truth, plot, page) as book:
        if fast:
            for option, given in (("announce", announce), ("broker", broker), ("apart", apart)):
                if given is not None:
                    raise Refused(f"--{option} is about servers, and --fast has none")
            _simulate_fast(loaded, lived, lasting, begin, seed, book, history)
            return
        _serve(
            loaded,
            speed=speed,
            start=begin,
            seed=seed,
            announce=announce,
            free_ports=free_ports,
            broker=_host_and_port(broker),
            apart=tuple(apart or ()),
            restart_after_s=restart_after,
            truth=book,
            history=history,
            faults=faults,
            scenario=lived,
            lasts=lasting,
        )


@contextmanager
def _pictured(site: Site, truth: Path | None, plot: Path | None, page: Path | None) -> Iterator[Path | None]:
    """Where the truth of the run belongs; afterwards the pictures that were asked for are made of it."""
    if plot is None and page is None:
        yield truth
        return
    from parkgrid.park_picture import refuse_unknown_form

    if plot is not None:
        refuse_unknown_form(plot)
    with tempfile.TemporaryDirectory(prefix="parkgrid-") as folder:
        book = truth or Path(folder) / "truth.json"
        yield book
        from parkgrid.park_page import write_page
        from parkgrid.park_picture import draw_park

        lived = json.loads(book.read_text(encoding="utf-8"))
        if plot is not None:
            draw_park(site, lived, plot)
        if page is not None:
            write_page(site, lived, page)


def _simulate_fast(
    site: Site,
    scenario: Scenario | None,
    lasting: timedelta | None,
    start: datetime | None,
    seed: int | None,
    truth: Path | None,
    history: Path | None,
) -> None:
    from simulators.unattended import run_unattended

    if lasting is None and scenario is None:
        raise Refused("--fast needs --for, such as --for 24h, or a scenario, which has a length")
    lasts = lasting or (scenario.length if scenario is not None else timedelta(0))
    try:
        plant = run_unattended(
            site, lasts=lasts, start=start, seed=seed, scenario=scenario, truth=truth, history=history
        )
    except ValueError as error:
        raise Refused(str(error)) from error
    total = plant.ledger.total
    typer.echo(
        f"{site.name}, {total.seconds / 3600:.1f} h from {total.start.isoformat()}: import {total.import_kwh:.0f} kWh, "
        f"export {total.export_kwh:.0f} kWh, gas {total.gas_kwh:.0f} kWh, highest import {total.peak_kw:.0f} kW"
    )


def _serve(site: Site, *, announce: Path | None, free_ports: bool, **how: Any) -> None:
    from config.loader import SiteError
    from simulators.broker import BrokerDown
    from simulators.process import ParkOptions, main_park

    with tempfile.TemporaryDirectory(prefix="parkgrid-") as folder:
        announced = announce or Path(folder) / "park.json"
        announced.unlink(missing_ok=True)  # one from before would send readers to ports that are gone
        try:
            options = ParkOptions(site=site, announce=announced, free_ports=free_ports, **how)
            with _telling(site, announced):
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
    typer.echo(f"{site.name} as of {park.start.isoformat()}, {park.speed:g} times as fast as real time")
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
