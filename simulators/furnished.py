"""The plant with all that its devices have beside it: a vendor's device shows more than any physics knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from config.point import Point
from config.point_spec import ModbusPoint, MqttPoint
from config.site import Site
from simulators.feeder import Feeder, feeder_of, parts_of
from simulators.served import Plant

USUAL = {"degc": 45.0, "v": 230.0, "a": 10.0, "hz": 50.0, "kwh": 1000.0, "s": 900.0, "kva": 10.0, "pct": 50.0}
"""By the unit at a name's end, what such a point shows: figures of a quiet day."""


class Furnished:
    """Shows every point of a site's devices: the plant's own values, else what was written, else something quiet.

    Devices that no asset uses are there too; they do nothing. Phases and harmonics follow their device's power.
    """

    def __init__(self, site: Site, plant: Plant) -> None:
        self._plant = plant
        self._used = {asset.device for asset in site.assets.values()}
        self._points = site.points
        self._still = {device: {of.name: still_value(of) for of in points} for device, points in site.points.items()}
        self._shares = {device: dict(_shares_of(points)) for device, points in site.points.items()}
        self._rest = {device: dict(values) for device, values in self._still.items()}
        self._parts = {device: list(_parts_of(points)) for device, points in site.points.items()}
        """By device, the points that show a part of its feeder: which figure, what share, and what is believed."""

    @property
    def now(self) -> datetime:
        return self._plant.now

    def advance(self, dt_s: float) -> None:
        self._plant.advance(dt_s)

    def set_running(self, device: str, running: bool) -> None:
        if device in self._used:
            self._plant.set_running(device, running)

    def values(self, device: str) -> Mapping[str, float]:
        own = self._plant.values(device) if device in self._used else {}
        values = {**self._still[device], **own}
        for name, (of, count) in self._shares[device].items():
            if name not in own:
                values[name] = values[of] / count
        if parts := self._parts[device]:
            feeder = feeder_of(values)
            for name, figure, share, low, high in parts:
                if name not in own:
                    value = share * feeder[figure]
                    values[name] = low if value < low else high if value > high else value
        return values

    def command(self, device: str, point: str, value: float | None) -> None:
        """Hand a command to the plant; what it knows nothing of is kept, and shown until it is given back."""
        own = self._plant.values(device) if device in self._used else {}
        if point in own:
            self._plant.command(device, point, value)
            return
        still, rest = self._still[device], self._rest[device]
        still[point] = rest[point] if value is None else value
        setpoint = next(of.setpoint for of in self._points[device] if of.name == point)
        if setpoint is not None and setpoint.read_back not in own:
            still[setpoint.read_back] = rest[setpoint.read_back] if value is None else value


def still_value(point: Point) -> float:
    """A believable value of a point that nobody knows: its unit's usual one, as far as the profile allows."""
    low, high = point.valid
    if point.setpoint is not None:
        return point.setpoint.high if point.setpoint.installer_limit else point.setpoint.safe
    usual = 1.0 if point.name in ("available", "status") else USUAL.get(point.name.rpartition("_")[2], 0.0)
    value = min(max(usual, low), high)
    known = point.source.values if isinstance(point.source, ModbusPoint | MqttPoint) else None
    if known:
        shown = [point.sign * (number * point.scale + point.offset) for number in known.values()]
        believed = [each for each in shown if low <= each <= high] or shown
        value = min(believed, key=lambda each: abs(each - value))
    return value


def _parts_of(points: Sequence[Point]) -> Iterator[tuple[str, int, float, float, float]]:
    parts = parts_of(point.name for point in points)
    for point in points:
        if (part := parts.get(point.name)) is not None:
            yield point.name, Feeder._fields.index(part.of), part.share, *point.valid


def _shares_of(points: Sequence[Point]) -> Iterator[tuple[str, tuple[str, int]]]:
    """By point that is also a part of a sum: whose, and how many parts that has."""
    for whole in points:
        sum_of = whole.source
        if not isinstance(sum_of, ModbusPoint) or not sum_of.plus or sum_of.minus:
            continue
        places = (sum_of.address, *sum_of.plus)
        for part in points:
            source = part.source
            if part is whole or not isinstance(source, ModbusPoint) or source.plus:
                continue
            if source.table == sum_of.table and source.address in places:
                yield part.name, (whole.name, len(places))
