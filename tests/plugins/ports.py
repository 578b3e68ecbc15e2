"""Ports for servers that are told where to listen before they do."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from itertools import cycle

EPHEMERAL_FROM = 32768
"""From here on the system gives ports to whoever connects, which may be the one that a server is about to take."""

_FIRST, _SPREAD = 20000, 200


def _candidates() -> Iterator[int]:
    # another run on this machine begins elsewhere, and no port comes back soon
    ports = range(_FIRST, EPHEMERAL_FROM)
    begin = os.getpid() * _SPREAD % len(ports)
    return cycle([*ports[begin:], *ports[:begin]])


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
