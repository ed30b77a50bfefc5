"""Parts of a network that are not trained."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn


def freeze(networks: Mapping[str, nn.Module], name: str) -> list[nn.Module]:
    """Exclude all modules of a given name from training; return them.

    Raises
    ------
    ValueError
        If the first network has no module of that name, or nothing else to train.
    """
    first = next(iter(networks.values()))
    found = [module for path, module in first.named_modules() if path.split(".")[-1] == name]
    if not found:
        parts = {part for path, _ in first.named_modules() for part in path.split(".") if part.isidentifier()}
        raise ValueError(f"the network has no part {name!r} to freeze; it has: {', '.join(sorted(parts))}")
    for module in found:
        module.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in first.parameters()):
        raise ValueError(f"{name!r} is all of the network, so nothing would be left to train; freeze less")
    return found


def keep_statistics(network: nn.Module) -> None:
    """Let batch normalizations use their running means and variances, and leave these as they are."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
