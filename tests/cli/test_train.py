"""The train command leaves weights that reconstruct, resumes, and says in one line what is wrong."""

import functools
import sys

import pytest

from smlmsim import cli, train

TINY = """
[dblink.network]
hidden = 2
layers = 1
channels = [2]
[dblink.budget]
steps = 3
epoch_steps = 2
validation_crops = 1
[dblink.budget.crops]
time_points = 8
height = 16
width = 16
"""

TABLE = '"frame","x [nm]","y [nm]"\n' + "".join(
    f"{i // 9 + 1},{i % 50 * 9},{i % 7 * 60}\n" for i in range(900)
)


@pytest.fixture
def smlmsim(monkeypatch, capsys):
    """Run the command line in this process: its exit code, output and errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["smlmsim", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return run


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def test_a_study_becomes_weights_that_reconstruct(smlmsim, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "HELD_OUT_MOVIES", 1)
    monkeypatch.setattr(train, "make_corpora", functools.partial(train.make_corpora, workers=1))
    monkeypatch.chdir(tmp_path)
    code, out, err = smlmsim(
        "train", "dblink", "--study", "tiny", "--size", tiny, "--out", "run", "--workers", 0
    )
    assert code == 0, err
    assert out.startswith("MS-SSIM 0.")
    weights = tmp_path / "run" / "weights.safetensors"
    before = weights.read_bytes()
    monkeypatch.chdir(tmp_path / "run")
    assert smlmsim("train", "--resume", tmp_path / "run", "--workers", 0)[1].startswith(out.split(" on ")[0])
    assert weights.read_bytes() == before
    (tmp_path / "table.csv").write_text(TABLE)
    code, _, err = smlmsim(
        "reconstruct", tmp_path / "table.csv", "--with", "dblink", "--weights", weights, "--out", tmp_path / "out"
    )  # fmt: skip
    assert code == 0, err
    assert (tmp_path / "out" / "dblink.tif").is_file()


def test_weights_to_start_from_are_found_from_any_folder(smlmsim, tiny, stored_movies, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = ("--size", tiny, "--corpus", stored_movies, "--validation", stored_movies, "--workers", 0)
    assert smlmsim("train", "dblink", "--out", "first", *given)[0] == 0
    start = ("--init", "first/weights.safetensors", "--freeze", "encoder")
    assert smlmsim("train", "dblink", "--out", "second", *given, *start)[0] == 0
    assert train.read_run(tmp_path / "second").init == tmp_path / "first" / "weights.safetensors"
    monkeypatch.chdir("/")
    code, _, err = smlmsim("train", "--resume", tmp_path / "second", "--workers", 0)
    assert code == 0, err


def test_parameters_of_every_network_and_size_are_listed(smlmsim):
    code, out, _ = smlmsim("list", "--parameters")
    rows = [line.split() for line in out.splitlines()]
    assert code == 0
    assert ["annapalm2d", "published", "together", "44,599,042"] in rows
    assert ["annapalm3d", "published", "together", "178,332,418"] in rows
    assert ["dblink", "published", "network", "1,266,913"] in rows
    assert {(row[0], row[1]) for row in rows[1:]} == {
        (name, size) for name in train.trainable() for size in ("shipped", "published")
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a network and a folder"),
        (("dblink",), "name a network and a folder"),
        (("nope", "--out", "run"), "no networks named 'nope' can be trained; installed: "),
        (("dblink", "--out", "run", "--size", "huge"), "no configuration 'huge' of dblink"),
        (("dblink", "--out", "run", "--study", "nope"), "nope"),
        (("dblink", "--out", "run", "--corpus", "c.zarr"), "--corpus and --validation go together"),
        (("dblink", "--out", "run", "--corpus", "c.zarr", "--validation", "v.zarr"), "c.zarr"),
        (("--resume", "absent"), "absent holds no training"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(smlmsim, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = smlmsim("train", *arguments)
    assert code == 1
    assert err.startswith("error: ")
    assert message in err
    assert len(err.splitlines()) == 1
