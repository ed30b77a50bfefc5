"""A draft is made on the command line, with options named in what is asked for."""

from pathlib import Path

DATA = Path(__file__).parents[2] / "data" / "example.csv"
WHO = ("--author", "Doe, Jane", "--license", "cc-by-4.0", "--exposure-s", 0.03)


def test_a_draft_is_made_and_nothing_uploaded(run, tmp_path):
    code, said = run("publish", DATA, "--draft", tmp_path / "draft", *WHO, "--tag", "structure:mictotubules")
    assert code == 0
    assert "did you mean 'structure:microtubules'?" in said
    assert "draft is ready: 7 files, " in said
    assert (tmp_path / "draft" / "example.smlm").is_file()


def test_what_is_missing_is_named_as_options(run, tmp_path):
    code, said = run("publish", DATA, "--draft", tmp_path / "draft", *WHO[2:])
    assert code == 1
    assert "name each with --author 'Family, Given'" in said
    code, said = run("publish", DATA, "--draft", tmp_path / "draft", *WHO[:2], *WHO[4:])
    assert code == 1
    assert "choose one: --license CC-BY-4.0 asks" in said
    assert list(tmp_path.iterdir()) == []
