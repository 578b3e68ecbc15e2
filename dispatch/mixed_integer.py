"""HiGHS's search for a yes or no, from a start, with a gap and a time limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import highspy
import numpy as np

from dispatch.linear_program import IntArray, LinearProgram, OpenColumns
from dispatch.plan import BoolArray, FloatArray

MOST_NODES = 200
"""A search that has not come to its gap by then hardly will in any time that a plan has. It ends there on every
machine with the same, which a clock would not."""
SOLUTION_FEASIBLE = 2
"""HiGHS's word for a solution that keeps every limit."""


@dataclass(frozen=True, slots=True)
class Found:
    """The best that a search has come to; it may be the start."""

    x: FloatArray | None
    """None when nothing was found."""
    bound: float
    """No solution is cheaper."""

    def yes(self, columns: IntArray) -> BoolArray:
        assert self.x is not None
        return np.asarray(self.x[columns] > 0.5)


def search(
    program: LinearProgram, open_columns: Sequence[OpenColumns], start: FloatArray | None, gap: float, limit_s: float
) -> Found:
    """The cheapest solution with 0 or 1 in the open columns, within a gap relative to its cost.

    `start` has values by column, already 0 or 1 there.
    """
    lower, upper = program.lower.copy(), program.upper.copy()
    integrality = np.full(program.columns, highspy.HighsVarType.kContinuous)
    for each in open_columns:
        lower[each.columns], upper[each.columns] = each.least, each.most
        integrality[each.columns] = highspy.HighsVarType.kInteger
    low = np.full(program.rows, -highspy.kHighsInf)
    low[: program.equalities] = program.b[: program.equalities]
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = program.rows, program.columns
    model.col_cost_, model.offset_ = program.cost, float(program.offset[0])
    model.col_lower_, model.col_upper_ = lower, upper
    model.row_lower_, model.row_upper_ = low, program.b
    model.integrality_ = list(integrality)
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = program.starts
    model.a_matrix_.index_ = program.in_row
    model.a_matrix_.value_ = program.coefficient
    # a new object each time: what HiGHS keeps from a search is no use to the next, and its clock begins at zero
    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("mip_rel_gap", gap)
    highs.setOptionValue("mip_max_nodes", MOST_NODES)
    highs.setOptionValue("time_limit", max(0.0, limit_s))
    highs.passModel(model)
    if start is not None:
        given = highspy.HighsSolution()
        given.col_value = start.tolist()
        highs.setSolution(given)
    highs.run()
    info = highs.getInfo()
    found = info.primal_solution_status == SOLUTION_FEASIBLE
    x = np.fromiter(highs.getSolution().col_value, np.float64, program.columns) if found else None
    return Found(x, float(info.mip_dual_bound))
