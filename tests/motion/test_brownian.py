"""Explicit Brownian dynamics: its energy, its bath, the closed forms of a chain, and the faster polymer."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pydantic
import pytest

from smlmsim import estimate, schema
from smlmsim._philox import philox
from smlmsim.motion import _brownian_kernels as kernels
from smlmsim.motion.brownian import Brownian
from smlmsim.motion.polymer import Polymer
from smlmsim.rng import stream

SIGMAS = 5.0
BOND_NM = 25.0
THERMAL_PN_NM = 1.380649e-2 * 310
POLYNOMIAL = 3e-6


class Chain(NamedTuple):
    """Expected of a free chain: sizes in nm, its diffusion and its rates in nm^2/s and 1/s."""

    beads: int
    persistence_nm: float

    @property
    def drag_pn_s_per_nm(self):
        length_nm = BOND_NM * (self.beads - 1)
        return 4 * np.pi * 1e-7 * BOND_NM / (np.log(length_nm / 25) + 0.84)

    @property
    def bead_diffusion(self):
        return THERMAL_PN_NM / self.drag_pn_s_per_nm

    @property
    def bend_per_s(self):
        return self.persistence_nm * self.bead_diffusion / BOND_NM**3

    @property
    def stable_step_s(self):
        return 1 / (8 * self.bend_per_s)

    @property
    def bend_modes(self):
        """Stiffness and displacement (bead, mode) of the straight chain; the first two move it rigidly."""
        second = np.diff(np.eye(self.beads), n=2, axis=0)
        return np.linalg.eigh(second.T @ second)

    def structure(self, filaments, seed, **attrs):
        """Filaments in equilibrium: worm-like chains."""
        rng = stream(seed, "chains")
        bends = np.sqrt(BOND_NM / self.persistence_nm) * rng.standard_normal((filaments, self.beads - 1))
        bends[:, 0] = rng.uniform(0, 2 * np.pi, filaments)
        angles = np.cumsum(bends, axis=1)
        y, x = (np.pad(np.cumsum(BOND_NM * f(angles), axis=1), ((0, 0), (1, 0))) for f in (np.sin, np.cos))
        return schema.dataset(
            {"persistence_length_nm": self.persistence_nm, **attrs},
            vertex_y=y.ravel(),
            vertex_x=x.ravel(),
            filament=np.repeat(np.arange(filaments, dtype=np.int32), self.beads),
        )


def _positions(moving, beads):
    """x + iy, (time, filament, bead)."""
    z = moving.vertex_x.values.astype(np.float64) + 1j * moving.vertex_y.values
    return z.reshape(len(z), -1, beads)


def _bends(z):
    bonds = np.diff(z, axis=-1)
    return np.angle(bonds[..., 1:] / bonds[..., :-1])


def _lanes(z, dtype=np.float64):
    """A chain in the first lanes of one vector of the kernel."""
    places = np.arange(kernels.LANES_PER_VECTOR + 1) * (1 - 1j)
    places[: z.size] = z
    return places.imag.astype(dtype), places.real.astype(dtype)


def _coefficients(beads, stretch, bend, kick, dtype=np.float64):
    lane = np.arange(kernels.LANES_PER_VECTOR)
    return (
        np.where(lane < beads - 1, stretch, 0).astype(dtype),
        np.where((lane > 0) & (lane < beads - 1), bend, 0).astype(dtype),
        np.where(lane < beads, kick, 0).astype(dtype),
    )


def _counters(lanes, filament=0):
    index = np.arange(lanes // kernels.LANES_PER_COUNTER, dtype=np.uint64)
    return index, np.full_like(index, filament)


def _curled(beads=21, seed=5):
    """A chain with bends of up to 80 degrees and bonds of 0.7 to 1.3."""
    rng = stream(seed, "curled")
    angles = np.cumsum(rng.uniform(-1.4, 1.4, beads - 1))
    return np.append(0, np.cumsum(rng.uniform(0.7, 1.3, beads - 1) * np.exp(1j * angles)))


def _twin(z, stretch, bend, kick, key, filament, first_step, steps):
    """The kernel in numpy, with exact angles."""
    z = z.copy()
    for step in range(first_step, first_step + steps):
        bonds = np.diff(z)
        length, along = np.abs(bonds), bonds / np.abs(bonds)
        moment = np.pad(bend * _bends(z), 1)
        shear = (moment[:-1] - moment[1:]) / length
        pull = (stretch * (length - 1) + 1j * shear) * along
        words = [philox(i, filament, step % 2**32, step >> 32, key) for i in range(-(-z.size // 8))]
        kicks = np.array(words, dtype=np.uint32).view(np.int8).reshape(-1, 2, 8).swapaxes(0, 1)
        kicks = (kicks | 1).reshape(2, -1)[:, : z.size]
        z += np.append(pull, 0) - np.append(0, pull) + kick * (kicks[1] + 1j * kicks[0])
    return z


@pytest.mark.parametrize("first_step", [0, 2**32 - 3])
def test_kernel_is_the_numpy_twin_step_by_step(first_step):
    z, stretch, bend, kick, key = _curled(), 0.05, 0.0125, 1e-4, np.uint64(2**63 + 12345)
    y, x = _lanes(z)
    coefficients, counters = (
        _coefficients(z.size, stretch, bend, kick),
        _counters(kernels.LANES_PER_VECTOR, 3),
    )
    for step in range(first_step, first_step + 8):
        z = _twin(z, stretch, bend, kick, key, 3, step, 1)
        kernels.advance(y, x, *coefficients, *counters, key, step, 1)
        np.testing.assert_allclose((x + 1j * y)[: z.size], z, atol=8 * 4 * bend * 1.4 * POLYNOMIAL)


def test_force_is_minus_the_gradient_of_the_energy():
    z, stretch, bend, h = _curled(), 0.05, 0.0125, 1e-5

    def energy(z):
        return stretch / 2 * np.sum((np.abs(np.diff(z)) - 1) ** 2) + bend / 2 * np.sum(_bends(z) ** 2)

    y, x = _lanes(z)
    kernels.advance(
        y,
        x,
        *_coefficients(z.size, stretch, bend, 0),
        *_counters(kernels.LANES_PER_VECTOR),
        np.uint64(1),
        0,
        1,
    )
    for i, unit in enumerate(np.eye(z.size)):
        force = [(energy(z - h * d * unit) - energy(z + h * d * unit)) / (2 * h) for d in (1, 1j)]
        moved = (x[i] - z[i].real, y[i] - z[i].imag)
        np.testing.assert_allclose(moved, force, atol=4 * bend * 1.4 * POLYNOMIAL + h**2)


def test_kicks_are_uniform_and_independent():
    lanes, steps = 2**14, 4
    zero = np.zeros(lanes)
    kicks = np.empty((steps, 2, lanes))
    for step in range(steps):
        y, x = np.zeros(lanes + 1), np.zeros(lanes + 1)
        kernels.advance(y, x, zero, zero, zero + 1, *_counters(lanes), np.uint64(77), step, 1)
        kicks[step] = y[:-1], x[:-1]
    values, counts = np.unique(kicks, return_counts=True)
    np.testing.assert_array_equal(values, np.arange(-127, 128, 2))
    expected = kicks.size / 128
    chi2 = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi2 - 127) < SIGMAS * np.sqrt(2 * 127)
    assert np.sqrt(np.mean(values**2)) == pytest.approx(kernels.KICK_RMS)
    kicks /= kernels.KICK_RMS
    for one, other in (
        (kicks[:, 0], kicks[:, 1]),
        (kicks[1:], kicks[:-1]),
        (kicks[..., 1:], kicks[..., :-1]),
        (kicks[..., 8:], kicks[..., :-8]),
    ):
        assert abs(np.mean(one * other)) < SIGMAS / np.sqrt(one.size)


def test_free_chain_diffuses_as_kt_over_n_zeta():
    chain, filaments, intervals = Chain(beads=10, persistence_nm=2000.0), 1024, 40
    interval_s = 100 * 0.1 * chain.stable_step_s
    moving = Brownian().move(
        chain.structure(filaments, seed=1), np.arange(intervals + 1) * interval_s, stream(1, "motion")
    )
    shifts = np.diff(_positions(moving, chain.beads).mean(axis=-1), axis=0)
    expected = 2 * chain.bead_diffusion / chain.beads * interval_s
    tolerance = SIGMAS * np.sqrt(2 / shifts.size)
    assert np.var(shifts.real) == pytest.approx(expected, rel=tolerance)
    assert np.var(shifts.imag) == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("stiffer", [None, 2.0])
def test_bonds_and_bends_have_the_variance_of_equipartition(stiffer):
    chain, filaments, looks = Chain(beads=10, persistence_nm=2000.0), 1024, 10
    bend_step = 0.1 / 8 / (stiffer or 1)
    softest, displacement = chain.bend_modes
    interval_s = 1 / (chain.bend_per_s * softest[2])
    stretch_pn_per_nm = (stiffer or 1) * 4 * chain.persistence_nm * THERMAL_PN_NM / BOND_NM**3
    moving = Brownian(stretch_pn_per_nm=stretch_pn_per_nm if stiffer else None).move(
        chain.structure(filaments, seed=2), np.arange(looks + 1) * interval_s, stream(2, "motion")
    )
    z = _positions(moving, chain.beads)[1:]

    bends = np.diff(displacement[:, 2:], n=2, axis=0) ** 2 / softest[2:]
    bend_variance = np.mean(bends @ (1 / (1 - softest[2:] * bend_step / 2))) * BOND_NM / chain.persistence_nm
    bond = np.diff(np.eye(chain.beads), axis=0)
    stretches, shapes = np.linalg.eigh(bond @ bond.T)
    stretch_step = 4 * bend_step * (stiffer or 1)
    bond_variance = np.mean(shapes**2 @ (1 / (1 - stretches * stretch_step / 2)))
    bond_variance *= THERMAL_PN_NM / stretch_pn_per_nm

    found = _bends(z)
    assert np.mean(found**2) == pytest.approx(bend_variance, rel=SIGMAS * np.sqrt(2 / found.size))
    found = np.abs(np.diff(z, axis=-1))
    anharmonic = BOND_NM / (4 * chain.persistence_nm)
    assert np.var(found) == pytest.approx(
        bond_variance, rel=SIGMAS * np.sqrt(2 / found.size) + 2 * anharmonic
    )


def test_slowest_bend_relaxes_at_the_rate_of_the_beam():
    chain, filaments, looks = Chain(beads=16, persistence_nm=BOND_NM * 15 / 0.12), 4096, 5
    rate = chain.bend_per_s * (4.730041 / chain.beads) ** 4
    moving = Brownian(time_step_s=0.3 * chain.stable_step_s).move(
        chain.structure(filaments, seed=3), np.arange(looks) * 0.5 / rate, stream(3, "motion")
    )
    bonds = np.diff(_positions(moving, chain.beads), axis=-1)
    angles = np.unwrap(np.angle(bonds), axis=-1)
    path = np.pad(np.cumsum(angles - angles[..., :1], axis=-1), ((0, 0), (0, 0), (1, 0)))
    amplitude = path @ chain.bend_modes[1][:, 2]
    kept = np.mean(amplitude[1:] * amplitude[:-1]) / np.mean(amplitude**2)
    error = (1 - kept**2) / np.sqrt(amplitude[1:].size)
    assert -np.log(kept) / 0.5 == pytest.approx(1, abs=SIGMAS * error / kept / 0.5 + 0.02)


class Paths(NamedTuple):
    """Chains of N = 32 and L / Lp = 0.12, followed for two relaxation times of the slowest bend."""

    chain: Chain
    times_s: np.ndarray
    moving: object


@pytest.fixture(scope="module")
def paths():
    chain, filaments, looks = Chain(beads=32, persistence_nm=BOND_NM * 31 / 0.12), 256, 40
    relaxation_s = 1 / (chain.bend_per_s * (4.730041 / chain.beads) ** 4)
    times_s = np.linspace(0, 2 * relaxation_s, looks + 1)
    moving = Brownian(time_step_s=0.3 * chain.stable_step_s).move(
        chain.structure(filaments, seed=4), times_s, stream(4, "motion")
    )
    return Paths(chain, times_s, moving)


def _transverse_msd(z, lag):
    """Of the beads on the central 80 % of the contours, along the normals there."""
    tangent = z[:-lag, :, 2:] - z[:-lag, :, :-2]
    shift = (z[lag:] - z[:-lag])[..., 1:-1] * (tangent / np.abs(tangent)).conj()
    central = np.abs(np.arange(1, z.shape[-1] - 1) / (z.shape[-1] - 1) - 0.5) <= 0.4
    return np.mean(shift.imag[..., central] ** 2)


def _centre_msd(z, lag):
    shift = z[lag:].mean(axis=-1) - z[:-lag].mean(axis=-1)
    return np.mean(np.abs(shift) ** 2)


@pytest.mark.parametrize("lag", [1, 4, 20])
def test_transverse_motion_is_that_of_the_modes_of_a_beam(paths, lag):
    chain, lag_s = paths.chain, lag * paths.times_s[1]
    stiffness, displacement = chain.bend_modes
    rates = chain.bend_per_s * stiffness[2:]
    moved = np.append([lag_s, lag_s], -np.expm1(-rates * lag_s) / rates) * 2 * chain.bead_diffusion
    along = np.arange(chain.beads) / (chain.beads - 1)
    expected = np.mean((displacement**2 @ moved)[np.abs(along - 0.5) <= 0.4])
    assert _transverse_msd(_positions(paths.moving, chain.beads), lag) == pytest.approx(expected, rel=0.08)


def test_end_to_end_distance_is_that_of_the_worm_like_chain(paths):
    z = _positions(paths.moving, paths.chain.beads)
    bonds, c = paths.chain.beads - 1, np.exp(-BOND_NM / (2 * paths.chain.persistence_nm))
    expected = BOND_NM**2 * (bonds * (1 + c) / (1 - c) - 2 * c * (1 - c**bonds) / (1 - c) ** 2)
    assert np.mean(np.abs(z[20:, :, -1] - z[20:, :, 0]) ** 2) == pytest.approx(expected, rel=0.01)


@pytest.fixture(scope="module")
def polymer(paths):
    """The same chains moved by the exact dynamics at the velocity that the explicit ones have."""
    lag_s = float(paths.times_s[1])
    velocity = estimate.contour_velocity(paths.moving, lag_s).normal_nm_per_s
    motion = Polymer(velocity_nm_per_s=velocity, velocity_lag_s=lag_s, thermal_fraction=1.0)
    structure = paths.chain.structure(2048, seed=5)
    return motion.move(structure, paths.times_s, stream(5, "motion"))


@pytest.mark.slow
def test_polymer_has_this_velocity_when_its_rates_are_those_of_the_fluid(polymer):
    assert polymer.activity == pytest.approx(1, rel=0.08)


@pytest.mark.parametrize("lag", [1, 4, 20])
def test_polymer_moves_as_the_explicit_chains_do(paths, polymer, lag):
    explicit, exact = (_positions(moving, paths.chain.beads) for moving in (paths.moving, polymer))
    assert _transverse_msd(exact, lag) == pytest.approx(_transverse_msd(explicit, lag), rel=0.08)
    independent = explicit.shape[1] * (len(explicit) - 1) / lag
    assert _centre_msd(exact, lag) == pytest.approx(
        _centre_msd(explicit, lag), rel=max(0.08, SIGMAS * np.sqrt(1 / independent))
    )


def test_polymer_has_the_shapes_of_the_explicit_chains(paths, polymer):
    explicit, exact = (
        np.mean(np.abs(z[20:, :, -1] - z[20:, :, 0]) ** 2)
        for z in (_positions(moving, paths.chain.beads) for moving in (paths.moving, polymer))
    )
    assert exact == pytest.approx(explicit, rel=0.01)


SHORT = Chain(beads=13, persistence_nm=3000.0)
SHORT_TIMES_S = np.arange(4) * 100 * 0.1 * SHORT.stable_step_s


def _bytes(moving):
    return moving.vertex_y.values.tobytes(), moving.vertex_x.values.tobytes()


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_same_bytes_on_any_number_of_threads(precision):
    motion, structure = Brownian(precision=precision), SHORT.structure(9, seed=6)

    def moved(seed):
        return _bytes(motion.move(structure, SHORT_TIMES_S, stream(seed, "motion")))

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(moved, [0, 1, 0, 1])) == [moved(0), moved(1)] * 2
    assert moved(0) != moved(1)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("kept", [1, 2, 33])
def test_a_filament_moves_the_same_whatever_moves_beside_it(precision, kept):
    structure, vertices = SHORT.structure(100, seed=7), slice(0, kept * SHORT.beads)
    together, alone = (
        Brownian(precision=precision).move(some, SHORT_TIMES_S, stream(7, "motion"))
        for some in (structure, structure.isel(vertex=vertices))
    )
    assert _bytes(together.isel(vertex=vertices)) == _bytes(alone)


def test_a_filament_moves_the_same_in_any_lane():
    lane, shift = np.arange(2 * kernels.LANES_PER_VECTOR), 24
    z, beads = _curled(), 21
    ends = []
    for first in (0, shift):
        places = lane[-1] + 1 + np.arange(lane.size + 1) * (1 - 1j)
        places[first : first + beads] = z
        y, x = places.imag.astype(np.float32), places.real.astype(np.float32)
        own = (lane >= first) & (lane < first + beads)
        stretch = np.where(own & (lane < first + beads - 1), 0.05, 0).astype(np.float32)
        bend = np.where((stretch > 0) & (lane > first), 0.0125, 0).astype(np.float32)
        kick = np.where(own, 1e-3, 0).astype(np.float32)
        index = np.maximum(lane[::8] - first, 0).astype(np.uint64) // np.uint64(8)
        kernels.advance(y, x, stretch, bend, kick, index, np.zeros_like(index), np.uint64(8), 0, 50)
        ends.append((y[first : first + beads].tobytes(), x[first : first + beads].tobytes()))
    assert ends[0] == ends[1]


def test_filaments_of_different_lengths_move_independently():
    short, long = Chain(beads=5, persistence_nm=3000.0).structure(1, seed=8), SHORT.structure(1, seed=9)
    both = schema.dataset(
        short.attrs,
        vertex_y=np.append(short.vertex_y, long.vertex_y),
        vertex_x=np.append(short.vertex_x, long.vertex_x),
        filament=np.repeat(np.array([0, 1], dtype=np.int32), [5, SHORT.beads]),
    )
    motion = Brownian(time_step_s=0.05 * SHORT.stable_step_s)
    together, alone = (motion.move(s, SHORT_TIMES_S, stream(8, "motion")) for s in (both, short))
    assert _bytes(together.isel(vertex=slice(0, 5))) == _bytes(alone)


def test_single_precision_follows_double():
    single, double = (
        Brownian(precision=precision).move(SHORT.structure(50, seed=10), SHORT_TIMES_S, stream(10, "motion"))
        for precision in ("float32", "float64")
    )
    moved_nm = np.abs(double.vertex_y[-1] - double.vertex_y[0]).median()
    assert np.abs(single.vertex_y - double.vertex_y).max() < 1e-3 * moved_nm


def test_looking_more_often_does_not_change_the_path():
    structure = SHORT.structure(3, seed=11)
    motion = Brownian(time_step_s=SHORT_TIMES_S[1] / 100)
    often, once = (
        motion.move(structure, times, stream(11, "motion"))
        for times in (SHORT_TIMES_S, SHORT_TIMES_S[[0, 3]])
    )
    np.testing.assert_allclose(often.vertex_y[-1], once.vertex_y[-1], atol=1e-3)


def test_at_the_first_time_the_structure_is_as_it_was_built():
    structure = SHORT.structure(3, seed=12, box_nm=[-1e4, -1e4, 2e4, 2e4])
    moving = Brownian().move(structure, 5 + SHORT_TIMES_S, stream(12, "motion"))
    schema.check(moving, "time", "vertex_y", "vertex_x", "filament")
    assert moving.attrs == structure.attrs
    assert moving.vertex_y.dtype == np.float32
    for name in ("vertex_y", "vertex_x"):
        np.testing.assert_array_equal(moving[name][0], structure[name].values.astype(np.float32))


def test_filaments_wrap_by_their_centre_of_mass():
    structure, box_nm = SHORT.structure(200, seed=13), [-160.0, -160.0, 320.0, 320.0]
    free, wrapped = (
        _positions(Brownian().move(s, 20 * SHORT_TIMES_S, stream(13, "motion")), SHORT.beads)
        for s in (structure, structure.assign_attrs(box_nm=box_nm))
    )
    centre = wrapped.mean(axis=-1)
    assert np.abs([centre.real, centre.imag]).max() < 160 + 1e-3
    periods = (wrapped - free) / 320
    assert np.abs(periods - np.round(periods)).max() < 1e-5
    assert np.ptp(np.round(periods), axis=-1).max() == 0
    assert np.abs(np.round(periods)).max() > 0


def test_there_is_no_velocity_to_set():
    assert "velocity_nm_per_s" not in Brownian.model_fields
    with pytest.raises(pydantic.ValidationError, match="velocity_nm_per_s"):
        Brownian(velocity_nm_per_s=60)


def test_a_movie_is_refused_with_its_cost_and_what_would_do():
    with pytest.raises(ValueError, match=r"450 s of 1300 beads .* hours of a core.* s would do.*polymer"):
        Brownian().move(SHORT.structure(100, seed=0), np.linspace(0, 450, 300), stream(0, "motion"))


def test_the_duration_that_would_do_does():
    structure, motion = SHORT.structure(2, seed=0), Brownian(most_bead_steps=2600)
    affordable_s = 100 * 0.1 * SHORT.stable_step_s
    motion.move(structure, np.array([0, affordable_s]), stream(0, "motion"))
    with pytest.raises(ValueError, match=f"{affordable_s:.2g} s would do"):
        motion.move(structure, np.array([0, 1.5 * affordable_s]), stream(0, "motion"))


@pytest.mark.parametrize("fraction", [1.01, 30])
def test_an_unstable_time_step_is_refused(fraction):
    motion = Brownian(time_step_s=fraction * SHORT.stable_step_s)
    with pytest.raises(ValueError, match=f"unstable.* below {SHORT.stable_step_s:.3g} s"):
        motion.move(SHORT.structure(1, seed=0), SHORT_TIMES_S, stream(0, "motion"))


def test_the_largest_stable_time_step_is_stable():
    motion = Brownian(time_step_s=0.95 * SHORT.stable_step_s)
    moving = motion.move(
        SHORT.structure(20, seed=0), np.array([0, 1e4 * SHORT.stable_step_s]), stream(0, "motion")
    )
    assert np.abs(_bends(_positions(moving, SHORT.beads))).max() < np.pi / 2


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (lambda s: s.drop_attrs(), {}, "no attribute persistence_length_nm; give it to Brownian"),
        (
            lambda s: s,
            {"persistence_length_nm": 100},
            "25 nm are not short beside .* 2.5 times as many vertices",
        ),
        (lambda s: s, {"diameter_nm": 1000}, "300 nm long and 1000 nm thick is not a rod"),
        (
            lambda s: s.isel(vertex=[0, 1, 3, 4]),
            {},
            "filament 0 has bonds of 25 to .* nm; space its vertices",
        ),
        (lambda s: s.isel(vertex=[*range(14)]), {}, "filament 1 has one vertex"),
        (lambda s: s.isel(vertex=[0, 13, 1]), {}, "not contiguous"),
        (lambda s: s.expand_dims(time=2), {}, "moves already"),
    ],
)
def test_what_is_no_chain_is_refused(change, settings, message):
    with pytest.raises(ValueError, match=message):
        Brownian(**settings).move(change(SHORT.structure(2, seed=0)), SHORT_TIMES_S, stream(0, "motion"))


def test_times_that_do_not_increase_are_refused():
    with pytest.raises(ValueError, match="the times of a Brownian path must increase"):
        Brownian().move(SHORT.structure(1, seed=0), np.array([0.0, 1e-6, 1e-6]), stream(0, "motion"))
