"""Networks of the bundled sizes on one thread; random weights take as long as trained ones.

The name of a group contains the number of floating-point operations of a call; ``extra_info`` holds the GFLOP/s
reached, and those of a product of two float32 matrices on the same thread.
"""

import math
import time

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from baselines.annapalm.train import AnnaPalm3DTraining
from baselines.dblink.train import DBlinkTraining

SIDE, REACH = 128, 25
SHORT, NARROW = 32, 64
GFLOP = 1e9
COUNT = 0.05
"""Mean number of localizations in a pixel and time point."""


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def peak(one_thread):
    """Return the GFLOP/s of the product of two matrices of 2048 x 2048, the best of five."""
    a, b = torch.rand(2, 2048, 2048)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * 2048**3 / min(seconds) / GFLOP


def movie(*shape):
    """Return counts whose pixels have a variance of about 1, as networks see them."""
    counts = np.random.default_rng(0).poisson(COUNT, shape).astype(np.float32)
    return torch.from_numpy(counts) / math.sqrt(COUNT)


def measure(benchmark, peak, name, function, rounds):
    """Time a function, and report its number of operations and the operations per second."""
    with FlopCounterMode(display=False) as counter:
        function()
    gflop = counter.get_total_flops() / GFLOP
    benchmark.group = f"{name}, {gflop:.3g} GFLOP"
    benchmark.pedantic(function, rounds=rounds)
    if benchmark.stats:
        reached = gflop / benchmark.stats.stats.min
        benchmark.extra_info |= {"gflop": gflop, "gflop_per_s": reached, "matmul_gflop_per_s": peak}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_inference_of_a_movie_in_3d(benchmark, peak, precision):
    network = AnnaPalm3DTraining.configured().network.build().eval()
    counts = movie(1, 1, SIDE, SIDE, SIDE)

    @torch.inference_mode()
    def run():
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            return network(counts)

    assert run().shape == counts.shape
    measure(benchmark, peak, f"annapalm3d, a movie of {SIDE}^3, {precision}", run, rounds=1)


@torch.inference_mode()
def one_pass(network, counts):
    return network(counts)


@torch.inference_mode()
def sliding(network, counts):
    """Reconstruct each time point from a window of 25 time points to both sides."""
    found = []
    for at in range(counts.shape[2]):
        first = max(at - REACH, 0)
        found.append(network(counts[:, :, first : at + REACH + 1])[:, :, at - first])
    return torch.stack(found, dim=2)


@pytest.mark.parametrize("way", [one_pass, sliding])
def test_dblink(benchmark, peak, way):
    """Both ways agree at the middle time points, where the window covers the whole movie."""
    network, counts = DBlinkTraining.configured().network.build().eval(), movie(1, 1, SHORT, NARROW, NARROW)
    whole = slice(SHORT - 1 - REACH, REACH + 1)
    found, expected = one_pass(network, counts), sliding(network, counts)
    torch.testing.assert_close(found[:, :, whole], expected[:, :, whole], rtol=1e-4, atol=1e-5)
    measure(
        benchmark,
        peak,
        f"dblink, a movie of {SHORT} x {NARROW}^2, {way.__name__}",
        lambda: way(network, counts),
        rounds=1,
    )
