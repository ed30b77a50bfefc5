"""Results that are computed part by part in a folder, can be resumed, and record their settings.

The scores of a grid, the movies of a corpus and the scores of a study of robustness are such results. Every part is
written completely or not at all, so that after an interruption at any moment the next run computes only what is
missing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pydantic
import zarr
from tqdm import tqdm

from smlmsim import workers
from smlmsim.difference import difference
from smlmsim.io import naming, zarr_store
from smlmsim.io.lock import sole_writer
from smlmsim.provenance import PROCESSOR, also_here, other_version, provenance
from smlmsim.spec import Spec, explain, one_line, parse_toml

Part = TypeVar("Part")
Made = TypeVar("Made")
Settings = TypeVar("Settings", bound=Spec)
Arrays = Mapping[str, tuple[tuple[int | None, ...], str]]
"""Name -> the shape of an array, None for any length, and the kinds of numbers it may hold."""


class Kind(NamedTuple):
    """A kind of result, such as "grid", and the error raised if a folder cannot be used as one."""

    name: str
    error: type[ValueError]

    def identity(self, settings: Spec) -> dict[str, str]:
        """The attributes that record the settings and the software versions of a result."""
        return {self.name: settings.to_toml(), f"{self.name}_digest": settings.digest, **provenance()}

    def opened(self, path: Path, *, checked: bool = False) -> zarr.Group:
        """Open a result that is a Zarr group, and refuse any other folder.

        Parameters
        ----------
        path : Path
        checked : bool
            Whether it was opened before in this run, so that its links need not be checked again.
        """
        try:
            group = zarr_store.opened(path, "r+", checked=checked)
        except Exception as error:  # damaged files raise errors of many types
            reason = f" ({one_line(error, 200)})" if type(error) is ValueError else ""
            raise self._no_store(path, reason) from error
        if f"{self.name}_digest" not in group.attrs:
            raise self._no_store(path)
        return group

    def settings(self, model: type[Settings], attrs: Mapping[str, Any], source: object) -> Settings:
        """Read the settings of a result from its attributes; the message of an error names the source."""
        try:
            return model.model_validate(parse_toml(str(attrs[self.name]), f"its {self.name}"))
        except KeyError:
            raise self.error(f"{source} does not record its {self.name}") from None
        except pydantic.ValidationError as error:
            raise self.error(
                f"{source} holds a {self.name} that this version does not know: {one_line(explain(error))}"
            ) from None
        except ValueError as error:
            raise self.error(f"{source} is damaged: {error}") from None

    def require_layout(self, path: Path, group: zarr.Group, arrays: Arrays) -> None:
        """Refuse arrays of other shapes or types than those of a result, before reading any."""
        for name, (shape, kinds) in arrays.items():
            try:
                zarr_store.require_shape(group[name], shape, kinds)
            except Exception as error:  # as above
                raise self.damaged(path / name, error) from error

    def require_same(
        self, path: Path, found: Mapping[str, Any], settings: Spec, addable: Collection[str] = ()
    ) -> None:
        """Refuse a result of other settings or versions; another commit of the same version is accepted.

        A setting that did not exist yet when the result was made had its default.

        Parameters
        ----------
        path : Path
        found : mapping
            The attributes of the result.
        settings : Spec
            The settings that the result should have.
        addable : collection of str
            The list settings that ``--add`` can extend.
        """
        stored = self._completed(found, settings)
        if settings.digest not in (found.get(f"{self.name}_digest"), stored and stored.digest):
            theirs = stored.to_toml() if stored else str(found.get(self.name, ""))
            words, can_be_added = difference(theirs, settings.to_toml(), addable, settings.aside)
            remedy = "give --add to keep both" if can_be_added else "delete it"
            raise self.error(
                f"{path} belongs to another {self.name}: {words}; choose another place with --out, or {remedy}"
            )
        self.require_version(path, found)

    def _completed(self, found: Mapping[str, Any], like: Settings) -> Settings | None:
        """What a result is of, with the defaults of the settings that it does not know; None if it does not say it."""
        try:
            return self.settings(type(like), found, "it")
        except ValueError:
            return None

    def require_version(self, path: Path, found: Mapping[str, Any]) -> None:
        """Refuse a result of other versions."""
        if differs := other_version(found):
            raise self.error(f"{path} {differs}, or choose another place with --out")

    def damaged(self, path: Path, error: Exception) -> ValueError:
        """Make the error that says which part of a result is damaged."""
        reason = one_line(error) or type(error).__name__
        return self.error(f"{path} is damaged ({reason}); delete the store to start anew")

    def _no_store(self, path: Path, reason: str = "") -> ValueError:
        return self.error(f"{path} is not the store of a {self.name}{reason}; choose another place")


def made_here(path: Path, attrs: MutableMapping[str, Any]) -> None:
    """Record in the attributes of a result that this kind of processor contributes to it; warn if it is new."""
    made = also_here(attrs, str(path))
    if made != attrs.get(PROCESSOR, made):
        with naming(path):
            attrs[PROCESSOR] = made


def make_once(path: Path, make: Callable[[], None]) -> None:
    """Make a folder unless it exists already, even if another run makes it at the same moment."""
    try:
        if not path.exists():
            make()
    except OSError:
        if not path.exists():
            raise


@contextlib.contextmanager
def sole_run(path: Path) -> Iterator[None]:
    """Lock a result against other runs, and remove temporary files that killed runs left behind.

    Raises
    ------
    BusyError
        If another run writes to it.
    """
    with sole_writer(path) as locked:
        zarr_store.sweep(path, all_of_them=locked)
        yield


def complete(
    function: Callable[[Part], Made],
    missing: list[Part],
    *,
    total: int,
    unit: str,
    processes: int | None = None,
    scheduler: str | None = None,
    progress: bool = True,
    failed: Callable[[Made], bool] = lambda _: False,
) -> Iterator[tuple[Part, Made | Exception]]:
    """Make the missing parts of a result in other processes; yield each, to be kept, as it comes.

    Parameters
    ----------
    function : callable
        Computes a part; importable by name in the workers.
    missing : list
        Descriptions of the missing parts, picklable.
    total : int
        The number of parts of the whole result.
    unit : str
        Name of a part in the progress bar.
    processes, scheduler
        As :func:`smlmsim.workers.spread` takes them.
    progress : bool
        Show a progress bar.
    failed : callable
        Whether a part counts as failed in the progress bar, as all do that raise.
    """
    outcomes = workers.spread(function, missing, workers=processes, scheduler=scheduler)
    with tqdm(
        total=total, initial=total - len(missing), unit=unit, disable=not progress, smoothing=0.1
    ) as bar:
        failures = 0
        for part, outcome in outcomes:
            yield part, outcome
            failures += isinstance(outcome, Exception) or failed(outcome)
            bar.set_postfix({"failed": failures} if failures else {}, refresh=False)
            bar.update()
