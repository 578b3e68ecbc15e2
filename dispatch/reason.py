"""Why an asset does what it does in an interval of a plan: a closed set of short phrases."""

from __future__ import annotations

from enum import Enum


class Reason(Enum):
    """Each value is what an operator reads."""

    UNAVAILABLE = "left out: unavailable"
    IDLE = "idle: no gain"
    FOLLOWS_DEMAND = "follows demand"
    """Also of what nothing better is known of."""

    # loads
    NO_DEMAND = "idle: no demand"
    NOT_SERVED = "not served: no power is left"
    SHED = "shed: power costs more than it is worth"

    # energy that is wanted within windows
    NOTHING_WANTED = "idle: nothing is wanted"
    WAITS = "waits: another hour is cheaper"
    TAKES_SURPLUS = "takes: surplus"
    TAKES_CHEAP = "takes: cheap hours of its window"
    TAKES_NOW = "takes: its window ends"
    LATE = "not taken in time"

    # the connection point
    IMPORTS = "imports: what the park lacks"
    IMPORTS_TO_STORE = "imports: cheap, into stores"
    AT_MONTH_PEAK = "imports: held at the month's peak"
    AT_IMPORT_LIMIT = "imports: held at the import limit"
    OVER_IMPORT_LIMIT = "imports: beyond the limit, nothing else is left"
    EXPORTS = "exports: surplus"
    EXPORTS_FROM_STORE = "exports: from stores, the price is high"
    AT_EXPORT_LIMIT = "exports: held at the export limit"
    BALANCED = "idle: the park is in balance"

    # sun, wind, waste heat
    FEEDS = "feeds: all there is"
    NOTHING_THERE = "idle: nothing is there"
    CURTAILED_EXPORT = "curtailed: export limit"
    CURTAILED_PRICE = "curtailed: export costs money"
    CURTAILED_CAP = "curtailed: export share is used up"
    NOT_NEEDED = "left: nobody needs it"
    LEFT_OVER = "left over: nobody can take it"

    # stores
    CHARGES_SURPLUS = "charging: surplus"
    CHARGES_CHEAP = "charging: cheap valley before peak"
    CHARGES_FOR_PEAK = "charging: for the month's peak"
    CHARGES_BACK = "charging: back into its window"
    CHARGES_RESERVE = "charging: up to the reserve"
    CHARGES_END = "charging: as full at the end as at the start"
    DISCHARGES_DEAR = "discharging: peak price"
    DISCHARGES_PEAK = "discharging: shaves the month's peak"
    DISCHARGES_LIMIT = "discharging: holds the import limit"
    DISCHARGES_ROOM = "discharging: makes room for surplus"
    DISCHARGES_BACK = "discharging: back into its window"
    KEEPS_RESERVE = "idle: keeps the reserve"
    FULL = "idle: full"
    EMPTY = "idle: empty"

    # converters
    CHEAPER_THAN_GAS = "runs: cheaper than gas"
    CHEAPER_THAN_POWER = "runs: cheaper than power"
    RUNS_SURPLUS = "runs: on surplus power"
    RUNS_WASTE_HEAT = "runs: on waste heat"
    RUNS_INTO_STORE = "runs: cheap, into the store"
    RUNS_BESIDE = "runs: covers what cheaper ways leave"
    RUNS_BELOW_PEAK = "runs: as far as the month's peak allows"
    RUNS_ALONE = "runs: nothing else makes it"
    RUNS_FULL = "runs: at full load, more is wanted"
    GAS_CHEAPER = "off: gas is cheaper"
    POWER_CHEAPER = "off: power is cheaper"
    STORE_GIVES = "off: the store gives"
    NOT_WANTED = "off: nothing needs it"
    OFF = "off: another way is cheaper"
    HELD_ON = "runs: its minimum time is not over"
    HELD_OFF = "off: its minimum time is not over"

    # connections to heat and steam networks
    BUYS = "buys: what the park lacks"
    AT_BUYING_LIMIT = "buys: held at its limit"
    SELLS = "sells: what nobody needs"

    # transformers
    PASSES_IN = "passes: import"
    PASSES_OUT = "passes: export"
    OVER_RATING = "passes: beyond its rating, nothing else is left"
