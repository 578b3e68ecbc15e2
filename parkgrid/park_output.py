"""What a command leaves of a simulated park's run beside its truth file: a picture, and a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkgrid.refusal import Failed, Refused

if TYPE_CHECKING:
    from config.site import Site

PlotOption = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Draw at the end what the park did, as .png or .svg."),
]
SummaryOption = Annotated[
    Path | None,
    typer.Option("--summary", metavar="FILE", help="Write at the end an .html page of what the park did."),
]
_FORMS = {"plot": (".png", ".svg"), "summary": (".html", ".htm")}


def refuse_homeless(*paths: Path | None) -> None:
    """Raises Refused for a file whose folder is not there: better now than when a run is over."""
    for path in paths:
        if path is not None and not path.parent.is_dir():
            raise Refused(f"there is no folder {path.parent} for {path.name}")


@dataclass(frozen=True, slots=True)
class ParkOutput:
    """The files that were asked for. Raises Refused for a name that cannot be."""

    plot: Path | None
    summary: Path | None

    def __post_init__(self) -> None:
        refuse_homeless(self.plot, self.summary)
        for option, path in (("plot", self.plot), ("summary", self.summary)):
            if path is not None and path.suffix.lower() not in _FORMS[option]:
                raise Refused(f"--{option} {path.name} should end in {' or '.join(_FORMS[option])}")

    @property
    def wanted(self) -> bool:
        return self.plot is not None or self.summary is not None

    def write(self, site: Site, truth: Mapping[str, Any]) -> None:
        """Write them; `site` has the prices and limits that were in force. Raises Failed."""
        if not self.wanted:
            return
        from dispatch.tariff import NoTariff
        from parkgrid.park_page import write_page
        from parkgrid.park_picture import draw_park

        try:
            if self.plot is not None:
                draw_park(site, truth, self.plot)
            if self.summary is not None:
                write_page(site, truth, self.summary)
        except (OSError, ValueError, NoTariff) as error:
            raise Failed(f"nothing can be shown of the run: {error}") from error
