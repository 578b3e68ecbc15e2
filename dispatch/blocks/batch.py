"""A job that runs from its start to its end."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
from scipy import sparse

from dispatch.block import Block, Inputs, Slack, TimeGrid, solved
from dispatch.choice import Choice
from dispatch.forms.batch import Batch, Runs
from dispatch.forms.commitment import windows
from dispatch.given import Given
from dispatch.plan import AssetPlan, BoolArray
from dispatch.worth import TIE, UNSERVED_WINDOW_TIMES


def batch_block(name: str, form: Batch, grid: TimeGrid) -> Block:
    """begun[t+1] = begun[t] + start[t] + given_up[t],   begun[0] = 0,   least[t] <= begun[t] <= most[t]

    sum of start over the last duration before t <= 1

    power = P * shares @ start + going_on in kW; start is yes or no, given_up >= 0, both of shape (steps,); begun, least
    and most are numbers of runs, shape (steps + 1,), from the windows (`dispatch.forms.batch`). A tie-break runs early
    where it costs the same.
    """
    starts = _Starts(name, grid)
    given_up = cp.Variable(grid.steps, bounds=[0, None], name=f"{name}.given_up")
    least = Given(grid.steps + 1, nonneg=True, name=f"{name}.least_runs")
    most = Given(grid.steps + 1, nonneg=True, name=f"{name}.most_runs")
    begun = cp.Variable(grid.steps + 1, bounds=[least, most], name=f"{name}.begun_runs")
    going_on = Given(grid.steps, nonneg=True, name=f"{name}.going_on_kw")
    shares = form.power_kw * form.shares(grid.step_h)
    power = sparse.csr_array(shares) @ starts.yes + going_on
    at_once = windows(grid.step_h, form.duration_h)
    one_at_a_time = [] if at_once is None else [sparse.csr_array(at_once.astype(np.float64)) @ starts.yes <= 1]
    run_kwh = form.power_kw * form.duration_h

    def assign(inputs: Inputs) -> None:
        runs = form.runs(name, inputs.situation)
        least.value, most.value, going_on.value = runs.least, runs.most, runs.going_on_kw
        starts.choose(runs)

    def extract() -> AssetPlan:
        taken = np.clip(shares @ solved(starts.yes) + solved(going_on), 0.0, form.power_kw)
        return AssetPlan(power_kw=taken, flows_kw=form.flows(taken))

    return Block(
        asset=name,
        flows={form.bus: -power},
        constraints=[begun[0] == 0, begun[1:] == begun[:-1] + starts.yes + given_up, *one_at_a_time],
        penalty=(
            grid.worth.unserved_per_kwh(UNSERVED_WINDOW_TIMES) * run_kwh * cp.sum(given_up)
            + TIE * run_kwh * (grid.progress @ starts.yes)
        ),
        slacks=[Slack("not run in its window", "of a run", given_up)],
        choices=(starts,),
        assign=assign,
        extract=extract,
    )


class _Starts(Choice):
    """With which intervals runs begin."""

    def __init__(self, name: str, grid: TimeGrid) -> None:
        super().__init__(f"{name}.start", grid.steps)
        self._runs: Runs | None = None

    def choose(self, runs: Runs) -> None:
        self._runs = runs
        self.allow(np.zeros_like(runs.may_start), runs.may_start)

    def rounded(self, share: float) -> BoolArray:
        """In each window where the linear problem begins most of a run."""
        assert self._runs is not None
        started, chances = np.zeros_like(self._runs.may_start), np.asarray(self.yes.value)
        window = np.where(self._runs.may_start, self._runs.most[1:], 0.0)
        for number in np.unique(window[window > 0.0]):
            steps = np.flatnonzero(window == number)
            best = steps[np.argmax(chances[steps])]
            must = self._runs.least[steps[-1] + 1] >= number
            started[best] = must or chances[steps].sum() >= share
        return started

    def kept(self) -> BoolArray | None:
        """Nothing: where it costs the same, it begins early in every plan."""
        return None

    def remember(self) -> None:
        """Nothing is kept."""
