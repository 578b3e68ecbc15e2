"""Gradient boosting: trees that learn what a straight line cannot, where a site asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch.forecast.daily import LOOKS_BACK, Days, features_of
from dispatch.plan import FloatArray

ROUNDS, LEARNING_RATE, LEAVES, LEAF = 200, 0.06, 31, 40
"""So many small trees with so many leaves, each of which must hold ten hours of quarters: more would fit the noise of
half a year."""
SEED = 1


@dataclass(frozen=True, slots=True)
class Boosted:
    """One model for all intervals of the day: what a ridge goes by, and the time of day.

    It minimises absolute errors, by scikit-learn's histogram gradient boosting.
    """

    model: Any
    scale: float

    @classmethod
    def fitted(cls, days: Days, until: int, known: NDArray[np.bool_]) -> Boosted:
        """From the days before `until`; `known` says which values were measured, same shape as the rows."""
        from sklearn.ensemble import HistGradientBoostingRegressor  # late: it takes a second, and few sites ask for it

        scale = float(days.rows[:until].std()) or 1.0
        used = range(LOOKS_BACK, until)
        features = np.concatenate([_features(days, day, scale) for day in used])
        target = (days.rows[LOOKS_BACK:until] / scale).ravel()
        there = known[LOOKS_BACK:until].ravel()
        model = HistGradientBoostingRegressor(
            loss="absolute_error",
            max_iter=ROUNDS,
            learning_rate=LEARNING_RATE,
            max_leaf_nodes=LEAVES,
            min_samples_leaf=LEAF,
            early_stopping=False,
            random_state=SEED,
        )
        return cls(model.fit(features[there], target[there]), scale)

    def day(self, days: Days, day: int) -> FloatArray:
        """What a day will be, shape (per_day,), never negative."""
        found: FloatArray = self.model.predict(_features(days, day, self.scale)) * self.scale
        return np.asarray(np.maximum(found, 0.0))


def _features(days: Days, day: int, scale: float) -> FloatArray:
    """Shape (per_day, features)."""
    per_day = days.rows.shape[1]
    return np.column_stack([features_of(days, day, scale), np.arange(per_day) / per_day])
