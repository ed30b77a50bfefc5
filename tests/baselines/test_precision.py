"""Networks compute in bfloat16 where they are asked to, or where a processor is faster in it."""

import pytest
import torch

from baselines import _precision
from baselines._precision import computing, resolved


@pytest.fixture
def processor(monkeypatch):
    """Pretend to have a processor with some capabilities."""

    def pretend(**able):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
        _precision._half_is_faster.cache_clear()

    yield pretend
    _precision._half_is_faster.cache_clear()


@pytest.mark.parametrize(
    ("able", "expected"),
    [
        ({"amx_bf16": True, "avx512_bf16": True, "cpu_name": "Intel(R) Xeon(R)"}, "bfloat16"),
        ({"avx512_bf16": True, "cpu_name": "AMD EPYC"}, "bfloat16"),
        ({"avx512_bf16": True, "cpu_name": "Intel(R) Xeon(R)"}, "float32"),
        ({"avx512_bf16": False, "cpu_name": "AMD EPYC"}, "float32"),
        ({}, "float32"),
    ],
)
def test_the_faster_type_is_chosen_by_what_the_processor_can(processor, able, expected):
    processor(**able)
    assert resolved("auto", "cpu") == expected
    assert resolved("auto", "cuda") == "float32"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_type_that_is_asked_for_is_taken_and_is_that_of_the_computation(precision):
    assert resolved(precision, "cpu") == precision
    with computing(precision, "cpu"):
        found = torch.nn.functional.linear(torch.ones(2, 3), torch.ones(4, 3))
    assert found.dtype == getattr(torch, precision)
