"""NetCDF files of any origin, such as scores and clips, read completely into memory."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import xarray as xr

from smlmsim.io import hdf5
from smlmsim.io.atomic import replacing, require_room
from smlmsim.io.limits import bounded_memory, require_plausible
from smlmsim.spec import one_line


def read(path: str | Path) -> xr.Dataset:
    """Read a dataset that xarray wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    xr.Dataset
        Dataset in memory; the file is closed. Times are not decoded.

    Raises
    ------
    ValueError
        If it is not a NetCDF file, is damaged, declares an absurd size, or refers to other files; the message of one
        line names the file.
    OSError
        If there is no such file, or it may not be read.
    """
    with hdf5.opened(path) as file:
        found = [data for data in file.values() if isinstance(data, h5py.Dataset)]
        for data in found:
            hdf5.require_readable(data)
        claimed = sum(data.size * data.dtype.itemsize for data in found)
        require_plausible("the file", claimed, Path(path).stat().st_size)
        with bounded_memory(2 * claimed):
            return _loaded(Path(path))


def _loaded(path: Path) -> xr.Dataset:
    with warnings.catch_warnings(), path.open("rb") as handle:
        warnings.simplefilter(
            "ignore"
        )  # warnings about oddities of a file that is then either refused or read anyway
        try:
            with xr.open_dataset(handle, engine="h5netcdf", decode_times=False, phony_dims="sort") as found:
                return found.load()
        except MemoryError:
            raise
        except Exception as error:  # damaged files raise errors of many types
            raise ValueError(f"not a NetCDF file, or a damaged one ({one_line(error)})") from error


def write(
    data: xr.Dataset, path: str | Path, *, encoding: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Write a NetCDF file, completely or not at all.

    Parameters
    ----------
    data : xr.Dataset
    path : str or Path
    encoding : mapping, optional
        Storage of variables, as in :meth:`xarray.Dataset.to_netcdf`.

    Raises
    ------
    OSError
        If the file cannot be written. Lack of space is detected before HDF5 begins, which would end the process if it
        could not close a file.
    """
    with replacing(path) as draft:
        require_room(draft.parent, data.nbytes)
        data.to_netcdf(draft, engine="h5netcdf", encoding=dict(encoding or {}))
