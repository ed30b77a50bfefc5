import logging

import pytest

from smlmsim.grid import Axis, Grid, run_grid
from smlmsim.grid.needs import without_unmet_needs
from smlmsim.reconstruct import ReconstructionError

PLUGIN = """
class FromFrames:
    needs = ("frames",)

    def reconstruct(self, observation):
        raise RuntimeError("never")
"""


@pytest.fixture(autouse=True)
def plugin(tmp_path_factory, monkeypatch):
    """A reconstructor that needs frames, installed as a package of its own."""
    site = tmp_path_factory.mktemp("site")
    (site / "from_frames.py").write_text(PLUGIN)
    info = site / "from_frames-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: from_frames\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[smlmsim.reconstructors]\nfrom_frames = from_frames:FromFrames\n")
    monkeypatch.syspath_prepend(site)


@pytest.fixture
def grid(small_study):
    rates = Axis(setting="photophysics.rate_hz", values=(100,))
    return Grid(study=small_study, axes=(rates,), seeds=(0,), reconstructors=("sparse", "from_frames"))


def test_without_frames_a_grid_leaves_out_who_needs_them_and_says_so_once(
    grid, tmp_path, in_this_process, caplog
):
    with caplog.at_level(logging.INFO, "smlmsim"):
        scores = run_grid(grid, tmp_path / "s.zarr", progress=False)
    assert scores.reconstructor.values.tolist() == ["sparse"]
    said = [message for message in caplog.messages if "left out" in message]
    assert said == [
        "left out: from_frames; the movies have no frames: simulated studies give them with "
        "localization.kind=imaged and localization.keep_frames=true"
    ]
    again = run_grid(grid, tmp_path / "s.zarr", progress=False)
    assert again.identical(scores)


def test_a_grid_of_which_nobody_is_left_is_refused(grid, tmp_path):
    with pytest.raises(ValueError, match="no reconstructor is left without from_frames; the movies have no"):
        run_grid(grid.replace({"reconstructors": ("from_frames",)}), tmp_path / "s.zarr", progress=False)
    assert not list(tmp_path.iterdir())


def test_with_frames_all_stay(grid):
    imaged = grid.study.replace({"localization.kind": "imaged", "localization.keep_frames": True})
    kept = grid.replace({"study": imaged})
    assert without_unmet_needs(kept) == kept
    both = Axis(setting="localization.kind", values=("statistical", "imaged"))
    some = kept.replace({"axes": (*kept.axes, both)})
    assert without_unmet_needs(some) == some
    none = kept.replace({"study": kept.study.replace({"localization.keep_frames": False})})
    assert without_unmet_needs(none).reconstructors == ("sparse",)


def test_those_with_scores_stay_without_being_loaded(grid):
    gone = grid.replace({"reconstructors": ("sparse", "gone")})
    assert without_unmet_needs(gone, known=("gone",)) == gone
    with pytest.raises(ReconstructionError, match="no reconstructor 'gone'"):
        without_unmet_needs(gone)
