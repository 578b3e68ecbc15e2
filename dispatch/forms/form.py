"""What dispatch must know of an asset, whatever its kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dispatch.findings import same
from dispatch.plan import AssetPlan, BusId, FloatArray, Situation

if TYPE_CHECKING:
    from dispatch.block import Block, TimeGrid

Need = Literal["available_kw", "load_kw", "cop", "stored_kwh", "wanted"]
"""A mapping of the situation in which the asset must be found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form(ABC):
    """One asset as dispatch sees it: where its power counts, what it needs to know, and what must hold for its plan.

    The block says it to the solver; the check adds it up again from the plan's numbers and knows nothing of the block.
    """

    bus: BusId
    """Where `AssetPlan.power_kw` counts."""
    gives: Literal[1, -1]
    """1 when power_kw goes into the bus, -1 when it is taken from it."""

    @property
    def buses(self) -> tuple[BusId, ...]:
        return (self.bus,)

    @property
    def need(self) -> Need | None:
        return None

    @property
    def burns(self) -> bool:
        """Whether its plan has gas in it."""
        return False

    @abstractmethod
    def block(self, name: str, grid: TimeGrid) -> Block:
        """Its part of the optimisation problem. This brings cvxpy."""

    @abstractmethod
    def check(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        """What is wrong with its plan, besides what holds for every asset."""

    def pace(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        """Where its power changes faster than it can; asked of the solver only, as the guard keeps ramps."""
        yield from ()

    def unmet(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        """What a plan that is right leaves open for it."""
        yield from ()

    def wear(self, asset: AssetPlan, step_h: FloatArray) -> float:
        """What it costs to run it, besides energy."""
        return 0.0

    def starting(self, name: str, situation: Situation, asset: AssetPlan) -> float:
        """What the starts of its plan cost."""
        return 0.0

    def flows(self, power_kw: FloatArray) -> dict[BusId, FloatArray]:
        """The flows of an asset with one bus."""
        return {self.bus: self.gives * power_kw}

    def counts(self, name: str, asset: AssetPlan) -> Iterator[str]:
        """Whether its power is what flows at its bus."""
        yield from same(name, "power_kw", asset.power_kw, self.gives * asset.flows_kw[self.bus])
