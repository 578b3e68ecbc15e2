"""Writing to every setpoint of a site once, under the eyes of a person, and giving back what was found."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from config.clock import Clock, SystemClock
from config.point import Point, SetpointRange
from config.site import Site
from controller.writes import outcome_of
from drivers.driver import Rejected, Setpoint, WriteResult
from drivers.link import Link
from drivers.site import links_of
from parkgrid.device_check import readings_of, unit_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A setpoint that could be written, and what that would put on the wire."""

    point: Point
    in_force: float
    """What the device shows now."""
    lines: tuple[str, ...]
    """For the value in force; a person may choose another."""

    @property
    def limits(self) -> SetpointRange:
        assert self.point.setpoint is not None
        return self.point.setpoint

    def said(self) -> list[str]:
        """For a person to decide on."""
        limits, unit = self.limits, unit_of(self.point)
        keeps = "keeps it" if limits.revert_s is None else f"falls back after {limits.revert_s:g} s"
        return [
            f"{self.point.key}: {self.in_force:g} {unit} in force",
            f"  may be {limits.low:g} to {limits.high:g} in steps of {limits.resolution:g}; the device {keeps},"
            f" and is left as: {limits.on_stop}",
            *(f"  would send {line}" for line in self.lines),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What became of one setpoint."""

    point: str
    value: float | None
    """What was written; None where nothing was."""
    outcome: str
    """``confirmed``, ``rejected``, ``unconfirmed`` or ``skipped``."""
    reason: str = ""
    read_back: float | None = None
    round_trip_ms: float | None = None
    given_back: str = ""
    """Outcome of writing what was in force before; empty where that was written already."""

    def as_data(self) -> dict[str, Any]:
        return {
            "point": self.point,
            "value": self.value,
            "outcome": self.outcome,
            "reason": self.reason,
            "read_back": self.read_back,
            "round_trip_ms": self.round_trip_ms,
            "given_back": self.given_back,
        }


Choose = Callable[[Proposal], Awaitable[float | None]]
"""Asks for the value to write, None for nothing."""
PutDown = Callable[[Setpoint, WriteResult, str], None]
"""Takes every attempt, and what it was for."""


async def try_writes(site: Site, choose: Choose, put_down: PutDown) -> list[Tried]:
    """Offer every point that the site file allows to be written. Raises DriverError for a missing password.

    Whatever ends this, what was in force before is written back.
    """
    clock = SystemClock()
    links = links_of(site, clock)
    try:
        tried = []
        for name, device in site.devices.items():
            if device.write:
                tried += await _try_device(site, name, links[name], clock, choose, put_down)
        return tried
    finally:
        for link in links.values():
            await link.close()


async def _try_device(
    site: Site, name: str, link: Link, clock: Clock, choose: Choose, put_down: PutDown
) -> list[Tried]:
    readings, _ = await readings_of(site, name, link, clock)
    shown = {reading.point: reading for reading in readings}
    tried = []
    for point in site.points[name]:
        if point.name not in site.devices[name].write or point.setpoint is None:
            continue
        reading = shown[f"{name}.{point.setpoint.read_back}"]
        if reading.value is None:
            tried.append(_skipped(point, f"what is in force cannot be read: {reading.reason}"))
            continue
        lines = await link.preview(Setpoint(point=point, value=reading.value))
        if not isinstance(lines, list):
            tried.append(_skipped(point, lines.reason))
            continue
        value = await choose(Proposal(point=point, in_force=reading.value, lines=tuple(lines)))
        tried.append(
            _skipped(point) if value is None else await _try(point, value, reading.value, link, clock, put_down)
        )
    return tried


async def _try(point: Point, value: float, in_force: float, link: Link, clock: Clock, put_down: PutDown) -> Tried:
    begun_s = clock.monotonic_s()
    back: WriteResult | None = None
    try:
        wanted = Setpoint(point=point, value=value)
        (result,) = await link.write([wanted])
        took_s = clock.monotonic_s() - begun_s
        put_down(wanted, result, "write test")
    finally:
        if value != in_force:
            before = Setpoint(point=point, value=in_force)
            (back,) = await link.write([before])
            put_down(before, back, "write test: given back")
    return Tried(
        point=point.key,
        value=value,
        outcome=outcome_of(result),
        reason=result.reason,
        read_back=None if isinstance(result, Rejected) else result.read_back,
        round_trip_ms=round(1000 * took_s, 2),
        given_back="" if back is None else outcome_of(back),
    )


def _skipped(point: Point, reason: str = "") -> Tried:
    return Tried(point=point.key, value=None, outcome="skipped", reason=reason)


async def unchanged(proposal: Proposal) -> float | None:
    """Without asking: what is in force already."""
    return proposal.in_force


async def asked(proposal: Proposal) -> float | None:
    """What a person at the terminal says: nothing or n for no, y for what is in force, or another value."""
    print(*proposal.said(), sep="\n")
    while True:
        print(f"  write {proposal.in_force:g}? [y/N, or another value] ", end="", flush=True)
        answer = (await _line()).strip().lower()
        if answer in ("", "n", "no"):
            return None
        if answer in ("y", "yes"):
            return proposal.in_force
        try:
            value = float(answer)
        except ValueError:
            value = float("nan")
        if proposal.limits.low <= value <= proposal.limits.high:
            return value
        print(f"  a number from {proposal.limits.low:g} to {proposal.limits.high:g}, y or n")


async def _line() -> str:
    """A line from the terminal; the sessions with the devices go on meanwhile, and Ctrl-C ends the waiting."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sys.stdin, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline()


def lines_of(tried: Sequence[Tried]) -> list[str]:
    """What became of them, for a person."""
    found = []
    for each in tried:
        what = "not written" if each.value is None else f"{each.value:g} {each.outcome} in {each.round_trip_ms:g} ms"
        back = f"; what was there before: {each.given_back}" if each.given_back else ""
        found.append(f"{each.point}: {what}{f' ({each.reason})' if each.reason else ''}{back}")
    return found
