"""HiGHS kept alive between solves: it is told what has changed and goes on from its last basis."""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np

from dispatch.affine_map import Change
from dispatch.linear_program import IntArray, LinearProgram
from dispatch.plan import FloatArray


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of HiGHS ended with."""

    status: highspy.HighsModelStatus
    iterations: int

    @property
    def optimal(self) -> bool:
        return self.status == highspy.HighsModelStatus.kOptimal

    @property
    def out_of_time(self) -> bool:
        return self.status == highspy.HighsModelStatus.kTimeLimit

    @property
    def status_words(self) -> str:
        return f"ends with {self.status.name.removeprefix('k')}"


class KeptHighs:
    """One HiGHS object for one program.

    highspy changes costs and column bounds in one call, but row bounds only row by row, at a microsecond each: more
    than a solve costs. So a row with a changing right-hand side, A x <= b, is written as A x - given <= 0 with a
    fixed column: given = b.

    Once there is an optimum, costs are not perturbed any more. HiGHS shifts them at random so that it does not go round
    in circles, which makes a basis that is nearly optimal less so: half of the steps of a re-solve are spent on the way
    back. Should it go round in circles after all, it stops when it has taken as many steps as there are rows and
    columns, several times those of a cold start.
    """

    def __init__(self, program: LinearProgram, given_rows: IntArray) -> None:
        """Takes the program as it is now; `given_rows` are those whose right-hand side will change."""
        self._program = program
        self._given = np.full(program.rows, -1, dtype=np.int32)
        self._given[given_rows] = program.columns + np.arange(len(given_rows), dtype=np.int32)
        self._column = np.repeat(np.arange(program.columns), np.diff(program.starts)).astype(np.int32)
        self._moved = np.zeros(program.columns, dtype=np.bool_)
        self._started = False
        self._highs = highspy.Highs()  # type: ignore[no-untyped-call]
        self._highs.setOptionValue("output_flag", False)
        self._highs.passModel(self._model(given_rows))

    def _model(self, given_rows: IntArray) -> highspy.HighsLp:
        program, given = self._program, len(given_rows)
        right = program.b.copy()
        right[given_rows] = 0.0
        low = np.full(program.rows, -highspy.kHighsInf)
        low[: program.equalities] = right[: program.equalities]
        model = highspy.HighsLp()
        model.num_row_, model.num_col_ = program.rows, program.columns + given
        model.col_cost_ = np.concatenate([program.cost, np.zeros(given)])
        model.col_lower_ = np.concatenate([program.lower, program.b[given_rows]])
        model.col_upper_ = np.concatenate([program.upper, program.b[given_rows]])
        model.row_lower_, model.row_upper_ = low, right
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_ = np.concatenate([program.starts, program.starts[-1] + np.arange(1, given + 1)])
        model.a_matrix_.index_ = np.concatenate([program.in_row, given_rows])
        model.a_matrix_.value_ = np.concatenate([program.coefficient, np.full(given, -1.0)])
        return model

    def push(self, change: Change) -> None:
        """Tells HiGHS the program's present numbers where they have changed."""
        program, highs = self._program, self._highs
        if len(change.cost):
            highs.changeColsCost(len(change.cost), change.cost.astype(np.int32), program.cost[change.cost])
        if len(change.coefficient):
            rows, columns = program.in_row[change.coefficient], self._column[change.coefficient]
            for row, column, value in zip(
                rows.tolist(), columns.tolist(), program.coefficient[change.coefficient].tolist(), strict=True
            ):
                highs.changeCoeff(row, column, value)
        self._moved[change.lower] = True
        self._moved[change.upper] = True
        moved = np.flatnonzero(self._moved).astype(np.int32)
        self._moved[moved] = False
        if len(moved):
            highs.changeColsBounds(len(moved), moved, program.lower[moved], program.upper[moved])
        if len(change.b):
            right = program.b[change.b]
            highs.changeColsBounds(len(change.b), self._given[change.b], right, right)

    def run(self, limit_s: float) -> Run:
        """Solves from the basis there is; from none at first."""
        # the limit counts on a clock that runs through all solves of the object
        self._highs.setOptionValue("time_limit", self._highs.getRunTime() + limit_s)
        self._highs.run()
        run = Run(self._highs.getModelStatus(), self._highs.getInfo().simplex_iteration_count)
        if run.optimal and not self._started:
            self._started = True
            self._highs.setOptionValue("dual_simplex_cost_perturbation_multiplier", 0.0)
            self._highs.setOptionValue("simplex_iteration_limit", self._program.rows + self._program.columns)
        return run

    def solution(self) -> tuple[FloatArray, FloatArray]:
        """Values by column and prices by row, both of the last run."""
        found, program = self._highs.getSolution(), self._program
        return (
            np.fromiter(found.col_value, np.float64, program.columns),  # the given columns come after them
            np.fromiter(found.row_dual, np.float64, program.rows),
        )
