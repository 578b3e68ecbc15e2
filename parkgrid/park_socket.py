"""Speaking to a running simulated park about its faults and its time."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from parkgrid.refusal import Failed, Refused
from parkgrid.site_argument import announcement_from

ANSWER_S = 10.0
"""A park answers between two of its ticks, in a tenth of a second; this is for a machine that is very busy."""

_PIECE = 2**16


def ask(announcement: Path | None, request: dict[str, Any], *, patience_s: float = ANSWER_S) -> dict[str, Any]:
    """Send one request (see `simulators.control`) and return the answer. Raises Refused, Failed."""
    with _connected(announcement) as park:
        try:
            park.settimeout(patience_s)
            park.sendall(json.dumps(request).encode() + b"\n")
            said = b""
            while not said.endswith(b"\n"):
                piece = park.recv(_PIECE)
                if not piece:
                    raise Failed("the simulated park ended before it answered")
                said += piece
        except OSError as error:
            raise Failed(f"the simulated park does not answer: {error}") from error
    answer: dict[str, Any] = json.loads(said)
    if "refused" in answer:
        raise Refused(answer["refused"])
    return answer


def _connected(announcement: Path | None) -> socket.socket:
    announced = announcement_from(announcement)
    if announced is None:
        return _the_only_one()
    if announced.control is None:
        raise Refused(f"{announcement} names no socket for commands; it was written by an older park")
    park = _dial(announced.control)
    if park is None:
        raise Failed(f"the simulated park of {announcement} does not run any more")
    return park


def _the_only_one() -> socket.socket:
    """The one park of this user that runs."""
    from config.runtime import park_sockets

    found = [(path, park) for path in park_sockets() if (park := _dial(path)) is not None]
    if len(found) == 1:
        return found[0][1]
    for _, park in found:
        park.close()
    if not found:
        raise Failed("no simulated park of this user runs; parkgrid simulate or parkgrid demo starts one")
    names = ", ".join(path.stem for path, _ in found)
    raise Refused(f"{len(found)} simulated parks of this user run ({names}); --announcement FILE names the one")


def _dial(path: Path) -> socket.socket | None:
    """A connection to a park, None when nobody listens there any more; what a killed one left is removed."""
    park = socket.socket(socket.AF_UNIX)
    park.settimeout(ANSWER_S)
    try:
        park.connect(str(path))
    except ConnectionRefusedError:
        park.close()
        path.unlink(missing_ok=True)
        return None
    except OSError:
        park.close()
        return None
    return park
