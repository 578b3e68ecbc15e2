"""Where commands print what has columns."""

from __future__ import annotations

from rich.console import Console

WIDE = 160


def page(width: int = WIDE, *, markup: bool = True) -> Console:
    """The terminal, or for a pipe or a file, which has no width of its own, a page on which no column is cut."""
    console = Console(highlight=False, markup=markup)
    if not console.is_terminal:
        console.width = width
    return console
