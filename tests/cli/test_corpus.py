"""The corpus commands make, describe, check, repair and export."""

import sys

import pytest

from smlmsim import cli


@pytest.fixture
def smlmsim(monkeypatch, capsys):
    """Run the command line in this process: its exit code, output and errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["smlmsim", "corpus", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A corpus of two movies."""
    path = tmp_path_factory.mktemp("corpus") / "c.zarr"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sys, "argv", ["smlmsim", "corpus", "tiny", "--movies", "2", "--out", str(path), "--workers", "1"]
        )
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert not ended.value.code
    return path


def test_a_preset_is_made_and_described(smlmsim, made):
    code, out, _ = smlmsim("info", made)
    assert code == 0
    assert "2 of 2 movies" in out
    assert "motion.velocity_nm_per_s: 0 to 220, linear" in out


def test_a_damaged_file_is_named_and_repaired(smlmsim, made):
    assert smlmsim("verify", made)[0] == 0
    shard = next(file for file in (made / "counts" / "c").rglob("*") if file.is_file())
    shard.write_bytes(shard.read_bytes()[:-7])
    code, out, err = smlmsim("verify", made)
    assert code == 1
    assert "counts is damaged" in out
    assert "--repair" in err
    assert smlmsim("verify", made, "--repair", "--workers", 1)[0] == 0
    assert smlmsim("verify", made)[0] == 0


def test_it_is_exported_with_a_manifest(smlmsim, made, tmp_path):
    assert smlmsim("export", made, "--out", tmp_path / "files")[0] == 0
    files = {file.suffix for file in (tmp_path / "files").rglob("*")}
    assert {".csv", ".tif"} <= files
    assert len((tmp_path / "files" / "manifest.csv").read_text().splitlines()) == 3


def test_another_corpus_in_the_way_is_refused(smlmsim, made):
    code, _, err = smlmsim("tiny", "--movies", 3, "--out", made)
    assert code == 1
    assert err.startswith("error: ")


def test_an_unknown_preset_is_refused_with_those_there_are(smlmsim, tmp_path):
    code, _, err = smlmsim("nope", "--out", tmp_path / "c.zarr")
    assert code == 1
    assert "there are: hybrid-train, mixed-train, thesis-train, tiny" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("verfy", "c.zarr", "--repair"), "no preset or command 'verfy'; did you mean 'verify'?"),
        (("inof", "c.zarr"), "no preset or command 'inof'; did you mean 'info'?"),
        (("mak", "tiny"), "no preset or command 'mak'; did you mean 'make'?"),
        (("c.zarr",), "no preset or command 'c.zarr'; there are: hybrid-train, mixed-train"),
    ],
)
def test_a_misspelt_command_is_not_taken_for_a_study(smlmsim, words, said):
    code, _, err = smlmsim(*words)
    assert code == 1
    assert said in err


def test_a_hybrid_corpus_without_tables_is_refused(smlmsim, tmp_path):
    code, _, err = smlmsim("hybrid-train", "--out", tmp_path / "c.zarr")
    assert code == 1
    assert err == "error: hybrid-train makes movies from measured tables; give one or more with --table\n"
