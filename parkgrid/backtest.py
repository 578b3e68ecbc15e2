"""`parkgrid backtest`: what the controller would have cost over recorded time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from parkgrid.refusal import Refused
from parkgrid.site_argument import SiteArgument, site_from
from parkgrid.time_argument import time_of

if TYPE_CHECKING:
    from config.site import Site
    from dispatch.forecast.history import History
    from parkgrid.backtesting.case import Case, Feature
    from parkgrid.series_file import SeriesFile


class Information(Enum):
    REALTIME = "realtime"
    SETPOINT = "setpoint"


class Executor(Enum):
    PROCESSES = "processes"
    DASK = "dask"


def backtest(
    site: SiteArgument,
    data: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="CSV or Parquet of what was measured: time_utc and a column for each load and source."
        ),
    ],
    from_: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Begin of the period.  [default: five weeks into it]")
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="TIME", help="End of the period.  [default: the file's end]")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="One run over all of it, 31 days at most, and not one for each month.")
    ] = False,
    cycle: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", min=0.2, max=60, help="Decide so often.  [default: once in each planning interval]"
        ),
    ] = None,
    information: Annotated[
        Information,
        typer.Option(help="Whether an interval's means are known when it is decided on, or only what is expected."),
    ] = Information.REALTIME,
    perfect_forecasts: Annotated[
        bool, typer.Option("--perfect-forecasts", help="Plan from what will happen: what is lost then, control loses.")
    ] = False,
    weather: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What was forecast of the weather then, as a site's weather file has it."),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(metavar="FEATURE", help="See what it is worth; repeatable. See docs/backtesting.md."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what was not recorded, such as what happens within an interval.")] = 1,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Periods at the same time.  [default: one for each core]")
    ] = None,
    executor: Annotated[
        Executor, typer.Option(help="Where periods are lived through: in processes here, or on a Dask cluster.")
    ] = Executor.PROCESSES,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Of the cluster, such as tcp://host:8786.  [default: one made here]"),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a page with pictures, as .html.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
) -> None:
    """Live through recorded time with the controller, in virtual time, and compare it.

    The same forecasts, plans, decisions, guard and ledger as in the park, which know nothing of what comes. Beside it
    the same time without control, by two simple rules, and with perfect foresight.
    """
    if information is Information.SETPOINT and cycle is not None:
        raise Refused("--information setpoint is about whole intervals: it does not go with --cycle")
    if report is not None and report.suffix.lower() != ".html":
        raise Refused(f"--report {report}: the page is an .html file")
    left_out = _features(leave_out or [])
    if "plan following" in left_out and cycle is not None:
        raise Refused("--leave-out 'plan following' is about whole intervals: it does not go with --cycle")
    if scheduler is not None and executor is not Executor.DASK:
        raise Refused("--scheduler is that of a cluster: it goes with --executor dask")
    loaded = site_from(site)
    from parkgrid.backtesting.case import case_of

    made = partial(
        case_of,
        seed=seed,
        information=information.value,
        cycle_s=cycle,
        foreknows=perfect_forecasts,
        leaves_out=left_out,
        weather=None if weather is None else _forecast(weather),
    )
    cases = _cases(loaded, data, from_, to, made, whole=whole)
    from parkgrid.backtesting.periods import lived_through, lived_through_on_cluster
    from parkgrid.backtesting.summing import data_of, lines_of
    from parkgrid.progress import progress_bar

    with progress_bar() as bar:
        done = bar.add_task(f"{loaded.name}, {len(cases)} periods", total=sum(case.steps for case in cases))
        count = jobs or len(os.sched_getaffinity(0))
        passed = partial(bar.advance, done)
        if executor is Executor.DASK:
            found = lived_through_on_cluster(cases, count, scheduler, passed)
        else:
            found = lived_through(cases, count, passed)
    if report is not None:
        from parkgrid.backtesting.page import write_page

        write_page(found, report)
    if as_json:
        typer.echo(json.dumps(data_of(found, whole=True), ensure_ascii=False))
    else:
        typer.echo("\n".join(lines_of(found)))


def _cases(
    site: Site, data: Path, from_: str | None, to: str | None, made: Callable[..., Case], *, whole: bool
) -> list[Case]:
    from parkgrid.backtesting.periods import months_of
    from parkgrid.series_file import read_series

    file = read_series(data, site)
    start, end = _span(site, file, from_, to)
    periods = [(start, end)] if whole else months_of(start, end, ZoneInfo(site.location.time_zone))
    return [made(site, file.history, begin, until - begin) for begin, until in periods]


def _forecast(path: Path) -> History:
    from controller.telemetry.history_file import BadHistory
    from controller.weather import read_forecast

    try:
        return read_forecast(path)
    except BadHistory as error:
        raise Refused(f"--weather {path}: {error}") from error


def _features(names: list[str]) -> frozenset[Feature]:
    from parkgrid.backtesting.case import FEATURES

    known = {name: name for name in FEATURES}
    if strange := [name for name in names if name not in known]:
        raise Refused(f"--leave-out {strange[0]!r}: what can be left out is {', '.join(FEATURES)}")
    return frozenset(known[name] for name in FEATURES if name in names)


def _span(site: Site, file: SeriesFile, from_: str | None, to: str | None) -> tuple[datetime, datetime]:
    from dispatch.forecast.learned import LEARNS_FROM_DAYS

    interval = timedelta(minutes=site.control.interval_min)
    rows = max(len(values) for values in file.history.series.values())
    last = file.start + rows * timedelta(minutes=file.history.step_min)
    zone = ZoneInfo(site.location.time_zone)
    if from_ is None:
        local = (file.start + timedelta(days=LEARNS_FROM_DAYS + 1)).astimezone(zone)
        start = local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    else:
        start = time_of("--from", from_, last, site).astimezone(UTC)
    end = last if to is None else time_of("--to", to, last, site).astimezone(UTC)
    for option, when in (("--from", start), ("--to", end)):
        if when.timestamp() % interval.total_seconds():
            raise Refused(f"{option} {when.isoformat()} is not on the grid of {site.control.interval_min} min")
    if end - start < interval:
        raise Refused(f"from {start.isoformat()} to {end.isoformat()} there is no interval to live through")
    return start, end
