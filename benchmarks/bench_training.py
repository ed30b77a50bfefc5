"""Training steps of the bundled sizes in float32 and bfloat16 beside each other, on one thread.

The name of a group contains the number of floating-point operations of a step. ``extra_info`` holds the crops per
second, the GFLOP/s, and those that a convolution reaches in the same precision on the same thread: what is missing to
these is time for all else, such as normalizations, losses and the optimizer. Which precision is faster depends on
the processor: with AVX512_BF16 but without AMX, this convolution is slower in bfloat16 on Intel's and twice as fast on
AMD's Zen 4.
"""

import math
import time

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from baselines.annapalm.train import AnnaPalm3DTraining
from baselines.spacetime.train import SpacetimeTraining

GFLOP = 1e9
CHANNELS, TIME_POINTS, SIDE = 64, 16, 32
COUNT = 0.05
"""Mean number of localizations in a pixel and time point."""
NETWORKS = {"annapalm3d": AnnaPalm3DTraining, "spacetime": SpacetimeTraining}
TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}

both = pytest.mark.parametrize("precision", TYPES)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def convolving(one_thread):
    """The GFLOP/s that a convolution reaches in each precision, the best of three."""
    return {name: _best(convolution(name)) for name in TYPES}


def convolution(precision):
    """A function that computes a convolution of 3 x 3 x 3 and its gradients by input and weights."""
    shape = (1, CHANNELS, TIME_POINTS, SIDE, SIDE)
    images = torch.rand(shape, dtype=TYPES[precision]).contiguous(memory_format=torch.channels_last_3d)
    weight = torch.rand(CHANNELS, CHANNELS, 3, 3, 3, dtype=TYPES[precision])
    weight = weight.contiguous(memory_format=torch.channels_last_3d)
    images.requires_grad_()
    weight.requires_grad_()
    gradient = torch.ones_like(images)

    def run():
        images.grad = weight.grad = None
        F.conv3d(images, weight, padding=1).backward(gradient)
        return images.grad, weight.grad

    return run


def _best(function):
    """The GFLOP/s of a function, the best of three."""
    gflop, seconds = _gflop(function), []
    for _ in range(3):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return gflop / min(seconds)


def _gflop(function):
    with FlopCounterMode(display=False) as counter:
        function()
    return counter.get_total_flops() / GFLOP


def training_step(training, precision):
    """A function that optimizes the losses of a batch of crops in turn, as the training loop does."""
    budget, crops, task = training.budget, training.budget.crops, training.task()
    shape = (budget.batch, training.network.channels_in, crops.time_points, crops.height, crops.width)
    counts = np.random.default_rng(0).poisson(COUNT, shape).astype(np.float32)
    inputs = torch.from_numpy(counts) / math.sqrt(COUNT)
    density = torch.rand(shape[0], 1, *shape[2:])
    networks = task.networks.train()
    optimizers = {name: torch.optim.AdamW(network.parameters()) for name, network in networks.items()}

    def step():
        losses, found = task.losses(inputs, density), {}
        while True:
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                name, loss = next(losses, ("", None))
            if loss is None:
                return found
            optimizers[name].zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(networks[name].parameters(), budget.gradient_norm)
            optimizers[name].step()
            found[name] = float(loss.detach())

    return step, shape


@both
def test_convolution(benchmark, precision):
    function = convolution(precision)
    gflop = _gflop(function)
    image, weight = function()
    assert image.isfinite().all()
    assert weight.isfinite().all()
    benchmark.group = f"convolution of {CHANNELS} channels, {gflop:.3g} GFLOP"
    benchmark.pedantic(function, rounds=5)
    if benchmark.stats:
        benchmark.extra_info |= {"gflop": gflop, "gflop_per_s": gflop / benchmark.stats.stats.min}


@both
@pytest.mark.parametrize("name", NETWORKS)
def test_training_step(benchmark, convolving, name, precision):
    step, shape = training_step(NETWORKS[name].configured(), precision)
    gflop = _gflop(step)
    assert all(math.isfinite(loss) for loss in step().values())
    size = " x ".join(map(str, (shape[0], *shape[2:])))
    benchmark.group = f"{name}, training step of {size}, {gflop:.3g} GFLOP"
    benchmark.pedantic(step, rounds=2)
    if benchmark.stats:
        seconds = benchmark.stats.stats.min
        benchmark.extra_info |= {
            "gflop": gflop,
            "gflop_per_s": gflop / seconds,
            "crops_per_s": shape[0] / seconds,
            "convolution_gflop_per_s": convolving[precision],
        }
