"""Every mode with every combination of facts: 5 modes x 16."""

from __future__ import annotations

from itertools import product

import pytest

from controller.modes import Facts, Mode, next_mode

TRUTHS = (False, True)
EVERY = [
    (mode, Facts(grid_metered=metered, settled=settled, optimal_plan=plan, stop=stop))
    for mode, metered, settled, plan, stop in product(Mode, TRUTHS, TRUTHS, TRUTHS, TRUTHS)
]

# by (metered, optimal plan), once the controller acts
ACTING = {
    (False, False): Mode.SAFE,
    (False, True): Mode.SAFE,
    (True, False): Mode.FALLBACK,
    (True, True): Mode.OPTIMAL,
}


def expected(mode: Mode, facts: Facts) -> Mode:
    if facts.stop or mode is Mode.STOPPED:
        return Mode.STOPPED
    if mode is Mode.STARTING and not facts.settled:
        return Mode.STARTING
    return ACTING[facts.grid_metered, facts.optimal_plan]


@pytest.mark.parametrize(("mode", "facts"), EVERY)
def test_every_pair_of_mode_and_facts(mode: Mode, facts: Facts) -> None:
    assert next_mode(mode, facts) is expected(mode, facts)


@pytest.mark.parametrize("facts", [facts for mode, facts in EVERY if mode is Mode.STOPPED], ids=repr)
def test_stopped_is_final(facts: Facts) -> None:
    assert next_mode(Mode.STOPPED, facts) is Mode.STOPPED


@pytest.mark.parametrize("facts", [f for m, f in EVERY if m is Mode.SAFE and not f.stop], ids=repr)
def test_nothing_goes_back_to_starting(facts: Facts) -> None:
    for mode in (Mode.OPTIMAL, Mode.FALLBACK, Mode.SAFE):
        assert next_mode(mode, facts) is not Mode.STARTING


def test_every_mode_but_stopped_is_left_again() -> None:
    well = Facts(grid_metered=True, settled=True, optimal_plan=True, stop=False)
    for mode in (Mode.STARTING, Mode.OPTIMAL, Mode.FALLBACK, Mode.SAFE):
        assert next_mode(mode, well) is Mode.OPTIMAL
