"""What systemd is told: that the controller is up, and with every healthy cycle that it still is.

With `WatchdogSec` in the unit a controller that hangs, or fails in every cycle, is killed and started again; its
devices stand at their safe values meanwhile, by their own watchdogs.
"""

from __future__ import annotations

import logging
import os
import socket

_log = logging.getLogger(__name__)


class ServiceManager:
    """Speaks systemd's notification protocol, where it was started with a socket for it (`NOTIFY_SOCKET`).

    Nothing here ever waits or fails a cycle.
    """

    def __init__(self, address: str | None = None) -> None:
        """`address` is a path, or a name that begins with @; as the environment says when not given."""
        address = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._up = False
        self._socket: socket.socket | None = None
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)

    def healthy(self, status: str) -> None:
        """A cycle has read, decided and written; `status` is a line for `systemctl status`."""
        lines = ["WATCHDOG=1", f"STATUS={status}"]
        if not self._up:
            lines.insert(0, "READY=1")
        self._up = self._tell(lines) or self._up

    def stopping(self) -> None:
        """The devices are being left safe."""
        self._tell(["STOPPING=1"])

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _tell(self, lines: list[str]) -> bool:
        if self._socket is None:
            return False
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            _log.debug("systemd was not told: %s", error)
            return False
        return True
