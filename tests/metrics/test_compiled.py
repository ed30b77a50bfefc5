"""A similarity is the same to the last bit whether its kernel was just compiled or comes from numba's cache."""

import os
import subprocess
import sys

SCORE = """
import numpy as np
from smlmsim.metrics import _kernels
from smlmsim.metrics.window import gaussian_window

truth, estimate = np.random.default_rng(0).random((2, 3, 64, 75), dtype=np.float32)
weights = tuple(np.float32(w) for w in (0.2, 0.3, 0.5))
window = gaussian_window(11, 1.5)
print(_kernels.ssim(truth, estimate, window).hex(), _kernels.ms_ssim(truth, estimate, window, weights).hex())
print(sum(_kernels.ssim.stats.cache_hits.values()))
"""


def test_compiled_and_loaded_kernels_agree_to_the_last_bit(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    (first, compiled), (second, loaded) = (
        subprocess.run(
            [sys.executable, "-c", SCORE], env=environment, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        for _ in range(2)
    )
    assert (compiled, loaded) == ("0", "1")
    assert first == second
