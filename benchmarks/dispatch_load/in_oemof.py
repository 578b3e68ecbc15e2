"""E, ED and EHD in oemof.solph: sources, sinks, converters and storages, with the peak and the end values added."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pandas as pd
import pyomo.environ as pyo
from oemof import solph

from dispatch_load.terms import StoreTerms, Terms

logging.disable(logging.INFO)  # each solve says that it worked


def cost(terms: Terms) -> float:
    """Builds the energy system, solves it with HiGHS, and returns the objective."""
    start = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)  # solph counts intervals, not days
    index = pd.date_range(start, periods=terms.steps + 1, freq=f"{terms.minutes}min")
    system = solph.EnergySystem(timeindex=index, infer_last_interval=False)
    electricity = solph.Bus(label="electricity")
    imported = solph.Flow(nominal_capacity=terms.import_limit_kw, variable_costs=terms.import_per_kwh)
    exported = solph.Flow(nominal_capacity=terms.export_limit_kw, variable_costs=terms.export_per_kwh)
    sun = solph.Flow(nominal_capacity=1.0, maximum=terms.sun_kw, variable_costs=terms.sun_per_kwh)
    load = solph.Flow(nominal_capacity=1.0, fix=terms.load_kw)
    grid = solph.components.Source(label="import", outputs={electricity: imported})
    system.add(
        electricity,
        grid,
        solph.components.Sink(label="export", inputs={electricity: exported}),
        solph.components.Source(label="sun", outputs={electricity: sun}),
        solph.components.Sink(label="load", inputs={electricity: load}),
    )
    stores = {terms.battery.name: (terms.battery, _store(terms.battery, electricity))}
    if (heat := terms.heat) is not None:
        warm = solph.Bus(label="heat")
        taken = solph.Flow(nominal_capacity=heat.pump_kw)
        burnt = solph.Flow(nominal_capacity=heat.boiler_kw, variable_costs=heat.boiler_per_kwh)
        used = solph.Flow(nominal_capacity=1.0, fix=heat.load_kw)
        system.add(
            warm,
            solph.components.Converter(
                label="pump",
                inputs={electricity: taken},
                outputs={warm: solph.Flow()},
                conversion_factors={warm: heat.cop},
            ),
            solph.components.Source(label="boiler", outputs={warm: burnt}),
            solph.components.Sink(label="heat_load", inputs={warm: used}),
        )
        stores[heat.tank.name] = (heat.tank, _store(heat.tank, warm))
    system.add(*(storage for _, storage in stores.values()))
    model = solph.Model(system)
    model.extra = pyo.Var(range(len(terms.demand_per_kw)), domain=pyo.NonNegativeReals)
    model.peak = pyo.Constraint(
        range(terms.steps),
        rule=lambda m, t: m.flow[grid, electricity, t] - m.extra[int(terms.month[t])] <= float(terms.peak_kw[t]),
    )
    model.missing = pyo.Var(list(stores), domain=pyo.NonNegativeReals)
    model.spare = pyo.Var(list(stores), domain=pyo.NonNegativeReals)
    model.end = pyo.Constraint(
        list(stores),
        rule=lambda m, name: (
            m.GenericStorageBlock.storage_content[stores[name][1], terms.steps] + m.missing[name] - m.spare[name]
            == stores[name][0].target_kwh
        ),
    )
    model.objective.expr += sum(
        float(per_kw) * model.extra[month] for month, per_kw in enumerate(terms.demand_per_kw)
    ) + sum(
        store.keep_per_kwh * model.missing[name] - store.spare_per_kwh * model.spare[name]
        for name, (store, _) in stores.items()
    )
    model.solve(solver="highs")
    return float(pyo.value(model.objective))


def _store(store: StoreTerms, bus: solph.Bus) -> solph.components.GenericStorage:
    return solph.components.GenericStorage(
        label=store.name,
        nominal_capacity=store.capacity_kwh,
        initial_storage_level=store.start,
        min_storage_level=store.least,
        max_storage_level=store.most,
        balanced=False,
        loss_rate=store.loss_per_h,
        inflow_conversion_factor=store.charge_efficiency,
        outflow_conversion_factor=store.discharge_efficiency,
        inputs={bus: solph.Flow(nominal_capacity=store.charge_kw, variable_costs=store.charge_per_kwh)},
        outputs={bus: solph.Flow(nominal_capacity=store.discharge_kw, variable_costs=store.discharge_per_kwh)},
    )
