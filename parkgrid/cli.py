"""The command line: which commands there are, and how their errors reach the user."""

from __future__ import annotations

import os
import sys

import typer

from parkgrid.alarms import alarms
from parkgrid.audit import audit
from parkgrid.backtest import backtest
from parkgrid.check import check
from parkgrid.demo import demo
from parkgrid.fault import fault
from parkgrid.history import history
from parkgrid.override import override
from parkgrid.plan import plan
from parkgrid.probe import probe
from parkgrid.refusal import Failed, Refused
from parkgrid.run import run
from parkgrid.simulate import simulate
from parkgrid.step import step
from parkgrid.why import why

app = typer.Typer(
    help="Energy management for the green microgrid of an industrial park.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# Each command imports what it needs when it is called, so that help and refusals come at once.
app.command()(demo)
app.command()(run)
app.command()(check)
app.command()(simulate)
app.command()(step)
app.command()(plan)
app.command()(backtest)
app.command()(probe)
app.command()(why)
app.command()(audit)
app.add_typer(override, name="override")
app.add_typer(alarms, name="alarms")
app.add_typer(fault, name="fault")
app.add_typer(history, name="history")


def main() -> None:
    """Run a command. Exit codes: 0 done, 1 failed while running, 2 refused input."""
    try:
        app()
    except Refused as refused:
        typer.echo(str(refused), err=True)
        sys.exit(2)
    except Failed as failed:
        typer.echo(str(failed), err=True)
        sys.exit(1)
    except BrokenPipeError:
        # whoever read our output has left, as `head` does: nothing more to say, also not at the interpreter's end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        typer.echo(f"parkgrid: {error}", err=True)
        sys.exit(1)
