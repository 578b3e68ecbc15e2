"""`parkgrid probe`: what is there, at an address of which nothing is known yet? It only ever reads."""

from __future__ import annotations

import asyncio
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from parkgrid.progress import progress_bar
from parkgrid.refusal import Failed, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

PORTS = {"modbus": 502, "opcua": 4840, "opc.tcp": 4840, "mqtt": 1883}
"""By scheme, where the address names none."""

DEPTH = 4
LISTEN_S = 5.0
LONGEST_LISTEN_S = 3600.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where to look."""

    scheme: str
    host: str
    port: int
    path: str


def probe(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="modbus://HOST:PORT[/UNIT], opcua://HOST:PORT/PATH or mqtt://HOST:PORT.",
            show_default=False,
        ),
    ],
    units: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Modbus: unit ids to ask, such as 1-247.  [default: 1-10,100,126,200,247]",
            show_default=False,
        ),
    ] = None,
    suggest: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Modbus: write a profile made from the SunSpec models here.")
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(
            min=1, max=20, help=f"OPC UA: levels of nodes below Objects.  [default: {DEPTH}]", show_default=False
        ),
    ] = None,
    for_: Annotated[
        float | None,
        typer.Option(
            "--for", metavar="SECONDS", help=f"MQTT: how long to listen.  [default: {LISTEN_S:g}]", show_default=False
        ),
    ] = None,
    topic: Annotated[
        str | None, typer.Option(help="MQTT: topics to listen to.  [default: #]", show_default=False)
    ] = None,
    username: Annotated[str | None, typer.Option(help="OPC UA, MQTT: who to log in as.")] = None,
    password_env: Annotated[
        str | None, typer.Option(metavar="NAME", help="Environment variable that holds the password.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.05, max=60, help="How long one answer may take.")
    ] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as one JSON object.")] = False,
) -> None:
    """Look what is there: Modbus units and their SunSpec models, OPC UA endpoints and nodes, MQTT topics.

    Nothing is written or published. Exit code 1 when nothing answers.
    """
    target = target_of(url)
    _refuse_strangers(target, units=units, suggest=suggest, depth=depth, for_=for_, topic=topic, username=username)
    password = _password(username, password_env)
    match target.scheme:
        case "modbus":
            _modbus(target, url, units_of(units, target), suggest, timeout, as_json)
        case "mqtt":
            _mqtt(target, url, topic or "#", LISTEN_S if for_ is None else for_, username, password, timeout, as_json)
        case _:
            _opcua(target, url, depth or DEPTH, username, password, timeout, as_json)


# -- what is asked -------------------------------------------------------------------------------


def target_of(url: str) -> Target:
    """The parts of an address. Raises Refused."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Refused(f"{url}: {error}") from error
    if "@" in parts.netloc:
        raise Refused("user and password do not belong into the address: use --username and --password-env")
    if parts.scheme not in PORTS:
        raise Refused(f"{url} should begin with modbus://, opcua:// or mqtt://")
    if not host or parts.query or parts.fragment:
        raise Refused(f"{url} should look like {parts.scheme}://HOST:PORT")
    if parts.scheme == "mqtt" and parts.path.strip("/"):
        raise Refused("topics do not belong into the address: use --topic")
    return Target(parts.scheme, host, PORTS[parts.scheme] if port is None else port, parts.path)


def units_of(units: str | None, target: Target) -> tuple[int, ...]:
    """Unit ids to ask: of the address, of --units, else the usual ones. Raises Refused."""
    from parkgrid.probe_modbus import UNITS

    in_path = target.path.strip("/")
    if in_path and units is not None:
        raise Refused("give the unit in the address or with --units, not both")
    text = in_path or units
    if text is None:
        return UNITS
    found: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,3})\s*(?:-\s*(\d{1,3})\s*)?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last <= 255:
            raise Refused(f"{text!r} is no list of unit ids: it should look like 1-10,100 with ids from 0 to 255")
        found.update(dict.fromkeys(range(first, last + 1)))
    return tuple(found)


def _refuse_strangers(target: Target, **options: object) -> None:
    """Raises Refused for an option that means nothing here."""
    belong = {"modbus": {"units", "suggest"}, "mqtt": {"for_", "topic", "username"}}
    for name, value in options.items():
        if value is not None and name not in belong.get(target.scheme, {"depth", "username"}):
            raise Refused(f"--{name.rstrip('_')} has no meaning for {target.scheme}://")
    listen_s = options["for_"]
    if isinstance(listen_s, float) and not 0 < listen_s <= LONGEST_LISTEN_S:
        raise Refused(f"--for should be above 0 and at most {LONGEST_LISTEN_S:g} seconds")


def _password(username: str | None, name: str | None) -> str | None:
    if name is None:
        return None
    if username is None:
        raise Refused("--password-env needs --username")
    if name not in os.environ:
        raise Refused(f"the environment variable {name} is not set")
    return os.environ[name]


# -- the three protocols -------------------------------------------------------------------------


def _modbus(
    target: Target, url: str, units: Sequence[int], suggest: Path | None, timeout_s: float, as_json: bool
) -> None:
    from config.connection import ModbusTcp
    from drivers.driver import LinkDown
    from parkgrid.probe_modbus import probe_units, profile_files, unit_tables

    _check_suggest(suggest)
    spec = ModbusTcp(protocol="modbus", host=target.host, port=_port(target), timeout_s=timeout_s)
    with progress_bar() as progress:
        task = progress.add_task("asking units", total=len(units))
        try:
            found = asyncio.run(probe_units(spec, units, lambda _: progress.advance(task)))
        except LinkDown as error:
            raise Failed(str(error)) from error
    files = profile_files(suggest, found) if suggest is not None else {}
    for path in files:
        if path.exists():
            raise Refused(f"{path} is there already and is not overwritten")
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    if as_json:
        answer = {"url": url, "units": [unit.as_data() for unit in found], "written": [str(path) for path in files]}
        typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        _print([*unit_tables(found), *(f"written: {path}" for path in files)])
    if not any(unit.answers for unit in found):
        raise Failed(f"{target.host}:{target.port} takes connections, but no unit answers")
    if suggest is not None and not files:
        raise Failed("no SunSpec models that a profile could be made from: no profile is written")


def _check_suggest(path: Path | None) -> None:
    from config.base import IDENTIFIER

    if path is None:
        return
    if path.suffix != ".yaml" or not re.fullmatch(IDENTIFIER, path.stem):
        raise Refused(f"--suggest {path} should be named with small letters, digits and underscores, and end in .yaml")
    if not path.parent.is_dir():
        raise Refused(f"there is no folder {path.parent} for {path.name}")
    if path.exists():
        raise Refused(f"{path} is there already and is not overwritten")


def _opcua(
    target: Target, url: str, depth: int, username: str | None, password: str | None, timeout_s: float, as_json: bool
) -> None:
    from parkgrid.probe_opcua import ERRORS, probe_server, server_tables, words

    host = f"[{target.host}]" if ":" in target.host else target.host
    address = f"opc.tcp://{host}:{_port(target)}{target.path}"
    try:
        found = asyncio.run(
            probe_server(address, depth=depth, timeout_s=timeout_s, username=username, password=password)
        )
    except ERRORS as error:
        raise Failed(f"{address}: {words(error)}") from error
    if as_json:
        typer.echo(json.dumps({"url": url, **found.as_data()}, indent=2, ensure_ascii=False))
    else:
        _print(server_tables(found))


def _mqtt(
    target: Target,
    url: str,
    topic: str,
    for_s: float,
    username: str | None,
    password: str | None,
    timeout_s: float,
    as_json: bool,
) -> None:
    from aiomqtt import MqttError

    from config.connection import Mqtt
    from parkgrid.probe_mqtt import as_json as topics_as_json
    from parkgrid.probe_mqtt import listen, topic_tables

    spec = Mqtt(protocol="mqtt", host=target.host, port=_port(target), username=username, timeout_s=timeout_s)
    with progress_bar() as progress:
        progress.add_task(f"listening for {for_s:g} s", total=None)
        try:
            heard, cut = asyncio.run(listen(spec, password, topic, for_s))
        except MqttError as error:
            raise Failed(f"mqtt://{target.host}:{target.port}: {_plain(error)}") from error
        except ValueError as error:
            raise Refused(f"--topic {topic!r}: {error}") from error
    if as_json:
        typer.echo(topics_as_json(heard, cut, url))
    elif heard:
        _print(topic_tables(heard, cut))
    else:
        typer.echo(f"the broker answers, but nothing was published on {topic} in {for_s:g} s")


def _port(target: Target) -> int:
    if target.port == 0:
        raise Refused("a port is 1 to 65535")
    return target.port


def _plain(error: Exception) -> str:
    """Without the number that only a programmer looks up."""
    return re.sub(r"^\[Errno \d+\] ", "", str(error))


def _print(shown: Sequence[RenderableType | Any]) -> None:
    from parkgrid.page import page

    console = page(markup=False)
    console.print(*shown, sep="\n")
