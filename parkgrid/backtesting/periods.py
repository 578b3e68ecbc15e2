"""The periods that a span of time is backtested in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import datetime, timedelta
from multiprocessing import get_context
from zoneinfo import ZoneInfo

from parkgrid.backtesting.case import Case
from parkgrid.backtesting.runs import Compared, compared

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

    The same cases give the same numbers, whatever `jobs` is: each process begins anew.
    """
    if jobs == 1 or len(cases) == 1:
        return [compared(case, passed) for case in cases]
    with ProcessPoolExecutor(min(jobs, len(cases)), mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(compared, case): number for number, case in enumerate(cases)}
        found: dict[int, Compared] = {}
        for future in as_completed(futures):
            number = futures[future]
            found[number] = future.result()
            passed(cases[number].steps)
    return [found[number] for number in range(len(cases))]
