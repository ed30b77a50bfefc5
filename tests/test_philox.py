"""Counter-based random numbers: the published vectors, a numpy twin, and the distributions."""

import numpy as np
import pytest
from numba import njit
from scipy import stats

from smlmsim import _philox

KEY = np.uint64(0x299F31D0A4093822)
NUMBERS = 200_000


@njit
def draw_words(key, step, stream, out):
    for i in range(out.shape[1]):
        out[0, i], out[1, i], out[2, i], out[3, i] = _philox.words(key, i, step, stream)


@njit
def draw_f32(words, normals, uniforms):
    for i in range(words.shape[1]):
        normals[0, i], normals[1, i] = _philox.normals_f32(words[0, i], words[1, i])
        uniforms[i] = _philox.uniform_f32(words[2, i])


@njit
def draw_f64(words, normals, uniforms):
    for i in range(words.shape[1]):
        normals[0, i], normals[1, i] = _philox.normals_f64(words[0, i], words[1, i], words[2, i], words[3, i])
        uniforms[i] = _philox.uniform_f64(words[2, i], words[3, i])


def words_by_numpy(key, index, step, stream):
    """Philox4x32-10 in 64-bit arithmetic, from the definition."""
    mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    c = [np.asarray(index, np.uint64), *(np.full_like(index, v, np.uint64) for v in (step, stream, 0))]
    k = [key & mask, key >> shift]
    for _ in range(10):
        p, q = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(q >> shift) ^ c[1] ^ k[0], q & mask, (p >> shift) ^ c[3] ^ k[1], p & mask]
        k = [(k[0] + np.uint64(0x9E3779B9)) & mask, (k[1] + np.uint64(0xBB67AE85)) & mask]
    return np.array(c).astype(np.uint32)


def box_muller(open_unit, turns):
    return np.sqrt(-2 * np.log(open_unit)) * np.array([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)])


def quarter_turns(word, fine=0.0):
    """The two highest bits count quarters, the others are a signed fraction of one."""
    fraction = ((word << np.uint32(2)).astype(np.int32) + fine) * 2.0**-32
    return ((word >> np.uint32(30)) + fraction) / 4


@pytest.fixture(scope="module")
def words():
    out = np.empty((4, NUMBERS), np.uint32)
    draw_words(KEY, 5, 7, out)
    return out


@pytest.fixture(scope="module")
def f32(words):
    normals, uniforms = np.empty((2, NUMBERS), np.float32), np.empty(NUMBERS, np.float32)
    draw_f32(words, normals, uniforms)
    return normals, uniforms


@pytest.fixture(scope="module")
def f64(words):
    normals, uniforms = np.empty((2, NUMBERS)), np.empty(NUMBERS)
    draw_f64(words, normals, uniforms)
    return normals, uniforms


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, 0xFFFFFFFFFFFFFFFF, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            0x299F31D0A4093822,
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_the_known_answers_of_random123_are_given(counter, key, expected):
    assert _philox.philox(*counter, np.uint64(key)) == expected


def test_words_in_a_loop_are_those_of_the_definition(words):
    np.testing.assert_array_equal(words, words_by_numpy(KEY, np.arange(NUMBERS), 5, 7))


def test_a_word_depends_on_index_step_stream_and_key_alone(words):
    for length in (1, 7, 8, 37):
        some = np.empty((4, length), np.uint32)
        draw_words(KEY, 5, 7, some)
        np.testing.assert_array_equal(some, words[:, :length])
    for key, step, stream in ((KEY ^ np.uint64(1), 5, 7), (KEY, 6, 7), (KEY, 5, 8)):
        other = np.empty((4, 64), np.uint32)
        draw_words(key, step, stream, other)
        assert not (other == words[:, :64]).any()


def test_a_number_depends_on_its_words_alone(words, f32, f64):
    for draw, (normals, uniforms) in ((draw_f32, f32), (draw_f64, f64)):
        for length in (1, 7, 8, 37):
            some, uniform = np.empty((2, length), normals.dtype), np.empty(length, uniforms.dtype)
            draw(words[:, :length].copy(), some, uniform)
            np.testing.assert_array_equal(some, normals[:, :length])
            np.testing.assert_array_equal(uniform, uniforms[:length])


def test_float32_normals_are_the_box_muller_transform(words, f32):
    unit = (words[0] >> np.uint32(1)) * 2.0**-31 + 2.0**-32
    unit = unit.astype(np.float32).astype(np.float64)
    turns = quarter_turns(words[1])
    np.testing.assert_allclose(f32[0], box_muller(unit, turns), rtol=0, atol=4e-6)


def test_float64_normals_are_the_box_muller_transform(words, f64):
    unit = ((words[0] >> np.uint32(5)) * 2.0**26 + (words[1] >> np.uint32(6))) * 2.0**-53 + 2.0**-54
    turns = quarter_turns(words[2], (words[3] >> np.uint32(1)) * 2.0**-31)
    np.testing.assert_allclose(f64[0], box_muller(unit, turns), rtol=0, atol=1e-14)


@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_normals_are_standard_and_independent(precision, request):
    normals, _ = request.getfixturevalue(precision)
    values = normals.ravel().astype(np.float64)
    sigmas = 5 / np.sqrt(values.size)
    assert abs(values.mean()) < sigmas
    assert abs((values**2).mean() - 1) < sigmas * np.sqrt(2)
    assert abs((values**4).mean() - 3) < sigmas * np.sqrt(96)
    assert abs((normals[0] * normals[1]).mean()) < 5 / np.sqrt(NUMBERS)
    assert abs((values[1:] * values[:-1]).mean()) < sigmas
    assert stats.kstest(values, "norm").pvalue > 1e-6


@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_uniforms_fill_the_unit_interval_without_its_end(precision, request):
    _, uniforms = request.getfixturevalue(precision)
    assert uniforms.min() >= 0
    assert uniforms.max() < 1
    assert stats.kstest(uniforms, "uniform").pvalue > 1e-6


@pytest.mark.parametrize("word", [0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_the_extreme_words_give_finite_numbers(word):
    word = np.uint32(word)
    found = np.array([*_philox.normals_f32(word, word), *_philox.normals_f64(word, word, word, word)])
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 8.7
    assert 0 <= _philox.uniform_f32(word) < 1
    assert 0 <= _philox.uniform_f64(word, word) < 1
