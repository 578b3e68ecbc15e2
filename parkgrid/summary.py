"""What a demo did, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from config.site import Site
from controller.status import Totals
from parkgrid.settlement import Bill, settle


def summary(site: Site, totals: Totals, truth: Mapping[str, Any]) -> dict[str, Any]:
    """Everything as one JSON object; energies are what the controller measured, costs what really happened."""
    with_control, without = settle(site, truth, "park"), settle(site, truth, "without_control")
    return {
        "simulated_s": round(truth["simulated_s"], 1),
        "cycles": totals.cycles,
        "overruns": totals.overruns,
        "plans": dict(totals.plans),
        "reads": {protocol: dict(count) for protocol, count in totals.reads.items()},
        "writes": dict(totals.writes),
        "telemetry_points": totals.telemetry_points,
        "alarms": totals.alarms,
        "energy_kwh": {asset: round(energy_kwh, 1) for asset, energy_kwh in totals.energy_kwh.items()},
        "cost": round(with_control.total, 2),
        "cost_without_control": round(without.total, 2),
        "cost_terms": _rounded(with_control),
        "cost_terms_without_control": _rounded(without),
        "currency": site.tariffs[0].currency,
        "co2_kg": round(with_control.co2_kg, 1),
        "co2_kg_without_control": round(without.co2_kg, 1),
        "balance_residual": truth["balance_residual"],
        "unexplained_kw": round(totals.largest_residual_kw, 1),
    }


def shown(found: Mapping[str, Any]) -> RenderableType:
    """The summary as tables."""
    return Group(_counts(found), _money(found), _energy(found))


def _rounded(bill: Bill) -> dict[str, float]:
    return {term: round(cost, 2) for term, cost in bill.terms.items()}


def _counts(found: Mapping[str, Any]) -> Table:
    table = Table(title="What was done", show_header=False, title_justify="left")
    hours = found["simulated_s"] / 3600
    table.add_row("simulated", f"{hours:.1f} h in {found['cycles']} cycles, {found['overruns']} overruns")
    table.add_row("plans", ", ".join(f"{count} {status}" for status, count in found["plans"].items()))
    reads = (f"{protocol} {count['good']} good {count['bad']} bad" for protocol, count in found["reads"].items())
    table.add_row("readings", ", ".join(reads))
    table.add_row("writes", ", ".join(f"{count} {outcome}" for outcome, count in found["writes"].items()))
    table.add_row("telemetry", f"{found['telemetry_points']} records")
    table.add_row("alarms", f"{found['alarms']} raised")
    table.add_row("energy balance", f"closes to {found['balance_residual']:.1e} of what flows in every step")
    table.add_row("carbon", f"{found['co2_kg']:.0f} kg CO2, without control {found['co2_kg_without_control']:.0f} kg")
    return table


def _money(found: Mapping[str, Any]) -> Table:
    table = Table(title=f"Cost in {found['currency']}", title_justify="left")
    table.add_column("term")
    table.add_column("with parkgrid", justify="right")
    table.add_column("without control", justify="right")
    for term, cost in found["cost_terms"].items():
        without = found["cost_terms_without_control"][term]
        if cost or without:
            table.add_row(term, f"{cost:.2f}", f"{without:.2f}")
    table.add_section()
    table.add_row("total", f"{found['cost']:.2f}", f"{found['cost_without_control']:.2f}")
    return table


def _energy(found: Mapping[str, Any]) -> Table:
    table = Table(title="Measured energy", title_justify="left")
    table.add_column("asset")
    table.add_column("kWh", justify="right")
    for asset, energy_kwh in found["energy_kwh"].items():
        table.add_row(asset, f"{energy_kwh:.0f}")
    return table
