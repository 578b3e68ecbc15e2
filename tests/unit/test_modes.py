"""Every mode with every combination of facts: 6 modes x 64."""

from __future__ import annotations

from itertools import product

import pytest

from controller.modes import Facts, Mode, next_mode

TRUTHS = (False, True)
NAMES = ("grid_metered", "settled", "optimal_plan", "stop", "breaker_open", "formed")
EVERY = [
    (mode, Facts(**dict(zip(NAMES, truths, strict=True)))) for mode, *truths in product(Mode, *(TRUTHS,) * len(NAMES))
]

# once the controller acts, by (breaker open, formed, metered, optimal plan)
ACTING = {
    (False, False, False, False): Mode.SAFE,
    (False, False, False, True): Mode.SAFE,
    (False, False, True, False): Mode.FALLBACK,
    (False, False, True, True): Mode.OPTIMAL,
    # a battery that could form an island does not matter while there is none
    (False, True, False, False): Mode.SAFE,
    (False, True, False, True): Mode.SAFE,
    (False, True, True, False): Mode.FALLBACK,
    (False, True, True, True): Mode.OPTIMAL,
    # an island that nothing forms is dark
    (True, False, False, False): Mode.SAFE,
    (True, False, False, True): Mode.SAFE,
    (True, False, True, False): Mode.SAFE,
    (True, False, True, True): Mode.SAFE,
    # neither plan nor grid power count in one that is formed
    (True, True, False, False): Mode.ISLANDED,
    (True, True, False, True): Mode.ISLANDED,
    (True, True, True, False): Mode.ISLANDED,
    (True, True, True, True): Mode.ISLANDED,
}


def expected(mode: Mode, facts: Facts) -> Mode:
    if facts.stop or mode is Mode.STOPPED:
        return Mode.STOPPED
    if mode is Mode.STARTING and not facts.settled:
        return Mode.STARTING
    return ACTING[facts.breaker_open, facts.formed, facts.grid_metered, facts.optimal_plan]


@pytest.mark.parametrize(("mode", "facts"), EVERY)
def test_every_pair_of_mode_and_facts(mode: Mode, facts: Facts) -> None:
    assert next_mode(mode, facts) is expected(mode, facts)


@pytest.mark.parametrize("facts", [facts for mode, facts in EVERY if mode is Mode.STOPPED], ids=repr)
def test_stopped_is_final(facts: Facts) -> None:
    assert next_mode(Mode.STOPPED, facts) is Mode.STOPPED


@pytest.mark.parametrize("facts", [f for m, f in EVERY if m is Mode.SAFE and not f.stop], ids=repr)
def test_nothing_goes_back_to_starting(facts: Facts) -> None:
    for mode in (Mode.OPTIMAL, Mode.FALLBACK, Mode.ISLANDED, Mode.SAFE):
        assert next_mode(mode, facts) is not Mode.STARTING


def test_every_mode_but_stopped_is_left_again() -> None:
    well = Facts(grid_metered=True, settled=True, optimal_plan=True, stop=False)
    for mode in (Mode.STARTING, Mode.OPTIMAL, Mode.FALLBACK, Mode.ISLANDED, Mode.SAFE):
        assert next_mode(mode, well) is Mode.OPTIMAL
