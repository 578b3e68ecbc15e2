"""E, ED and EHD in PyPSA: buses, generators, links and stores, with the peak and the end values added to its model."""

from __future__ import annotations

import logging

import pandas as pd
import pypsa

from dispatch_load.terms import StoreTerms, Terms

for noisy in ("pypsa", "linopy"):
    logging.getLogger(noisy).setLevel(logging.ERROR)


def cost(terms: Terms) -> float:
    """Builds the network, solves it with HiGHS, and returns the objective."""
    network = pypsa.Network()
    network.set_snapshots(pd.RangeIndex(terms.steps))
    network.snapshot_weightings = pd.DataFrame(
        terms.step_h, index=network.snapshots, columns=network.snapshot_weightings.columns
    )
    network.add("Bus", "electricity")
    network.add("Load", "load", bus="electricity", p_set=terms.load_kw)
    network.add(
        "Generator",
        "sun",
        bus="electricity",
        p_nom=1.0,
        p_max_pu=terms.sun_kw,
        marginal_cost=terms.sun_per_kwh,
    )
    for name, sign, limit_kw, price in (
        ("import", 1.0, terms.import_limit_kw, terms.import_per_kwh),
        ("export", -1.0, terms.export_limit_kw, terms.export_per_kwh),
    ):
        network.add("Generator", name, bus="electricity", sign=sign, p_nom=limit_kw, marginal_cost=price)
    stores = [terms.battery]
    _add_store(network, "electricity", terms.battery)
    if (heat := terms.heat) is not None:
        network.add("Bus", "heat")
        network.add("Load", "heat", bus="heat", p_set=heat.load_kw)
        network.add("Link", "pump", bus0="electricity", bus1="heat", p_nom=heat.pump_kw, efficiency=heat.cop)
        network.add("Generator", "boiler", bus="heat", p_nom=heat.boiler_kw, marginal_cost=heat.boiler_per_kwh)
        _add_store(network, "heat", heat.tank)
        stores.append(heat.tank)
    model = network.optimize.create_model(include_objective_constant=False)
    imported = model["Generator-p"].sel(name="import")
    for month, per_kw in enumerate(terms.demand_per_kw.tolist()):
        within = network.snapshots[terms.month == month]
        extra = model.add_variables(lower=0.0, name=f"extra_{month}")
        peak = pd.Series(terms.peak_kw, network.snapshots).loc[within].to_xarray()
        model.add_constraints(imported.sel(snapshot=within) - extra <= peak, name=f"peak_{month}")
        model.objective += per_kw * extra
    for store in stores:
        missing = model.add_variables(lower=0.0, name=f"{store.name}_missing")
        spare = model.add_variables(lower=0.0, name=f"{store.name}_spare")
        at_end = model["Store-e"].sel(name=store.name, snapshot=terms.steps - 1)
        model.add_constraints(at_end + missing - spare == store.target_kwh, name=f"{store.name}_end")
        model.objective += store.keep_per_kwh * missing - store.spare_per_kwh * spare
    status, words = network.optimize.solve_model(solver_name="highs", log_to_console=False)
    assert status == "ok", words
    return float(network.model.objective.value)


def _add_store(network: pypsa.Network, bus: str, store: StoreTerms) -> None:
    inside = f"{store.name}_inside"
    network.add("Bus", inside)
    network.add(
        "Store",
        store.name,
        bus=inside,
        e_nom=store.capacity_kwh,
        e_min_pu=store.least,
        e_max_pu=store.most,
        e_initial=store.start * store.capacity_kwh,
        standing_loss=store.loss_per_h,
    )
    network.add(
        "Link",
        f"{store.name}_charge",
        bus0=bus,
        bus1=inside,
        p_nom=store.charge_kw,
        efficiency=store.charge_efficiency,
        marginal_cost=store.charge_per_kwh,
    )
    network.add(
        "Link",
        f"{store.name}_discharge",
        bus0=inside,
        bus1=bus,
        p_nom=store.discharge_kw / store.discharge_efficiency,  # a link is rated at what goes in
        efficiency=store.discharge_efficiency,
        marginal_cost=store.discharge_per_kwh * store.discharge_efficiency,
    )
