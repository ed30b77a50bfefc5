"""The number type in which a network computes."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch

Precision = Literal["auto", "float32", "bfloat16"]


def resolved(precision: Precision, device: str) -> Literal["float32", "bfloat16"]:
    """Return the number type: of "auto" the one that is faster on a processor, and float32 on a GPU.

    In bfloat16 ``spacetime_fine`` is twice as fast on an AMD processor with AVX512_BF16 (Zen 4). AMX is made for it.
    Intel's processors with AVX512_BF16 but without AMX are slower in it. ``benchmarks/bench_training.py`` measures it.
    """
    if precision != "auto":
        return precision
    return "bfloat16" if device == "cpu" and _half_is_faster() else "float32"


def computing(precision: Precision, device: str) -> AbstractContextManager[Any]:
    """Return the context in which networks compute in a number type on a device."""
    half = resolved(precision, device) == "bfloat16"
    return torch.autocast(device, torch.bfloat16) if half else nullcontext()


@functools.cache
def _half_is_faster() -> bool:
    able = torch.cpu.get_capabilities()
    by_amd = str(able.get("cpu_name", "")).startswith("AMD")
    return bool(able.get("amx_bf16") or (able.get("avx512_bf16") and by_amd))
