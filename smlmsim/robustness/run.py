"""Running a study of robustness: train what is not trained yet, score what is not scored yet."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import tomli_w
import xarray as xr
from tqdm import tqdm

from smlmsim import reconstruct, workers
from smlmsim.io import replacing, require_writable
from smlmsim.io.lock import sole_writer
from smlmsim.metrics import METRICS, described, score, three_crests
from smlmsim.pipeline import simulate
from smlmsim.provenance import also_here, other_version, provenance
from smlmsim.robustness.study import ALL, CONDITIONS, Robustness, Test
from smlmsim.spec import read_toml
from smlmsim.train import load_trainable

STUDY, TRAINED, WEIGHTS, TESTS = "study.toml", "trained.json", "weights.safetensors", "tests"

Scores = dict[str, dict[str, float]]


class RobustnessError(ValueError):
    """A folder cannot be used, or a part of a study failed."""


def run_robustness(
    study: Robustness,
    folder: Path,
    *,
    processes: int | None = None,
    trainings: int = 1,
    crop_workers: int = 0,
    progress: bool = True,
) -> xr.Dataset:
    """Train all models of a study, score them on all of its test movies, and return the scores.

    Killed at any moment, a second call goes on from there: what is trained and scored is kept, and a training goes on
    from its checkpoint. Everything runs in spawned processes, each on one thread, so the scores depend on no number of
    processes; a script that calls this keeps the call below ``if __name__ == "__main__":``.

    Parameters
    ----------
    study : Robustness
        What to do.
    folder : Path
        Where models and scores are kept; made if absent.
    processes : int, optional
        How many movies are reconstructed at a time; by default one per core.
    trainings : int
        How many models are trained at a time. One alone shows its steps, several show how many of them are done.
    crop_workers : int
        Further processes that make crops for each training.
    progress : bool
        Show progress bars.

    Returns
    -------
    xr.Dataset
        One variable per metric with the dims (model, laboratory, condition, seed). Models are M0, M1, ... and the
        classic reconstructor; the coordinate ``trained_without`` names the laboratory that a model has not seen.

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
    require_writable(folder)
    _claim(folder, study)
    with sole_writer(folder):
        todo = [test for test in study.tests if not _path(folder, test).is_file()]
        if todo:
            _train(study, folder, trainings, crop_workers, progress)
        task = functools.partial(score_movie, study, folder)
        outcomes = workers.spread(task, todo, workers=processes)
        done = study.movies * len(study.laboratories) * len(CONDITIONS) - len(todo)
        with tqdm(total=done + len(todo), initial=done, unit="movie", disable=not progress) as bar:
            for test, outcome in outcomes:
                _require_success(" ".join(map(str, test)), outcome)
                _write_json(_path(folder, test), outcome)
                bar.update()
    return _gathered(study, folder)


def configuration_of(study: Robustness) -> Any:
    """The configuration of the network of a study.

    Raises
    ------
    TrainingError, ValueError
        If there is no such network or configuration, or a setting does not fit.
    """
    configured: Any = load_trainable(study.network).configured(study.size)
    try:
        return configured.replace({"budget.seed": study.seed, **study.configuration})
    except KeyError as error:
        raise RobustnessError(f"the configuration: {error.args[0]}") from None


def train_model(study: Robustness, folder: Path, crop_workers: int, progress: bool, model: str) -> float:
    """Train a model in a folder of its name; return the best MS-SSIM of its validation."""
    (folder / model).mkdir(exist_ok=True)
    return float(
        configuration_of(study).train(
            folder / model,
            corpus=study.mixture(model),
            validation=study.mixture(model, "validation"),
            workers=crop_workers,
            progress=progress,
        )
    )


def score_movie(study: Robustness, folder: Path, test: Test) -> Scores:
    """Simulate a test movie, and score all models and the classic reconstructor on it."""
    observation, truth = simulate(study.test_study(test.laboratory, test.condition), test.seed)
    weights = {model: {"weights": folder / model / WEIGHTS} for model in study.models}
    reconstructors = {model: reconstruct.load(study.network, weights[model]) for model in weights}
    reconstructors[study.classic] = reconstruct.load(study.classic)
    found = {}
    for name, reconstructor in reconstructors.items():
        estimate = reconstruct.reconstruct(reconstructor, observation)
        scores = score(estimate, cast(xr.Dataset, truth), metrics=study.metrics)
        found[name] = {metric: float(scores[metric]) for metric in study.metrics}
    return found


def _claim(folder: Path, study: Robustness) -> None:
    """Make the folder of a study, or find that it is there already."""
    wanted = {"study": study.model_dump(mode="json", exclude_none=True), "versions": provenance()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TESTS).mkdir(exist_ok=True)
    if not (folder / STUDY).is_file():
        with replacing(folder / STUDY) as draft:
            draft.write_text(tomli_w.dumps(wanted), encoding="utf-8")
        return
    found = read_toml(folder / STUDY)
    if found["study"] != wanted["study"]:
        raise RobustnessError(f"{folder} holds another study; choose another folder with --out")
    if differs := other_version(found["versions"]):
        raise RobustnessError(f"{folder} {differs}, or choose another folder with --out")
    also_here(found["versions"], str(folder))


def _train(study: Robustness, folder: Path, trainings: int, crop_workers: int, progress: bool) -> None:
    """Train the models that are not trained yet."""
    todo = [model for model in study.models if not (folder / model / TRAINED).is_file()]
    alone = trainings == 1
    task = functools.partial(train_model, study, folder, crop_workers, progress and alone)
    with tqdm(
        total=len(study.models), initial=len(study.models) - len(todo), unit="model",
        disable=alone or not progress,
    ) as bar:  # fmt: skip
        for model, outcome in workers.spread(task, todo, workers=trainings):
            _require_success(model, outcome)
            _write_json(folder / model / TRAINED, {"validation_ms_ssim": outcome})
            bar.update()


def _require_success(name: str, outcome: Any) -> None:
    if isinstance(outcome, Exception):
        raise RobustnessError(
            f"{name} failed: {type(outcome).__name__}: {outcome}; what came before is kept"
        ) from outcome


def _path(folder: Path, test: Test) -> Path:
    return folder / TESTS / f"{test.laboratory}.{test.condition}.{test.seed}.json"


def _write_json(path: Path, content: Any) -> None:
    with replacing(path) as draft:
        draft.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _gathered(study: Robustness, folder: Path) -> xr.Dataset:
    """The scores of all test movies, labelled."""
    models = [*study.models, study.classic]
    sizes = len(models), len(study.laboratories), len(CONDITIONS), study.movies
    found = {test: json.loads(_path(folder, test).read_text(encoding="utf-8")) for test in study.tests}
    dims = ("model", "laboratory", "condition", "seed")
    coords = {
        "model": models, "laboratory": list(study.laboratories), "condition": list(CONDITIONS),
        "seed": np.arange(study.movies),
        "trained_without": ("model", ["", *study.laboratories, ""]),
    }  # fmt: skip
    made = xr.Dataset(coords=coords, attrs=_about(study, folder))
    for metric in study.metrics:
        made[metric] = (dims, np.full(sizes, np.nan), _attrs(study, metric))
        for (laboratory, condition, seed), scores in found.items():
            place = {"laboratory": laboratory, "condition": condition, "seed": seed}
            made[metric].loc[place] = [scores[model][metric] for model in models]
    return made


def _about(study: Robustness, folder: Path) -> dict[str, Any]:
    """What the scores were made from."""
    plain = configuration_of(study).model_dump(mode="json", exclude_none=True)
    return {
        "study": study.to_toml(),
        "study_digest": study.digest,
        "seed": study.seed,
        "network": study.network,
        "classic": study.classic,
        "configuration": tomli_w.dumps(plain),
        "all_laboratories": ALL,
        **read_toml(folder / STUDY)["versions"],
    }


def _attrs(study: Robustness, metric: str) -> dict[str, Any]:
    """The attributes of a metric; its settings by laboratory, since they can depend on the number of pixels."""
    attrs = {}
    settings = {}
    for name in study.laboratories:
        made = study.test_study(name)
        movie = (made.acquisition.time_points, *made.field.shape)
        attrs = METRICS[metric].attrs(movie, described(three_crests(made.to_toml())))
        settings[name] = json.loads(attrs["settings"])
    return {**attrs, "settings": json.dumps(settings)}
