"""`parkgrid step`: the time of a simulated park that is stepped, moved on."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from parkgrid.fault import JsonOption, ParkOption
from parkgrid.park_socket import ask

PATIENCE_S = 3600.0
"""How long a step may take: a week of a large park takes some ten minutes, and longer on a slow box."""


def step(
    lasts: Annotated[str, typer.Argument(metavar="TIME", help="The park's time to go on by, such as 1s, 15m or 2h.")],
    announcement: ParkOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move the time of a park on that was started with simulate --stepped.

    It ends when every device shows the new moment. Nothing in the park goes on before the next step: an EMS reads,
    decides and writes in between, as slowly as it likes.
    """
    answer = ask(announcement, {"do": "step", "for": lasts}, patience_s=PATIENCE_S)
    typer.echo(json.dumps(answer) if as_json else f"the park is at {answer['now']}")
