"""The controller's end of the planner: asks, waits without blocking, restarts a planner that died."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from config.site import Site
from controller.planner_process import PlanAnswer, PlannerTask, PlanRequest

START_ALLOWANCE_S = 20.0
"""On top of the solver's limit for the first answer: importing and building the model on a busy edge box."""
RESTART_PAUSE_S = 2.0
"""Between the death of a planner and its successor, so that one that dies at once does not eat the processor."""


class PlannerLost(Exception):
    """The planner's process died or did not answer in time."""


class PlannerProcess:
    """The process that plans, at the other end of a pipe.

    It has a session of its own: Ctrl-C is for the controller, which ends the planner itself. It loads its
    libraries at once, which takes seconds, and then waits for the site.
    """

    def __init__(self) -> None:
        self.connection, theirs = Pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "controller.planner_main", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()

    def end(self) -> None:
        """Kill the process and wait for its end. Idempotent."""
        self.connection.close()
        self._process.kill()
        self._process.wait()


class Planner:
    """One planner process and at most one request under way."""

    def __init__(
        self,
        site: Site,
        made: Callable[[], Awaitable[PlanRequest]],
        process: PlannerProcess | None = None,
        *,
        solves: Path,
    ) -> None:
        """`process` is one that was started ahead of the site, to gain the seconds that its libraries take; `solves` is
        the folder that it keeps its last solves in."""
        self._site = site
        self._solves = solves
        self._made = made
        """Builds the request once the planner is free to take it, so that it is never stale."""
        self._process = process
        self._wanted = asyncio.Event()
        self._answers: list[PlanAnswer] = []
        self.lost = ""
        """Why the planner is not there; empty while it is."""

    def ask(self) -> None:
        """Want a plan; asking again before it comes changes nothing."""
        self._wanted.set()

    def answers(self) -> list[PlanAnswer]:
        """The answers that arrived since the last call."""
        answers, self._answers = self._answers, []
        return answers

    async def run(self) -> None:
        """Serve requests for ever; ends by cancellation, and takes the process with it."""
        try:
            while True:
                try:
                    await self._serve()
                except PlannerLost as error:
                    self.lost = str(error)
                    await self._end_process()
                    await asyncio.sleep(RESTART_PAUSE_S)
                    self._wanted.set()
        finally:
            await self._end_process()

    async def _serve(self) -> None:
        if self._process is None:
            self._process = await asyncio.to_thread(PlannerProcess)
        connection = self._process.connection
        limit_s = self._site.control.solver_time_limit_s + START_ALLOWANCE_S
        await self._send(connection, PlannerTask(self._site, self._solves))
        while True:
            await self._until_wanted(connection)
            self._wanted.clear()
            request = await self._made()
            await self._send(connection, request)
            try:
                await _readable(connection, limit_s)
                self._answers.append(connection.recv())
            except TimeoutError as error:
                raise PlannerLost(f"the planner did not answer within {limit_s:g} s") from error
            except (EOFError, OSError) as error:
                raise PlannerLost(f"the planner's process ended ({type(error).__name__})") from error
            self.lost = ""

    @staticmethod
    async def _send(connection: Connection, what: PlannerTask | PlanRequest) -> None:
        try:
            await asyncio.to_thread(connection.send, what)
        except OSError as error:
            raise PlannerLost(f"the planner's process ended ({type(error).__name__})") from error

    async def _until_wanted(self, connection: Connection) -> None:
        """Wait for the next wish, or notice that the process died while it had nothing to do."""
        gone = asyncio.create_task(_readable(connection, None))
        wanted = asyncio.create_task(self._wanted.wait())
        try:
            await asyncio.wait({gone, wanted}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                raise PlannerLost("the planner's process ended")
        finally:
            gone.cancel()
            wanted.cancel()
            await asyncio.gather(gone, wanted, return_exceptions=True)

    async def _end_process(self) -> None:
        if self._process is not None:
            await asyncio.to_thread(self._process.end)
            self._process = None


async def _readable(connection: Connection, limit_s: float | None) -> None:
    """Wait until a pipe has something to read, or its other end is gone. Raises TimeoutError."""
    ready = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(connection.fileno(), ready.set)
    try:
        async with asyncio.timeout(limit_s):
            await ready.wait()
    finally:
        loop.remove_reader(connection.fileno())
