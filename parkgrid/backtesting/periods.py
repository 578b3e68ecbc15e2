"""The periods that a span of time is backtested in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from datetime import datetime, timedelta
from multiprocessing import get_context
from typing import Any
from zoneinfo import ZoneInfo

from parkgrid.backtesting.case import Case
from parkgrid.backtesting.runs import Compared, compared
from parkgrid.refusal import Failed, Refused

SHORTEST = timedelta(days=1)
"""What is left of a month at the edge of a span and shorter than this says nothing by itself."""


def months_of(start: datetime, end: datetime, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """A span cut where the local months begin, since each has a demand charge of its own."""
    found: list[tuple[datetime, datetime]] = []
    begin = start
    while begin < end:
        local = begin.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        until = min(end, (local + timedelta(days=32)).replace(day=1, tzinfo=zone).astimezone(start.tzinfo))
        if until - begin >= SHORTEST or not found:
            found.append((begin, until))
        begin = until
    return found


def lived_through(cases: Sequence[Case], jobs: int, passed: Callable[[int], None] = lambda _: None) -> list[Compared]:
    """Every case in every way, on `jobs` processes, in the order of the cases; `passed` is told of intervals done.

    The same cases give the same numbers, whatever `jobs` is: each case begins anew.
    """
    if jobs == 1 or len(cases) == 1:
        return [compared(case, passed) for case in cases]
    with ProcessPoolExecutor(min(jobs, len(cases)), mp_context=get_context("spawn")) as pool:
        return _in_order(cases, {pool.submit(compared, case): number for number, case in enumerate(cases)}, passed)


def lived_through_on_cluster(
    cases: Sequence[Case], jobs: int, scheduler: str | None, passed: Callable[[int], None] = lambda _: None
) -> list[Compared]:
    """The same on a Dask cluster: on that of a `scheduler` (such as ``tcp://host:8786``), whose workers have the same
    parkgrid installed, else on one of `jobs` processes on this machine.

    Raises Refused without Dask, and Failed where no scheduler answers.
    """
    try:
        from distributed import Client, LocalCluster, as_completed
    except ImportError as error:
        raise Refused("--executor dask needs Dask: pip install 'parkgrid[cluster]'") from error
    with ExitStack() as stack:
        address: LocalCluster | str | None = scheduler
        if address is None:
            processes = min(jobs, len(cases))
            address = stack.enter_context(
                LocalCluster(n_workers=processes, threads_per_worker=1, dashboard_address=None)
            )
        try:
            client = stack.enter_context(Client(address))
        except OSError as error:  # a timeout is one
            raise Failed(f"no Dask scheduler answers at {scheduler}: {error}") from error
        # each case is computed, and not looked up; on a worker that dies it is computed again on another
        futures = {client.submit(compared, case, pure=False): number for number, case in enumerate(cases)}
        return _in_order(cases, futures, passed, as_completed)


def _in_order(
    cases: Sequence[Case],
    futures: Mapping[Any, int],
    passed: Callable[[int], None],
    completed: Callable[[Iterable[Any]], Iterable[Any]] = as_completed,
) -> list[Compared]:
    found: dict[int, Compared] = {}
    for future in completed(list(futures)):
        number = futures[future]
        found[number] = future.result()
        passed(cases[number].steps)
    return [found[number] for number in range(len(cases))]
