"""What a scenario does when, in words for pictures and tables."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from simulators.scenarios.scenario import Cloud, LoadChange, Order, PriceChange, Scenario, Warmth, Wind
from simulators.scenarios.window import Window


def marks(scenario: Scenario) -> list[dict[str, str | None]]:
    """Each change with what it is, its begin and its end, UTC, in order of time; without an end to the end of the run.

    Faults and grid outages are not among them: the book of faults says when they really began and ended.
    """
    found: list[tuple[datetime, datetime | None, str]] = []
    currency = "" if scenario.terms is None else scenario.terms.tariffs[0].currency
    for _, window in scenario.file.windows():
        if words := _words(window, currency):
            found.append((*window.bounds(scenario.start, scenario.length), words))
    if limits := _limits(scenario):
        found.append((scenario.start, None, limits))
    return [
        {"what": words, "begin": begin.isoformat(), "end": None if end is None else end.isoformat()}
        for begin, end, words in sorted(found, key=lambda entry: entry[0])
    ]


def _words(window: Window, currency: str) -> str:
    """Empty for what the book of faults tells."""
    match window:
        case Cloud(depth=depth):
            return f"clouds hide {depth:.0%} of the sun"
        case Warmth(offset_k=offset_k):
            return f"{abs(offset_k):g} K {'warmer' if offset_k > 0 else 'colder'}"
        case Wind(factor=factor):
            return f"wind {factor:g} times as fast"
        case LoadChange(factor=factor, kinds=kinds):
            which = " and ".join(kind.replace("_", " ") for kind in kinds) or "all loads"
            return f"{which} at {factor:.0%}"
        case PriceChange(import_per_kwh=price, reason=reason):
            return f"{reason}: {price:g} {currency} per kWh"
        case Order(feed_in_share=feed_in, import_share=imports):
            shares = (("feeding", feed_in, "the installed power"), ("importing", imports, "the limit"))
            ordered = (f"{what} at {share:.0%} of {whole}" for what, share, whole in shares if share < 1)
            return f"order: {' and '.join(ordered) or 'nothing'}"
        case _:
            return ""


def _limits(scenario: Scenario) -> str:
    if (change := scenario.file.connection) is None:
        return ""
    shares = (("import", change.import_limit_share), ("export", change.export_limit_share))
    return " and ".join(f"{way} limit at {share:.0%}" for way, share in shares if share < 1)


def told(scenario: Scenario) -> dict[str, Any]:
    """The scenario as the truth file names it."""
    return {
        "name": scenario.name,
        "description": scenario.file.description,
        "seed": scenario.seed,
        "length_s": scenario.length / timedelta(seconds=1),
        "marks": marks(scenario),
    }
