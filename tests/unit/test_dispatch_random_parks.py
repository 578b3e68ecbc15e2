"""Sixty random parks with five situations each; `benchmarks/random_parks.py` takes ten thousand."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_parks import ASSETS, SITUATIONS, drawn_park, drawn_situation, faults_of, faults_of_site

from dispatch.registry import KINDS

SEEDS = range(60)


@pytest.mark.parametrize("first", SEEDS[::10])
def test_no_plan_of_a_random_park_fails_the_checker(first: int) -> None:
    assert [words for seed in range(first, first + 10) for words in faults_of(seed)] == []


@pytest.mark.parametrize("name", ["campus", "demo_park", "hydrogen_park", "small_factory", "steel_plant"])
def test_no_plan_of_a_whole_site_in_a_random_situation_fails_the_checker(name: str) -> None:
    assert list(faults_of_site(name, 1)) == []


@pytest.mark.parametrize("first", SEEDS[::10])
def test_no_plan_of_a_random_park_with_units_fails_the_checker(first: int) -> None:
    assert [words for seed in range(first, first + 10) for words in faults_of(seed, units=True)] == []


def test_random_parks_are_of_all_kinds_and_ways() -> None:
    kinds, steps, unavailable, local, spot, caps, ladders = set(), set(), 0, 0, 0, 0, 0
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        park = drawn_park(random)
        kinds |= {type(asset) for asset in park.site.dispatched.values()}
        steps.add(park.steps)
        local += bool(park.site.measured)
        caps += bool(park.site.file.caps.model_dump(exclude_none=True))
        ladders += park.site.tariffs[0].ladder is not None
        for _ in range(SITUATIONS):
            situation = drawn_situation(park, random)
            unavailable += bool(situation.unavailable)
            spot += situation.spot is not None
    assert kinds == KINDS.keys()
    assert len(ASSETS) == len(KINDS)  # all but the connection once, sheddable loads twice
    assert steps == set(range(2, 9))
    assert min(unavailable, local, spot, caps, ladders) >= 10


def test_a_seed_draws_the_same_park_again() -> None:
    one, other = (drawn_park(np.random.default_rng(7)) for _ in range(2))
    assert one.site.file == other.site.file
