"""Meaning of the columns of a table, and their units."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from smlmsim import schema
from smlmsim.io import columns as table_columns
from smlmsim.io.columns import PIXEL
from smlmsim.io.dialects import VARIABLES, Dialect
from smlmsim.io.headings import Heading, split
from smlmsim.io.reading import Headings

LATERAL = (
    "loc_x", "loc_y", "loc_sigma", "loc_sigma_x", "loc_sigma_y", "loc_uncertainty", "loc_uncertainty_x",
    "loc_uncertainty_y",
)  # fmt: skip
AXIAL = ("loc_z", "loc_uncertainty_z")
READ = (*LATERAL, "loc_frame", "loc_z", "loc_intensity", "loc_background", "loc_uncertainty_z", "loc_channel")
_PLAIN = re.compile(r"[\w.+-]{0,30}\w")


class Column(NamedTuple):
    """A column that is read: its index, its heading, and the factor to the unit of the vocabulary."""

    place: int
    heading: str
    factor: float


class Meaning(NamedTuple):
    """The columns by their names in the vocabulary, and notes on assumptions and ignored columns."""

    columns: dict[str, Column]
    notes: list[str]


class _Candidate(NamedTuple):
    place: int
    unit: str
    rank: int


def understood(
    headings: Sequence[str],
    dialect: Dialect,
    given: Headings,
    *,
    units: Sequence[str] = (),
    pixel_nm: float | None = None,
    in_pixels: bool = False,
    length_unit: str = "",
) -> Meaning:
    """Find the meaning of the columns of a table.

    Parameters
    ----------
    headings : sequence of str
        Headings of the columns.
    dialect : Dialect
        Meaning of the headings.
    given : Headings
        Columns named by the user.
    units : sequence of str, optional
        Units of the columns, if given separately from the headings; "" if not given.
    pixel_nm : float, optional
        Size of a camera pixel.
    in_pixels : bool
        Whether coordinates without a unit are in pixels, not in nm.
    length_unit : str
        Unit of coordinates, if the table states one for all.

    Raises
    ------
    ValueError
        If there is no x or no y, if a column named by the user does not exist, or if the unit of x, y or the frame is
        unknown.
    """
    split_headings = [split(heading) for heading in headings]
    beside = [unit.strip("()[] ") for unit in units] or [""] * len(headings)
    chosen = {name: _given(heading, headings, split_headings) for name, heading in _said(given).items()}
    columns: dict[str, Column] = {}
    notes: list[str] = []
    bare: dict[str, list[int]] = {}  # columns without a unit, by the assumed unit
    said_of: set[str] = set()
    shared = assumed = length_unit or ("px" if in_pixels else "")
    for variable in READ:
        if variable not in schema.VOCABULARY:
            continue
        if variable in chosen:
            place = chosen[variable]
            candidates = [_Candidate(place, _unit(split_headings[place], beside[place]), 0)]
        else:
            taken = {column.place for column in columns.values()} | set(chosen.values())
            candidates = [
                candidate
                for candidate in _candidates(split_headings, beside, dialect.synonyms(variable))
                if candidate.place not in taken
            ]
        if not candidates:
            continue
        unit = _unsaid(variable, shared, assumed)
        best, scale, refused = _best(variable, candidates, headings, unit, pixel_nm)
        name = _called(variable)
        if best is None:
            if variable in table_columns.REQUIRED:
                raise ValueError(refused[candidates[0].place])
            notes.extend(
                f"{headings[found.place]!r} is not read as {name}, since its unit is {_why(found.unit, unit)}"
                for found in candidates
            )
            continue
        columns[variable] = Column(best.place, headings[best.place], scale)
        if others := [headings[other.place] for other in candidates if other.place != best.place]:
            notes.append(f"{headings[best.place]!r} is taken for {name}, not {', '.join(map(repr, others))}")
        if variable == "loc_x":
            notes.extend(_of_unit(best.unit, length_unit, in_pixels, pixel_nm))
            if best.unit:
                shared, assumed = length_unit or best.unit, length_unit or _of_others(best.unit)
            said_of = {"loc_x"} if best.unit else {"loc_x", "loc_y"}
        elif not best.unit and variable in (*LATERAL, *AXIAL) and variable not in said_of:
            bare.setdefault(unit, []).append(best.place)
    taken = {column.place for column in columns.values()}
    free = [n for n, said in enumerate(split_headings) if n not in taken and "id" not in said.names]
    missing = [name for name in ("frame", "x", "y") if f"loc_{name}" not in columns]
    if axes := [axis for axis in missing if axis != "frame"]:
        raise ValueError(
            f"no column {' nor '.join(axes)}; the header names {_listed(headings)}; {_advice(missing, free, headings)}"
        )
    if missing:
        note = "there is no column of frames, so the localizations have no time"
        may_be = free and dialect.synonyms("loc_frame")
        example = f"; if one holds them, name it, as in {_example(missing, free, headings)}" if may_be else ""
        notes.append(note + example)
    if not length_unit:
        notes.extend(_of_bare(bare, headings, pixel_nm))
    return Meaning(_single_axes(columns), notes)


def _said(given: Headings) -> dict[str, str]:
    """The columns named by the user, by the names of the vocabulary."""
    said = {name: heading for name, heading in given.model_dump().items() if heading is not None}
    return {VARIABLES.get(name, f"loc_{name}"): heading for name, heading in said.items()}


def _given(wanted: str, headings: Sequence[str], split_headings: Sequence[Heading]) -> int:
    """The index of a column that the user names by its heading, or by its number counted from 1."""
    plain = wanted.strip().casefold()
    for place, heading in enumerate(headings):
        if heading.strip().casefold() == plain:
            return place
    for place, meant in enumerate(split_headings):
        if split(wanted).names[0] in meant.names:
            return place
    if plain.isdecimal() and 1 <= int(plain) <= len(headings):
        return int(plain) - 1
    raise ValueError(f"there is no column {wanted!r}; the columns are {_listed(headings)}, counted from 1")


def _listed(headings: Sequence[str]) -> str:
    """List the headings in words."""
    named = [repr(heading[:40]) for heading in headings[:20] if heading]
    nameless = sum(not heading for heading in headings)
    return ", ".join([*named, *([f"{nameless} without a name"] if nameless else [])]) or "nothing"


def _example(missing: Sequence[str], free: Sequence[int], headings: Sequence[str]) -> str:
    """An example of how to name missing columns: by their headings if these are simple, or by number."""
    places = [*free, *range(max(len(headings) - len(missing), 0), len(headings) + len(missing))]
    named = (
        headings[place] if place < len(headings) and _PLAIN.fullmatch(headings[place]) else str(place + 1)
        for place in places
    )
    return "columns=" + ",".join(f"{name}={found}" for name, found in zip(missing, named, strict=False))


def _advice(missing: Sequence[str], free: Sequence[int], headings: Sequence[str]) -> str:
    """Advice for the case that x or y was not found."""
    marks = re.findall(r"[^\w\s.,;()\[\]{}<>'\"-]", headings[0]) if len(headings) == 1 else []
    if marks:
        return (
            "columns are separated by tabs, semicolons, commas, bars (|) or blanks; "
            f"if something else stands between them, say so in a first line, as in sep={marks[0]}"
        )
    return f"say which they are, by name or number, as in {_example(missing, free, headings)}"


def _candidates(
    split_headings: Sequence[Heading], beside: Sequence[str], synonyms: Sequence[str]
) -> list[_Candidate]:
    """The columns that may have a given meaning, and the unit of each."""
    found: dict[int, _Candidate] = {}
    for rank, synonym in enumerate(synonyms):
        wanted = split(synonym)
        for place, heading in enumerate(split_headings):
            if wanted.names[0] in heading.names and place not in found:
                unit = beside[place] or heading.unit(wanted.names[0]) or wanted.units[0]
                found[place] = _Candidate(place, unit, rank)
    return list(found.values())


def _unit(heading: Heading, beside: str) -> str:
    return beside or heading.units[-1]


def _best(
    variable: str,
    candidates: Sequence[_Candidate],
    headings: Sequence[str],
    assumed: str,
    pixel_nm: float | None,
) -> tuple[_Candidate | None, float, dict[int, str]]:
    """The best of several columns, by unit and then by name; its factor, and why the others cannot be used."""
    factors: dict[int, float] = {}
    refused: dict[int, str] = {}
    for candidate in candidates:
        unit = candidate.unit or assumed
        try:
            factors[candidate.place] = table_columns.factor(
                variable, headings[candidate.place], unit, pixel_nm
            )
        except ValueError as error:
            refused[candidate.place] = str(error)
    usable = [candidate for candidate in candidates if candidate.place in factors]
    if not usable:
        return None, 1.0, refused
    best = min(usable, key=lambda found: (_doubt(found.unit), found.rank, found.place))
    return best, factors[best.place], refused


def _doubt(unit: str) -> int:
    """Rank a unit by its uncertainty: known, in pixels of unknown size, or unknown."""
    return 2 if unit.casefold() in PIXEL else 0 if unit else 1


def _why(unit: str, assumed: str) -> str:
    """Explain why a unit cannot be used."""
    if (unit or assumed).casefold() in PIXEL:
        return "the camera pixel, whose size is not known"
    return f"not known, {unit!r}"


def _unsaid(variable: str, shared: str, assumed: str) -> str:
    """The assumed unit of a column without one: that of x for y, and the usual unit for other quantities."""
    if variable in ("loc_x", "loc_y"):
        return shared
    return assumed if variable in LATERAL else ""


def _of_others(unit_of_x: str) -> str:
    """The assumed unit of widths and precisions without one: pixels if positions are in pixels, else nm."""
    return unit_of_x if unit_of_x.casefold() in PIXEL else ""


def _of_bare(bare: dict[str, list[int]], headings: Sequence[str], pixel_nm: float | None) -> list[str]:
    """Notes on the units assumed for other lengths without a unit."""
    said = []
    for unit, places in bare.items():
        named = [repr(headings[place]) if headings[place] else f"column {place + 1}" for place in places]
        one = len(named) == 1
        words = f"camera pixels of {pixel_nm:g} nm" if unit.casefold() in PIXEL else unit or "nm"
        said.append(
            f"{' and '.join(filter(None, (', '.join(named[:-1]), named[-1])))} {'has' if one else 'have'} no unit "
            f"and {'is' if one else 'are'} taken to be in {words}"
        )
    return said


def _of_unit(unit: str, length_unit: str, in_pixels: bool, pixel_nm: float | None) -> list[str]:
    """Notes on the units assumed for coordinates without a unit."""
    if unit or length_unit:
        return []
    if in_pixels:
        return [f"x and y have no unit and are taken to be in camera pixels of {pixel_nm:g} nm"]
    return [
        "x and y have no unit and are taken to be in nm; if they are in pixels, give camera_pixel_nm=100, say"
    ]


def _single_axes(columns: dict[str, Column]) -> dict[str, Column]:
    """Use a width or precision that is known along x alone for both axes."""
    found = dict(columns)
    for whole in ("loc_sigma", "loc_uncertainty"):
        pair = [name for name in (f"{whole}_x", f"{whole}_y") if name in found]
        if len(pair) == 1:
            alone = found.pop(pair[0])
            found.setdefault(whole, alone)
    return found


def _called(variable: str) -> str:
    """The name that a user gives to a column."""
    return next(
        (name for name, known in VARIABLES.items() if known == variable), variable.removeprefix("loc_")
    )
