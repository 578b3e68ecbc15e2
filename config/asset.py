"""What every asset of a site has, and the words that several kinds share."""

from __future__ import annotations

from typing import Annotated, Literal, Self, cast, get_args

from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveFloat, model_validator

from config.base import Frozen, Identifier

Carrier = Literal["electricity", "heat", "steam", "cooling", "hydrogen"]
"""In what form energy flows. Hydrogen counts with its lower heating value."""

HEAT_BUS = "heat"
"""The heat bus of an asset that names none."""

CONNECTION_BUS = "connection"
"""What dispatch calls the electric bus before the transformers."""

KWH_PER_KG_HYDROGEN = 33.33
"""Lower heating value of hydrogen (119.96 MJ/kg)."""


def carrier_of(bus: str) -> Carrier:
    """What flows on a bus: it has the name of its carrier, or is one of heat."""
    return cast("Carrier", bus) if bus in get_args(Carrier) else "heat"


def _no_other_carrier(name: str) -> str:
    if carrier_of(name) != "heat" or name == CONNECTION_BUS:
        raise ValueError(f"{name!r} is a bus of its own; name a heat bus after its level, such as heat or hot_gas")
    return name


HeatBus = Annotated[Identifier, AfterValidator(_no_other_carrier)]
"""Name of a heat bus: one for each temperature level."""


class AssetBase(Frozen):
    device: Identifier
    """The device whose standard points are this asset's."""
    label: str | None = None
    """The name that operators use."""
    control: Literal["dispatch", "local"] = "dispatch"
    """`local`: its own control runs it; the controller measures it and never writes to it."""


def bus_of(asset: AssetBase, carrier: Carrier, direction: int) -> str:
    """The bus that an asset gives a carrier to (`direction` above 0), or takes it from."""
    return heat_bus_of(asset, direction) if carrier == "heat" else carrier


def heat_bus_of(asset: AssetBase, direction: int) -> str:
    """The heat bus that an asset gives heat to (`direction` above 0), or takes it from."""
    own: str = getattr(asset, "heat_bus", HEAT_BUS)
    return own if direction > 0 else getattr(asset, "source_bus", own)


class Store(AssetBase):
    """Something between two levels of charge; its power follows from the balance of its bus."""

    capacity_kwh: PositiveFloat
    loss_per_h: Annotated[float, Field(ge=0, le=1)]
    """Share of what is stored that is lost each hour."""
    max_charge_kw: PositiveFloat
    max_discharge_kw: PositiveFloat


class Comfort(Frozen):
    """What it costs when a tank falls below a level that people notice."""

    soc: Annotated[float, Field(gt=0, le=1)]
    price_per_kwh_h: PositiveFloat
    """Of each kWh below it, for each hour."""


class OnOff(AssetBase):
    """A unit that either stands still or runs at its least load or more."""

    min_on_s: NonNegativeFloat = 0.0
    """For how long it runs once it has started."""
    min_off_s: NonNegativeFloat = 0.0
    """For how long it stands still once it has stopped."""
    start_cost_cny: NonNegativeFloat = 0.0
    """What a start costs beside the energy: wear, and heat that is lost."""
    max_starts_per_h: Annotated[int, Field(ge=1, le=60)] | None = None
    """How often it may be started within an hour."""

    @property
    def least_load(self) -> float:
        """The least load at which it can run, as a share of full load; 0 where it can run at any."""
        raise NotImplementedError

    @property
    def ready_kw(self) -> float:
        """The power at which it stands by, ready to start without what a start costs; 0 where it cannot."""
        return 0.0


class Ramped(OnOff):
    """A unit with a load range, that takes time to start and to move."""

    max_power_kw: PositiveFloat
    """Electric power at full load."""
    min_power_kw: NonNegativeFloat
    """Electric power below which it cannot run."""
    ramp_kw_per_s: PositiveFloat

    @model_validator(mode="after")
    def _has_a_load_range(self) -> Self:
        load_range(self.min_power_kw, self.max_power_kw, "min_power_kw", "max_power_kw")
        return self

    @property
    def least_load(self) -> float:
        return self.min_power_kw / self.max_power_kw


class Demand(AssetBase):
    peak_kw: PositiveFloat
    """Highest expected demand: what a forecast without history starts from."""


def load_range(low: float, high: float, low_name: str, high_name: str) -> None:
    """Raises ValueError unless a unit has something between its least and its full load."""
    if low >= high:
        raise ValueError(f"{low_name} must be below {high_name}")


def require_within(comfort: Comfort | None, soc_min: float, soc_max: float) -> None:
    """Raises ValueError for a level of comfort that a store never is below, or always is."""
    if comfort is not None and not soc_min < comfort.soc <= soc_max:
        raise ValueError(
            f"comfort.soc ({comfort.soc:g}) must be between soc_min ({soc_min:g}) and soc_max ({soc_max:g})"
        )
