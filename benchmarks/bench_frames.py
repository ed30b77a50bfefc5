"""Draw spots of molecules on camera frames, compared with numpy spot by spot and with torch for all spots at once; and
record frames, compared with numpy.

100,000 spots of 7 x 7 pixels in 500 frames of 64 x 64 pixels, all of them inside. ``numpy`` adds the outer product of
differences of error functions to the window of each spot. ``torch`` does what DECODE's simulation does (Speiser et al.
2021, doi:10.1038/s41592-021-01236-x): it computes the windows of all spots at once and adds them to the frames with one
``index_add_``. Both are written here, from the description. One thread each; before timing, a check requires the same
frames to 1e-6 of the brightest molecule. The incumbent numpy draws one spot in ten, so that a round stays short.

1000 frames of 26 x 26 pixels, as of the default field, are recorded with the noise of a sCMOS and of an EMCCD camera.
numpy has a generator for each frame, so that frames are the same in whatever blocks they are recorded. Before timing, a
check requires equal means and variances.
"""

import math

import numpy as np
import pytest
import torch
from scipy.special import erf

from smlmsim import _frames_kernels
from smlmsim.camera import CAMERAS
from smlmsim.psf import Gaussian, Profiles

SPOTS, FRAMES, SIDE, WINDOW = 100_000, 500, 64, 7
SIGMA = 1.3
PHOTONS = 1000.0


@pytest.fixture(scope="module")
def spots():
    rng = np.random.default_rng(0)
    begin = np.searchsorted(np.sort(rng.integers(0, FRAMES, SPOTS)), np.arange(FRAMES + 1))
    y, x = rng.uniform(WINDOW, SIDE - WINDOW, (2, SPOTS)).astype(np.float32)
    return begin, y, x, np.minimum(rng.exponential(PHOTONS / 5, SPOTS), PHOTONS).astype(np.float32)


@pytest.fixture(scope="module")
def profiles():
    """Those of a Gaussian on the pixels from 3 before to 3 after that of the molecule; the kernel takes eight."""
    wide = Gaussian(sigma_nm=SIGMA).profiles(1.0)
    first = wide.before - WINDOW // 2
    table = wide.table[:, :, first : first + 8].copy()
    table[:, :, WINDOW:] = 0
    return Profiles(table, wide.sign, WINDOW // 2)


def ours(spots, profiles):
    frames = np.zeros((FRAMES, SIDE, SIDE), np.float32)
    _frames_kernels.add_spots(spots, (0.0, 0.0, 1.0), tuple(profiles), frames)
    return frames


def frame_of(begin):
    return np.repeat(np.arange(FRAMES), np.diff(begin))


def by_numpy(spots, profiles, every=10):
    begin, y, x, photons = spots
    frames = np.zeros((FRAMES, SIDE, SIDE), np.float32)
    edges, scale = np.arange(WINDOW + 1) - WINDOW // 2, 1 / (SIGMA * math.sqrt(2))
    for m, f in zip(range(0, SPOTS, every), frame_of(begin)[::every], strict=True):
        top, left = int(y[m]), int(x[m])
        along_y = np.diff(erf((edges + (top - y[m])) * scale))
        along_x = np.diff(erf((edges + (left - x[m])) * scale))
        rows, columns = slice(top - 3, top + 4), slice(left - 3, left + 4)
        frames[f, rows, columns] += 0.25 * photons[m] * np.outer(along_y, along_x)
    return frames


def by_torch(spots, profiles):
    begin, *rest = spots
    y, x, photons = (torch.from_numpy(values) for values in rest)
    frame = torch.from_numpy(frame_of(begin))
    edges, scale = torch.arange(WINDOW + 1) - WINDOW // 2, 1 / (SIGMA * math.sqrt(2))
    top, left = y.long(), x.long()
    along_y = torch.erf((edges + (top - y)[:, None]) * scale).diff(dim=1)
    along_x = torch.erf((edges + (left - x)[:, None]) * scale).diff(dim=1)
    light = (0.25 * photons)[:, None, None] * along_y[:, :, None] * along_x[:, None, :]
    rows = top[:, None] + torch.arange(WINDOW) - WINDOW // 2
    columns = left[:, None] + torch.arange(WINDOW) - WINDOW // 2
    place = ((frame[:, None] * SIDE + rows) * SIDE)[:, :, None] + columns[:, None, :]
    frames = torch.zeros(FRAMES * SIDE * SIDE)
    frames.index_add_(0, place.ravel(), light.ravel())
    return frames.reshape(FRAMES, SIDE, SIDE).numpy()


@pytest.mark.parametrize(
    ("draw", "spots_drawn", "rounds"),
    [(ours, SPOTS, 30), (by_torch, SPOTS, 5), (by_numpy, SPOTS // 10, 3)],
    ids=["smlmsim kernel", "torch", "numpy, 1 spot in 10"],
)
def test_spots(benchmark, spots, profiles, draw, spots_drawn, rounds):
    benchmark.group = "frames: spots on camera frames"
    torch.set_num_threads(1)
    exact = by_numpy(spots, profiles, every=1 if draw is not by_numpy else 10)
    np.testing.assert_allclose(draw(spots, profiles), exact, rtol=0, atol=1e-6 * PHOTONS)
    benchmark.extra_info["spots"] = spots_drawn
    benchmark.pedantic(draw, (spots, profiles), rounds=rounds, warmup_rounds=1)


def record_with_numpy(camera, photons):
    frames = (np.random.Generator(np.random.Philox(key=[0, f])) for f in range(len(photons)))
    return np.stack([camera.record(each, rng) for each, rng in zip(photons, frames, strict=True)])


@pytest.mark.parametrize("name", ["scmos", "emccd"])
@pytest.mark.parametrize("side", ["smlmsim", "numpy"])
def test_noise(benchmark, name, side):
    benchmark.group = f"frames: noise of 1000 frames, {name}"
    camera, photons = CAMERAS[name], np.full((1000, 26, 26), 15, np.float32)
    record = {
        "smlmsim": lambda: camera.record_frames(photons, np.uint64(0)),
        "numpy": lambda: record_with_numpy(camera, photons),
    }[side]
    found, other = record().astype(float), camera.record(photons, np.random.default_rng(1)).astype(float)
    assert found.mean() == pytest.approx(other.mean(), abs=8 * other.std() / math.sqrt(other.size))
    assert found.var() == pytest.approx(other.var(), rel=0.03)
    benchmark.pedantic(record, rounds=10, warmup_rounds=1)
