"""What is recorded: the measurements, their tags, and the one type that each field has for ever.

InfluxDB fixes the type of a field by the first value it sees and refuses the others. So the type is fixed
here, and not by whatever value came first. ``docs/telemetry.md`` is the same table for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

FieldType = Literal["float", "int", "bool", "str"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One kind of record."""

    tags: tuple[str, ...]
    """All of them must be given."""
    fields: Mapping[str, FieldType]
    optional_tags: tuple[str, ...] = ()
    """May be left out or empty: an alarm of the whole site has no asset."""
    other_fields: FieldType | None = None
    """Type of the fields that are named by the site's profiles; None where every field is named here."""

    def type_of(self, name: str) -> FieldType | None:
        """The type of a field, None when the measurement has no such field."""
        return self.fields.get(name, self.other_fields)


def _of(field_type: FieldType, *names: str) -> dict[str, FieldType]:
    return dict.fromkeys(names, field_type)


MEASUREMENTS: Mapping[str, Measurement] = {
    "asset": Measurement(
        tags=("site", "asset", "kind"),
        fields={
            **_of("float", "power_kw", "planned_kw", "setpoint_kw", "soc", "heat_kw", "limit_kw"),
            **_of("float", "reactive_kvar", "reactive_setpoint_kvar"),
            **_of("bool", "available", "released"),
            **_of("str", "mode", "reactive_reason", "release_reason"),
        },
    ),
    "point": Measurement(
        tags=("site", "device"),
        fields={**_of("int", "bad"), **_of("float", "age_s")},
        other_fields="float",
    ),
    "plan": Measurement(
        tags=("site", "asset"),
        fields={**_of("float", "power_kw", "stored_kwh"), **_of("str", "method", "issued_at", "reason")},
    ),
    "forecast": Measurement(
        tags=("site", "asset"),
        fields={
            **_of("str", "way"),
            **_of("float", "error_1h_kw", "error_4h_kw", "error_24h_kw"),
            **_of("float", "low_1h_kw", "low_4h_kw", "low_24h_kw", "high_1h_kw", "high_4h_kw", "high_24h_kw"),
        },
    ),
    "decision": Measurement(
        tags=("site", "asset"),
        fields={
            **_of("float", "setpoint_kw", "planned_kw", "correction_kw", "low_kw", "high_kw"),
            **_of("str", "owner", "reason", "written"),
        },
    ),
    "interval": Measurement(
        tags=("site", "asset"),
        fields={
            **_of("float", "energy_kwh", "import_kwh", "export_kwh", "gas_kwh", "consumption_kwh", "generation_kwh"),
            **_of("float", "self_use_kwh", "curtailed_kwh", "cost_import", "cost_export", "cost_gas", "cost_demand"),
            **_of("float", "bought_heat_kwh", "sold_heat_kwh", "cost_heat"),
            **_of("float", "cost_carbon", "cost_contract", "cost_ladder", "cost_power_factor", "cost_total"),
            **_of("float", "co2_kg", "tce", "peak_kw", "import_price"),
        },
    ),
    "alarm": Measurement(
        tags=("site", "alarm"),
        fields={**_of("str", "state", "priority", "text", "by"), **_of("int", "active")},
        optional_tags=("asset",),
    ),
    "controller": Measurement(
        tags=("site",),
        fields={
            **_of("str", "mode", "plan_method"),
            **_of("float", "cycle_ms", "acquire_ms", "decide_ms", "apply_ms", "late_ms", "solve_s"),
            **_of("float", "import_price", "export_price", "month_peak_kw", "balance_residual_kw"),
            **_of("float", "demand_kw", "demand_target_kw", "demand_allowed_kw"),
            **_of("int", "overruns", "queue", "waiting", "dropped", "active_alarms"),
        },
    ),
}
