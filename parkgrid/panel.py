"""The live table: what the park does, what it is told and why."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from controller.alarming.states import ASIDE, State
from controller.image import Snapshot
from controller.modes import Mode
from controller.status import Status
from parkgrid.alarm_list import PRIORITY_STYLE, in_order

_MODE_STYLE = {
    Mode.STARTING: "cyan",
    Mode.OPTIMAL: "bold green",
    Mode.FALLBACK: "bold yellow",
    Mode.ISLANDED: "bold magenta",
    Mode.SAFE: "bold red",
    Mode.STOPPED: "dim",
}
ALARMS_SHOWN = 5


def panel(status: Status) -> RenderableType:
    """The whole display for one cycle."""
    return Group(_headline(status), _assets(status), _alarms(status))


def _headline(status: Status) -> Text:
    snapshot = status.snapshot
    local = snapshot.at.astimezone(ZoneInfo(snapshot.site.location.time_zone))
    line = Text(f"{snapshot.site.name}  {local:%a %Y-%m-%d %H:%M:%S}  ", style="bold")
    line.append(status.mode.value.upper(), style=_MODE_STYLE[status.mode])
    price = "unknown" if status.prices is None else f"{status.prices.import_per_kwh:.3f}/kWh"
    line.append(f"  price now {price}  month peak {status.month_peak_kw:.0f} kW")
    if status.demand is not None:
        line.append(f"  15 min {status.demand.mean_kw:.0f} of {status.demand.target_kw:.0f} kW")
    if status.plan is not None:
        line.append(f"  plan {status.plan.method.value} of {_local_time(status)}")
    line.append(f"  cycle {status.cycles}, {status.timings.cycle_ms:.0f} ms", style="dim")
    return line


def _local_time(status: Status) -> str:
    assert status.plan is not None
    zone = ZoneInfo(status.snapshot.site.location.time_zone)
    return f"{status.plan.issued_at.astimezone(zone):%H:%M}"


def _assets(status: Status) -> Table:
    table = Table(expand=True, pad_edge=False)
    table.add_column("asset", no_wrap=True)
    for name in ("measured kW", "set kW", "plan kW", "state"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("because of", no_wrap=True)
    table.add_column("reason", overflow="ellipsis", no_wrap=True, ratio=1)
    for name in status.snapshot.site.assets:
        table.add_row(*_row(status, name))
    return table


def _row(status: Status, name: str) -> list[str | Text]:
    snapshot, plan = status.snapshot, status.plan
    step = plan.step_at(snapshot.at) if plan is not None else None
    planned = (
        plan.assets[name].power_kw[step] if plan is not None and step is not None and name in plan.assets else None
    )
    decided = status.decision.assets.get(name)
    why = snapshot.why_unavailable(name)
    measured: str | Text = _kw(snapshot.steered_kw(name))
    if why:
        measured = Text("unavailable", style="bold red")
    return [
        name,
        measured,
        _kw(decided.setpoint_kw) if decided is not None else "",
        _kw(None if planned is None else float(planned)),
        _state(snapshot, name),
        decided.owner if decided is not None else "",
        decided.reason if decided is not None else why,
    ]


def _state(snapshot: Snapshot, name: str) -> str:
    soc = snapshot.value(name, "soc")
    if soc is not None:
        return f"{soc:.0%}"
    makes_heat = snapshot.site.assets[name].kind in ("heat_pump", "electric_boiler")
    heat_kw = snapshot.value(name, "heat_power_kw") if makes_heat else None
    return "" if heat_kw is None else f"{heat_kw:.0f} kW heat"


def _kw(value: float | None) -> str:
    return "" if value is None else f"{value + 0.0:.0f}"


def _alarms(status: Status) -> Text:
    active = [alarm for alarm in in_order(status.alarms) if alarm.active]
    unseen = sum(alarm.state is State.RETURNED for alarm in status.alarms)
    aside = sum(alarm.state in ASIDE for alarm in status.alarms)
    lines = Text()
    if not active:
        lines.append("no alarms\n", style="green")
    for alarm in active[:ALARMS_SHOWN]:
        words = alarm.kind.words(status.snapshot.site.file.language)
        at = f" {alarm.asset}" if alarm.asset else ""
        seen = " (acknowledged)" if alarm.state in (State.ACKNOWLEDGED, State.LATCHED) else ""
        style = PRIORITY_STYLE[alarm.kind.priority]
        lines.append(f"{words.title}{at}: {alarm.text}{seen}. {words.action}\n", style=style)
    if len(active) > ALARMS_SHOWN:
        lines.append(f"and {len(active) - ALARMS_SHOWN} more\n", style="yellow")
    if unseen or aside:
        lines.append(f"{unseen} went unseen, {aside} put aside: parkgrid alarms\n", style="dim")
    lines.rstrip()
    return lines
