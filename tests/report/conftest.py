"""A small grid that was run, and the report of it."""

import pytest
from one_process import one_process

from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.grid import Axis, Grid, run_grid
from smlmsim.pipeline import SimulatedDynamic
from smlmsim.regions import RATE, VELOCITY
from smlmsim.report import write_report


@pytest.fixture(scope="package")
def grid():
    return Grid(
        study=SimulatedDynamic(
            field=FieldOfView(height_nm=800, width_nm=640), acquisition=Acquisition(time_points=6)
        ),
        axes=(Axis(setting=RATE, values=(1600, 300)), Axis(setting=VELOCITY, values=(0, 75))),
        seeds=(3, 4),
        reconstructors=("sparse", "static_sum", "moving_window"),
        metrics=("ms_ssim", "nrmse"),
    )


@pytest.fixture(scope="package")
def result(grid, tmp_path_factory):
    folder = tmp_path_factory.mktemp("result")
    with one_process():
        run_grid(grid, folder / "scores.zarr", progress=False)
    return folder


@pytest.fixture(scope="package")
def page(result, tmp_path_factory):
    with one_process():
        return write_report(result, tmp_path_factory.mktemp("report"), progress=False)
