"""Run a study of robustness: train the missing models, and score the missing movies."""

from __future__ import annotations

import functools
import json
import logging
from pathlib import Path
from typing import Any, TypeVar

import tomli_w

from smlmsim import reconstruct, workers
from smlmsim.io import replacing, require_writable
from smlmsim.provenance import provenance
from smlmsim.robustness.measures import measure_movie
from smlmsim.robustness.results import Results, gathered
from smlmsim.robustness.study import ALL, ONE, Robustness, Test
from smlmsim.spec import read_toml
from smlmsim.store import Kind, complete, made_here, sole_run
from smlmsim.train import load_trainable

STUDY, TRAINED, TESTS = "study.toml", "trained.json", "tests"

Made = TypeVar("Made")

_log = logging.getLogger(__name__)


class RobustnessError(ValueError):
    """A folder cannot be used for a study, or a part of the study failed."""


KIND = Kind("study", RobustnessError)


def run_robustness(
    study: Robustness,
    folder: Path,
    *,
    processes: int | None = None,
    trainings: int = 1,
    crop_workers: int = 0,
    progress: bool = True,
) -> Results:
    """Train all models of a study, score them on all of its test movies, and return the results.

    If killed at any moment, call again to continue: trained models and scores are kept, and a training continues from
    its checkpoint. Everything runs in spawned processes, each on one thread, so scores do not depend on the number of
    processes; a script must call this below ``if __name__ == "__main__":``.

    Parameters
    ----------
    study : Robustness
        The study to run.
    folder : Path
        Folder for models and scores; made if absent.
    processes : int, optional
        Number of movies that are reconstructed at a time; by default one per core.
    trainings : int
        Number of models that are trained at a time. With 1, the progress bar shows steps, otherwise finished models.
    crop_workers : int
        Number of further processes that prepare crops for each training.
    progress : bool
        Whether to show progress bars.

    Returns
    -------
    Results
        The scores, and what else the study asks for.

    Raises
    ------
    RobustnessError
        If the folder holds another study or results of other versions, or if a training or a movie fails.
    TrainingError, ReconstructionError
        If the network or the classic reconstructor is not installed.
    """
    workers.require_guarded()
    configuration_of(study)
    reconstruct.load(study.classic)
    for name in study.tested_where_trained:
        _log.warning(
            "%s is tested on tables that are also trained on, which flatters the models that saw it; set test_tables",
            name,
        )
    require_writable(folder)
    _claim(folder, study)
    with sole_run(folder):
        todo = [test for test in study.tests if not _path(folder, test).is_file()]
        if todo:
            _made_here(folder)
            _train(study, folder, trainings, crop_workers, progress)
        outcomes = complete(
            functools.partial(measure_movie, study, folder), todo, total=len(list(study.tests)), unit="movie",
            processes=processes, progress=progress,
        )  # fmt: skip
        for test, outcome in outcomes:
            _write_json(_path(folder, test), _succeeded(" ".join(map(str, test)), outcome))
    found = {test: json.loads(_path(folder, test).read_text(encoding="utf-8")) for test in study.tests}
    return gathered(study, found, _about(study, folder))


def configuration_of(study: Robustness, draw: int = 0) -> Any:
    """Return the configuration of the network of a study, whose initial weights depend on the draw.

    Raises
    ------
    TrainingError, ValueError
        If there is no such network or configuration, or a setting is invalid.
    """
    configured: Any = load_trainable(study.network).configured(study.size)
    try:
        return configured.replace({"budget.seed": study.seed + draw, **study.configuration})
    except KeyError as error:
        raise RobustnessError(f"the configuration: {error.args[0]}") from None


def train_model(study: Robustness, folder: Path, crop_workers: int, progress: bool, model: str) -> float:
    """Train a model in a folder with its name; return the best MS-SSIM of the validation."""
    (folder / model).mkdir(exist_ok=True)
    training = (study.models | study.quantities)[model]
    return float(
        configuration_of(study, training.draw).train(
            folder / model,
            corpus=study.mixture(training),
            validation=study.mixture(training, "validation"),
            workers=crop_workers,
            progress=progress,
        )
    )


def _claim(folder: Path, study: Robustness) -> None:
    """Make the folder of a study, or check that an existing one holds this study."""
    (folder / TESTS).mkdir(parents=True, exist_ok=True)
    if not (folder / STUDY).is_file():
        _write_toml(
            folder, {"study": study.model_dump(mode="json", exclude_none=True), "versions": provenance()}
        )
    found = read_toml(folder / STUDY)
    said = {"study": tomli_w.dumps(found.get("study", {}))}
    stored = KIND.settings(Robustness, said, folder / STUDY)
    KIND.require_same(folder, found.get("versions", {}) | said | {"study_digest": stored.digest}, study)


def _made_here(folder: Path) -> None:
    """Record this kind of processor in the folder of the study."""
    found = read_toml(folder / STUDY)
    versions = dict(found["versions"])
    made_here(folder, versions)
    if versions != found["versions"]:
        _write_toml(folder, found | {"versions": versions})


def _train(study: Robustness, folder: Path, trainings: int, crop_workers: int, progress: bool) -> None:
    """Train the missing models."""
    alone = trainings == 1
    names = [*study.models, *study.quantities]
    outcomes = complete(
        functools.partial(train_model, study, folder, crop_workers, progress and alone),
        [model for model in names if not (folder / model / TRAINED).is_file()],
        total=len(names), unit="model", processes=trainings, progress=progress and not alone,
    )  # fmt: skip
    for model, outcome in outcomes:
        _write_json(folder / model / TRAINED, {"validation_ms_ssim": _succeeded(model, outcome)})


def _succeeded(name: str, outcome: Made | Exception) -> Made:
    if isinstance(outcome, Exception):
        raise RobustnessError(
            f"{name} failed: {type(outcome).__name__}: {outcome}; earlier results are kept"
        ) from outcome
    return outcome


def _path(folder: Path, test: Test) -> Path:
    return folder / TESTS / f"{test.laboratory}.{test.condition}.{test.seed}.json"


def _write_json(path: Path, content: Any) -> None:
    with replacing(path) as draft:
        draft.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _write_toml(folder: Path, content: dict[str, Any]) -> None:
    with replacing(folder / STUDY) as draft:
        draft.write_text(tomli_w.dumps(content), encoding="utf-8")


def _about(study: Robustness, folder: Path) -> dict[str, Any]:
    """Return the settings and versions behind the results, as attributes."""
    plain = configuration_of(study).model_dump(mode="json", exclude_none=True)
    return {
        "study": study.to_toml(),
        "study_digest": study.digest,
        "seed": study.seed,
        "network": study.network,
        "classic": study.classic,
        "configuration": tomli_w.dumps(plain),
        "one_laboratory": ONE,
        "trained_alone": study.trained_alone,
        "fields": study.one_laboratory.fields,
        "all_laboratories": ALL,
        **read_toml(folder / STUDY)["versions"],
    }
