"""Blinking: a Markov chain in continuous time for every molecule, against what follows from it on paper."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.stats import geom

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.photophysics import Blinking
from smlmsim.photophysics._kinetics import Kinetics
from smlmsim.photophysics.blinking import FLUOROPHORES
from smlmsim.spec import read_toml

FIELD = FieldOfView(height_nm=1600, width_nm=1280, origin_y_nm=-300, origin_x_nm=500)
CENTRE = np.array([500.0, 1140.0])
T = 0.03


def line(half_nm=500.0, vertices=40):
    """A straight filament in the middle of the field, shape (vertex, yx)."""
    return CENTRE + np.outer(np.linspace(-half_nm, half_nm, vertices), [0.6, 0.8])


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


def emitted(blinking, acquisition, seed=0, filaments=None):
    structure = moving(acquisition, [line()] if filaments is None else filaments)
    return blinking.emit(structure, FIELD, acquisition, np.random.default_rng(seed))


def inside(events):
    return FIELD.contains(events.event_y.values, events.event_x.values)


def frames_per_blink(mean, share):
    """The mean number of frames that a blink fills by a share, if it lasts exponentially and begins anywhere.

    A blink of the duration d >= share, in frames, fills d + 1 - 2 share of them on average.
    """
    return (mean + 1 - share) * np.exp(-share / mean)


def blinks_of(events, gap):
    """The blinks of every molecule that was seen, in frames: runs that are at most ``gap`` frames apart."""
    order = np.lexsort([events.event_frame.values, events.event_molecule.values])
    frame, molecule = events.event_frame.values[order], events.event_molecule.values[order]
    begins = np.append(True, (np.diff(frame) > gap) | (np.diff(molecule) != 0))
    return np.diff(np.append(np.flatnonzero(begins), frame.size)), molecule[begins]


@pytest.mark.parametrize("share", [0.5, 0.8])
@pytest.mark.parametrize("mean", [0.3, 2.0, 10.0])
def test_mean_number_of_frames_a_molecule_is_on_is_that_of_its_blinks(mean, share):
    """All bleach long before the end, so each has had its blinks: 3 on average, two or more of them geometric."""
    acquisition = Acquisition(time_points=10, frames_per_point=20_000, exposure_s=T)
    blinking = Blinking(
        rate_hz=1, labels_per_um=20_000, on_s=mean * T, dark_s=40.0, blinks=3, least_share=share
    )
    per_molecule = 3 * frames_per_blink(mean, share)
    blinking = blinking.replace({"rate_hz": 0.97 * 20_000 * per_molecule / acquisition.recorded_s})
    found = emitted(blinking, acquisition).sizes["event"]
    wanted = blinking.rate_hz * acquisition.recorded_s
    variance_per_molecule = per_molecule**2 * 4
    assert abs(found - wanted) < 5 * np.sqrt(20_000 * variance_per_molecule)


def test_blinks_last_as_many_frames_as_the_closed_form_says():
    """A blink of d frames that is seen at all half fills d of them on average; it is seen with the chance min(d, 1)."""
    acquisition = Acquisition(time_points=10, frames_per_point=10_000, exposure_s=T)
    mean, share = 2.5, 0.5
    blinking = Blinking(rate_hz=15, labels_per_um=8000, on_s=mean * T, dark_s=200.0, blinks=3)
    lengths, _ = blinks_of(emitted(blinking, acquisition), gap=1)
    d = np.linspace(share, 2 * share, 10_001)
    between = np.trapezoid((d + 1 - 2 * share) * np.exp(-d / mean) / mean, d)
    expected = frames_per_blink(mean, share) / (between + np.exp(-2 * share / mean))
    assert lengths.size > 5000
    assert abs(lengths.mean() - expected) < 5 * lengths.std() / np.sqrt(lengths.size)


def filled_by_blinks(blinking, acquisition):
    """The parts of their frames that blinks fill, blink by blink, and where every blink begins in them."""
    events = emitted(blinking, acquisition)
    order = np.lexsort([events.event_frame.values, events.event_molecule.values])
    lengths, _ = blinks_of(events, gap=1)
    return events.event_on_fraction.values[order], np.cumsum(lengths) - lengths


def test_parts_of_frames_that_blinks_fill_are_distributed_by_the_closed_form():
    """A frame is filled by a share at least with the chance of the closed form, whatever the share."""
    acquisition = Acquisition(time_points=10, frames_per_point=10_000, exposure_s=T)
    mean, share = 2.5, 0.5
    filled, begins = filled_by_blinks(
        Blinking(rate_hz=15, labels_per_um=8000, on_s=mean * T, dark_s=200.0, blinks=3), acquisition
    )
    assert filled.size > 20_000
    assert share - 1e-6 < filled.min() < share + 0.01
    assert filled.max() == 1
    for part in (0.6, 0.75, 0.9, 1.0):
        expected = frames_per_blink(mean, part) / frames_per_blink(mean, share)
        excess = np.add.reduceat((filled >= part) - expected, begins)
        assert abs(excess.sum()) < 5 * np.sqrt((excess**2).sum())


def test_only_the_first_and_the_last_frame_of_a_blink_are_filled_in_part():
    acquisition = Acquisition(time_points=10, frames_per_point=10_000, exposure_s=T)
    filled, begins = filled_by_blinks(
        Blinking(rate_hz=5, labels_per_um=2000, on_s=5 * T, dark_s=2000.0, blinks=3), acquisition
    )
    inner = np.delete(filled, np.concatenate([begins, begins - 1]))
    assert inner.size > 5000
    assert (inner == 1).all()


def test_number_of_blinks_is_geometric():
    acquisition = Acquisition(time_points=10, frames_per_point=100_000, exposure_s=T)
    blinks, mean = 4.0, 60.0
    per_molecule = blinks * frames_per_blink(mean, 0.5)
    rate_hz = 0.97 * 2000 * per_molecule / acquisition.recorded_s
    blinking = Blinking(rate_hz=rate_hz, labels_per_um=2000, on_s=mean * T, dark_s=500.0, blinks=blinks)
    _, molecule = blinks_of(emitted(blinking, acquisition), gap=1)
    times = np.unique(molecule, return_counts=True)[1]
    missed = 1 - np.exp(-0.5 / mean) + 1 / 500
    kinds = np.arange(1, 12)
    observed = np.array([*(np.count_nonzero(times == k) for k in kinds), np.count_nonzero(times > 11)])
    chance = np.append(geom.pmf(kinds, 1 / blinks), geom.sf(11, 1 / blinks))
    expected = times.size * chance
    slack = 3 * missed * expected
    chi2 = (np.maximum(np.abs(observed - expected) - slack, 0) ** 2 / expected).sum()
    assert times.size > 1700
    assert chi2 < observed.size + 5 * np.sqrt(2 * observed.size)
    assert abs(times.mean() - blinks) < 5 * np.sqrt(blinks * (blinks - 1) / times.size) + missed * blinks


@pytest.mark.parametrize("dark_s", [None, 3.0])
def test_rate_over_time_is_the_bleaching_curve_of_the_chain(dark_s):
    """The chance to be on solves a linear equation; with many frames per blink that is the rate per molecule."""
    acquisition = Acquisition(time_points=40, frames_per_point=100, exposure_s=T)
    blinking = Blinking(rate_hz=800, labels_per_um=20_000, on_s=0.3, dark_s=dark_s, blinks=2)
    events = emitted(blinking, acquisition)
    found = np.bincount(events.event_frame.values // 100, minlength=40)
    kinetics = Kinetics(1 / 0.3, 1 / 2, None if dark_s is None else 1 / dark_s, 0.5, T)
    k = kinetics.activation_per_s(800 * acquisition.recorded_s, np.full(acquisition.frames, 20_000.0))
    r = k if dark_s is None else 1 / dark_s
    chain = np.array([[-k, 0, 0], [k, -1 / 0.3, r], [0, 0.5 / 0.3, -r]])
    times = np.linspace(0, acquisition.recorded_s, 4001)
    on = expm(chain * times[:, None, None])[:, 1, 0]
    shape = on[:-1].reshape(40, 100).sum(1)
    expected = found.sum() * shape / shape.sum()
    spread = np.sqrt(expected * frames_per_blink(10, 0.5) * 2 * 2)
    assert found[-1] < 0.8 * found.max()
    assert np.all(np.abs(found - expected)[1:] < 5 * spread[1:] + 0.02 * expected[1:])


def test_expected_frames_are_those_of_blinks_summed_over_a_long_movie():
    """Where in a frame blinks begin is uniform up to the small number of activations within a frame."""
    activation = 0.01
    for share in (0.5, 1.0):
        kinetics = Kinetics(1 / 0.1, 1 / 5, 1 / 2.0, share, T)
        seen = kinetics.expected(activation, np.ones(60_000))
        assert seen == pytest.approx(5 * frames_per_blink(0.1 / T, share), rel=activation * T)


def test_activation_found_gives_what_was_wanted():
    weights = 300 * (1 + np.sin(np.arange(5000) / 700))
    for reactivation in (None, 0.5):
        kinetics = Kinetics(1 / 0.06, 1 / 14, reactivation, 0.5, T)
        for seen in (0.01, 10.0, 900.0):
            rate = kinetics.activation_per_s(seen, weights)
            assert kinetics.expected(rate, weights) == pytest.approx(seen, rel=1e-4)


@pytest.mark.parametrize("fluorophore", ["alexa_647", "meos3_2"])
def test_mean_rate_in_the_field_is_the_rate(fluorophore):
    acquisition = Acquisition(time_points=100)
    filaments = [line() + np.array([shift, 0]) for shift in range(-600, 700, 200)]
    drift = 12.0 * acquisition.step_times_s[:, None, None]
    blinking = Blinking.of(fluorophore).replace({"rate_hz": 150.0, "labels_per_um": 4000.0})
    events = emitted(blinking, acquisition, filaments=[f + drift for f in filaments])
    wanted = 150 * acquisition.recorded_s
    per_molecule = frames_per_blink(blinking.on_s / T, 0.5) * blinking.blinks
    assert abs(inside(events).sum() - wanted) < 5 * np.sqrt(wanted * 2 * per_molecule)


def test_counts_are_bunched_and_those_of_memoryless_emission_are_not():
    """With a blink here and there, the Fano factor over times long against it is <n^2> / <n> of a blink's frames."""
    acquisition = Acquisition(time_points=2000, frames_per_point=100, exposure_s=T, steps_per_point=1)
    mean = 5.0
    blinking = Blinking(rate_hz=30, labels_per_um=100_000, on_s=mean * T, dark_s=1e6, blinks=1)
    counts = np.bincount(emitted(blinking, acquisition).event_frame.values // 100, minlength=2000)
    d = np.linspace(0.5, 200, 400_000)
    weight = np.exp(-d / mean) / mean
    low, part = np.divmod(d, 1.0)
    square = np.where(d < 1, d, low**2 + part * (2 * low + 1))
    fano = np.trapezoid(square * weight, d) / np.trapezoid(d * weight, d)
    cut_by_borders = 2 * mean / 100
    found = counts.var() / counts.mean()
    assert found > 3
    assert abs(found - fano) < 5 * fano * np.sqrt(2 / counts.size) + fano * cut_by_borders


def test_a_molecule_is_found_at_most_once_in_a_frame():
    acquisition = Acquisition(time_points=20)
    blinking = Blinking(rate_hz=2000, labels_per_um=3000, on_s=0.02, dark_s=0.005, blinks=50)
    events = emitted(blinking, acquisition)
    pairs = np.stack([events.event_frame.values, events.event_molecule.values])
    assert np.unique(pairs, axis=1).shape == pairs.shape


def test_a_molecule_stays_at_its_part_of_a_contour_that_moves_and_stretches():
    acquisition = Acquisition(time_points=10, frames_per_point=20)
    growth = (1 + acquisition.step_times_s / acquisition.recorded_s)[:, None, None]
    drift = 15.0 * acquisition.step_times_s[:, None, None]
    contour = (line(half_nm=150) - CENTRE) * growth + CENTRE + drift
    blinking = Blinking(rate_hz=400, labels_per_um=1000, on_s=0.5, blinks=20)
    events = emitted(blinking, acquisition, filaments=[contour])
    times_s = np.clip(events.event_time.values, *acquisition.step_times_s[[0, -1]])
    place = np.stack([events.event_y.values, events.event_x.values], axis=1).astype(float)
    centred = (place - CENTRE - 15.0 * times_s[:, None]) / (1 + times_s[:, None] / acquisition.recorded_s)
    part = centred @ [0.6, 0.8]
    assert np.abs(centred @ [0.8, -0.6]).max() < 1e-2
    assert np.abs(part).max() < 150 + 1e-2
    molecule = events.event_molecule.values
    home = np.bincount(molecule, part) / np.maximum(np.bincount(molecule), 1)
    assert np.unique(molecule).size > 100
    assert np.abs(part - home[molecule]).max() < 1e-2


def test_a_filament_that_wraps_does_not_smear_across_the_view():
    acquisition = Acquisition(time_points=20, frames_per_point=20, steps_per_point=1)
    box = [-1500.0, -1500.0, 4000.0, 5000.0]
    along = np.linspace(-200, 200, 30)
    x = 2900 + np.linspace(0, 900, 20)
    x[10:] -= box[3]
    walker = np.stack(np.broadcast_arrays(200 + along[None], x[:, None]), axis=-1)
    still = np.linspace((900.0, 700.0), (900.0, 1500.0), 40)
    events = Blinking(rate_hz=500, labels_per_um=10_000, on_s=1.0).emit(
        moving(acquisition, [walker, still], box), FIELD, acquisition, np.random.default_rng(10)
    )
    assert np.abs(events.event_y.values - 900).max() < 0.01


def test_molecules_outside_the_window_are_left_out_and_the_others_are_all_there():
    acquisition = Acquisition(time_points=30)
    filaments = [line(half_nm=3000, vertices=200) + np.array([0, shift]) for shift in (-400, 0, 400)]
    wobble = 100 * np.sin(acquisition.step_times_s)[:, None, None]
    blinking = Blinking(rate_hz=500, labels_per_um=2000, margin_nm=50)
    events = emitted(blinking, acquisition, filaments=[f + wobble for f in filaments])
    assert not inside(events).all()
    window = FIELD.replace(
        {"height_nm": 1700.0, "width_nm": 1380.0, "origin_y_nm": -350.0, "origin_x_nm": 450.0}
    )
    assert window.contains(events.event_y.values, events.event_x.values).all()
    everything = blinking.replace({"margin_nm": 5000.0})
    more = emitted(everything, acquisition, filaments=[f + wobble for f in filaments])
    kept = window.contains(more.event_y.values, more.event_x.values)
    assert not kept.all()
    for name in ("event_frame", "event_molecule", "event_y", "event_x"):
        np.testing.assert_array_equal(more[name].values[kept], events[name].values)


def test_same_seed_gives_the_same_bytes_and_another_does_not():
    acquisition = Acquisition(time_points=10)
    first, second, other = (emitted(Blinking(), acquisition, seed) for seed in (1, 1, 2))
    assert all(first[name].values.tobytes() == second[name].values.tobytes() for name in first)
    assert not first.event_y.equals(other.event_y)


def test_events_come_in_the_order_of_frames():
    acquisition = Acquisition(time_points=10)
    frames = emitted(Blinking(), acquisition).event_frame.values
    assert (np.diff(frames) >= 0).all()
    assert frames[0] >= 0
    assert frames[-1] < acquisition.frames


def test_a_contour_that_is_never_in_the_field_gives_no_events():
    acquisition = Acquisition(time_points=3)
    assert emitted(Blinking(), acquisition, filaments=[line() + 9000.0]).sizes["event"] == 0


def test_a_rate_that_the_molecules_cannot_give_is_refused_with_what_would_do():
    acquisition = Acquisition(time_points=100)
    with pytest.raises(ValueError, match=r"200 Hz for 150 s are 3e\+04 localizations, but .* labels_per_um"):
        emitted(Blinking(labels_per_um=100, dark_s=1.0, blinks=2), acquisition)


def test_too_many_molecules_are_refused():
    with pytest.raises(ValueError, match=r"molecules, more than 1e\+08; lower labels_per_um"):
        emitted(Blinking(labels_per_um=1e9), Acquisition(time_points=3))


def test_other_steps_than_those_of_the_acquisition_are_refused():
    structure = moving(Acquisition(time_points=3), [line()])
    with pytest.raises(ValueError, match=r"shape \(15, 40\).*4 time points of 5 steps are 20"):
        Blinking().emit(structure, FIELD, Acquisition(time_points=4), np.random.default_rng(0))


def test_an_unknown_fluorophore_is_named_beside_those_there_are():
    with pytest.raises(ValueError, match="no fluorophore 'atto'; there are: alexa_647, meos3_2"):
        Blinking.of("atto")


def test_every_number_of_a_fluorophore_has_a_source():
    for numbers in read_toml(FLUOROPHORES).values():
        assert numbers.keys() - {"source"} <= numbers["source"].keys()
        assert any("doi:10." in source for source in numbers["source"].values())
