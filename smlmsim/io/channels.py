"""Channels of a text table that are named rather than numbered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from smlmsim.io.text import MISSING, is_number

MOST_COUNTED = 100  # larger numbers are wavelengths or other names
UNKNOWN = "unknown"


class Channels:
    """Numbers channels from 0 in the order in which their names occur."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    @staticmethod
    def are_names(values: Sequence[str]) -> bool:
        """Whether values are names, such as a dye or a wavelength, rather than channel numbers."""
        known = [value for value in values if value.casefold() not in MISSING]
        return any(not is_number(value) or float(value) >= MOST_COUNTED for value in known)

    @property
    def known(self) -> tuple[str, ...]:
        """The names so far."""
        return tuple(self._numbers)

    def numbers(
        self, values: npt.NDArray[np.float64], written: Sequence[str] | None
    ) -> npt.NDArray[np.float64]:
        """Return the channel numbers of rows.

        Parameters
        ----------
        values : array (localization,)
            Values as numbers, NaN for texts and empty values.
        written : sequence of str, optional
            Values as texts, if they are not all plain numbers.
        """
        if written is None:
            found, firsts, inverse = np.unique(values, return_index=True, return_inverse=True)
            names = [UNKNOWN if np.isnan(value) else _name(value) for value in found]
        else:
            plain = [UNKNOWN if value.casefold() in MISSING else value for value in written]
            unique, firsts, inverse = np.unique(np.array(plain, str), return_index=True, return_inverse=True)
            names = [_name(float(name)) if is_number(name) else str(name) for name in unique]
        for index in np.argsort(firsts):
            self._numbers.setdefault(names[index], len(self._numbers))
        return np.array([self._numbers[name] for name in names], np.float64)[inverse]


def _name(number: float) -> str:
    """A number as a name, with all its digits."""
    return f"{int(number)}" if float(number).is_integer() else f"{number:.15g}"
