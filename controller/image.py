"""The process image: the latest reading of every point, frozen once a cycle so that nothing reads live values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from config.asset import KWH_PER_KG_HYDROGEN, bus_of
from config.points import NEEDS
from config.site import Site
from drivers.driver import Quality, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The park at one instant, as far as it could be read."""

    site: Site
    at: datetime
    """Site calendar, UTC."""
    site_s: float
    """Seconds of the site's physics."""
    monotonic_s: float
    """Real seconds: what ages are counted with."""
    readings: Mapping[str, Reading]
    """By point key, such as ``battery_pcs.soc``."""

    def reading(self, asset: str, name: str) -> Reading | None:
        return self.readings.get(f"{self.site.assets[asset].device}.{name}")

    def value(self, asset: str, name: str) -> float | None:
        """The value of an asset's point, None when it is missing, BAD or older than its device's max age."""
        reading = self.reading(asset, name)
        if reading is None or reading.value is None:
            return None
        return reading.value if self._age_s(reading) <= self._max_age_s(asset, name) else None

    def age_s(self, asset: str, name: str) -> float | None:
        """Real seconds since the last usable value arrived, None when there never was one."""
        reading = self.reading(asset, name)
        return None if reading is None or reading.value is None else self._age_s(reading)

    def available(self, asset: str) -> bool:
        """True when every point that the asset needs can be used and the device does not say otherwise."""
        needs = NEEDS[self.site.assets[asset].kind]
        if any(self.value(asset, name) is None for name in needs.required):
            return False
        return not self._says_whether(asset) or self.value(asset, "available") == 1.0

    def why_unavailable(self, asset: str) -> str:
        """What keeps an asset from being used, in words; empty when it is available."""
        needs = NEEDS[self.site.assets[asset].kind]
        for name in needs.required:
            if self.value(asset, name) is None:
                return self._why_missing(asset, name)
        if self.available(asset):
            return ""
        if self.value(asset, "available") is None:
            return self._why_missing(asset, "available")
        return f"{self.site.assets[asset].device} says that it is not available"

    def silent(self, device: str) -> bool:
        """True when nothing that a device shows can be used."""
        return all(
            reading is None or reading.value is None or self._age_s(reading) > self.site.max_age_s(point)
            for point in self.site.points[device]
            for reading in (self.readings.get(point.key),)
        )

    def power_kw(self, asset: str) -> float | None:
        """The asset's power in its own carrier and the site's sign, of hydrogen the lower heating value; one-way assets
        never below zero.

        None for what cannot be read, and for an asset that shows no power.
        """
        needs = NEEDS[self.site.assets[asset].kind]
        return None if needs.power is None else self._flow_kw(asset, needs.power)

    def steered_kw(self, asset: str) -> float | None:
        """What the asset's setpoint asks for, and its plan counts, as measured; None for what cannot be read."""
        steered = NEEDS[self.site.assets[asset].kind].steered
        return None if steered is None else self._flow_kw(asset, steered)

    def taken_kw(self, asset: str, bus: str) -> float | None:
        """What an asset takes from a bus, less what it gives there.

        0 where it has nothing to do with the bus or does not show it; None when it cannot be read.
        """
        spec = self.site.assets[asset]
        taken_kw = 0.0
        for flow in NEEDS[spec.kind].flows:
            if bus_of(spec, flow.carrier, flow.direction) != bus or self.site.point(asset, flow.point) is None:
                continue
            flow_kw = self._flow_kw(asset, flow.point)
            if flow_kw is None:
                return None
            taken_kw -= flow.direction * flow_kw
        return taken_kw

    def _flow_kw(self, asset: str, name: str) -> float | None:
        value = self.value(asset, name)
        if value is not None and name == "hydrogen_kg_per_h":
            value *= KWH_PER_KG_HYDROGEN
        if value is None or NEEDS[self.site.assets[asset].kind].two_way:
            return value
        return max(value, 0.0)

    def _says_whether(self, asset: str) -> bool:
        """True when the device has a point that tells whether the asset may be used."""
        optional = NEEDS[self.site.assets[asset].kind].optional
        return "available" in optional and self.site.point(asset, "available") is not None

    def _age_s(self, reading: Reading) -> float:
        return self.monotonic_s - reading.received_s

    def _max_age_s(self, asset: str, name: str) -> float:
        device = self.site.assets[asset].device
        point = self.site.point(asset, name)
        return self.site.devices[device].max_age_s if point is None else self.site.max_age_s(point)

    def _why_missing(self, asset: str, name: str) -> str:
        reading = self.reading(asset, name)
        if reading is None:
            return f"{name} was never read"
        if reading.value is None:
            return f"{name}: {reading.reason}" if reading.reason else f"{name} cannot be read"
        return f"{name} is {self._age_s(reading):.0f} s old"


class ProcessImage:
    """The latest reading of every point of the site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._max_ages_s = {point.key: site.max_age_s(point) for point in site.all_points()}
        self._readings: dict[str, Reading] = {}

    def update(self, readings: Iterable[Reading]) -> None:
        """Take new readings in.

        A BAD reading replaces a usable one only once that is too old to be used, so that one lost answer
        does not blind the controller while the value before it is still fresh.
        """
        for reading in readings:
            held = self._readings.get(reading.point)
            usable_s = self._max_ages_s[reading.point] if held is not None and held.value is not None else 0.0
            if reading.quality is Quality.BAD and held is not None and reading.received_s - held.received_s <= usable_s:
                continue
            self._readings[reading.point] = reading

    def freeze(self, *, at: datetime, site_s: float, monotonic_s: float) -> Snapshot:
        return Snapshot(site=self._site, at=at, site_s=site_s, monotonic_s=monotonic_s, readings=dict(self._readings))
