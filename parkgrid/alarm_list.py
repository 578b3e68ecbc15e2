"""Alarms as a person reads them, and as a program does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

import typer

from config.site import Site
from controller.alarming.alarm import Alarm
from controller.alarming.states import ACTIVE, ASIDE
from parkgrid.operating import local
from parkgrid.page import page

PRIORITY_STYLE = {"high": "bold red", "medium": "yellow", "low": "cyan"}
"""The most urgent first."""
_URGENCY = list(PRIORITY_STYLE)


def in_order(alarms: Iterable[Alarm]) -> list[Alarm]:
    """What stands first, then what went unseen, then what is put aside; within each the most urgent, oldest first."""
    return sorted(
        alarms,
        key=lambda alarm: (
            0 if alarm.state in ACTIVE else 2 if alarm.state in ASIDE else 1,
            _URGENCY.index(alarm.kind.priority),
            alarm.since,
        ),
    )


def print_alarms(site: Site, alarms: Iterable[Alarm], saved_at: str, now: datetime) -> None:
    console = page()
    found = in_order(alarms)
    console.print(f"{site.name}: {_count(found)}, as of {saved_at}", markup=False, style="bold")
    for alarm in found:
        words = alarm.kind.words(site.file.language)
        style = PRIORITY_STYLE[alarm.kind.priority] if alarm.active else "dim"
        state = alarm.state.value.replace("_", " ")
        since = local(alarm.since, site)
        console.print(
            f"\n{alarm.name}  {words.title}  [{alarm.kind.priority}, {state} since {since}]", markup=False, style=style
        )
        lines = [words.cause, words.consequence, words.action]
        if alarm.text:
            lines.insert(1, alarm.text)
        if (aside := alarm.put_aside) is not None:
            end = "" if aside.until is None else f" until {local(aside.until, site)}"
            lines.append(f"put aside by {aside.by}{end}: {aside.reason}")
        for line in lines:
            console.print(f"    {line}", markup=False)


def print_json(site: Site, alarms: Iterable[Alarm], saved_at: str, now: datetime) -> None:
    listed = []
    for alarm in in_order(alarms):
        words = alarm.kind.words(site.file.language)
        aside = alarm.put_aside
        listed.append(
            {
                "alarm": alarm.kind.name,
                "asset": alarm.asset,
                "priority": alarm.kind.priority,
                "state": alarm.state.value,
                "active": alarm.active,
                "since": alarm.since.isoformat(),
                "text": alarm.text,
                "title": words.title,
                "cause": words.cause,
                "consequence": words.consequence,
                "action": words.action,
                "put_aside": None
                if aside is None
                else {
                    "by": aside.by,
                    "reason": aside.reason,
                    "at": aside.at.isoformat(),
                    "until": None if aside.until is None else aside.until.isoformat(),
                },
            }
        )
    answer = {"site": site.name, "now": now.isoformat(), "as_of": saved_at, "alarms": listed}
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))


def _count(alarms: list[Alarm]) -> str:
    if not alarms:
        return "no alarms"
    active = sum(alarm.active for alarm in alarms)
    aside = sum(alarm.state in ASIDE for alarm in alarms)
    return f"{active} alarms stand, {len(alarms) - active - aside} went unseen, {aside} put aside"
