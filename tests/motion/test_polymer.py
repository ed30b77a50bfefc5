"""What a polymer takes and gives, and that its kernel does what a few lines of numpy do."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pydantic
import pytest

from smlmsim import schema
from smlmsim._philox import normals_f32, words
from smlmsim.motion import _polymer_kernels, _polymer_paths
from smlmsim.motion.polymer import Polymer

TIMES_S = (np.arange(70) + 0.5) * 1.5
BOX_NM = [-1000.0, -2000.0, 3000.0, 5000.0]


def move(polymer, structure, times_s=TIMES_S, seed=1):
    return polymer.move(structure, times_s, np.random.default_rng(seed))


def vertices(moving):
    return np.stack([moving.vertex_y.values, moving.vertex_x.values], axis=-1)


@pytest.fixture
def structure(worm_like_chains):
    lengths_nm = np.array([2500.0, 4000.0, 5500.0, 7000.0])
    return worm_like_chains(4, 40, length_nm=lengths_nm)


@pytest.fixture
def kernel_call(monkeypatch):
    """A function that gives the arguments with which a motion calls its kernel, as a dictionary."""

    def call(polymer, structure):
        names = _polymer_kernels.trace.py_func.__code__.co_varnames
        seen = []
        monkeypatch.setattr(_polymer_paths, "trace", lambda *values: seen.append(values))
        move(polymer, structure)
        monkeypatch.undo()
        (values,) = seen
        return dict(zip(names, values, strict=False))

    return call


def trace(call, **changes):
    """Run the kernel on copies, so that its arguments stay; the vertices (time, vertex, axis)."""
    call = call | changes
    y, x, state = np.zeros_like(call["y"]), np.zeros_like(call["x"]), call["state"].copy()
    _polymer_kernels.trace(*(call | {"y": y, "x": x, "state": state}).values())
    return np.stack([y, x], axis=-1)


def trace_by_numpy(call):
    """The kernel from its definition, one filament and one time after the other."""
    y, x = np.empty(call["y"].shape), np.empty(call["x"].shape)
    n, half, slots = call["vertices"], call["vertices"] // 2, call["shapes"].shape[1]
    mirrored = call["shapes"][:, :, ::-1] * np.array([1, -1])[:, None, None]
    angles_of = np.concatenate([call["shapes"], mirrored], axis=2)
    angles_of = np.delete(angles_of, half, axis=2) if n % 2 == 0 else angles_of
    for f, first in enumerate(call["first_vertex"]):
        coordinate, known = call["state"][f, :, 0].copy(), call["state"][f, :, 1].copy()
        for time, u in enumerate(call["update_of"]):
            if u >= 0:
                z = noise_by_scalars(call, call["stream"][f], time, slots)
                decay, gain, jolt, kick = np.moveaxis(call["update"][f, :, u], 1, 0)
                coordinate = decay * coordinate + gain * known + jolt * z
                known = call["persist"][u] * known + kick * z
            angles = np.einsum("ps,psb->b", coordinate, angles_of)
            for out, part, axis in ((y, np.sin, 0), (x, np.cos, 1)):
                path = np.append(0.0, np.cumsum(part(angles))) * call["bond_nm"][f]
                centre = call["centre_nm"][f, axis] + coordinate[axis, half]
                origin, size = call["box_nm"][axis], call["box_nm"][axis + 2]
                wrapped = centre - size * np.floor((centre - origin) / size)
                out[time, first : first + n] = path - path.mean() + wrapped
    return np.stack([y, x], axis=-1)


def noise_by_scalars(call, stream, time, slots):
    """The normal numbers of one filament and time, shape (parity, slot), each from its own counter."""
    block, within = divmod(time, _polymer_kernels.BLOCK)
    quarter = _polymer_kernels.BLOCK * slots // 2
    numbers = np.empty(2 * slots)
    for i in range(2 * slots):
        row, index = divmod(within * 2 * slots + i, quarter)
        word = words(call["key"], index, block, stream)
        numbers[i] = normals_f32(*word[row // 2 * 2 : row // 2 * 2 + 2])[row % 2]
    return numbers.reshape(2, slots)


@pytest.mark.parametrize("count", [2, 3, 40, 41, 300])
def test_the_kernel_does_what_numpy_does(worm_like_chains, kernel_call, count):
    structure = worm_like_chains(2, count, length_nm=np.array([2000.0, 3000.0]), box_nm=BOX_NM)
    call = kernel_call(Polymer(precision="float64"), structure)
    np.testing.assert_allclose(trace(call), trace_by_numpy(call), rtol=0, atol=1e-4)


def test_single_precision_follows_double_precision(structure):
    single, double = (vertices(move(Polymer(precision=p), structure)) for p in ("float32", "float64"))
    assert single.dtype == np.float32
    assert double.dtype == np.float64
    np.testing.assert_allclose(single, double, rtol=0, atol=0.5)


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 3e-4), ("float64", 1e-12)])
def test_bonds_keep_their_length(structure, precision, tolerance):
    moving = vertices(move(Polymer(precision=precision, velocity_nm_per_s=220.0), structure))
    bonds = np.diff(moving.astype(np.float64).reshape(TIMES_S.size, 4, 40, 2), axis=2)
    expected = np.array([2500.0, 4000.0, 5500.0, 7000.0])[:, None] / 39
    np.testing.assert_allclose(np.hypot(*np.moveaxis(bonds, -1, 0)) / expected, 1.0, rtol=0, atol=tolerance)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_filaments_begin_where_the_structure_is(structure, precision):
    start = vertices(move(Polymer(precision=precision), structure))[0]
    tolerance = {"float32": 0.01, "float64": 1e-9}[precision]
    np.testing.assert_allclose(start, vertices(structure), rtol=0, atol=tolerance)


def test_the_same_seed_gives_the_same_bytes_on_any_number_of_threads(structure):
    alone = move(Polymer(), structure)
    with ThreadPoolExecutor(4) as pool:
        for together in pool.map(lambda _: move(Polymer(), structure), range(8)):
            assert vertices(together).tobytes() == vertices(alone).tobytes()
    assert vertices(move(Polymer(), structure, seed=2)).tobytes() != vertices(alone).tobytes()


def test_a_path_does_not_depend_on_the_filaments_beside_it(structure, kernel_call):
    call = kernel_call(Polymer(), structure)
    all_together = trace(call)
    for f in range(4):
        names = ("first_vertex", "bond_nm", "centre_nm", "state", "update", "stream")
        alone = trace(call | {name: call[name][f : f + 1] for name in names})
        own = slice(40 * f, 40 * f + 40)
        assert alone[:, own].tobytes() == all_together[:, own].tobytes()


@pytest.mark.parametrize("cuts", [[1], [32], [37, 38, 64]])
def test_a_path_does_not_depend_on_the_pieces_it_is_drawn_in(structure, kernel_call, cuts):
    call = kernel_call(Polymer(), structure)
    whole, state = trace(call), call["state"].copy()
    for first, last in zip([0, *cuts], [*cuts, TIMES_S.size], strict=True):
        piece = {name: call[name][first:last].copy() for name in ("y", "x", "update_of")}
        _polymer_kernels.trace(*(call | piece | {"state": state, "first_time": first}).values())
        assert np.stack([piece["y"], piece["x"]], axis=-1).tobytes() == whole[first:last].tobytes()


def test_uneven_times_bend_and_drift_on(structure):
    times_s = np.cumsum(np.random.default_rng(0).uniform(0.1, 3.0, 40))
    moving = vertices(move(Polymer(), structure, times_s))
    steps = np.hypot(*np.moveaxis(np.diff(moving, axis=0), -1, 0)).mean(axis=1) / np.diff(times_s)
    assert 20 < steps.mean() < 200
    assert np.corrcoef(steps, np.diff(times_s))[0, 1] < 0.5


def test_filaments_that_leave_the_box_enter_on_the_other_side(worm_like_chains):
    structure = worm_like_chains(30, 20, box_nm=BOX_NM)
    free = structure.drop_attrs().assign_attrs(persistence_length_nm=20_000.0)
    wrapped, straight = (
        vertices(move(Polymer(velocity_nm_per_s=220.0), s)).reshape(TIMES_S.size, 30, 20, 2)
        for s in (structure, free)
    )
    period, origin = np.array(BOX_NM[2:]), np.array(BOX_NM[:2])
    crossed = (straight - wrapped) / period
    np.testing.assert_allclose(crossed, np.round(crossed[:, :, :1]) + np.zeros_like(crossed), atol=1e-5)
    assert np.abs(np.round(crossed)).max() >= 2
    centre = wrapped.mean(axis=2)
    assert (centre > origin - 0.01).all()
    assert (centre < origin + period + 0.01).all()


def test_filaments_may_differ_in_their_numbers_of_vertices(worm_like_chains):
    parts = [worm_like_chains(2, n, length_nm=3000.0, seed=n) for n in (2, 41, 20)]
    structure = schema.dataset(
        parts[0].attrs,
        vertex_y=np.concatenate([part.vertex_y for part in parts]),
        vertex_x=np.concatenate([part.vertex_x for part in parts]),
        filament=np.concatenate([part.filament + 2 * i for i, part in enumerate(parts)]),
    )
    moving = move(Polymer(precision="float64"), structure)
    np.testing.assert_allclose(vertices(moving)[0], vertices(structure), atol=1e-9)
    lengths = np.hypot(*np.moveaxis(np.diff(vertices(moving), axis=1), -1, 0))
    within = np.diff(structure.filament.values) == 0
    assert np.ptp(lengths[:, within], axis=0).max() < 1e-9
    assert (moving.vertex_y.values[-1] != moving.vertex_y.values[0]).all()


def test_the_result_tells_what_it_is(structure):
    moving = move(Polymer(velocity_nm_per_s=70.0), structure.assign_attrs(box_nm=BOX_NM, name="mine"))
    schema.check(moving, "time", "vertex_y", "vertex_x", "filament")
    assert moving.vertex_y.dims == ("time", "vertex")
    np.testing.assert_array_equal(moving.time, TIMES_S)
    np.testing.assert_array_equal(moving.filament, structure.filament)
    assert moving.attrs["velocity_nm_per_s"] == 70.0
    assert moving.attrs["velocity_lag_s"] == 1.5
    assert moving.attrs["speed_nm_per_s"] > moving.attrs["velocity_rms_nm_per_s"] > 70.0
    assert (moving.attrs["box_nm"], moving.attrs["name"]) == (BOX_NM, "mine")


def test_a_single_time_is_the_structure_itself(structure):
    assert move(Polymer(), structure, TIMES_S[:1]).sizes["time"] == 1


def test_the_persistence_length_is_that_of_the_motion_before_that_of_the_structure(structure):
    named = move(Polymer(persistence_length_nm=20_000.0), structure.drop_attrs())
    assert vertices(named).tobytes() == vertices(move(Polymer(), structure)).tobytes()
    other = move(Polymer(persistence_length_nm=5000.0), structure)
    assert vertices(other).tobytes() != vertices(named).tobytes()


def test_a_persistence_length_that_nobody_states_is_asked_for(structure):
    with pytest.raises(ValueError, match="persistence_length_nm; give it to the motion"):
        move(Polymer(), structure.drop_attrs())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"vertex_y": [0.0, 0.0, 0.0, 0.0], "vertex_x": [0.0, 1.0, 2.0, 4.0]},
            "filament 5 are 1 to 2 nm long",
        ),
        ({"vertex_y": [0.0, 0.0, 0.0, 0.0], "vertex_x": [0.0, 0.0, 0.0, 0.0]}, "are 0 to 0 nm long"),
        ({"filament": [5, 5, 5, 6]}, "filament 6 has a single vertex"),
        ({"filament": [5, 6, 5, 6]}, "not contiguous; sort"),
        ({"vertex_x": [0.0, 3.0, 6.0, 9.0]}, "9 nm long and 25 nm thick is no rod"),
    ],
)
def test_what_is_no_chain_of_equal_bonds_is_refused(change, message):
    values = {"vertex_y": np.zeros(4), "vertex_x": np.arange(4.0) * 50, "filament": [5, 5, 5, 5]} | change
    structure = schema.dataset({"persistence_length_nm": 2e4}, **values)
    with pytest.raises(ValueError, match=message):
        move(Polymer(), structure)


def test_a_structure_without_filaments_is_refused():
    empty = schema.dataset(
        {"persistence_length_nm": 2e4}, vertex_y=[], vertex_x=[], filament=np.zeros(0, np.int32)
    )
    with pytest.raises(ValueError, match="has no filament"):
        move(Polymer(), empty)


def test_a_structure_that_moves_already_is_refused(structure):
    with pytest.raises(schema.SchemaError, match="moves already"):
        move(Polymer(), move(Polymer(), structure))


@pytest.mark.parametrize("times_s", [[], [0.0, 1.0, 1.0], [1.0, 0.0], [np.nan], [0.0, np.inf]])
def test_times_that_do_not_increase_are_refused(structure, times_s):
    with pytest.raises(ValueError, match="finite and increase"):
        move(Polymer(), structure, np.array(times_s))


@pytest.mark.parametrize(
    "setting",
    [
        {"velocity_nm_per_s": -1.0},
        {"thermal_fraction": 1.1},
        {"persistence_time_s": 0.0},
        {"velocity": 60.0},
        {"precision": "float16"},
    ],
)
def test_settings_that_make_no_sense_are_refused(setting):
    with pytest.raises(pydantic.ValidationError):
        Polymer(**setting)


def test_settings_survive_a_file(tmp_path):
    polymer = Polymer(velocity_nm_per_s=33.0, thermal_fraction=0.25, persistence_length_nm=5000.0)
    (tmp_path / "polymer.toml").write_text(polymer.to_toml())
    assert Polymer.from_toml(tmp_path / "polymer.toml") == polymer
