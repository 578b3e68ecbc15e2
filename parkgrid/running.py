"""Running a controller in the foreground: signals, the live table or a log, an end after a given time."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console
from rich.live import Live

from controller.controller import Controller
from controller.status import Status, Totals
from parkgrid.panel import panel

REDRAWS_PER_S = 4
"""Faster than any cycle changes what is shown, slow enough for a serial console."""


def control(controller: Controller, *, for_s: float | None, quiet: bool = False) -> Totals:
    """Run a controller until SIGINT, SIGTERM or the given number of real seconds. Returns what was done.

    On a terminal the live table is shown, otherwise, or when `quiet`, a log goes to standard error.
    """
    console = Console(stderr=quiet)
    table = console.is_terminal and not quiet
    logging.basicConfig(
        level=logging.CRITICAL if table else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # each lost session would bring a traceback
    return asyncio.run(_control(controller, for_s, console if table else None))


async def _control(controller: Controller, for_s: float | None, console: Console | None) -> Totals:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    timer = loop.call_later(for_s, stop.set) if for_s is not None else None
    try:
        with _display(console) as shown:
            await controller.run(stop, shown)
    finally:
        if timer is not None:
            timer.cancel()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    return controller.totals()


def _display(console: Console | None) -> AbstractContextManager[Callable[[Status], None] | None]:
    return nullcontext(None) if console is None else _Table(console)


class _Table:
    """The live table, redrawn after a cycle."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=False)
        self._drawn_s = float("-inf")

    def __enter__(self) -> Callable[[Status], None]:
        self._live.__enter__()
        return self._show

    def __exit__(self, *exception: object) -> None:
        self._live.__exit__(None, None, None)

    def _show(self, status: Status) -> None:
        now_s = status.snapshot.monotonic_s
        if now_s - self._drawn_s >= 1 / REDRAWS_PER_S:
            self._drawn_s = now_s
            self._live.update(panel(status), refresh=True)
