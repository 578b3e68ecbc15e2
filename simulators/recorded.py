"""What the park cannot change, as it was recorded: demand and available power by interval, for a park in virtual time.

A value holds for its interval, or, where the park lives through seconds, fluctuates inside it as those of the simulated
loads do (`simulators.series`): mean zero, 2 % root mean square. What was not recorded is simulated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from config.asset import KWH_PER_KG_HYDROGEN
from config.hydrogen_assets import HydrogenLoad
from config.site import Site
from simulators.model import Key
from simulators.noise import FloatArray
from simulators.series import inner_wave
from simulators.surroundings import OUTDOOR, Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Interval means without gaps."""

    start_s: float
    """UTC seconds since 1970 of the first interval."""
    step_s: float
    columns: Mapping[str, FloatArray]
    """By asset what loads want and sources have, in kW, and ``outdoor_degc``; all equally long."""

    def at(self, name: str, t_s: FloatArray) -> FloatArray:
        """The values of the intervals that hold at these times; the first and the last one go on outside."""
        column = self.columns[name]
        place = np.floor((t_s - self.start_s) / self.step_s).astype(np.int64)
        return np.asarray(column[np.clip(place, 0, len(column) - 1)])


class RecordedSurroundings(Surroundings):
    """Surroundings that follow a record."""

    def __init__(self, site: Site, seed: int, recorded: Recorded, *, stepwise: bool) -> None:
        """`stepwise` leaves out what happens within an interval.

        Raises ValueError as `Surroundings` does, and for a column that nothing of the site follows.
        """
        super().__init__(site, seed, grid_s=recorded.step_s if stepwise else None)
        self._recorded = recorded
        self._stepwise = stepwise
        self._seed = seed
        self._kg = {name for name in recorded.columns if isinstance(site.assets.get(name), HydrogenLoad)}
        self._places = {name: self._key_of(name) for name in recorded.columns}

    def _key_of(self, name: str) -> Key:
        keys = (OUTDOOR,) if name == OUTDOOR[1] else ((name, "demand_kw"), (name, "available_kw"))
        for key in keys:
            if key in self.keys:
                return key
        raise ValueError(f"nothing of the simulated park follows the column {name!r}")

    def course(self, t_s: FloatArray) -> dict[Key, FloatArray]:
        course = super().course(t_s)
        for name, key in self._places.items():
            values = self._recorded.at(name, t_s)
            if name in self._kg:
                values = values / KWH_PER_KG_HYDROGEN
            if not self._stepwise and key != OUTDOOR:
                values = values * (1.0 + inner_wave(t_s, self._recorded.step_s, self._seed, f"recorded.{name}"))
            course[key] = values
        return course

    def until(self, t_s: float) -> list[float]:
        # a step that ends with an interval is still inside it
        return self.at(t_s - 1e-3) if self._stepwise else self.at(t_s)
