"""A part of the park that hangs on a line of its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat

from config.asset import AssetBase
from config.base import Identifier


class Feeder(AssetBase):
    """A metered line, such as that of a hall's transformer, and what it may carry; power + is towards what it feeds."""

    kind: Literal["feeder"]
    control: Literal["local"] = "local"
    """Nothing is written to it, and nothing is planned for it: its limits bind what hangs on it."""
    feeds: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    """The assets that hang on it."""
    import_limit_kw: NonNegativeFloat
    """What may flow to them."""
    export_limit_kw: NonNegativeFloat
    """What may flow back."""
