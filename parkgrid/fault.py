"""`parkgrid fault`: faults of a running simulated park, set, listed and cleared while it runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkgrid.park_socket import ask
from parkgrid.refusal import Refused

if TYPE_CHECKING:
    from config.site import Site
    from simulators.faults.kinds import Fault

fault = typer.Typer(
    help="Give a running simulated park a fault, take it away, or list what there is.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
ParkOption = Annotated[
    Path | None,
    typer.Option(
        "--announcement",
        metavar="FILE",
        help="What the park wrote with --announce.  [default: the only park of this user that runs]",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as one JSON object.")]

_OTHER_KEYS = frozenset({"id", "kind", "target", "by", "state", "begin", "end"})
"""The keys of a record that are not a parameter of its kind."""


# unknown options are taken as parameters, so that value=-5 and the like need no quoting
@fault.command("set", context_settings={"ignore_unknown_options": True})
def set_(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="Such as frozen; list --kinds names all.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Device or connection of the site file.")],
    parameters: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Such as value=500 or points=soc,status.")
    ] = None,
    for_: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="How long in the park's time, such as 90s, 30m or 2h."),
    ] = None,
    id_: Annotated[str | None, typer.Option("--id", metavar="NAME", help="Its name; a number by default.")] = None,
    announcement: ParkOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a fault begin. It stands for the time given, or until it is cleared."""
    wanted: dict[str, Any] = {"kind": kind, "target": target, **_parameters(parameters or [])}
    wanted |= {key: value for key, value in (("for", for_), ("id", id_)) if value is not None}
    answer = ask(announcement, {"do": "set", "fault": wanted})
    if as_json:
        typer.echo(json.dumps(answer))
        return
    (record,) = answer["faults"]
    typer.echo(f"{record['id']}: {record['kind']} at {record['target']} begins{_until(record, answer)}")


@fault.command("clear")
def clear(
    id_: Annotated[str, typer.Argument(metavar="[ID|all]", help="The name that list shows; all of them.")] = "all",
    announcement: ParkOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a fault, or all of them."""
    answer = ask(announcement, {"do": "clear"} | ({} if id_ == "all" else {"id": id_}))
    if as_json:
        typer.echo(json.dumps(answer))
        return
    for record in answer["faults"]:
        typer.echo(f"{record['id']}: {record['kind']} at {record['target']} is cleared")
    if not answer["faults"]:
        typer.echo("there was no fault" if id_ == "all" else f"{id_} was over already")


@fault.command("list")
def list_(
    announcement: ParkOption = None,
    as_json: JsonOption = False,
    kinds: Annotated[bool, typer.Option("--kinds", help="List the kinds of faults that there are instead.")] = False,
) -> None:
    """List the faults of the park: those that wait, stand, or are over."""
    if kinds:
        _show_kinds(as_json)
        return
    answer = ask(announcement, {"do": "list"})
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
    else:
        _show(answer)


def script_from(path: Path, site: Site) -> tuple[Fault, ...]:
    """A fault script, checked as far as one can without the park. Raises Refused with every mistake."""
    from config.loader import SiteError
    from simulators.faults.script import load_script

    try:
        return load_script(path, site, breaker=True)
    except SiteError as error:
        raise Refused(str(error)) from error


def _parameters(words: list[str]) -> dict[str, Any]:
    """Keys and values of ``key=value`` words; numbers are numbers, and points are a list."""
    found: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not (key and equals):
            raise Refused(f"{word!r} should look like key=value")
        if key in found:
            raise Refused(f"{key} is given twice")
        found[key] = text.split(",") if key == "points" else _number(text)
    return found


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _until(record: dict[str, Any], answer: dict[str, Any]) -> str:
    if record["end"] is None:
        return " and stands until it is cleared"
    lasts_s = (_time(record["end"]) - _time(record["begin"])).total_seconds()
    real_s = lasts_s / answer["speed"]
    really = "" if answer["speed"] == 1 else f", {real_s:.1f} s of real time"
    return f" and stands for {lasts_s:g} s{really}"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _show(answer: dict[str, Any]) -> None:
    now = _time(answer["now"])
    if not answer["faults"]:
        typer.echo(f"the park has no faults as of {_written(now)}; list --kinds names those it could have")
        return
    rows = [
        (
            record["id"],
            record["kind"],
            record["target"],
            _parameters_of(record),
            record["state"],
            _written(_time(record["begin"])),
            "" if record["end"] is None else _written(_time(record["end"])),
        )
        for record in answer["faults"]
    ]
    _print_table(f"faults as of {_written(now)} UTC", ("id", "kind", "target", "with", "state", "begin", "end"), rows)


def _written(when: datetime) -> str:
    return f"{when - timedelta(microseconds=when.microsecond):%Y-%m-%d %H:%M:%S}"


def _parameters_of(record: dict[str, Any]) -> str:
    given = {key: value for key, value in record.items() if key not in _OTHER_KEYS and value != []}
    return " ".join(f"{key}={','.join(value) if isinstance(value, list) else value}" for key, value in given.items())


def _show_kinds(as_json: bool) -> None:
    from simulators.faults.kinds import KINDS, parameters_of, sentence_of

    if as_json:
        data = {
            name: {
                "on": model.on,
                "protocols": list(model.protocols),
                "parameters": parameters_of(model),
                "what": sentence_of(model),
            }
            for name, model in KINDS.items()
        }
        typer.echo(json.dumps({"kinds": data}, indent=2))
        return
    rows = [
        (name, model.on, " ".join(model.protocols), " ".join(parameters_of(model)), sentence_of(model))
        for name, model in KINDS.items()
    ]
    _print_table("kinds of faults", ("kind", "of a", "protocols", "parameters", "what it is"), rows)


def _print_table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    from rich.table import Table

    from parkgrid.page import page

    console = page()
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table, markup=False)
