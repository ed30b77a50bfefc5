"""A store keeps every cell whole or not at all, and belongs to one grid."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from smlmsim import provenance
from smlmsim.grid import Axis, Grid, read_scores, run_grid
from smlmsim.grid.store import CellScores, GridStore, StoreError
from smlmsim.io.lock import BusyError, sole_writer


@pytest.fixture
def grid(small_study):
    axis = Axis(setting="photophysics.rate_hz", values=(100, 400))
    return Grid(
        study=small_study,
        axes=(axis,),
        seeds=(0, 7),
        reconstructors=("sparse", "static_sum"),
        metrics=("ms_ssim", "psnr"),
    )


def test_what_is_written_is_read_back_and_no_longer_pending(grid, tmp_path):
    store = GridStore(tmp_path / "s.zarr", grid)
    tasks = store.pending()
    assert len(tasks) == 4
    store.write(tasks[1], CellScores(np.array([[0.5, np.nan], [20.0, np.nan]]), ["", "ValueError: no"]))
    again = GridStore(tmp_path / "s.zarr", grid)
    assert [task.cell.place for task in again.pending()] == [(0, 0), (1, 0), (1, 1)]
    assert [task.cell.place for task in again.pending(retry_failed=True)] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    scores = read_scores(tmp_path / "s.zarr")
    assert scores.ms_ssim.dims == ("photophysics.rate_hz", "seed", "reconstructor")
    chosen = scores.sel({"photophysics.rate_hz": 100, "seed": 7})
    assert float(chosen.psnr.sel(reconstructor="sparse")) == 20.0
    assert np.isnan(chosen.psnr.sel(reconstructor="static_sum"))
    assert str(chosen.reason.sel(reconstructor="static_sum").item()) == "ValueError: no"
    assert np.isnan(scores.ms_ssim.values).sum() == 7
    retried = again.pending(retry_failed=True)[1]
    assert retried.wanted == {"static_sum": ("ms_ssim", "psnr")}


def test_scores_have_the_order_of_the_grid_whatever_the_directory_listing(grid, tmp_path, monkeypatch):
    grid = grid.replace({"metrics": ("psnr", "ms_ssim", "nrmse")})
    GridStore(tmp_path / "s.zarr", grid)
    listed, tables, raw = Path.iterdir, [], []
    for backwards in (False, True):
        monkeypatch.setattr(Path, "iterdir", lambda path, r=backwards: iter(sorted(listed(path), reverse=r)))
        scores = read_scores(tmp_path / "s.zarr")
        metrics = [*grid.metrics, *(f"floor_{name}" for name in grid.metrics), "reason", "seconds"]
        assert list(scores) == metrics
        assert list(scores.coords) == ["photophysics.rate_hz", "seed", "reconstructor"]
        tables.append(scores.to_dataframe().reset_index().to_csv(index=False))
        assert tables[-1].split("\n")[0] == ",".join([*scores.coords, *metrics])
        raw.append(list(xr.open_zarr(tmp_path / "s.zarr", consolidated=False)))
    assert tables[0] == tables[1]
    assert raw[0] != raw[1]


def test_a_store_of_another_grid_is_refused_with_the_difference(grid, tmp_path):
    GridStore(tmp_path / "s.zarr", grid)
    with pytest.raises(
        StoreError,
        match=r"another grid: seeds there are without 8 and with 7 besides; .*--out, or give --add",
    ):
        GridStore(tmp_path / "s.zarr", grid.replace({"seeds": (0, 8)}))


def test_a_store_of_another_version_is_refused(grid, tmp_path, monkeypatch):
    GridStore(tmp_path / "s.zarr", grid)
    monkeypatch.setattr("smlmsim.provenance.provenance", lambda: {"numpy_version": "0.1"})
    with pytest.raises(StoreError, match=r"made with numpy_version .*, this is 0\.1"):
        GridStore(tmp_path / "s.zarr", grid)


def test_a_folder_that_is_no_store_is_refused_and_left_alone(grid, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(StoreError, match="not the store of a grid"):
        GridStore(tmp_path, grid)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_damaged_store_is_named(grid, tmp_path):
    store = GridStore(tmp_path / "s.zarr", grid)
    store.write(store.pending()[0], CellScores(np.zeros((2, 2)), ["", ""]))
    for chunk in (tmp_path / "s.zarr" / "done" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"")
    with pytest.raises(StoreError, match="damaged"):
        store.pending()


def test_a_place_that_cannot_be_written_is_named_and_nothing_is_left(grid, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"cannot make .*file/s\.zarr.* choose another place"):
        GridStore(tmp_path / "file" / "s.zarr", grid)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_the_kinds_of_processor_that_score_cells_are_noted(grid, tmp_path, monkeypatch, caplog):
    made, store = provenance.provenance(), GridStore(tmp_path / "s.zarr", grid)
    store.begin(scoring=True)
    assert not caplog.text
    monkeypatch.setattr(provenance, "provenance", lambda: made | {"processor": "z80"})
    store.begin(scoring=True)
    assert f"made on a processor of the kind {made['processor']}, this is z80" in caplog.text
    assert read_scores(tmp_path / "s.zarr").attrs["processor"] == f"{made['processor']}, z80"


@pytest.mark.parametrize("name", ["done/c/0/0", "seed/c/0", "zarr.json", "nrmse"])
def test_a_link_out_of_the_store_is_not_followed(grid, tmp_path, name):
    GridStore(tmp_path / "s.zarr", grid)
    link = tmp_path / "s.zarr" / name
    if link.exists():
        link.rename(tmp_path / "elsewhere")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(tmp_path / "elsewhere" if (tmp_path / "elsewhere").exists() else "/etc/hostname")
    for use in (read_scores, lambda path: GridStore(path, grid)):
        with pytest.raises(StoreError, match="is a link that leads out of the folder"):
            use(tmp_path / "s.zarr")


def test_arrays_that_are_not_of_the_grid_are_refused_before_they_are_read(grid, tmp_path):
    GridStore(tmp_path / "s.zarr", grid)
    file = tmp_path / "s.zarr" / "done" / "zarr.json"
    about = json.loads(file.read_text())
    about["shape"][0] = 10**12
    file.write_text(json.dumps(about))
    with pytest.raises(StoreError, match=r"done is damaged \(found \(1000000000000, .*expected"):
        read_scores(tmp_path / "s.zarr")


def test_a_second_run_into_one_store_says_so_at_once(grid, tmp_path):
    GridStore(tmp_path / "s.zarr", grid)
    with (
        sole_writer(tmp_path / "s.zarr"),
        pytest.raises(BusyError, match=r"another run is writing to .*s\.zarr"),
    ):
        run_grid(grid, tmp_path / "s.zarr", progress=False)
