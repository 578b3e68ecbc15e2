"""What the month's highest average import costs, as measured or by contract."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from config.tariff import Tariff


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandCharge:
    """The demand charge of one month."""

    per_kw: float
    """What each kW above `free_kw` costs, once in the month."""
    free_kw: float
    """Up to here the month's highest average adds nothing: by contract it is paid in any case, or excess is allowed."""
    agreed_per_h: float
    """What the contracted demand costs, used or not, for each hour of the month."""


def demand_charge(tariff: Tariff, day: date) -> DemandCharge:
    """The demand charge in the month of a local day.

    As measured, each kW costs the charge. By contract the agreed demand costs it, and each kW above the share of
    it that is allowed costs a multiple.
    """
    charge, contract = tariff.demand_charge_per_kw_month, tariff.contracted_demand
    if contract is None:
        return DemandCharge(per_kw=charge, free_kw=0.0, agreed_per_h=0.0)
    agreed_kw = contract.kw_in(day)
    hours = 24.0 * monthrange(day.year, day.month)[1]
    return DemandCharge(
        per_kw=contract.excess_times * charge,
        free_kw=contract.excess_from * agreed_kw,
        agreed_per_h=agreed_kw * charge / hours,
    )


def dearest_demand(tariff: Tariff) -> float:
    """The most that one more kW of the month's peak can cost."""
    contract = tariff.contracted_demand
    return tariff.demand_charge_per_kw_month * (1.0 if contract is None else contract.excess_times)
