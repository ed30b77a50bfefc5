"""How large a network is."""

from __future__ import annotations

from torch import nn


def count(network: nn.Module) -> int:
    """Count the numbers that a network has learned: those that are optimized, and running means and variances.

    The latter are part of the published numbers, too.
    """
    optimized = sum(parameter.numel() for parameter in network.parameters())
    return optimized + sum(value.numel() for name, value in network.named_buffers() if "running" in name)
