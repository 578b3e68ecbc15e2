"""Thousands of seconds of every example site in which anything may be."""

from __future__ import annotations

import pytest
from random_steps import RandomSeconds

from config.loader import example_site, example_sites, load_site

STEPS = 1000


@pytest.mark.parametrize("name", example_sites())
def test_whatever_happens_a_decision_keeps_every_rule(name: str) -> None:
    seconds = RandomSeconds.of(load_site(example_site(name)), seed=11)
    for _ in range(STEPS if name != "campus" else STEPS // 4):
        seconds.step()
