"""Damaged files of every format: `python damaged.py SEED NUMBER FOLDER` says what readers did that they should not.

A format joins by one line in ``SAMPLES``: how a small file or folder of it is made, and what reads it.
"""

from __future__ import annotations

import json
import re
import resource
import signal
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pydantic
import scipy.io
import tomli_w

import smlmsim
from smlmsim import corpus as corpora
from smlmsim.acquisition import Acquisition
from smlmsim.cli.locate import read_map
from smlmsim.corpus import Corpus, Range
from smlmsim.corpus.generate import make_movie
from smlmsim.corpus.store import Capacity, create
from smlmsim.field import FieldOfView
from smlmsim.grid import Axis, Grid, read_scores
from smlmsim.grid.clips import keep, read_clip, record
from smlmsim.grid.run import score_task
from smlmsim.grid.store import GridStore
from smlmsim.io import Reading, insight3, smlm
from smlmsim.pipeline import SimulatedDynamic
from smlmsim.spec import explain

MOST_SECONDS = 5.0
MOST_BYTES = 3 * 2**29
MOST_LETTERS = 1500
STUDY = SimulatedDynamic(
    field=FieldOfView(height_nm=240, width_nm=320), acquisition=Acquisition(time_points=3)
)
GRID = Grid(
    study=STUDY,
    axes=(
        Axis(setting="motion.velocity_nm_per_s", values=(0.0, 75.0)),
        Axis(setting="photophysics.rate_hz", values=(110.0, 1000.0)),
    ),
    seeds=(0,),
    reconstructors=("sparse", "static_sum"),
    metrics=("nrmse", "pearson"),
)
CORPUS = Corpus(study=STUDY, movies=2, ranges=(Range(setting="photophysics.rate_hz", low=100, high=200),))


class Sample(NamedTuple):
    """A file or folder of a format, and what reads it and raises nothing but ValueError."""

    name: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]


def _movie() -> Any:
    return smlmsim.simulate(STUDY, seed=0)


def _table(path: Path) -> None:
    smlmsim.write(_movie().observation, path)


def _stack(path: Path) -> None:
    smlmsim.write(_movie().observation.counts, path)


def _read(path: Path) -> object:
    if path.suffix in (".tif", ".zarr"):
        return smlmsim.read(path, pixel_nm=20, point_s=1)
    return smlmsim.read(path, Reading(camera_pixel_nm=100))


def _mat(path: Path) -> None:
    loc = {"xnm": np.arange(5.0), "ynm": np.arange(5.0), "frame": np.arange(1.0, 6.0)}
    scipy.io.savemat(path, {"saveloc": {"loc": loc}})


def _insight3(path: Path) -> None:
    records = np.zeros(3, insight3.RECORD)
    records["frame"] = 1
    path.write_bytes(b"M425" + np.array([10, 6, 3], "<i4").tobytes() + records.tobytes())


def _decode(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["data/xyz"], file["data/frame_ix"] = np.ones((4, 3), "f4"), np.arange(4)
        file.create_group("meta").attrs.update({"xy_unit": "px", "px_size": np.float32([100, 100])})


def _grid(path: Path) -> None:
    store = GridStore(path, GRID)
    for task in store.pending():
        store.write(task, score_task(GRID, (), task).scores)


def _scores(path: Path) -> None:
    _grid(path.with_suffix(".zarr"))
    read_scores(path.with_suffix(".zarr")).to_netcdf(path, engine="h5netcdf")


def _clip(path: Path) -> None:
    keep(path, record(GRID, next(GRID.cells()), GRID.reconstructors), GRID.reconstructors)


def _corpus(path: Path) -> None:
    create(path, CORPUS, Capacity(2**16, 2**11))
    for movie in range(CORPUS.movies):
        make_movie(path, movie)


def _read_corpus(path: Path) -> None:
    corpora.verify(path)
    corpora.info(path)
    corpora.read_movie(path, 0)


def _weights(path: Path) -> None:
    from baselines._weights import save_weights
    from baselines.dblink.model import DBlinkNetwork

    settings = DBlinkNetwork(hidden=2, layers=1, channels=(3,))
    save_weights(path, settings.build(), name="dblink", settings=settings.model_dump())


def _read_weights(path: Path) -> object:
    from baselines._weights import build
    from baselines.dblink.reconstruct import DBlinkStyle

    return build(path, "dblink", DBlinkStyle.build)


def _run(path: Path) -> None:
    path.mkdir()
    (path / "run.toml").write_text(
        tomli_w.dumps({"network": "dblink", "configuration": {"width": 3}, "corpus": "c", "validation": "v"})
    )


SAMPLES = (
    Sample("table.csv", _table, _read),
    Sample("table.smlm", _table, _read),
    Sample("hashes.smlm", _table, smlm.hashes),
    Sample("table.hdf5", _table, _read),
    Sample("table_sml.mat", _mat, _read),
    Sample("list.bin", _insight3, _read),
    Sample("decode.h5", _decode, _read),
    Sample("stack.tif", _stack, _read),
    Sample("stack.zarr", _stack, _read),
    Sample("weights.safetensors", _weights, _read_weights),
    Sample("clip.nc", _clip, read_clip),
    Sample("scores.nc", _scores, read_map),
    Sample("store.zarr", _grid, read_scores),
    Sample("corpus.zarr", _corpus, _read_corpus),
    Sample("study.toml", lambda path: path.write_text(STUDY.to_toml()), smlmsim.read_study),
    Sample("grid.toml", lambda path: path.write_text(GRID.to_toml()), Grid.from_toml),
    Sample("run", _run, smlmsim.train.read_run),
)


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip, cut off, put in, blank out, or make numbers in text absurd."""
    kind, place = rng.integers(5), int(rng.integers(len(content) + 1))
    length = int(rng.integers(1, 65))
    if kind == 0:
        changed = np.frombuffer(content, np.uint8).copy()
        if changed.size:
            changed[rng.integers(changed.size, size=1 + length // 8)] ^= rng.integers(1, 256, dtype=np.uint8)
        return changed.tobytes()
    if kind == 1:
        return content[:place]
    if kind == 2:
        return content[:place] + rng.bytes(length) + content[place:]
    if kind == 3:
        return content[:place] + bytes(length) + content[place + length :]
    numbers = list(re.finditer(rb"\d+", content))
    chosen = numbers[rng.integers(len(numbers))] if numbers else re.search(b"", content)
    more = rng.choice([b"0000000", b"9" * 30, b"e300", b"-", b'"', b"[", b"[" * 5000])
    return content[: chosen.end()] + more + content[chosen.end() :]


def parts(path: Path) -> list[Path]:
    """The file, with what lies beside it, or the files of the folder."""
    beside = [path, path.with_suffix(".yaml"), path.with_name(path.name + ".json")]
    return sorted(found for found in [*beside, *path.rglob("*")] if found.is_file())


def problem(sample: Sample, path: Path) -> str:
    """What a reader did to a damaged file that it says it does not do; nothing if it kept its word."""
    start = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, 2 * MOST_SECONDS)
    said = ""
    try:
        sample.read(path)
    except pydantic.ValidationError as error:
        said = explain(error).partition("\n")[0]
    except ValueError as error:
        said = str(error) or "no message"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    seconds = time.process_time() - start
    if seconds > MOST_SECONDS:
        return f"took {seconds:.1f} s"
    if "\n" in said or len(said) > MOST_LETTERS:
        return f"a message of {len(said)} letters, {said.count(chr(10)) + 1} lines: {said[:300]}"
    return ""


def main(seed: int, number: int, folder: Path, first: int = 0) -> None:
    """Read damaged files of all samples in turn, and print what readers should not have done, as JSON lines."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGPROF, _too_long)
    paths = {sample: folder / sample.name for sample in SAMPLES}
    for sample, path in paths.items():
        sample.make(path)
        assert not problem(sample, path)
    held = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (held + MOST_BYTES, resource.RLIM_INFINITY))
    for index in range(first, number):
        sample = SAMPLES[index % len(SAMPLES)]
        rng = np.random.default_rng([seed, index])
        files = parts(paths[sample])
        chosen = files[rng.integers(len(files))]
        content = chosen.read_bytes()
        chosen.write_bytes(damaged(content, rng))
        print(json.dumps({"trying": index}), file=sys.stderr, flush=True)
        if found := problem(sample, paths[sample]):
            print(
                json.dumps({"index": index, "file": str(chosen.relative_to(folder)), "problem": found}),
                flush=True,
            )
        chosen.write_bytes(content)


def _too_long(*_: object) -> None:
    raise TimeoutError(f"more than {2 * MOST_SECONDS:g} s")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:]))
