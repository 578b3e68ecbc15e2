"""`parkgrid plan`: one dispatch of a site, as a table, CSV, JSON or a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkgrid.refusal import Failed, Refused
from parkgrid.site_argument import SiteArgument, planned_site_from
from parkgrid.solve_file import save_solve, show_replay

if TYPE_CHECKING:
    from rich.console import RenderableType

    from config.site import Site
    from dispatch.forecast.history import History
    from dispatch.plan import Used
    from parkgrid.planning import Planned
    from parkgrid.series_file import SeriesFile

YEARS = range(2000, 2100)
"""A plan outside of them is a typing error, and near the ends of the calendar time zones have no meaning."""
PICTURES = (".svg", ".png")
ANY_WIDTH = 10_000
"""Characters: wider than the table of any park."""


class Format(Enum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def plan(
    site: SiteArgument,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Plan from here on, such as 2026-10-14T08:00 at the site.  [default: now, or the start of --series]",
        ),
    ] = None,
    series: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="CSV or Parquet of what is expected, in place of forecasts; see docs/commands.md."
        ),
    ] = None,
    history: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV or Parquet of the past, to forecast from; the same form.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Forecast from what a controller recorded in this folder.")
    ] = None,
    soc: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=SHARE", help="A store's charge at the start, 0 to 1; repeatable.  [default: 0.5]"),
    ] = None,
    month_peak: Annotated[
        float | None,
        typer.Option(
            metavar="KW", min=0, help="Highest import of the month so far.  [default: the floor in the site file]"
        ),
    ] = None,
    used: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=NUMBER",
            help="What the month or the year has used so far, for ladders and caps; repeatable: month_import_kwh, "
            "year_import_kwh, month_export_kwh, month_gas_kwh, month_heat_kgce, "
            "month_co2_kg, month_available_kwh.  [default: 0]",
        ),
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="ASSET", help="Plan as if this asset were not there; repeatable.")
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Plan all assets, also those under local control, which no controller would follow."
        ),
    ] = False,
    output: Annotated[Format | None, typer.Option("--format", help="How to print the plan.  [default: table]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    picture: Annotated[Path | None, typer.Option(metavar="FILE", help="Also draw the plan, as .svg or .png.")] = None,
    why: Annotated[
        bool, typer.Option("--why", help="Also show why each asset does what it does, and which limits bind.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the solve with all that went into it, as JSON.")
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Solve again what --save or a controller wrote, and compare; exit code 1 if it differs.",
        ),
    ] = None,
) -> None:
    """Plan a site once, from forecasts or from series of your own. Nothing is written to any device.

    When the solver finds no plan, one by rules is shown and marked so.
    """
    if as_json and output not in (None, Format.JSON):
        raise Refused(f"--json and --format {output.value} contradict each other")
    if history is not None and state is not None:
        raise Refused("--history and --state are two pasts: give one of them")
    loaded = planned_site_from(site, whole=everything)
    if replay is not None:
        if any((at, series, history, state, soc, used, without, picture, save, why, month_peak is not None)):
            raise Refused(
                "--replay has all that went into the plan: besides it only --all, --format and --json are taken"
            )
        show_replay(loaded, replay, as_json=as_json or output is Format.JSON)
        return
    if picture is not None:
        _require_drawable(picture)
    planned = _planned(
        loaded,
        given=series,
        at=at,
        past=(history, state),
        soc=soc or (),
        month_peak_kw=month_peak,
        used=used or (),
        without=without or (),
    )
    if save is not None:
        save_solve(planned, save)
    _print(planned, Format.JSON if as_json else output or Format.TABLE, why=why)
    if picture is not None:
        from parkgrid.plan_picture import draw

        draw(planned, picture)


def _planned(
    site: Site,
    *,
    given: Path | None,
    at: str | None,
    past: tuple[Path | None, Path | None],
    soc: Sequence[str],
    month_peak_kw: float | None,
    used: Sequence[str],
    without: Sequence[str],
) -> Planned:
    from dispatch.forecast.park import interval_start
    from dispatch.plan import DispatchError
    from parkgrid.planning import Assumptions, planned
    from parkgrid.series_file import over_horizon, read_series

    file = read_series(given, site) if given is not None else None
    when = start_time(at, site, file)
    first = interval_start(when, site.control.interval_min)
    try:
        return planned(
            site,
            Assumptions(
                at=when,
                history=_history(site, *past, until=first),
                given=over_horizon(file, site, first) if file is not None else {},
                soc=starting_soc(soc, site),
                without=left_out(without, site),
                month_peak_kw=site.file.month_peak_floor_kw if month_peak_kw is None else month_peak_kw,
                used=used_so_far(used),
            ),
        )
    except DispatchError as error:
        raise Refused(str(error)) from error


def start_time(text: str | None, site: Site, file: SeriesFile | None) -> datetime:
    """The aware time that a plan starts with. Raises Refused.

    Without `text` it is that of the first whole interval of a given file, or now.
    """
    from zoneinfo import ZoneInfo

    if text is None:
        if file is None:
            return datetime.now(UTC)
        interval_s = site.control.interval_min * 60
        when = datetime.fromtimestamp(-(-file.start.timestamp() // interval_s) * interval_s, UTC)
    else:
        try:
            when = datetime.fromisoformat(text)
        except ValueError as error:
            raise Refused(f"--at {text!r} should look like 2026-10-14T08:00 or 2026-10-14T08:00+08:00") from error
    if when.year not in YEARS:
        raise Refused(f"a plan from {when.year} on is a mistake: years {YEARS[0]} to {YEARS[-1]} can be planned")
    if when.tzinfo is not None:
        return when
    zone = ZoneInfo(site.location.time_zone)
    local = when.replace(tzinfo=zone)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != when:
        raise Refused(f"--at {text}: there is no such time in {zone.key}, clocks are put forward over it")
    return local


def starting_soc(given: Sequence[str], site: Site) -> dict[str, float]:
    """The charge by store from texts such as ``battery=0.4``. Raises Refused."""
    from config.loader import nearest
    from dispatch.soundness import stores

    found: dict[str, float] = {}
    for text in given:
        name, equals, share = text.partition("=")
        if not equals:
            raise Refused(f"--soc {text!r} should look like battery=0.5")
        if name not in stores(site):
            raise Refused(f"--soc {text}: there is no store {name!r}; {nearest(name, stores(site))}")
        if name in found:
            raise Refused(f"--soc names {name} twice")
        try:
            found[name] = float(share)
        except ValueError as error:
            raise Refused(f"--soc {text}: {share!r} is not a number") from error
        if not 0.0 <= found[name] <= 1.0:
            raise Refused(f"--soc {text}: a state of charge is between 0 and 1")
    return found


def used_so_far(given: Sequence[str]) -> Used:
    """What month and year have used, from texts such as ``month_import_kwh=420000``. Raises Refused."""
    from config.loader import nearest
    from dispatch.plan import Used

    known = [each.name for each in fields(Used) if each.name.startswith(("month_", "year_"))]
    known = [name for name in known if not name.endswith("_since")]
    found: dict[str, Any] = {}
    for text in given:
        name, equals, number = text.partition("=")
        if not equals:
            raise Refused(f"--used {text!r} should look like month_import_kwh=420000")
        if name not in known:
            raise Refused(f"--used {text}: nothing is called {name!r}; {nearest(name, known)}")
        if name in found:
            raise Refused(f"--used names {name} twice")
        try:
            found[name] = float(number)
        except ValueError as error:
            raise Refused(f"--used {text}: {number!r} is not a number") from error
    return Used(**found)


def left_out(names: Sequence[str], site: Site) -> frozenset[str]:
    """The assets to plan without. Raises Refused for those that nothing can be planned without."""
    from config.loader import nearest
    from dispatch.forms.connection import Connection
    from dispatch.forms.demand import Demand
    from dispatch.forms.link import Link
    from dispatch.registry import forms_of

    forms = forms_of(site)

    for name in names:
        if name not in forms:
            raise Refused(f"--without {name}: no such asset is planned; {nearest(name, forms)}")
        if isinstance(forms[name], Connection | Demand | Link):
            raise Refused(
                f"--without {name}: the connection point and the loads are always there, and so are transformers"
            )
    return frozenset(names)


def _history(site: Site, file: Path | None, state: Path | None, *, until: datetime) -> History:
    """The past from a file, from a controller's records, or none."""
    from dispatch.forecast.history import History
    from parkgrid.series_file import read_series, series_of

    if file is not None:
        return read_series(file, site).history
    step_min = site.control.interval_min
    if state is None:
        return History(start=until, step_min=step_min, series={})
    from controller.telemetry.database import StoreError
    from controller.telemetry.history import SeriesStore
    from dispatch.forecast.experience import TRAINED_DAYS

    recorded = state / "history.sqlite"
    if not recorded.is_file():
        raise Refused(f"there is no {recorded}: a controller that ran with this state folder writes it")
    store = SeriesStore(recorded)
    try:
        start, loaded = store.load(series_of(site), until, TRAINED_DAYS, step_min)
    except StoreError as error:
        raise Failed(str(error)) from error
    finally:
        store.close()
    for warning in store.warnings:
        typer.echo(warning, err=True)
    return History(start=start, step_min=step_min, series=loaded)


def _print(planned: Planned, output: Format, *, why: bool) -> None:
    from parkgrid.plan_output import as_csv, as_data, remarks, tables
    from parkgrid.plan_why import why_tables

    if planned.failure:
        typer.echo(f"not optimal, made by rules: {planned.failure}", err=True)
    match output:
        case Format.TABLE:
            _show([*tables(planned), *(why_tables(planned) if why else ())])
            typer.echo("\n".join(remarks(planned)))
        case Format.CSV:
            typer.echo(as_csv(planned), nl=False)
            typer.echo("\n".join(remarks(planned)), err=True)
        case Format.JSON:
            typer.echo(json.dumps(as_data(planned), ensure_ascii=False))


def _show(tables: Sequence[RenderableType]) -> None:
    """Print tables as wide as they are: a terminal may break their lines, but no number is cut."""
    from rich.console import Console
    from rich.measure import Measurement

    console = Console(highlight=False)
    wide = console.options.update(max_width=ANY_WIDTH)
    console.width = max(console.width, *(Measurement.get(console, wide, table).maximum for table in tables))
    console.print(*tables, sep="\n")


def _require_drawable(path: Path) -> None:
    if path.suffix.lower() not in PICTURES:
        raise Refused(f"--picture {path} should end with {' or '.join(PICTURES)}")
    if not path.parent.is_dir():
        raise Refused(f"there is no folder {path.parent} for {path.name}")
