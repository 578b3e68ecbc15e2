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

from parkgrid.park_output import ParkOutput, PlotOption, SummaryOption, refuse_homeless
from parkgrid.progress import progress_bar
from parkgrid.refusal import Failed, Refused
from parkgrid.scenario_option import ScenarioOption, lasting_from, priced, scenario_from
from parkgrid.site_argument import SiteArgument, site_from

if TYPE_CHECKING:
    from config.site import Site
    from simulators.ledger import IntervalRecord
    from simulators.scenarios.scenario import Scenario

# A person waits for the addresses; a park needs a second or two to listen everywhere.
_LOOK_AGAIN_S = 0.1

FaultsOption = Annotated[
    Path | None, typer.Option("--faults", metavar="FILE", help="A script of faults that the park is to have.")
]


def simulate(
    site: SiteArgument,
    speed: Annotated[
        float | None, typer.Option(help="Seconds of the park's time per real second.  [default: 1]", show_default=False)
    ] = None,
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
    scenario: ScenarioOption = None,
    lasts: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="End after so much of the park's time, such as 24h.")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="As fast as it goes, without servers: nobody controls the park then.")
    ] = False,
    plot: PlotOption = None,
    summary: SummaryOption = None,
) -> None:
    """Serve the simulated park of a site, or only simulate it.

    It runs until it is stopped, or for the time given. Every server listens on the loopback interface only.
    """
    loaded = site_from(site)
    refuse_homeless(announce, truth, history)
    output = ParkOutput(plot, summary)
    lasting = lasting_from(lasts)
    begin = _aware(start, loaded)
    lived = scenario_from(scenario, loaded, begin, seed, own_broker=broker is None)
    if fast:
        about_servers = {"announce": announce, "broker": broker, "apart": apart, "free-ports": free_ports or None}
        if given := [f"--{option}" for option, value in about_servers.items() if value is not None]:
            raise Refused(f"{', '.join(given)}: about servers, and --fast has none")
        for option, value in (("speed", speed is not None), ("stepped", stepped)):
            if value:
                raise Refused(f"--{option} and --fast exclude each other")
    with _written(priced(loaded, lived), truth, output) as book:
        if fast:
            _simulate_fast(loaded, lived, lasting, begin, seed, faults, book, history)
            return
        _serve(
            loaded,
            speed=1.0 if speed is None else speed,
            stepped=stepped,
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
def _written(site: Site, truth: Path | None, output: ParkOutput) -> Iterator[Path | None]:
    """Where the truth of the run belongs; afterwards what was asked for is made of it."""
    if not output.wanted:
        yield truth
        return
    with tempfile.TemporaryDirectory(prefix="parkgrid-") as folder:
        book = truth or Path(folder) / "truth.json"
        yield book
        output.write(site, json.loads(book.read_text(encoding="utf-8")))


def _simulate_fast(
    site: Site,
    scenario: Scenario | None,
    lasting: timedelta | None,
    start: datetime | None,
    seed: int | None,
    faults: Path | None,
    truth: Path | None,
    history: Path | None,
) -> None:
    from parkgrid.fault import script_from
    from simulators.unattended import Unattended, run_unattended, unseen

    lasts = lasting or (scenario.length if scenario is not None else None)
    if lasts is None:
        raise Refused("--fast needs --for, such as --for 24h, or a scenario, which has a length")
    script = () if faults is None else script_from(faults, site)
    lost = unseen((*(scenario.faults if scenario is not None else ()), *script))
    for fault in lost:
        typer.echo(f"{fault.kind} of {fault.target} changes nothing here: without servers nobody sees it", err=True)
    run = Unattended(
        site=site,
        lasts=lasts,
        start=start,
        seed=seed,
        scenario=scenario,
        faults=script,
        truth=truth,
        history=history,
    )
    try:
        with progress_bar() as progress:
            task = progress.add_task(f"simulating {lasts / timedelta(hours=1):g} h", total=lasts.total_seconds())
            plant = run_unattended(run, lambda passed: progress.advance(task, passed.total_seconds()))
    except ValueError as error:
        raise Refused(str(error)) from error
    except OSError as error:
        raise Failed(str(error)) from error
    _tell(site, plant.ledger.total)


def _tell(site: Site, total: IntervalRecord) -> None:
    from zoneinfo import ZoneInfo

    began = total.start.astimezone(ZoneInfo(site.location.time_zone))
    unserved = f", not served {total.unserved_kwh:.0f} kWh" if total.unserved_kwh >= 0.5 else ""
    typer.echo(
        f"{site.name}, {total.seconds / 3600:.1f} h from {began:%Y-%m-%d %H:%M}: import {total.import_kwh:.0f} kWh, "
        f"export {total.export_kwh:.0f} kWh, gas {total.gas_kwh:.0f} kWh, highest import {total.peak_kw:.0f} kW"
        f"{unserved}"
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
    pace = f"{park.speed:g} times as fast as real time" if park.speed else "and parkgrid step moves it on"
    typer.echo(f"{site.name} as of {park.start.isoformat()}, {pace}")
    for name, connection in where.connections.items():
        devices = ", ".join(device for device, spec in where.devices.items() if spec.connection == name)
        typer.echo(f"  {connection.protocol:<7} {address(connection):<40} {devices}")
    if park.terms is not None:
        typer.echo(
            "a controller without --announcement keeps the prices and limits of the site file, not the scenario's"
        )
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
