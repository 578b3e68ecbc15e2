"""Ports for servers that are told where to listen before they do."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from itertools import cycle

EPHEMERAL_FROM = 32768
"""From here on the system gives ports to whoever connects, which may be the one that a server is about to take."""

_FIRST, _SPREAD = 20000, 200

# what pytest-xdist says to a worker of its: "gw3" of 4; a run without it is its own only worker
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_RUN = os.getpid() if _WORKERS == 1 else os.getppid()


def _candidates() -> Iterator[int]:
    # another run on this machine begins elsewhere, and no port comes back soon
    ports = range(_FIRST, EPHEMERAL_FROM)
    begin = _RUN * _SPREAD % len(ports)
    # the workers of one run share nothing: between a look at a port and its use, no other looks at it
    return cycle([*ports[begin:], *ports[:begin]][_WORKER::_WORKERS])


_next = _candidates()


def unused_port() -> int:
    """A port on the loopback interface that nothing listens on now and that no connection is given meanwhile."""
    for port in _next:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("the candidates never end")
