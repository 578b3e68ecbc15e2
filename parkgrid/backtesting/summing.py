"""What several periods cost together, as numbers that a program may read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parkgrid.backtesting.runs import FORESIGHT, PARK_SERIES, Compared

HORIZONS = (0, 1, 2, 4, 8, 16, 32, 64, 95)
"""Intervals ahead at which errors of the forecasts are told."""


def score_of(found: Sequence[Compared], name: str) -> float | None:
    """Of all periods together: what was saved, as a share of what could be."""
    possible = sum(each.saved(FORESIGHT) for each in found)
    return sum(each.saved(name) for each in found) / possible if possible > 0.0 else None


def terms_of(found: Sequence[Compared], name: str) -> dict[str, float]:
    """Cost by term over all periods; terms that are always 0 are left out."""
    bills = [each.runs[name].bill.terms for each in found]
    return {term: total for term in bills[0] if (total := sum(bill[term] for bill in bills)) != 0.0}


def data_of(found: Sequence[Compared], *, whole: bool) -> dict[str, Any]:
    """Everything; `whole` with every interval of every run."""
    site = found[0].case.site
    return {
        "site": site.name,
        "currency": site.tariffs[0].currency,
        "information": found[0].case.information,
        "cycle_s": found[0].case.cycle_s,
        "scores": {name: score_of(found, name) for name in found[0].runs},
        "totals": {
            name: {
                "cost": sum(each.runs[name].bill.total for each in found),
                "co2_kg": sum(each.runs[name].bill.co2_kg for each in found),
                "terms": terms_of(found, name),
                **{key: float(sum(each.runs[name].series[key].sum() for each in found)) for key in PARK_SERIES},
            }
            for name in found[0].runs
        },
        "periods": [_period(each, whole=whole) for each in found],
    }


def _period(found: Compared, *, whole: bool) -> dict[str, Any]:
    case = found.case
    return {
        "start": case.start.isoformat(),
        "end": (case.start + case.lasts).isoformat(),
        "scores": {name: found.score(name) for name in found.runs},
        "plans": dict(found.plans),
        "forecast_by": dict(found.ways),
        "forecast_error_kw": {
            what: {str(ahead): float(errors[ahead]) for ahead in HORIZONS if ahead < len(errors)}
            for what, errors in found.errors_kw.items()
        },
        "runs": {
            name: {
                "cost": run.bill.total,
                "co2_kg": run.bill.co2_kg,
                "terms": dict(run.bill.terms),
                "highest_kw": run.highest_kw,
                **({"series": {key: values.tolist() for key, values in run.series.items()}} if whole else {}),
            }
            for name, run in found.runs.items()
        },
    }


def lines_of(found: Sequence[Compared]) -> list[str]:
    """A table for people."""
    currency = found[0].case.site.tariffs[0].currency
    names = list(found[0].runs)
    lines = [f"{'':24}" + "".join(f"{name:>20}" for name in names)]
    for each in found:
        cells = "".join(f"{each.runs[name].bill.total:>20.2f}" for name in names)
        lines.append(f"{each.case.start:%Y-%m-%d} {each.case.lasts.days:>3} d cost{'':4}{cells}")
    total = "".join(f"{sum(each.runs[name].bill.total for each in found):>20.2f}" for name in names)
    lines.append(f"{'total, ' + currency:24}{total}")
    peaks = "".join(f"{max(each.runs[name].highest_kw for each in found):>20.1f}" for name in names)
    lines.append(f"{'highest interval, kW':24}{peaks}")
    scores = [score_of(found, name) for name in names]
    lines.append(f"{'score':24}" + "".join(f"{'-' if score is None else f'{score:.4f}':>20}" for score in scores))
    return lines
