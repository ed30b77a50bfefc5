"""Movies and crops for training: end to end compared with numpy and scipy, the store, and augmented crops.

The end-to-end test makes a semi-simulated movie of 300 time points of 128 x 128 pixels from filaments: two scenes
deformed and superposed, their dense movie, and a sparse one of 200 Hz. numpy and scipy work on images, as is usual: one
histogram and Gaussian filter per scene, ``map_coordinates`` for every time point, and Poisson counts per pixel, all of
a time point from one image. smlmsim also moves within time points, along straight lines, with an error of 2 nm at 20
nm/s. Before timing, a check requires that both give the same number of localizations within 2 % and, at the first time
point, the same contour length within 25 %: the scenes are the same, but their random flows differ.
"""

import itertools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.corpus import Augmentation, Corpus, Range, generate
from smlmsim.motion import Deformation
from smlmsim.pipeline import SemiSimulated, simulate
from smlmsim.rng import stream

torch = pytest.importorskip("torch")

STUDY = SemiSimulated(
    acquisition=Acquisition(steps_per_point=1),
    motion=Deformation(velocity_nm_per_s=20.0),
    localization={"false_positive_uniform": 0.0, "false_positive_structured": 0.0},
)
RANGES = (
    Range(setting="photophysics.rate_hz", low=30, high=1600, scale="log"),
    Range(setting="motion.velocity_nm_per_s", low=0, high=220),
)
MOVIES = 4
ROWS, COLUMNS = np.indices(STUDY.field.shape, dtype=np.float64)


def ours(seed):
    movie = simulate(STUDY, seed)
    return movie.observation.counts.values, movie.truth.density.values


def numpy_and_scipy(seed):
    rng, field, acquisition = np.random.default_rng(seed), STUDY.field, STUDY.acquisition
    dense = np.zeros((acquisition.time_points, *field.shape), np.float32)
    for scene in ("first", "second"):
        image = still_image(seed, scene)
        terms = rng.uniform(-0.02, 0.02, (2, 9))
        u, v = 2 * ROWS / field.shape[0] - 1, 2 * COLUMNS / field.shape[1] - 1
        powers = np.stack([np.ones_like(u), v, v**2, v**3, v**4, u, u**2, u**3, u**4])
        shift = np.tensordot(terms, powers, axes=1) * np.array(field.shape)[:, None, None] / 2
        for t, amplitude in enumerate(np.linspace(0, 1, acquisition.time_points)):
            places = [ROWS - amplitude * shift[0], COLUMNS - amplitude * shift[1]]
            dense[t] += map_coordinates(image, places, order=1, mode="nearest")
    total = STUDY.photophysics.rate_hz * acquisition.recorded_s
    return rng.poisson(dense * (total / dense.sum())).astype(np.uint16), dense


def still_image(seed, scene):
    """Return one scene as an image: the contour sampled every 0.1 pixels, counted and blurred."""
    field = STUDY.field
    structure = STUDY.structure.build(field.grown(0.5), stream(seed, "structure", scene))
    y, x = structure.vertex_y.values, structure.vertex_x.values
    bonded = np.diff(structure.filament.values) == 0
    length = np.hypot(np.diff(y), np.diff(x))[bonded]
    along = (np.arange(40)[:, None] + 0.5) / 40
    places = [(axis[:-1][bonded] + along * np.diff(axis)[bonded]).ravel() for axis in (y, x)]
    limits = [(0, field.height_nm), (0, field.width_nm)]
    weights = np.tile(length / 40, (40, 1)).ravel() / field.pixel_nm**2
    histogram = np.histogram2d(*places, bins=field.shape, range=limits, weights=weights)[0]
    return gaussian_filter(histogram, STUDY.density.sigma_nm / field.pixel_nm, mode="constant")


@pytest.mark.parametrize(
    ("movie", "rounds"), [(ours, 10), (numpy_and_scipy, 3)], ids=["smlmsim", "numpy+scipy"]
)
def test_movie(benchmark, movie, rounds):
    benchmark.group = "corpus: sparse and dense movie, two layers, end to end"
    (counts, dense), (their_counts, their_dense) = movie(0), numpy_and_scipy(0)
    expected = STUDY.photophysics.rate_hz * STUDY.acquisition.recorded_s
    for found in (counts, their_counts):
        assert abs(int(found.sum()) / expected - 1) < 0.02
    assert abs(dense[0].sum() / their_dense[0].sum() - 1) < 0.25
    benchmark.pedantic(movie, args=(0,), rounds=rounds, warmup_rounds=1)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "corpus.zarr"
    generate(Corpus(study=SemiSimulated(), movies=MOVIES, ranges=RANGES), path, progress=False)
    return path


def test_corpus_to_disk(benchmark, tmp_path):
    benchmark.group = f"corpus: {MOVIES} movies to disk, on all cores"
    names = (tmp_path / f"{n}.zarr" for n in itertools.count())
    corpus = Corpus(study=SemiSimulated(), movies=MOVIES, ranges=RANGES)
    benchmark.pedantic(lambda: generate(corpus, next(names), progress=False), rounds=1)
    size = sum(file.stat().st_size for file in (tmp_path / "0.zarr").rglob("*") if file.is_file())
    benchmark.extra_info["MB per movie"] = size / MOVIES / 1e6


def test_training_crop(benchmark, store):
    from smlmsim.corpus.dataset import MovieDataset

    benchmark.group = "corpus: training crop of 128 time points x 128 x 128, drawn anew, one core"
    torch.set_num_threads(1)
    dataset = MovieDataset(store, Augmentation(), crops=10**6)
    numbers = itertools.count()
    benchmark.pedantic(lambda: dataset[next(numbers)], rounds=50, warmup_rounds=3)
    benchmark.extra_info["crops per second"] = 1 / benchmark.stats.stats.median


def test_simulated_movie_for_training(benchmark):
    from smlmsim.corpus.dataset import SimulatedDataset

    benchmark.group = "corpus: training movie of 128 time points x 128 x 128, simulated, one core"
    study = SemiSimulated(acquisition=Acquisition(time_points=128))
    movies = iter(SimulatedDataset(study, RANGES))
    counts, density = next(movies)
    assert counts.shape == density.shape == (1, 128, 128, 128)
    schema.check(schema.dataset(density=density[0].numpy()), "density")
    benchmark.pedantic(lambda: next(movies), rounds=20, warmup_rounds=3)
    benchmark.extra_info["movies per second"] = 1 / benchmark.stats.stats.median
