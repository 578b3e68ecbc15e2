"""What an asset of the simulated park is to the plant: a model, and how it takes part in a step.

The physics of a kind is a plain class: values and seconds in, values out, no clock. How it hangs on the buses of the
park is a function beside it that makes the model and returns it `Wired`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from simulators.account import Account
from simulators.bus import Bus
from simulators.electric_bus import ElectricBus

Key = tuple[str, str]
"""Asset (empty for the whole park) and quantity, such as ("pv_a", "available_kw")."""

REACTIVE_PER_ACTIVE = 0.43
"""Of loads and machines: power factor 0.92, motors with some compensation."""


class Moment:
    """The end of a step, and how long the step was. One object serves all steps of a plant."""

    __slots__ = ("dt_s", "local_s", "t_s", "values")

    def __init__(self, t_s: float, local_s: float, dt_s: float, values: Sequence[float]) -> None:
        self.t_s = t_s
        """UTC seconds since 1970."""
        self.local_s = local_s
        """What a clock on the wall shows, in seconds since 1970."""
        self.dt_s = dt_s
        self.values = values
        """The surroundings, in the order of their keys."""


class Model(Protocol):
    """One asset."""

    def account(self) -> Account: ...

    def points(self) -> dict[str, float]: ...  # by standard name, in the site's sign


Advance = Callable[[Moment], None]


class Wired(NamedTuple):
    """A model and its part in a step of the plant."""

    model: Model
    advance: Advance


def moved_by_its_bus(model: Model) -> Wired:
    """A model that takes no part of its own in a step."""
    return Wired(model, lambda now: None)


class Seat(NamedTuple):
    """An asset's place in the plant: all that it may hang on."""

    name: str
    electricity: ElectricBus
    bus: Callable[[str], Bus]
    """By name: a heat level, steam, cooling or hydrogen."""
    places: Mapping[Key, int]
    """Where each value of the surroundings stands in `Moment.values`."""
    first: Sequence[float]
    """The surroundings at the start."""
    soc: float
    """Of a store, at the start."""
    seed: int
    kinds: Mapping[str, str]
    """Of all assets, by name."""
    others: Callable[[str], Model]
    """By name: their models, once all are made."""
    mean_degc: float
    """Mean of the year's air, which is also the temperature of the ground."""

    def own(self, quantity: str) -> int:
        """Where a value of the asset's own stands, such as its demand."""
        return self.places[self.name, quantity]

    def may_own(self, quantity: str) -> int | None:
        """The same, None for a value that this asset does not have."""
        return self.places.get((self.name, quantity))
