"""How commands are told where a controller keeps its state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from config.site import Site

StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="FOLDER",
        envvar="PARKGRID_STATE",
        help="Where the month's peak, timers, overrides and telemetry live.  [default: ./state/NAME of the site]",
        show_default=False,
    ),
]


def state_folder(state: Path | None, site: Site) -> Path:
    """The folder that was named, or the site's default."""
    return state or Path("state") / site.name
