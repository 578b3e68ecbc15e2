"""The simulated park's devices on their protocols."""

from __future__ import annotations

import logging


def quiet() -> None:
    """Silence the protocol libraries: a client that goes away is daily life here, not news."""
    for library in ("asyncua", "pymodbus", "pymodbus.logging", "aiomqtt", "mqtt"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
