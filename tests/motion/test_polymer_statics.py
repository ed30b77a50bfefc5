"""The shapes of a moving polymer are those of the worm-like chain at every time, whatever drives it."""

import numpy as np
import pytest

from smlmsim.motion._polymer_chains import chains
from smlmsim.motion._polymer_modes import modes
from smlmsim.motion.polymer import Polymer

SIGMAS = 5
FILAMENTS = 20_000
BOND_NM = 50.0
VERTICES = 52
POINT_S = 1.5


def bond_vectors(moving, time):
    """Shape (filament, bond, axis), in units of the bond length."""
    place = np.stack([moving.vertex_y.values[time], moving.vertex_x.values[time]], axis=-1)
    return np.diff(place.reshape(-1, VERTICES, 2).astype(np.float64), axis=1) / BOND_NM


def within_sampling_error(samples, expected):
    """Whether the mean of independent samples lies within 5 standard errors of what is expected."""
    error = samples.std(axis=0) / np.sqrt(len(samples))
    return np.abs(samples.mean(axis=0) - expected) < SIGMAS * error


@pytest.fixture(
    scope="module",
    params=[(4e3, 0.0), (2e4, 0.5), (2e5, 1.0)],
    ids=lambda p: f"Lp {p[0] / 1e3:g} um, thermal {p[1]:g}",
)
def aged(request, worm_like_chains):
    """Persistence length and filaments at the first of and after 50 time points."""
    persistence_length_nm, thermal = request.param
    structure = worm_like_chains(
        FILAMENTS,
        VERTICES,
        length_nm=BOND_NM * (VERTICES - 1),
        persistence_length_nm=persistence_length_nm,
    )
    polymer = Polymer(thermal_fraction=thermal)
    times_s = POINT_S * np.array([0.0, 25.0, 50.0])
    return persistence_length_nm, polymer.move(structure, times_s, np.random.default_rng(1))


@pytest.mark.parametrize("time", [0, -1], ids=["first time", "after 50 points"])
@pytest.mark.parametrize("lag", [1, 5, 20, 50])
def test_bonds_forget_their_direction_over_twice_the_persistence_length(aged, lag, time):
    persistence_length_nm, moving = aged
    bonds = bond_vectors(moving, time)
    cosine = (bonds[:, lag:] * bonds[:, :-lag]).sum(axis=2).mean(axis=1)
    assert within_sampling_error(cosine, np.exp(-lag * BOND_NM / (2 * persistence_length_nm)))


@pytest.mark.parametrize("time", [0, -1], ids=["first time", "after 50 points"])
def test_the_ends_are_as_far_apart_as_those_of_the_discrete_worm_like_chain(aged, time):
    persistence_length_nm, moving = aged
    square = (bond_vectors(moving, time).sum(axis=1) ** 2).sum(axis=1)
    n, c = VERTICES - 1, np.exp(-BOND_NM / (2 * persistence_length_nm))
    expected = n * (1 + c) / (1 - c) - 2 * c * (1 - c**n) / (1 - c) ** 2
    assert within_sampling_error(square, expected)
    assert abs(square.mean() / expected - 1) < 0.01


def test_every_mode_keeps_its_share_of_the_bending_energy(aged):
    persistence_length_nm, moving = aged
    (group,) = chains(moving.isel(time=-1))
    stiffness = group.modes.stiffness[1:]
    amplitudes = group.modes.amplitudes(group.angles)[:, 1:]
    energy = amplitudes**2 * stiffness * persistence_length_nm / BOND_NM
    assert within_sampling_error(energy, 1.0).all()


def test_the_sum_of_all_modes_bends_as_the_chain_does():
    bonds = 99
    chain = modes(bonds + 1)
    bending = chain.angles[:, 1:]
    covariance = (bending / chain.stiffness[1:]) @ bending.T
    own = np.diag(covariance)
    between = own[:, None] + own[None, :] - 2 * covariance
    apart = np.abs(np.subtract.outer(np.arange(bonds), np.arange(bonds)))
    np.testing.assert_allclose(between, apart, rtol=0, atol=1e-10 * bonds)


def test_the_slowest_modes_are_those_of_the_free_beam():
    vertices = 100
    beam = np.array([4.730041, 7.853205, 10.995608, 14.137165]) / vertices
    np.testing.assert_allclose(modes(vertices).stiffness[1:5], beam**4, rtol=3e-3)


@pytest.mark.parametrize("vertices", [2, 3, 4, 51, 100])
def test_the_modes_are_orthonormal_and_even_or_odd(vertices):
    chain = modes(vertices)
    np.testing.assert_allclose(chain.displacement.T @ chain.displacement, np.eye(vertices - 1), atol=1e-12)
    np.testing.assert_allclose(chain.displacement.sum(axis=0), 0, atol=1e-12)
    parity = -((-1.0) ** np.arange(vertices - 1))
    np.testing.assert_allclose(chain.displacement[::-1], parity * chain.displacement, atol=1e-11)


def test_amplitudes_are_those_that_the_angles_are_made_of():
    amplitudes = np.random.default_rng(0).standard_normal((7, 60))
    chain = modes(61)
    np.testing.assert_allclose(chain.amplitudes(amplitudes @ chain.angles.T), amplitudes, atol=1e-12)


def test_a_single_vertex_has_no_modes():
    with pytest.raises(ValueError, match="at least 2 vertices, found 1"):
        modes(1)
