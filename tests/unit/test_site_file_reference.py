"""docs/site-file.md names every key that a site file may have, and every kind of asset and connection."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from config.asset import Comfort
from config.assets import Asset, BatteryCells
from config.battery_curves import EfficiencyPoint, TaperPoint, WearPiece
from config.calendar import SiteCalendar
from config.caps import Caps, CarbonCap, EnergyBudget, ExportShare
from config.connection import Modbus, Mqtt, OpcUa
from config.ladder import Ladder, LadderStep
from config.power_factor import Penalty, PowerFactor
from config.price_series import SpotPrices
from config.reserve import DemandResponse, OutageReserve, Reserve
from config.site import Control, Device, InfluxDb, Location, Risk, SeriesSource, Simulation, SiteFile, Telemetry
from config.tariff import ContractedDemand

WORDS = set(re.findall(r"\w+", (Path(__file__).parents[2] / "docs" / "site-file.md").read_text(encoding="utf-8")))
ASSETS = get_args(get_args(Asset)[0])
CONNECTIONS = (*get_args(Modbus), OpcUa, Mqtt)


@pytest.mark.parametrize(
    "model",
    [
        SiteFile,
        Location,
        SiteCalendar,
        Control,
        Risk,
        Telemetry,
        InfluxDb,
        Device,
        Simulation,
        SeriesSource,
        BatteryCells,
        Comfort,
        EfficiencyPoint,
        TaperPoint,
        WearPiece,
        Caps,
        Reserve,
        OutageReserve,
        DemandResponse,
        SpotPrices,
        PowerFactor,
        Penalty,
        CarbonCap,
        EnergyBudget,
        ExportShare,
        ContractedDemand,
        Ladder,
        LadderStep,
        *ASSETS,
        *CONNECTIONS,
    ],
    ids=lambda model: model.__name__,
)
def test_every_key_is_explained(model: type[SiteFile]) -> None:
    assert set(model.model_fields) <= WORDS


def test_every_kind_is_listed() -> None:
    kinds = {get_args(asset.model_fields["kind"].annotation)[0] for asset in ASSETS}
    protocols = {get_args(connection.model_fields["protocol"].annotation)[0] for connection in CONNECTIONS}
    assert kinds | protocols <= WORDS
