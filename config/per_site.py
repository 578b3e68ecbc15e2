"""What follows from a site alone: worked out once and kept with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from config.site import Site

Found = TypeVar("Found")


def per_site(function: Callable[[Site], Found]) -> Callable[[Site], Found]:
    """A function of a site that is called in every cycle; its callers get the same object and leave it as it is."""
    key = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def kept(site: Site) -> Found:
        found: Found
        if key in site.__dict__:
            found = site.__dict__[key]
        else:
            found = site.__dict__[key] = function(site)
        return found

    return kept
