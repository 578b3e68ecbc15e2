"""SunSpec discovery on register images that a reader can count, without any wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from drivers.modbus_connection import Refusal
from drivers.sunspec import BadSunspec, Discovered, FoundModel, discover, points_of_model, values_of

SUNS = [0x5375, 0x6E53]
END = [0xFFFF, 0]
ILLEGAL = Refusal("illegal data address")


def words_of(text: str, registers: int) -> list[int]:
    padded = text.encode().ljust(2 * registers, b"\0")
    return [padded[at] << 8 | padded[at + 1] for at in range(0, 2 * registers, 2)]


COMMON = [
    *(1, 66),
    *words_of("Sun & Co", 16),
    *words_of("Inverter 7", 16),
    *words_of("", 8),
    *words_of("1.2", 8),
    *words_of("0815", 16),
    *(1, 0),
]
IMMEDIATE = [123, 24, *[0xFFFF] * 24]


class Image:
    """A unit with registers here and there; it counts what it is asked."""

    def __init__(self, pieces: Mapping[int, Sequence[int]]) -> None:
        self.registers = {start + at: word for start, words in pieces.items() for at, word in enumerate(words)}
        self.asked: list[tuple[int, int]] = []

    async def read(self, address: int, count: int) -> tuple[int, ...] | Refusal:
        self.asked.append((address, count))
        assert count <= 125
        wanted = range(address, address + count)
        if any(at not in self.registers for at in wanted):
            return ILLEGAL
        return tuple(self.registers[at] for at in wanted)


async def found_in(image: Image) -> Discovered:
    found = await discover(image.read)
    assert isinstance(found, Discovered), found
    return found


@pytest.mark.parametrize("base", [40000, 0, 50000])
async def test_the_block_is_found_at_each_of_the_three_places(base: int) -> None:
    found = await found_in(Image({base: [*SUNS, *COMMON, *IMMEDIATE, *END]}))
    assert found.base == base
    # 2 registers of marker, then 2 + 66 of the common model
    assert found.models == (FoundModel(1, base + 2, 66), FoundModel(123, base + 70, 24))
    assert (found.manufacturer, found.model, found.version, found.serial) == ("Sun & Co", "Inverter 7", "1.2", "0815")
    assert found.ended == ""


async def test_the_usual_place_is_asked_first_and_wins() -> None:
    image = Image({0: [*SUNS, *END], 40000: [*SUNS, *COMMON, *END]})
    assert (await found_in(image)).base == 40000
    assert image.asked[0] == (40000, 2)


async def test_no_block_says_what_is_there_instead() -> None:
    assert await discover(Image({}).read) == Refusal("no SunSpec block at 40000, 0, 50000: illegal data address")
    assert await discover(Image({0: [7, 7]}).read) == Refusal(
        "no SunSpec block at 40000, 50000: illegal data address; no SunSpec block at 0: other registers stand there"
    )


@pytest.mark.parametrize("tail", [[], [0xFFFF]])
async def test_without_an_end_marker_the_refused_address_ends_the_walk(tail: list[int]) -> None:
    """The second device has the ID of the end, and no length behind it."""
    found = await found_in(Image({40000: [*SUNS, *COMMON, *IMMEDIATE, *tail]}))
    assert [model.id for model in found.models] == [1, 123]
    assert found.ended == "no end marker at 40096: illegal data address"


async def test_models_that_we_do_not_know_are_walked_over() -> None:
    found = await found_in(Image({40000: [*SUNS, 64999, 5, *[0] * 5, *COMMON, *END]}))
    assert [(model.id, model.address, model.title) for model in found.models] == [
        (64999, 40002, ""),
        (1, 40009, "Common"),
    ]
    assert found.serial == "0815"
    assert list(points_of_model(found.models[0])) == []


@pytest.mark.parametrize(
    ("after", "what"),
    [
        ([0, 0], "at 40070 stands model 0 with a length of 0"),
        ([103, 0], "at 40070 stands model 103 with a length of 0"),
        ([103, 5000], "at 40070 stands model 103 with a length of 5000"),
    ],
)
async def test_what_cannot_be_a_model_is_refused(after: list[int], what: str) -> None:
    with pytest.raises(BadSunspec, match=what):
        await discover(Image({40000: [*SUNS, *COMMON, *after, *[0] * 50]}).read)


async def test_a_device_that_answers_every_address_alike_is_refused() -> None:
    """It shows ``SunS`` everywhere, so the first header reads as model 0x5375 with 0x6E53 registers."""

    async def read(address: int, count: int) -> tuple[int, ...] | Refusal:
        return tuple((SUNS * count)[:count])

    with pytest.raises(BadSunspec, match="model 21365 with a length of 28243"):
        await discover(read)


async def test_a_device_that_repeats_one_model_for_ever_is_refused() -> None:
    image = Image({40000: [*SUNS, *[122, 1, 0] * 200]})
    with pytest.raises(BadSunspec, match="more than 100 models"):
        await discover(image.read)
    # marker, 101 headers: it is not asked for ever
    assert len(image.asked) == 102


async def test_a_walk_over_the_last_register_is_refused() -> None:
    pieces: dict[int, list[int]] = {50000: SUNS}
    for step in range(4):
        pieces[50002 + step * 4002] = [900 + step, 4000]
    with pytest.raises(BadSunspec, match="over the last register"):
        await discover(Image(pieces).read)


async def test_a_shortened_model_has_the_points_that_fit() -> None:
    """Model 123 of 20 registers: its scale factors, 23 registers after the ID, would lie in the next model."""
    short = FoundModel(123, 40070, 20)
    names = [point.name for point in points_of_model(short)]
    assert "WMaxLim_Ena" in names
    assert "WMaxLimPct" not in names


async def test_texts_keep_what_can_be_printed() -> None:
    common = [1, 66, 0x4100, 0x4242, *[0] * 14, *words_of("  B\x1b[2J  ", 16), *[0] * 34]
    found = await found_in(Image({40000: [*SUNS, *common, *END]}))
    # the first text ends at its first zero
    assert (found.manufacturer, found.model, found.serial) == ("A", "B[2J", "")


async def test_values_are_in_sunspec_units_and_none_is_none() -> None:
    model = [0xFFFF] * 50
    model[12:14] = [5123, 2]  # W, two registers after ID and length: offsets 14 and 15
    model[14:16] = [5000, 0xFFFE]  # Hz
    model[22:25] = [0x0012, 0xD687, 1]  # WH: 0x12D687 is 1234567
    model[0], model[4] = 300, 0x8000  # A without a scale factor
    image = Image({40000: [*SUNS, 103, 50, *model, *END]})
    found = await found_in(image)
    image.asked.clear()
    values = await values_of(image.read, found)
    (said,) = values.values()
    assert (said["W"], said["Hz"], said["WH"]) == (512300.0, 50.0, 12345670.0)
    assert said["A"] is None
    assert said["St"] is None
    assert len(image.asked) == 1


async def test_repeated_modules_are_counted_by_the_length() -> None:
    """Model 160 with two modules of 20 registers; DCW is the twelfth, its scale factor stands once in front."""
    modules = [[1, *words_of("roof", 8), 0xFFFF, 0xFFFF, power, 0, 0, *[0xFFFF] * 6] for power in (250, 0xFFFF)]
    fixed = [0x8000, 0x8000, 1, 0x8000, 0, 0, 2, 0xFFFF]
    image = Image({40000: [*SUNS, 160, 48, *fixed, *modules[0], *modules[1], *END]})
    found = await found_in(image)
    assert found.models[0].modules == 2
    (said,) = (await values_of(image.read, found)).values()
    assert (said["1.DCW"], said["2.DCW"], said["N"]) == (2500.0, None, 2.0)


async def test_a_part_that_the_device_does_not_give_is_left_out() -> None:
    """Of model 213 (126 registers with ID and length) the last one, which a second request asks for, is not there."""
    image = Image({40000: [*SUNS, 213, 124, *[0] * 123]})
    found = await found_in(image)
    (said,) = (await values_of(image.read, found)).values()
    assert said["W"] == 0.0
    assert "Evt" not in said
