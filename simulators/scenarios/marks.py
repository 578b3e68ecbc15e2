"""What a scenario does when, in words for pictures and tables."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from simulators.scenarios.scenario import Cloud, LoadChange, PriceChange, Scenario, Warmth, Wind
from simulators.scenarios.window import Window


def marks(scenario: Scenario) -> list[dict[str, str]]:
    """Each change with what it is, its begin and its end (ISO 8601, UTC offset of the site), in order of time."""
    found = [(window.bounds(scenario.start, scenario.length), _words(window)) for _, window in scenario.file.windows()]
    if (limits := scenario.file.connection) is not None:
        shares = (("import", limits.import_limit_share), ("export", limits.export_limit_share))
        words = " and ".join(f"{way} limit at {share:.0%}" for way, share in shares if share < 1)
        if words:
            found.append(((scenario.start, scenario.end), words))
    return [
        {"what": words, "begin": begin.isoformat(), "end": end.isoformat()}
        for (begin, end), words in sorted(found, key=lambda entry: entry[0])
    ]


def _words(window: Window) -> str:
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
            return f"{reason}, {price:g} per kWh"
        case _:
            raise TypeError(f"{type(window).__name__} is no change of a scenario")


def told(scenario: Scenario) -> dict[str, Any]:
    """The scenario as the truth file names it."""
    return {
        "name": scenario.name,
        "description": scenario.file.description,
        "seed": scenario.seed,
        "length_s": scenario.length / timedelta(seconds=1),
        "marks": marks(scenario),
    }
