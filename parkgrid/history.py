"""`parkgrid history`: what a park did before parkgrid came, so that its forecasts begin warm."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parkgrid.refusal import Failed
from parkgrid.site_argument import SiteArgument, site_from
from parkgrid.state_argument import StateOption, state_folder

history = typer.Typer(
    help="What the park did, for its forecasts to learn from.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@history.callback()
def _history() -> None:
    """Keeps the name of the one command that there is."""


@history.command("import")
def import_(
    site: SiteArgument,
    data: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="CSV or Parquet of what was measured: time_utc and a column for each load and source."
        ),
    ],
    state: StateOption = None,
) -> None:
    """Take a file into the controller's local history. What it has for an interval replaces what was there.

    The file has the form that `parkgrid backtest` reads; nothing of one with a fault is taken. A controller that runs
    finds it with its next plan.
    """
    from controller.telemetry.database import StoreError
    from controller.telemetry.history import SeriesStore
    from parkgrid.series_file import read_series

    loaded = site_from(site)
    read_series(data, loaded)
    folder = state_folder(state, loaded)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        store = SeriesStore(folder / "history.sqlite")
        try:
            taken = store.import_file(data)
        finally:
            store.close()
    except StoreError as error:
        raise Failed(str(error)) from error
    gaps = f", with {taken.gaps} gaps" if taken.gaps else ""
    typer.echo(f"{', '.join(taken.series)}: {taken.intervals} intervals{gaps} are in {folder / 'history.sqlite'}")
