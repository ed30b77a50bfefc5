"""Memoryless emission: a Poisson process along the contour, uniform per nm and per second, that follows it in time."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pydantic
import pytest

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.contour import Box
from smlmsim.field import FieldOfView
from smlmsim.photophysics import Poisson
from smlmsim.photophysics._block_kernels import BLOCK, cut
from smlmsim.photophysics._survey_kernels import survey
from smlmsim.schema import SchemaError

FIELD = FieldOfView(height_nm=1600, width_nm=1280, origin_y_nm=-300, origin_x_nm=500)
CENTRE = np.array([500.0, 1140.0])


def moving(acquisition, filaments, box_nm=None):
    """A structure of filaments, each an array (step, vertex, yx) in nm or (vertex, yx) if it stays."""
    steps = acquisition.step_times_s.size
    filaments = [np.broadcast_to(f, (steps, *np.shape(f)[-2:])) for f in filaments]
    vertices = np.concatenate(filaments, axis=1).astype(np.float32)
    return schema.dataset(
        {} if box_nm is None else {"box_nm": box_nm},
        time=acquisition.step_times_s,
        filament=np.repeat(np.arange(len(filaments), dtype=np.int32), [f.shape[1] for f in filaments]),
        vertex_y=vertices[:, :, 0],
        vertex_x=vertices[:, :, 1],
    )


def line(start, end, vertices):
    return np.linspace(start, end, vertices)


def wheel(acquisition, spokes=6, vertices=70, length_nm=2000.0, turns=0.6, drift_nm=700.0):
    """Bent filaments that turn and drift through the field, with bonds from short to long."""
    s = np.linspace(0, 1, vertices) ** 1.5
    angle = 2 * np.pi * turns * acquisition.step_times_s[:, None] / acquisition.recorded_s
    drift = drift_nm * (acquisition.step_times_s / acquisition.recorded_s - 0.5)
    filaments = []
    for spoke in range(spokes):
        way = angle + 2 * np.pi * spoke / spokes + 0.5 * s
        y = CENTRE[0] + drift[:, None] + (s + 0.1) * length_nm * np.sin(way)
        x = CENTRE[1] - drift[:, None] + (s + 0.1) * length_nm * np.cos(way)
        filaments.append(np.stack([y, x], axis=-1))
    return moving(acquisition, filaments)


def within(field, events, margin_nm=0.0):
    y, x = events.event_y.values - field.origin_y_nm, events.event_x.values - field.origin_x_nm
    inside = (y >= -margin_nm) & (y < field.height_nm + margin_nm)
    return inside & (x >= -margin_nm) & (x < field.width_nm + margin_nm)


def contour_at(structure, times_s):
    """Vertices (time, vertex, yx) between the steps; before the first and after the last they stay."""
    steps = structure.time.values
    vertices = np.stack([structure.vertex_y.values, structure.vertex_x.values], axis=-1).astype(float)
    before = np.clip(np.searchsorted(steps, times_s, side="right") - 1, 0, max(steps.size - 2, 0))
    after = np.minimum(before + 1, steps.size - 1)
    part = np.clip((times_s - steps[before]) / (steps[1] - steps[0] if steps.size > 1 else 1.0), 0, 1)
    return vertices[before] + part[:, None, None] * (vertices[after] - vertices[before])


def clipped_length(starts, ways, field):
    """The exact length of segments inside the field, in float64."""
    low = np.array([field.origin_y_nm, field.origin_x_nm])
    high = np.add(low, (field.height_nm, field.width_nm))
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = (low - starts) / ways, (high - starts) / ways
    parallel = ways == 0
    missed = (parallel & ((starts < low) | (starts >= high))).any(axis=-1)
    enter = np.where(parallel, 0.0, np.minimum(one, other)).max(axis=-1).clip(0, None)
    leave = np.where(parallel, 1.0, np.maximum(one, other)).min(axis=-1).clip(None, 1)
    return np.where(missed, 0.0, (leave - enter).clip(0, None)) * np.hypot(ways[..., 0], ways[..., 1])


def visible_length(structure, times_s, field=FIELD):
    vertices = contour_at(structure, times_s)
    bond = np.diff(structure.filament.values) == 0
    return clipped_length(vertices[:, :-1][:, bond], np.diff(vertices, axis=1)[:, bond], field).sum(axis=1)


ACQUISITIONS = {
    "five steps": (Acquisition(time_points=12, frames_per_point=30), False),
    "one step": (Acquisition(time_points=60, frames_per_point=6, steps_per_point=1), False),
    "steps between frames": (Acquisition(time_points=40, frames_per_point=7), False),
    "more steps than frames": (Acquisition(time_points=200, frames_per_point=1, steps_per_point=3), False),
    "frozen": (Acquisition(time_points=12, frames_per_point=30), True),
}


@pytest.fixture(params=ACQUISITIONS, ids=list(ACQUISITIONS))
def timing(request):
    return ACQUISITIONS[request.param]


def test_mean_number_in_the_field_per_second_is_the_rate(timing):
    acquisition, frozen = timing
    expected = 250_000
    emitter = Poisson(rate_hz=expected / acquisition.recorded_s, frozen=frozen)
    events = emitter.emit(wheel(acquisition), FIELD, acquisition, np.random.default_rng(1))
    assert abs(within(FIELD, events).sum() - expected) < 5 * np.sqrt(expected)


def test_numbers_are_poisson():
    acquisition = Acquisition(time_points=3, frames_per_point=4)
    structure = wheel(acquisition, turns=0.02)
    emitter = Poisson(rate_hz=100 / acquisition.recorded_s)
    rng, movies = np.random.default_rng(2), 2000
    numbers = [within(FIELD, emitter.emit(structure, FIELD, acquisition, rng)).sum() for _ in range(movies)]
    assert abs(np.mean(numbers) - 100) < 5 * np.sqrt(100 / movies)
    assert abs(np.var(numbers) / np.mean(numbers) - 1) < 5 * np.sqrt(2 / movies)


def test_waiting_between_events_is_exponential():
    acquisition = Acquisition(time_points=100, frames_per_point=2000, exposure_s=0.001)
    structure = moving(acquisition, [line(CENTRE - 300, CENTRE + 300, 40)])
    events = Poisson(rate_hz=60).emit(structure, FIELD, acquisition, np.random.default_rng(3))
    waits = np.diff(events.event_frame.values)
    mean = 1 / (60 * acquisition.exposure_s)
    edges = np.append(np.arange(0, 80, 4), np.inf)
    found, _ = np.histogram(waits, edges)
    chance = np.exp(-np.maximum(edges[:-1] - 0.5, 0) / mean) - np.exp(-(edges[1:] - 0.5) / mean)
    chance[0] = 1 - np.exp(-3.5 / mean)
    in_one_frame = 1 - np.exp(-0.5 / mean)
    assert abs((waits == 0).mean() - in_one_frame) < 5 * np.sqrt(in_one_frame / waits.size)
    chi2 = ((found - waits.size * chance) ** 2 / (waits.size * chance)).sum()
    assert chi2 / found.size < 1 + 5 * np.sqrt(2 / found.size)


def test_counts_of_disjoint_times_are_independent():
    acquisition = Acquisition(time_points=2, frames_per_point=25)
    structure = moving(acquisition, [line(CENTRE - 300, CENTRE + 300, 40)])
    emitter, rng, movies = Poisson(rate_hz=40), np.random.default_rng(4), 3000
    late = np.array([
        np.bincount(emitter.emit(structure, FIELD, acquisition, rng).event_frame.values // 25, minlength=2)
        for _ in range(movies)
    ])  # fmt: skip
    assert abs(np.corrcoef(late.T)[0, 1]) < 5 / np.sqrt(movies)


def test_frames_are_uniform(timing):
    acquisition, frozen = timing
    structure = moving(acquisition, [line(CENTRE - 300, CENTRE + 300, 40)])
    rate_hz = 500 * acquisition.frames / acquisition.recorded_s
    events = Poisson(rate_hz=rate_hz, frozen=frozen).emit(
        structure, FIELD, acquisition, np.random.default_rng(5)
    )
    found = np.bincount(events.event_frame.values, minlength=acquisition.frames)
    chi2 = ((found - 500) ** 2 / 500).sum()
    assert found.size == acquisition.frames
    assert abs(chi2 / found.size - 1) < 5 * np.sqrt(2 / found.size)


def test_places_are_uniform_along_the_contour_however_long_its_bonds_are():
    acquisition = Acquisition(time_points=1, frames_per_point=1)
    rng = np.random.default_rng(6)
    cuts = [np.sort(np.concatenate([[0, 1], rng.random(n) ** 2])) for n in (2, 20, 30, 90)]
    starts = np.array([[-200.0, 600.0], [0.0, 600.0], [200.0, 600.0], [400.0, 600.0]])
    lengths = np.array([300.0, 900.0, 600.0, 1000.0])
    filaments = [
        start + np.outer(c, (0, length)) for start, c, length in zip(starts, cuts, lengths, strict=True)
    ]
    n = 1_000_000
    emitter = Poisson(rate_hz=n / acquisition.recorded_s)
    events = emitter.emit(moving(acquisition, filaments), FIELD, acquisition, rng)
    chi2, bins = 0.0, 0
    for start, length in zip(starts, lengths, strict=True):
        mine = np.abs(events.event_y.values - start[0]) < 1
        pieces = int(length)
        found, _ = np.histogram(events.event_x.values[mine] - start[1], pieces, (0, length))
        expected = n * length / lengths.sum() / pieces
        chi2, bins = chi2 + ((found - expected) ** 2 / expected).sum(), bins + pieces
    assert abs(chi2 / bins - 1) < 5 * np.sqrt(2 / bins)


def exact_image(structure, acquisition, frozen, pixel_nm, samples=64):
    """The mean number of events per time point and pixel for one event per nm of contour and frame."""
    times_s = acquisition.frame_times_s(np.arange(acquisition.frames))
    point = np.arange(acquisition.frames) // acquisition.frames_per_point
    vertices = contour_at(structure, acquisition.times_s[point] if frozen else times_s)
    bond = np.diff(structure.filament.values) == 0
    bins = [
        np.arange(acquisition.time_points + 1) - 0.5,
        FIELD.origin_y_nm + pixel_nm * np.arange(round(FIELD.height_nm / pixel_nm) + 1),
        FIELD.origin_x_nm + pixel_nm * np.arange(round(FIELD.width_nm / pixel_nm) + 1),
    ]
    image = np.zeros([edges.size - 1 for edges in bins])
    length = np.hypot(*np.moveaxis(np.diff(vertices, axis=1)[:, bond], -1, 0))
    for t in (np.arange(samples) + 0.5) / samples:
        places = vertices[:, :-1][:, bond] + t * np.diff(vertices, axis=1)[:, bond]
        sample = np.stack(
            [np.broadcast_to(point[:, None], length.shape), *np.moveaxis(places, -1, 0)], axis=-1
        )
        image += np.histogramdd(sample.reshape(-1, 3), bins, weights=length.ravel() / samples)[0]
    return image, bins


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.slow
def test_counts_follow_the_exact_density(frozen):
    acquisition = Acquisition(time_points=60, frames_per_point=20)
    structure, n = wheel(acquisition, vertices=50), 2_000_000
    image, bins = exact_image(structure, acquisition, frozen, pixel_nm=40.0)
    emitter = Poisson(rate_hz=n / acquisition.recorded_s, frozen=frozen)
    events = emitter.emit(structure, FIELD, acquisition, np.random.default_rng(7))
    sample = [
        events.event_frame.values // acquisition.frames_per_point,
        events.event_y.values,
        events.event_x.values,
    ]
    found = np.histogramdd(np.stack(sample, axis=-1).astype(float), bins)[0]
    expected = n * image / image.sum()
    used = expected > 30
    chi2 = ((found - expected)[used] ** 2 / expected[used]).sum() / used.sum()
    assert expected[used].sum() > 0.98 * n
    assert used.sum() > 5000
    assert abs(chi2 - 1) < 5 * np.sqrt(2 / used.sum())


def distance_to_contour(structure, times_s, places):
    """From each place to the contour at its time, for a few places at once."""
    bond = np.diff(structure.filament.values) == 0
    distances = []
    for some in np.array_split(np.arange(times_s.size), max(times_s.size // 200, 1)):
        vertices = contour_at(structure, times_s[some])
        start, way = vertices[:, :-1][:, bond], np.diff(vertices, axis=1)[:, bond]
        there = places[some, None] - start
        part = ((there * way).sum(-1) / (way**2).sum(-1)).clip(0, 1)
        distances.append(np.linalg.norm(there - part[..., None] * way, axis=-1).min(axis=1))
    return np.concatenate(distances)


def test_every_event_lies_on_the_contour_at_the_time_of_its_frame(timing):
    acquisition, frozen = timing
    structure = wheel(acquisition)
    emitter = Poisson(rate_hz=3000 / acquisition.recorded_s, frozen=frozen)
    events = emitter.emit(structure, FIELD, acquisition, np.random.default_rng(8))
    times_s = events.event_time.values
    assert np.array_equal(times_s, acquisition.frame_times_s(events.event_frame.values))
    if frozen:
        times_s = acquisition.times_s[events.event_frame.values // acquisition.frames_per_point]
    places = np.stack([events.event_y.values, events.event_x.values], axis=1)
    assert events.sizes["event"] > 2500
    assert distance_to_contour(structure, times_s, places).max() < 16 * 2000 * np.finfo(np.float32).eps


def test_events_come_in_the_order_of_frames(timing):
    acquisition, frozen = timing
    events = Poisson(frozen=frozen).emit(wheel(acquisition), FIELD, acquisition, np.random.default_rng(9))
    assert (np.diff(events.event_frame.values) >= 0).all()
    assert events.event_frame.values[0] >= 0
    assert events.event_frame.values[-1] < acquisition.frames


def test_a_filament_that_wraps_does_not_smear_across_the_view():
    acquisition = Acquisition(time_points=20, frames_per_point=20, steps_per_point=1)
    height, width = 4000.0, 5000.0
    along = np.linspace(-200, 200, 30)
    x = 2900 + np.linspace(0, 900, 20)
    x[10:] -= width
    walker = np.stack(np.broadcast_arrays(200 + along[None], x[:, None]), axis=-1)
    still = line((900.0, 700.0), (900.0, 1500.0), 40)
    box = [-1500.0, -1500.0, height, width]
    structure = moving(acquisition, [walker, still], box)
    events = Poisson(rate_hz=50_000).emit(structure, FIELD, acquisition, np.random.default_rng(10))
    assert np.abs(events.event_y.values - 900).max() < 0.01


@pytest.mark.parametrize(
    "acquisition",
    [
        Acquisition(time_points=50, frames_per_point=10),
        Acquisition(time_points=4, frames_per_point=100, steps_per_point=1),
    ],
    ids=["slowly", "at once"],
)
def test_stretched_contour_emits_more(acquisition):
    growth = 1 + 3 * acquisition.step_times_s[:, None, None] / acquisition.recorded_s
    half = line((-60.0, -100.0), (60.0, 100.0), 50)
    structure = moving(acquisition, [CENTRE + growth * half])
    n = 2_000_000
    emitter = Poisson(rate_hz=n / acquisition.recorded_s)
    events = emitter.emit(structure, FIELD, acquisition, np.random.default_rng(11))
    found = np.bincount(events.event_frame.values, minlength=acquisition.frames)
    expected = visible_length(structure, acquisition.frame_times_s(np.arange(acquisition.frames)))
    expected *= n / expected.sum()
    chi2 = ((found - expected) ** 2 / expected).sum()
    assert chi2 / found.size < 1 + 5 * np.sqrt(2 / found.size)


def test_the_margin_holds_as_many_events_per_nm_as_the_field():
    acquisition = Acquisition(time_points=5, frames_per_point=10)
    y = CENTRE[0]
    structure = moving(acquisition, [line((y, 0.0), (y, 2500.0), 120)])
    n = 200_000
    emitter = Poisson(rate_hz=n / acquisition.recorded_s, margin_nm=120)
    events = emitter.emit(structure, FIELD, acquisition, np.random.default_rng(12))
    inside, around = within(FIELD, events).sum(), within(FIELD, events, 120).sum()
    expected = n * 240 / FIELD.width_nm
    assert around == events.sizes["event"]
    assert abs(around - inside - expected) < 5 * np.sqrt(expected)
    none = Poisson(margin_nm=0).emit(structure, FIELD, acquisition, np.random.default_rng(12))
    assert within(FIELD, none).all()


@pytest.mark.parametrize(
    "filaments",
    [
        pytest.param([line((5000.0, 5000.0), (6000.0, 6000.0), 50)], id="elsewhere"),
        pytest.param([CENTRE[None], CENTRE[None] + 10], id="single vertices"),
        pytest.param([np.empty((0, 2))], id="nothing"),
        pytest.param([line(CENTRE, CENTRE, 5)], id="no length"),
        pytest.param([line((-400.0, 0.0), (-400.0, 3000.0), 50)], id="only in the margin"),
    ],
)
def test_nothing_in_the_field_emits_nothing(filaments):
    acquisition = Acquisition(time_points=4, frames_per_point=3)
    structure = moving(acquisition, filaments)
    events = Poisson().emit(structure, FIELD, acquisition, np.random.default_rng(13))
    assert events.sizes["event"] == 0
    assert set(events.data_vars) == {"event_frame", "event_time", "event_y", "event_x"}


def test_same_bytes_for_any_number_of_threads():
    acquisition = Acquisition(time_points=10, frames_per_point=10)
    structure, emitter = wheel(acquisition), Poisson(rate_hz=20_000)

    def movie(seed):
        events = emitter.emit(structure, FIELD, acquisition, np.random.default_rng(seed))
        return b"".join(events[name].values.tobytes() for name in sorted(events.data_vars))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(movie, range(12))) == [movie(seed) for seed in range(12)]


def test_steps_in_float64_or_strided_give_the_same_events():
    acquisition = Acquisition(time_points=6, frames_per_point=10)
    structure = wheel(acquisition)
    other = structure.assign(
        vertex_y=structure.vertex_y.astype(float), vertex_x=structure.vertex_x.T.copy().T
    )
    ours, theirs = (
        Poisson().emit(s, FIELD, acquisition, np.random.default_rng(14)) for s in (structure, other)
    )
    assert ours.equals(theirs)


@pytest.mark.parametrize("setting", [{"rate_hz": 0}, {"rate_hz": -1}, {"rate_hz": np.inf}, {"margin_nm": -1}])
def test_settings_that_make_no_sense_are_refused(setting):
    with pytest.raises(pydantic.ValidationError):
        Poisson(**setting)


@pytest.mark.parametrize("vertex", [0, 1, 60, -1])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("frozen", [False, True])
def test_vertices_that_are_not_finite_are_refused(vertex, value, frozen):
    acquisition = Acquisition(time_points=4, frames_per_point=3)
    structure = wheel(acquisition)
    structure.vertex_x[7, vertex] = value
    with pytest.raises(SchemaError, match="vertex_x holds 1 values that are NaN or infinite"):
        Poisson(frozen=frozen).emit(structure, FIELD, acquisition, np.random.default_rng(0))


def test_vertices_out_of_this_world_are_refused():
    acquisition = Acquisition(time_points=4, frames_per_point=3)
    structure = wheel(acquisition)
    structure.vertex_x[7, 3] = 1e25
    with pytest.raises(ValueError, match="too far apart"):
        Poisson().emit(structure, FIELD, acquisition, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["vertex_y", "vertex_x", "filament"])
def test_a_missing_variable_is_named(name):
    acquisition = Acquisition(time_points=4, frames_per_point=3)
    with pytest.raises(SchemaError, match=name):
        Poisson().emit(wheel(acquisition).drop_vars(name), FIELD, acquisition, np.random.default_rng(0))


def test_other_steps_than_those_of_the_acquisition_are_refused():
    structure = wheel(Acquisition(time_points=4, steps_per_point=3))
    with pytest.raises(ValueError, match="4 time points of 5 steps are 20 steps"):
        Poisson().emit(structure, FIELD, Acquisition(time_points=4), np.random.default_rng(0))


def test_a_rate_that_next_to_no_contour_would_have_to_bear_is_refused():
    acquisition = Acquisition(time_points=4, frames_per_point=3)
    top = FIELD.origin_y_nm
    bundle = [line((top - 1, 600.0), (top - 1, 1700.0), 50) for _ in range(20)]
    hair = line((top - 1, 600.0), (top + 1e-3, 600.0), 2)
    with pytest.raises(ValueError, match="lower rate_hz or margin_nm, or move the field"):
        Poisson(rate_hz=1e5).emit(
            moving(acquisition, [*bundle, hair]), FIELD, acquisition, np.random.default_rng(0)
        )


@pytest.mark.parametrize("sizes", [[9], [1, 2, 17, 18, 100, 34, 1], [3, 3, 3], [16, 1], [1] * 20])
def test_blocks_count_every_bond_once_and_none_between_filaments(sizes):
    filament = np.repeat(np.arange(len(sizes)), sizes)
    first, linked, last = cut(filament)
    assert first.min() >= 0
    assert first.max() + BLOCK < filament.size
    bonds = (first[:, None] + np.arange(BLOCK)).ravel()
    assert np.array_equal(bonds[linked == 1], np.flatnonzero(np.diff(filament) == 0))
    assert set(linked) <= {0, 1}
    assert np.array_equal(last, np.cumsum(sizes)[:-1] - 1)


@pytest.mark.parametrize("box_nm", [None, (-2000.0, -2000.0, 5000.0, 6000.0)])
def test_no_bond_that_comes_into_the_window_is_left_out(box_nm):
    """Of 8 places on each bond, seen 64 times between two steps."""
    acquisition = Acquisition(time_points=40, frames_per_point=1, steps_per_point=1)
    rng = np.random.default_rng(16)
    filaments = [CENTRE + rng.normal(0, 2000, (40, 1, 2)) + rng.normal(0, 100, (40, 6, 2)) for _ in range(40)]
    structure = moving(acquisition, filaments, box_nm)
    (near, _, end, _, _), (first, linked, _) = surveyed(structure, acquisition, 100.0)[2:]
    top, bottom, left, right = FIELD.edges(100.0)
    period = Box.of(structure).period
    seen = 0
    for step in range(39):
        listed = near[end[step - 1] if step else 0 : end[step]]
        places = (first[listed, None] + np.arange(BLOCK)).ravel()
        bonds = places[linked.reshape(-1, BLOCK)[listed].ravel() == 1]
        y, x = (
            paths(structure[name].values[step : step + 2].astype(float), p)
            for name, p in zip(("vertex_y", "vertex_x"), period, strict=True)
        )
        inside = ((y > top) & (y < bottom) & (x > left) & (x < right)).any(axis=(0, 1))
        needed = np.flatnonzero(inside & (np.diff(structure.filament.values) == 0))
        seen += needed.size
        assert np.isin(needed, bonds).all()
        assert bonds.size == np.unique(bonds).size
    assert 500 < seen < 39 * 40 * 5 / 2


def paths(ends, period, times=64, places=8):
    """Where places along bonds (time, place, bond) come between two steps, by the shortest way of their starts."""
    start, way = ends[:, :-1], np.diff(ends, axis=1)
    move = np.diff(start, axis=0)[0]
    move -= period * np.rint(move / period)
    t, u = np.linspace(0, 1, times)[:, None, None], np.linspace(0, 1, places)[:, None]
    return start[0] + t * move + u * (way[0] + t * (way[1] - way[0]))


def test_structures_of_few_vertices_emit_as_many_events_as_longer_ones():
    acquisition = Acquisition(time_points=200, frames_per_point=4, steps_per_point=1)
    rate_hz = 400.0
    for vertices in (2, 3, 8, 9, 10):
        structure = moving(acquisition, [line(CENTRE - 300, CENTRE + 300, vertices)])
        events = Poisson(rate_hz=rate_hz).emit(structure, FIELD, acquisition, np.random.default_rng(17))
        expected = rate_hz * acquisition.recorded_s
        assert abs(events.sizes["event"] - expected) < 5 * np.sqrt(expected)
        places = np.stack([events.event_y.values, events.event_x.values], axis=1)
        assert distance_to_contour(structure, events.event_time.values, places).max() < 1e-3


def test_visible_length_is_that_of_the_exactly_clipped_segments():
    acquisition = Acquisition(time_points=30, frames_per_point=1, steps_per_point=1)
    rng = np.random.default_rng(15)
    scattered = [CENTRE + rng.normal(0, 900, (30, n, 2)) for n in (2, 3, 40, 90)]
    corners = [np.add(corner, 40 * rng.normal(size=(30, 50, 2))) for corner in ((-300, 500), (1300, 1780))]
    top, left, bottom, right = FIELD.origin_y_nm, FIELD.origin_x_nm, 1300.0, 1780.0
    straight = [
        line((0.0, 0.0), (0.0, 3000.0), 80),
        line((-900.0, 900.0), (2000.0, 900.0), 80),
        line((top, left - 50), (top, right + 50), 9),
        line((bottom, left - 50), (bottom, right + 50), 9),
    ]
    for filaments in (scattered, corners, straight, scattered + corners + straight):
        structure = moving(acquisition, filaments)
        emitter = Poisson(margin_nm=0)
        expected = visible_length(structure, acquisition.times_s)
        _, visible, _, _ = surveyed(structure, acquisition, emitter.margin_nm)
        assert np.allclose(visible, expected, rtol=1e-5, atol=0.02)


def surveyed(structure, acquisition, margin_nm):
    """What the kernel finds in every step, and the blocks that it looks at."""
    from smlmsim.photophysics import poisson as module

    filament, y, x = module._vertices(structure, acquisition)
    frames, _ = module._frames(acquisition)
    blocks = cut(filament)
    field, window = FIELD.edges(), FIELD.edges(margin_nm)
    return *survey(y, x, frames, blocks, field, window, Box.of(structure).period), blocks
