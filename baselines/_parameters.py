"""How large a network is."""

from __future__ import annotations

from torch import nn


def count(network: nn.Module) -> int:
    """Count the learned parameters of a network: optimized ones, and running means and variances.

    Published parameter counts include the latter, too.
    """
    optimized = sum(parameter.numel() for parameter in network.parameters())
    return optimized + sum(value.numel() for name, value in network.named_buffers() if "running" in name)
