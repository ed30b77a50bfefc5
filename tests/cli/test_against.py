"""`smlmsim reconstruct --widefield` says how well a reconstruction explains a widefield stack of the same sample."""

import re

import numpy as np
import pytest
import tifffile
import xarray as xr

import smlmsim
from baselines._widefield import on_pixels
from smlmsim import cli, schema
from smlmsim.aligned import Aligned
from smlmsim.cli import against
from smlmsim.widefield import as_movie

STUDY = smlmsim.SimulatedDynamic(
    field=smlmsim.FieldOfView(height_nm=1600, width_nm=1600),
    acquisition=smlmsim.Acquisition(time_points=4),
    motion=smlmsim.Static(),
    photophysics=smlmsim.Poisson(rate_hz=1600),
    widefield=smlmsim.Widefield(),
)


@pytest.fixture
def run(monkeypatch, capsys):
    """A function that runs a command in this process and returns how it ended and what it said."""

    def command(*arguments):
        monkeypatch.setattr("sys.argv", ["smlmsim", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code, said.out + said.err

    return command


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """A folder with a table, its widefield stack, the same without a scale, and the stack of another sample."""
    folder = tmp_path_factory.mktemp("sample")
    same, other = (smlmsim.simulate(STUDY, seed).observation for seed in (0, 1))
    smlmsim.write(same, folder / "table.csv")
    smlmsim.write(as_movie(same), folder / "same.tif")
    smlmsim.write(as_movie(other), folder / "other.tif")
    tifffile.imwrite(folder / "bare.tif", same.widefield.values, photometric="minisblack")
    return folder


def test_a_widefield_stack_of_the_same_sample_is_explained_better_than_one_of_another(sample, run, tmp_path):
    found = {}
    for name in ("same", "other"):
        out = tmp_path / name
        code, said = run(
            "reconstruct", sample / "table.csv", "--widefield", sample / f"{name}.tif", "--out", out
        )
        assert code == 0, said
        found[name] = float(re.search(r"RSP (-?[\d.]+), RSE", said)[1])
    assert found["same"] > 0.9
    assert found["other"] < 0.6
    with tifffile.TiffFile(tmp_path / "same" / "error.tif") as error:
        assert error.series[0].shape == (4, 16, 16)
        numerator, denominator = error.pages[0].tags["XResolution"].value
        assert numerator / denominator == pytest.approx(10)


def test_a_stack_without_a_scale_is_told_what_would_do(sample, run, tmp_path):
    bare, out = sample / "bare.tif", tmp_path / "out"
    code, said = run("reconstruct", sample / "table.csv", "--widefield", bare, "--out", out)
    assert code == 1
    assert "bare.tif: the file does not say how large a pixel is; give" in said
    assert re.search("widefield.pixel.nm", said)
    code, said = run(
        "reconstruct", sample / "table.csv", "--widefield", bare, "--widefield-pixel-nm", 100, "--out", out
    )
    assert code == 1
    assert "bare.tif: it is not known how long a time point is; give" in said
    assert re.search("widefield.interval.s", said)
    assert not out.exists()


def test_simulate_leaves_a_widefield_stack_where_the_camera_saw_it(run, tmp_path):
    (tmp_path / "study.toml").write_text(STUDY.to_toml())
    assert run("simulate", tmp_path / "study.toml", "--out", tmp_path)[0] == 0
    stack, microscope = smlmsim.read(tmp_path / "widefield.tif").counts, STUDY.widefield
    assert stack.y.values == pytest.approx(microscope.view(STUDY.field).y_nm)
    assert stack.time.values == pytest.approx(microscope.times_s(STUDY.acquisition))


def test_a_shifted_stack_is_registered_before_it_is_compared(sample, run, tmp_path):
    stack = smlmsim.read(sample / "same.tif").counts
    smlmsim.write(stack.assign_coords(y=stack.y + 150, x=stack.x - 120), tmp_path / "shifted.tif")
    code, said = run(
        "reconstruct",
        sample / "table.csv",
        "--widefield",
        tmp_path / "shifted.tif",
        "--out",
        tmp_path / "out",
    )
    assert code == 0, said
    shift = re.search(r"shifted by y (-?\d+) nm, x (-?\d+) nm", said)
    assert [float(shift[1]), float(shift[2])] == pytest.approx([-150, 120], abs=30)
    assert float(re.search(r"RSP (-?[\d.]+), RSE", said)[1]) > 0.9


def test_a_stack_of_noise_is_refused(sample, run, tmp_path):
    stack = smlmsim.read(sample / "same.tif").counts
    noise = np.random.default_rng(0).poisson(120, stack.shape).astype(np.float32)
    smlmsim.write(stack.copy(data=noise), tmp_path / "noise.tif")
    out = tmp_path / "out"
    code, said = run("reconstruct", sample / "table.csv", "--widefield", tmp_path / "noise.tif", "--out", out)
    assert code == 1
    assert "noise.tif: the widefield images show no structure beyond noise" in said
    assert not out.exists()


class SeesImages:
    """A reconstructor that shows the widefield image nearest in time."""

    needs = ("widefield",)

    def reconstruct(self, observation):
        axes = {axis: observation[axis] for axis in ("time", "y", "x")}
        return schema.estimate({}, meaning="widefield", density=on_pixels(observation), **axes)


def test_a_reconstructor_that_needs_widefield_images_gets_them_where_the_localizations_are(
    sample, run, tmp_path, monkeypatch
):
    monkeypatch.setattr("smlmsim.cli.reconstruct._loaded", lambda *_: SeesImages())
    command = ("reconstruct", sample / "table.csv", "--with", "sees_images", "--movie", "none", "--out")
    code, said = run(*command, tmp_path / "none")
    assert code == 1
    assert "needs 'widefield', which this observation lacks; simulated studies give it with" in said
    assert "smlmsim reconstruct with --widefield STACK" in said
    assert not (tmp_path / "none").exists()
    code, said = run(*command, tmp_path / "same", "--widefield", sample / "same.tif")
    assert code == 0, said
    assert "has seen these images: that it agrees with them is no independent check" in said
    assert float(re.search(r"RSP (-?[\d.]+), RSE", said)[1]) > 0.9


class Fails:
    """A reconstructor that must not be run."""

    def reconstruct(self, observation):
        raise AssertionError("reconstructed from images that should have been refused")


class NeedsImages(Fails):
    """The same, with widefield images."""

    needs = ("widefield",)


def _spoilt(stack, kind):
    """A stack that no reconstructor can use."""
    rng = np.random.default_rng(0)
    return {
        "other": lambda: stack[:, ::-1, ::-1].assign_coords(y=stack.y, x=stack.x),
        "noise": lambda: stack.copy(data=rng.poisson(120, stack.shape).astype(np.float32)),
        "constant": lambda: xr.full_like(stack, 7),
        "channels": lambda: xr.concat([stack, stack], "channel").assign_coords(channel=["a", "b"]),
        "tiny": lambda: stack[:, :3, :3],
        "small": lambda: stack[:, :8, :8],
        "late": lambda: stack.assign_coords(time=stack.time + 1000),
        "away": lambda: stack.assign_coords(y=stack.y + 1e5),
    }[kind]()


REFUSED = {
    "other": r"could not be registered: .*, or another reconstructor, as in --with gaussian_time",
    "noise": r"these could not be registered: they show no structure beyond noise; .* --widefield-pixel-nm 160",
    "constant": r"the widefield images are constant",
    "channels": r"the reconstruction has one channel, the widefield images have 2 channels, a, b",
    "tiny": r"the widefield images have 3 x 3 pixels; at least 6 per axis",
    "small": r"sees needs .*: the widefield image has 8 x 8 pixels; at least 12 along each axis",
    "late": r"the widefield images were taken from",
}


@pytest.mark.parametrize("kind", REFUSED)
def test_images_that_a_reconstructor_needs_are_refused_before_it_runs(
    sample, run, tmp_path, monkeypatch, kind
):
    monkeypatch.setattr("smlmsim.cli.reconstruct._loaded", lambda *_: NeedsImages())
    smlmsim.write(_spoilt(smlmsim.read(sample / "same.tif").counts, kind), tmp_path / "w.tif")
    code, said = run(
        "reconstruct", sample / "table.csv", "--with", "sees", "--movie", "none", "--widefield", tmp_path / "w.tif",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert code == 1
    [error] = [line for line in said.splitlines() if "w.tif: " in line]
    assert re.search(REFUSED[kind], error), error
    assert "warning" not in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("constant", "the widefield images are constant"),
        ("channels", "the widefield images have 2 channels"),
        ("tiny", "3 x 3 pixels"),
        ("away", "lie in the reconstruction"),
    ],
)
def test_images_that_cannot_be_compared_are_refused_before_any_reconstruction(
    sample, run, tmp_path, monkeypatch, kind, words
):
    monkeypatch.setattr("smlmsim.cli.reconstruct._loaded", lambda *_: Fails())
    monkeypatch.setattr("smlmsim.cli.against.aligned", lambda stack, _: Aligned(stack, problem="too dark"))
    smlmsim.write(_spoilt(smlmsim.read(sample / "same.tif").counts, kind), tmp_path / "w.tif")
    code, said = run(
        "reconstruct", sample / "table.csv", "--movie", "none", "--widefield", tmp_path / "w.tif", "--out",
        tmp_path / "out",
    )  # fmt: skip
    assert code == 1
    assert words in said
    assert not (tmp_path / "out").exists()


def test_images_that_are_only_compared_may_lie_anywhere_and_this_is_said(sample, caplog, monkeypatch):
    monkeypatch.setattr("smlmsim.cli.against.aligned", lambda stack, _: Aligned(stack, problem="too dark"))
    stack = smlmsim.read(sample / "same.tif").counts
    found = against.registered_widefield(stack, sample / "same.tif", None, None)
    xr.testing.assert_identical(found, stack)
    [record] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "same.tif could not be registered with the localizations: too dark" in record.message
    assert "stays where it lies, so that a low agreement may come from its position" in record.message
