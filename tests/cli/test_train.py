"""The train command leaves weights that reconstruct, resumes, and says in one line what is wrong."""

import functools
import sys
import textwrap
from importlib import resources

import pytest

from smlmsim import cli, train
from smlmsim.cli.train import train as train_command
from smlmsim.corpus import held_out

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


@pytest.mark.slow
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


@pytest.mark.slow
def test_weights_to_start_from_are_found_from_any_folder(
    smlmsim, tiny, stored_movies, held_out_movie, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    given = ("--size", tiny, "--corpus", stored_movies, "--validation", held_out_movie, "--workers", 0)
    assert smlmsim("train", "dblink", "--out", "first", *given)[0] == 0
    start = ("--init", "first/weights.safetensors", "--freeze", "encoder")
    assert smlmsim("train", "dblink", "--out", "second", *given, *start)[0] == 0
    assert train.read_run(tmp_path / "second").init == tmp_path / "first" / "weights.safetensors"
    monkeypatch.chdir("/")
    code, _, err = smlmsim("train", "--resume", tmp_path / "second", "--workers", 0)
    assert code == 0, err


@pytest.mark.slow
def test_a_new_study_is_learned_while_the_old_one_is_rehearsed_and_both_are_scored(
    smlmsim, tiny, stored_movies, held_out_movie, tmp_path, monkeypatch
):
    monkeypatch.setattr(train, "HELD_OUT_MOVIES", 1)
    monkeypatch.setattr(train, "keep_corpora", functools.partial(train.keep_corpora, workers=1))
    monkeypatch.chdir(tmp_path)
    given = ("--size", tiny, "--corpus", stored_movies, "--validation", held_out_movie, "--workers", 0)
    assert smlmsim("train", "dblink", "--out", "first", *given)[0] == 0
    start = ("--continue", "first/weights.safetensors", "--keep", stored_movies, "--keep-share", 0.25)
    code, out, err = smlmsim("train", "dblink", "--out", "second", *given, *start)
    assert code == 0, err
    run = train.read_run(tmp_path / "second")
    assert run.keep == (stored_movies, tmp_path / "second" / "keep" / "validation.zarr")
    assert run.keep_share == 0.25
    scores = run.kept(tmp_path / "second")
    configuration = train.load_trainable("dblink").model_validate(run.configuration)
    assert scores["new"][1] == configuration.score(
        tmp_path / "second" / "weights.safetensors", held_out_movie
    )
    lines = out.splitlines()
    for line, (name, (before, after)) in zip(lines, scores.items(), strict=False):
        change = f"{before:.4f} before, {after:.4f} after, {after - before:+.4f}"
        assert line == f"MS-SSIM on the {name} validation crops: {change}"
    assert lines[2].startswith("MS-SSIM 0.")
    code, again, err = smlmsim("train", "--resume", tmp_path / "second", "--workers", 0)
    assert (code, again.splitlines()[:2]) == (0, lines[:2]), err


def test_parameters_of_every_network_and_size_are_listed(smlmsim):
    code, out, _ = smlmsim("list", "--parameters")
    rows = [line.split() for line in out.splitlines()]
    assert code == 0
    assert ["annapalm2d", "published", "together", "44,599,042"] in rows
    assert ["annapalm3d", "published", "together", "178,332,418"] in rows
    assert ["dblink", "published", "network", "1,266,913"] in rows
    assert {(row[0], row[1]) for row in rows[1:]} == {
        (name, size) for name in train.trainable() for size in train.load_trainable(name).sizes()
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a network and a folder"),
        (("dblink",), "name a network and a folder"),
        (("nope", "--out", "run"), "no trainable network 'nope'; installed: "),
        (("dblink", "--out", "run", "--size", "huge"), "no configuration 'huge' of dblink"),
        (("dblink", "--out", "run", "--study", "nope"), "nope"),
        (("dblink", "--out", "run", "--corpus", "c.zarr"), "--corpus and --validation go together"),
        (("dblink", "--out", "run", "--corpus", "c.zarr", "--validation", "v.zarr"), "c.zarr"),
        (("--resume", "absent"), "absent holds no training"),
        (("--resume", "absent", "--steps", 3), "leave out --steps"),
        (
            ("dblink", "--out", "run", "--study", "tiny", "--crop", "big"),
            "--crop is time points x height x width",
        ),
        (("dblink", "--out", "run", "--study", "tiny", "--table", "t.csv"), "--table is for a hybrid corpus"),
        (
            ("dblink", "--out", "run", "--corpus", "c", "--validation", "v", "--table", "t.csv"),
            "so --table cannot be used",
        ),
        (("annapalm2d", "--out", "run", "--study", "tiny", "--size", "shipped"), "--crop 12x64x64 would"),
        (("vivit", "--out", "run", "--study", "tiny", "--crop", "10x64x64"), "choose multiples of (4, 8, 8)"),
        (("dblink", "--out", "run", "--study", "tiny", "--init", "absent"), "there is no file absent"),
        (("dblink", "--out", "run", "--study", "tiny", "--keep", "tiny"), "name them with --init FILE"),
        (("dblink", "--out", "run", "--study", "tiny", "--keep-share", 0.5), "name it with --keep STUDY"),
        (
            ("dblink", "--out", "run", "--init", "a", "--keep", "tiny", "--keep-share", 2),
            "--keep-share is between 0 and 1, found 2",
        ),
        (("dblink", "--out", "run", "--study", "tiny", "--freeze", "legs"), "no part 'legs' to freeze"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(smlmsim, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = smlmsim("train", *arguments)
    assert code == 1
    assert err.startswith("error: ")
    assert message in err
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.fixture
def not_trained(monkeypatch):
    """Stop before the movies are made; the list gets the corpora to make."""
    made = []
    monkeypatch.setattr(train, "generate", lambda corpus, path, processes: made.append(corpus))
    monkeypatch.setattr(held_out, "require_held_out", lambda *paths: None)
    monkeypatch.setattr(train.Run, "train", lambda *_, **__: 0.5)
    return made


WIDEFIELD = [name for name in train.trainable() if name.endswith("_widefield")]
"""Networks that see widefield images, which the corpus `tiny` has not."""


@pytest.mark.parametrize("name", WIDEFIELD)
def test_a_network_without_a_tiny_size_is_refused_with_the_size_it_has(smlmsim, tmp_path, name):
    code, _, err = smlmsim("train", name, "--study", "tiny", "--out", tmp_path / "run")
    assert code == 1
    assert f"no configuration 'tiny' of {name}; give one of shipped, or a TOML file" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", [name for name in train.trainable() if name not in WIDEFIELD])
def test_the_tiny_corpus_is_trained_on_with_the_tiny_size(smlmsim, tmp_path, not_trained, name):
    code, _, err = smlmsim("train", name, "--study", "tiny", "--out", tmp_path)
    assert code == 0, err
    tiny = train.load_trainable(name).configured("tiny")
    assert train.load_trainable(name).model_validate(train.read_run(tmp_path).configuration) == tiny
    assert tiny.budget.steps <= 150


def test_the_budget_can_be_said_beside_the_size(smlmsim, tmp_path, not_trained):
    options = ("--steps", 7, "--batch", 3, "--crop", "12x32x40")
    assert smlmsim("train", "dblink", "--study", "tiny", "--out", tmp_path, *options)[0] == 0
    budget = train.read_run(tmp_path).configuration["budget"]
    assert (budget["steps"], budget["batch"]) == (7, 3)
    assert [budget["crops"][name] for name in ("time_points", "height", "width")] == [12, 32, 40]


def test_a_network_that_shall_not_forget_learns_at_a_tenth_of_the_rate_unless_size_is_a_file(
    smlmsim, tiny, tmp_path, not_trained, monkeypatch
):
    monkeypatch.setattr(train.Run, "kept", lambda *_: None)
    dblink = train.load_trainable("dblink")
    weights = resources.files("baselines.dblink") / "dblink.safetensors"
    for size, keep, factor in (("shipped", True, 0.1), ("shipped", False, 1), (tiny, True, 1)):
        folder = tmp_path / f"{factor}{keep}"
        options = (
            "--study",
            "tiny",
            "--size",
            size,
            "--crop",
            "12x64x64",
            *(("--keep", "tiny") if keep else ()),
        )
        start = ("--continue", weights) if size == "shipped" else ("--continue", tmp_path / "any.safetensors")
        monkeypatch.setattr(dblink, "require_fit", lambda *_, **__: None)
        code, _, err = smlmsim("train", "dblink", "--out", folder, *options, *start)
        assert code == 0, err
        usual = dblink.configured(str(size)).budget.learning_rate
        found = train.read_run(folder).configuration["budget"]["learning_rate"]
        assert found == pytest.approx(factor * usual)
        assert ("a tenth of that of a first training" in err) == (factor < 1)


def test_tables_make_a_hybrid_corpus(smlmsim, tmp_path, not_trained):
    tables = ("--table", tmp_path / "a.csv", "--table", tmp_path / "b.csv")
    assert smlmsim("train", "dblink", "--out", tmp_path / "run", *tables)[0] == 0
    assert [corpus.study.kind for corpus in not_trained] == ["hybrid", "hybrid"]
    assert [found.table.name for found in not_trained[0].study.tables] == ["a.csv", "b.csv"]


def test_help_shows_a_configuration_that_can_be_read(smlmsim, tmp_path):
    example = train_command.__doc__.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "my.toml").write_text(textwrap.dedent(example))
    found = train.load_trainable("annapalm3d").configured(str(tmp_path / "my.toml"))
    assert found == train.load_trainable("annapalm3d").configured("shipped").replace({
        "network.dropout": found.network.dropout, "network.dropout_levels": found.network.dropout_levels,
        "network.discriminator_base": found.network.discriminator_base, "budget.beta1": found.budget.beta1,
        "budget.patience": found.budget.patience,
    })  # fmt: skip
    assert "--size my.toml" in smlmsim("train", "--help")[1]
