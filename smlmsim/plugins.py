"""Plug-ins: objects that installed packages offer under an entry point, found by name."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pydantic

from smlmsim._settings import closest
from smlmsim.spec import explain, one_line

PREFIX = "smlmsim."
"""Beginning of the name of every entry-point group that this project searches."""


class PluginError(ValueError):
    """A plug-in cannot be loaded."""


@dataclass(frozen=True)
class Plugins:
    """One family of plug-ins, such as all reconstructors.

    Parameters
    ----------
    group : str
        The entry-point group in which packages offer them: ``smlmsim.`` and a plural.
    noun : str
        Name of one of them in messages.
    verbs : tuple of str
        Methods that each of them must have.
    made : bool
        Whether an entry point names a class whose arguments are the settings, of which ``load`` makes an object.
        Otherwise ``load`` returns what the entry point names.
    error : type
        Error raised if one of them cannot be loaded.

    Examples
    --------
    >>> Plugins("smlmsim.nothing", "nothing", ("be",)).available()
    []
    """

    group: str
    noun: str
    verbs: tuple[str, ...]
    made: bool = True
    error: type[ValueError] = PluginError

    def available(self) -> list[str]:
        """Return the names of all installed plug-ins of the family, sorted, without importing them."""
        return sorted(entry_points(group=self.group).names)

    def load(self, name: str, settings: Mapping[str, Any] | None = None) -> Any:
        """Return an installed plug-in.

        Parameters
        ----------
        name : str
            One of ``available()``.
        settings : mapping, optional
            Arguments of the class; by default none.

        Raises
        ------
        ValueError
            An error of the type ``error``: if no package or more than one offers the name, if its module cannot be
            imported, if the settings do not fit, if the class fails to make an object, or if a method is missing. A
            ValueError of the class itself is passed on.
        OSError
            If the class raises it, as where a file of weights is missing.
        """
        entry = self._entry(name)
        found = self._imported(entry)
        if self.made:
            found = self._made(name, found, settings or {})
        for verb in self.verbs:
            if not callable(getattr(found, verb, None)):
                raise self.error(f"{entry.value} of {_package(entry)} has no {verb}()")
        return found

    def _entry(self, name: str) -> EntryPoint:
        entries = _offers(self.group, name, tuple(sys.path)) or tuple(
            entry_points(group=self.group, name=name)
        )
        if not entries:
            near = closest(name, self.available())
            hint = (
                f"did you mean {near!r}?" if near else f"installed: {', '.join(self.available()) or 'none'}"
            )
            raise self.error(f"no {self.noun} {name!r}; {hint}")
        if len(entries) > 1:
            packages = " and ".join(sorted(map(_package, entries)))
            raise self.error(f"{self.noun} {name!r} is offered by {packages}: uninstall all but one")
        return entries[0]

    def _imported(self, entry: EntryPoint) -> Any:
        try:
            return entry.load()
        except (Exception, SystemExit) as error:
            reason = one_line(f"{type(error).__name__}: {error}")
            raise self.error(
                f"{self.noun} {entry.name!r} of {_package(entry)} cannot be imported: {reason}"
            ) from error

    def _made(self, name: str, make: Any, settings: Mapping[str, Any]) -> Any:
        try:
            return make(**settings)
        except (pydantic.ValidationError, TypeError) as error:
            reason = explain(error) if isinstance(error, pydantic.ValidationError) else one_line(error)
            raise self.error(f"the settings of {name!r} do not fit: {reason}") from error
        except ImportError as error:
            raise self.error(f"{self.noun} {name!r} cannot be used: {one_line(error)}") from error
        except (ValueError, OSError):
            raise  # the class says in its own words what is wrong
        except Exception as error:
            reason = one_line(f"{type(error).__name__}: {error}")
            raise self.error(f"{self.noun} {name!r} cannot be made: {reason}") from error


def offered(name: str) -> list[str]:
    """Return all entry-point groups of this project in which a package offers a name.

    Examples
    --------
    >>> offered("gaussian_time")
    ['smlmsim.reconstructors']
    """
    found = entry_points(name=name)
    return sorted(group for group in found.groups if group.startswith(PREFIX))


@functools.lru_cache(maxsize=256)
def _offers(group: str, name: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Return the entry points of a name; the packages on ``path`` are searched once, which takes about 3 ms."""
    return tuple(entry_points(group=group, name=name))


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
