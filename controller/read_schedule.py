"""When which points of the devices behind one connection are to be read. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Final

from config.point import Point
from config.point_spec import ReadClass
from config.site import Site

_GOLDEN: Final = 0.618034
"""Multiples of the golden section lie evenly between 0 and 1, however many there are and wherever one begins."""

_FAST: Final[frozenset[ReadClass]] = frozenset({"fast"})
_SLOW: Final[frozenset[ReadClass]] = frozenset({"slow"})


@dataclass(slots=True)
class _Class:
    """The points of one read class of a device."""

    read: ReadClass
    period_s: float
    """0 for every cycle."""
    share: float
    """How much of the first period passes before the second read: devices that start together drift apart."""
    due_s: float | None = None
    """None before the first read."""

    def due(self, now_s: float, slack_s: float) -> bool:
        """Whether it is time; from then on the next one is waited for."""
        if self.due_s is not None and now_s + slack_s < self.due_s:
            return False
        if self.due_s is None:
            self.due_s = now_s + self.share * self.period_s
        else:
            missed = now_s >= self.due_s + self.period_s
            self.due_s = (now_s if missed else self.due_s) + self.period_s
        return True


@dataclass(slots=True)
class _Device:
    classes: list[_Class]
    points: dict[frozenset[ReadClass], tuple[Point, ...]]
    """What to read, by the classes that are due."""
    wanted: frozenset[ReadClass] = field(default_factory=frozenset)


class ReadSchedule:
    """The reads of one connection: what is due in a cycle, and what is still wanted, the longest waiting first.

    A device that is due again before it was read is not read twice: a line that is too slow for its periods
    serves all its devices in turn, and nothing piles up.
    """

    def __init__(self, site: Site, devices: Iterable[str]) -> None:
        """`devices` are those behind the connection."""
        # the next cycle may begin a little early; a period that is no multiple of it is kept on average
        self._slack_s = site.control.cycle_s / 2
        places = {name: place for place, name in enumerate(site.devices, start=1)}
        self._devices = {name: _device(site, name, places[name] * _GOLDEN % 1) for name in devices}
        self._wanted: dict[str, None] = {}

    def tick(self, now_s: float) -> bool:
        """A cycle begins, at real seconds. Returns whether anything has become due with it."""
        any_due = False
        for name, device in self._devices.items():
            due = frozenset(each.read for each in device.classes if each.due(now_s, self._slack_s))
            if due:
                any_due = True
                device.wanted |= due
                self._wanted.setdefault(name)
        return any_due

    def take(self, but_not: Container[str] = ()) -> tuple[str, tuple[Point, ...]] | None:
        """The device that has waited longest, and what to read of it now; None when none is wanted."""
        for name in self._wanted:
            if name not in but_not:
                device = self._devices[name]
                points = device.points[device.wanted]
                device.wanted = frozenset()
                del self._wanted[name]
                return name, points
        return None


def _device(site: Site, name: str, share: float) -> _Device:
    spec, points = site.devices[name], site.points[name]
    periods: dict[ReadClass, float] = {"fast": spec.fast_s or 0.0, "slow": spec.slow_period_s}
    present = {point.read for point in points}
    return _Device(
        classes=[_Class(read, period_s, share) for read, period_s in periods.items() if read in present],
        points={
            classes: tuple(point for point in points if point.read in classes)
            for classes in (_FAST, _SLOW, _FAST | _SLOW)
        },
    )
