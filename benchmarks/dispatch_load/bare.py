"""HiGHS driven by hand on a program written by hand: the model is kept, what changed is told, the basis stays."""

from __future__ import annotations

import highspy
import numpy as np

from dispatch.plan import FloatArray
from dispatch_load.park_by_hand import ParkByHand


class BareHighs:
    """One park's program in one HiGHS object; `push` tells it what `ParkByHand.assign` has changed.

    As HiGHS comes, or with costs that are not perturbed after the first solve, as our compiled path has them.
    """

    def __init__(self, park: ParkByHand, *, perturbed: bool) -> None:
        self._park = park
        matrix = park.matrix
        model = highspy.HighsLp()
        model.num_row_, model.num_col_ = matrix.shape
        model.col_cost_, model.col_lower_, model.col_upper_ = park.cost, park.lower, park.upper
        model.row_lower_, model.row_upper_ = park.row_lower, park.row_upper
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
        model.a_matrix_.value_ = matrix.data
        self._highs = highspy.Highs()
        self._highs.setOptionValue("output_flag", False)
        self._highs.passModel(model)
        self._perturbed = perturbed
        self._remember()

    def _remember(self) -> None:
        park = self._park
        self._cost, self._lower, self._upper = park.cost.copy(), park.lower.copy(), park.upper.copy()
        self._row_lower, self._row_upper = park.row_lower.copy(), park.row_upper.copy()
        self._varying = [values.copy() for _, _, values in park.varying]

    def push(self) -> None:
        park, highs = self._park, self._highs
        costs = np.flatnonzero(park.cost != self._cost).astype(np.int32)
        highs.changeColsCost(len(costs), costs, park.cost[costs])
        moved = np.flatnonzero((park.lower != self._lower) | (park.upper != self._upper)).astype(np.int32)
        highs.changeColsBounds(len(moved), moved, park.lower[moved], park.upper[moved])
        rows = np.flatnonzero((park.row_lower != self._row_lower) | (park.row_upper != self._row_upper))
        for row in rows.tolist():
            highs.changeRowBounds(row, park.row_lower[row], park.row_upper[row])
        for (rows, columns, values), old in zip(park.varying, self._varying, strict=True):
            other = values != old
            for row, column, value in zip(
                rows[other].tolist(), columns[other].tolist(), values[other].tolist(), strict=True
            ):
                highs.changeCoeff(row, column, value)
        self._remember()

    def run(self) -> int:
        """Solves from the basis there is; the steps it took."""
        self._highs.run()
        if not self._perturbed:
            self._highs.setOptionValue("dual_simplex_cost_perturbation_multiplier", 0.0)
        assert self._highs.getModelStatus() == highspy.HighsModelStatus.kOptimal, self._highs.getModelStatus()
        return int(self._highs.getInfo().simplex_iteration_count)

    def solution(self) -> tuple[FloatArray, FloatArray]:
        found = self._highs.getSolution()
        return (
            np.fromiter(found.col_value, np.float64, self._park.column_count),
            np.fromiter(found.row_dual, np.float64, self._park.row_count),
        )
