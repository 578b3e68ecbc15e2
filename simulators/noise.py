"""Seeded noise that is a function of time: the value at a time never depends on the steps taken to get there.

White noise is hashed from (seed, stream, index), so that no generator has a state. Smooth noise joins such values,
one every `period_s`, and is standard normal at every time:

    z(t) = ((1 - w) * a + w * b) / sqrt((1 - w)^2 + w^2)

    a, b   normal values of the knots before and after t
    w      share of the period that has passed since the knot before t
"""

from __future__ import annotations

import math
import zlib

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MASK = (1 << 64) - 1
# the constants of splitmix64, a mixing function that passes the usual tests of randomness
_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def _mixed(word: int) -> int:
    """splitmix64 of one word, in Python's integers."""
    word = (word + _GOLDEN) & _MASK
    word = ((word ^ (word >> 30)) * int(_MIX_1)) & _MASK
    word = ((word ^ (word >> 27)) * int(_MIX_2)) & _MASK
    return word ^ (word >> 31)


def uniform(seed: int, stream: str, index: IntArray) -> FloatArray:
    """White noise in 0 <= u < 1, one value per index; shape of `index`, at least one dimension."""
    key = _mixed((seed & _MASK) ^ _mixed(zlib.crc32(stream.encode())))
    word = np.atleast_1d(index).astype(np.uint64) * np.uint64(_GOLDEN) + np.uint64(key)
    word = (word ^ (word >> np.uint64(30))) * _MIX_1
    word = (word ^ (word >> np.uint64(27))) * _MIX_2
    word = word ^ (word >> np.uint64(31))
    return (word >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(seed: int, stream: str, index: IntArray) -> FloatArray:
    """White noise, standard normal, one value per index (Box and Muller)."""
    radius = np.sqrt(-2.0 * np.log1p(-uniform(seed, stream + ".radius", index)))
    return radius * np.cos(2.0 * np.pi * uniform(seed, stream + ".angle", index))


def smooth(seed: int, stream: str, period_s: float, t_s: FloatArray) -> FloatArray:
    """Noise with a new value every `period_s`; standard normal at every time, shape of `t_s`.

    `t_s` are seconds since 1970 in UTC.
    """
    place = t_s / period_s
    knot = np.floor(place).astype(np.int64)
    first, last = int(knot.min()), int(knot.max())
    knots = normal(seed, stream, np.arange(first, last + 2))
    weight = place - knot
    before, after = knots[knot - first], knots[knot - first + 1]
    joined: FloatArray = ((1.0 - weight) * before + weight * after) / np.hypot(1.0 - weight, weight)
    return joined


_erfc = np.frompyfunc(math.erfc, 1, 1)


def share_above(z: FloatArray) -> FloatArray:
    """The share of a standard normal population above `z`: turns normal noise into uniform noise."""
    above: FloatArray = 0.5 * np.asarray(_erfc(z / math.sqrt(2.0)), dtype=np.float64)
    return above
