"""Blinks of any duration are followed through camera frames, with the photons that their time on gives them."""

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.photophysics import Blinking, Poisson
from smlmsim.photophysics.emission import CAMERA_PHOTONS
from smlmsim.photophysics.spans import Contour, follow

FIELD = FieldOfView(height_nm=1600, width_nm=1280, origin_y_nm=-300, origin_x_nm=500)
ACQUISITION = Acquisition(time_points=40, frames_per_point=25)
T = ACQUISITION.exposure_s
SIGMAS = 5.0


def turning(acquisition, filaments=3, vertices=30, length_nm=3000.0):
    """Straight filaments that turn around the centre of the field, half of them outside."""
    times_s = acquisition.step_times_s
    along = np.linspace(-0.5, 0.5, vertices) * length_nm
    angle = times_s[:, None, None] / acquisition.recorded_s * 2 + np.arange(filaments)[:, None]
    y, x = (centre + along * way for centre, way in ((500, np.sin(angle)), (1140, np.cos(angle))))
    return schema.dataset(
        time=times_s,
        filament=np.repeat(np.arange(filaments, dtype=np.int32), vertices),
        vertex_y=y.reshape(times_s.size, -1).astype(np.float32),
        vertex_x=x.reshape(times_s.size, -1).astype(np.float32),
    )


def emitted(photophysics, seed=0, acquisition=ACQUISITION):
    return photophysics.emit(turning(acquisition), FIELD, acquisition, np.random.default_rng(seed))


def in_field(events):
    return FIELD.contains(events.event_y.values, events.event_x.values)


def follow_in_numpy(contour, blinks, acquisition, share, edges):
    """The numpy twin: every blink, frame by frame, by interpolation of its own bond."""
    bond, along, times_s = blinks
    found = []
    step_s = acquisition.point_s / acquisition.steps_per_point
    for b, (start, end) in enumerate(times_s.T / acquisition.exposure_s):
        for f in range(max(0, int(np.floor(start))), min(acquisition.frames, int(np.ceil(end)))):
            begin, finish = max(start, f), min(end, f + 1)
            when_s = 0.5 * (begin + finish) * acquisition.exposure_s
            place = np.clip(when_s / step_s - 0.5, 0, len(contour.y) - 1)
            ends = [
                [np.interp(place, np.arange(len(z)), z[:, bond[b] + more].astype(float)) for more in (0, 1)]
                for z in (contour.y, contour.x)
            ]
            y, x = (first + along[b] * (second - first) for first, second in ends)
            if finish - begin >= share and edges[0] <= y < edges[1] and edges[2] <= x < edges[3]:
                found.append((f, b, y, x, finish - begin))
    return np.array(sorted(found))


def test_a_blink_is_where_its_place_on_the_contour_is_in_the_middle_of_its_time_on():
    rng = np.random.default_rng(1)
    contour = Contour.of(turning(ACQUISITION), FIELD, ACQUISITION, 200.0)
    start_s = rng.uniform(-0.1, ACQUISITION.recorded_s, 300)
    blinks = (
        contour.bonds[rng.integers(0, contour.bonds.size, 300)],
        rng.random(300, dtype=np.float32),
        np.stack([start_s, start_s + rng.exponential(0.07, 300)]),
    )
    blink, events = follow(contour, blinks, FIELD, ACQUISITION, share=0.2, margin_nm=200.0)
    twin = follow_in_numpy(contour, blinks, ACQUISITION, 0.2, FIELD.edges(200.0))
    assert len(twin) > 300
    np.testing.assert_array_equal(np.stack([events["event_frame"], blink]), twin[:, :2].T)
    for name, values in zip(("event_y", "event_x", "event_on_fraction"), twin[:, 2:].T, strict=True):
        np.testing.assert_allclose(events[name], values, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("on_time_s", [0.2 * T, 2.5 * T])
def test_lasting_molecules_are_localized_at_the_rate_that_is_asked_for(on_time_s):
    """Blinks are independent; the number of frames of one has a second moment below (2 d + 1)^2."""
    poisson = Poisson(rate_hz=400, on_time_s=on_time_s)
    events = emitted(poisson)
    assert events.event_on_fraction.min() >= 0.5
    wanted = poisson.rate_hz * ACQUISITION.recorded_s
    spread = np.sqrt(wanted * (2 * on_time_s / T + 1) ** 2)
    assert abs(np.count_nonzero(in_field(events)) - wanted) < SIGMAS * spread


def test_faint_frames_add_up_to_the_time_that_molecules_are_on():
    """Of a blink in the field, the parts of frames are its duration: exponential, memoryless also at the beginning."""
    on_time_s = 1.7 * T
    poisson = Poisson(rate_hz=400, on_time_s=on_time_s, margin_nm=500, faint_frames=True)
    events = emitted(poisson)
    _, first, blink = np.unique(events.event_molecule.values, return_index=True, return_inverse=True)
    on_s = np.bincount(blink, events.event_on_fraction.values) * T
    inside = (events.event_frame.values[first] < ACQUISITION.frames - 20) & in_field(events)[first]
    assert abs(on_s[inside].mean() - on_time_s) < SIGMAS * on_time_s / np.sqrt(inside.sum())
    begins = inside & (events.event_frame.values[first] == 0)
    assert begins.sum() > 5


def test_molecules_are_on_at_the_beginning_as_often_as_later():
    acquisition = Acquisition(time_points=40, frames_per_point=25, steps_per_point=1)
    still = turning(acquisition)
    still["vertex_y"].values[:], still["vertex_x"].values[:] = (
        still.vertex_y.values[0],
        still.vertex_x.values[0],
    )
    poisson = Poisson(rate_hz=20_000, on_time_s=4 * T, faint_frames=True)
    frame = poisson.emit(still, FIELD, acquisition, np.random.default_rng(0)).event_frame.values
    lit = np.bincount(frame, minlength=acquisition.frames)
    assert abs(lit[0] - lit.mean()) < SIGMAS * np.sqrt(lit.mean())


def test_faint_frames_of_blinking_are_more_of_the_same_blinks():
    blinking = Blinking(rate_hz=100)
    few, all_of_them = emitted(blinking), emitted(blinking.replace({"faint_frames": True}))
    clear = all_of_them.isel(event=np.flatnonzero(all_of_them.event_on_fraction.values >= 0.5))
    # A molecule at the border may be inside in the middle of the frame, and outside in that of its time on.
    pairs = [
        set(zip(found.event_molecule.values, found.event_frame.values, strict=True)) for found in (few, clear)
    ]
    assert len(pairs[0] ^ pairs[1]) < 0.01 * len(pairs[0])
    together = few.event_on_fraction.values.sum(), clear.event_on_fraction.values.sum()
    assert together[0] == pytest.approx(together[1], rel=0.01)
    assert all_of_them.sizes["event"] > 1.3 * few.sizes["event"]
    assert all_of_them.event_on_fraction.min() < 0.1


@pytest.mark.parametrize("photophysics", [Poisson(), Blinking(rate_hz=100)])
def test_photons_leave_the_events_as_they_are(photophysics):
    dark, bright = emitted(photophysics), emitted(photophysics.replace({"photons": 700.0}))
    assert "event_photons" not in dark
    for name in dark.variables:
        np.testing.assert_array_equal(dark[name].values, bright[name].values)
    assert bright.event_photons.dtype == np.float32


@pytest.mark.parametrize(
    ("settings", "second_moment"),
    [
        ({}, 2.0),
        ({"photon_distribution": "lognormal", "photon_spread": 0.4}, np.exp(0.4**2)),
        ({"photon_distribution": "lognormal", "photon_spread": 0.0}, 1.0),
    ],
)
def test_photons_of_a_whole_frame_have_the_mean_and_the_variance_of_their_distribution(
    settings, second_moment
):
    photons = emitted(Poisson(rate_hz=1000, photons=700.0, **settings)).event_photons.values / 700.0
    deviation = photons.std() / np.sqrt(photons.size)
    assert abs(photons.mean() - 1) <= SIGMAS * deviation + 1e-6
    square = photons.astype(float) ** 2
    assert abs(square.mean() - second_moment) <= SIGMAS * square.std() / np.sqrt(square.size) + 1e-6


@pytest.mark.parametrize(
    "photophysics",
    [Blinking(rate_hz=100, photons=500), Poisson(rate_hz=100, on_time_s=0.1, photons=500).for_camera(600)],
)
def test_all_frames_of_a_blink_are_equally_bright_for_the_time_on(photophysics):
    events = emitted(photophysics)
    order = np.lexsort([events.event_frame.values, events.event_molecule.values])
    frame, molecule = events.event_frame.values[order], events.event_molecule.values[order]
    flux = (events.event_photons / events.event_on_fraction).values[order]
    same = (np.diff(frame) == 1) & (np.diff(molecule) == 0)
    assert same.sum() > 100
    np.testing.assert_allclose(flux[1:][same], flux[:-1][same], rtol=1e-4)
    assert not np.allclose(flux[1:][~same], flux[:-1][~same], rtol=1e-4)


@pytest.mark.parametrize(
    "photophysics", [Poisson(), Blinking.of("meos3_2"), Poisson(photons=50.0, margin_nm=2000)]
)
def test_a_camera_sees_photons_everywhere_within_the_reach_of_a_spot(photophysics):
    seen = photophysics.for_camera(700.0)
    assert seen.faint_frames
    assert seen.photons == (photophysics.photons or CAMERA_PHOTONS)
    assert seen.margin_nm == max(photophysics.margin_nm, 700.0)


def test_a_structure_that_is_never_in_the_field_emits_nothing():
    away = turning(ACQUISITION).assign(vertex_y=lambda scene: scene.vertex_y + 1e5)
    events = Poisson(on_time_s=0.1).emit(away, FIELD, ACQUISITION, np.random.default_rng(0))
    assert events.sizes["event"] == 0


def test_blinks_too_short_to_be_localized_are_refused():
    with pytest.raises(ValueError, match=r"more than 1e\+09; lower rate_hz or margin_nm, raise on_time_s"):
        emitted(Poisson(on_time_s=1e-9))


def test_molecules_of_a_frozen_structure_rest_within_a_time_point():
    events = emitted(Poisson(rate_hz=400, on_time_s=5 * T, frozen=True))
    order = np.lexsort([events.event_frame.values, events.event_molecule.values])
    frame, molecule, y = (events[f"event_{name}"].values[order] for name in ("frame", "molecule", "y"))
    point = frame // ACQUISITION.frames_per_point
    rests = (np.diff(molecule) == 0) & (np.diff(point) == 0)
    moves = (np.diff(molecule) == 0) & (np.diff(point) == 1)
    assert (np.diff(y)[rests] == 0).all()
    assert (np.diff(y)[moves] != 0).all()
    assert min(rests.sum(), moves.sum()) > 50
