"""The contract of networks that can be trained."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import tomli_w

from smlmsim.plugins import PluginError

if TYPE_CHECKING:
    from smlmsim.train import Trainable


def check_trainable(network: type[Trainable]) -> None:
    """Check that the configurations of a network can be stored and their parameters counted, without training.

    The default configuration, and each of ``smlmsim.train.SIZES`` that the network has, must be equal after writing to
    and reading from TOML, as in a training folder, and have at least one parameter in every part.

    Raises
    ------
    PluginError
        Naming the class, the configuration and the reason.

    Examples
    --------
    >>> from smlmsim.train import load_trainable
    >>> check_trainable(load_trainable("dblink"))
    """
    from smlmsim.train import configurations

    try:
        default = network.configured()
    except Exception as error:
        raise PluginError(f"{network.__name__} has no default configuration: {error}") from error
    for size, configuration in {"default": default, **configurations(network)}.items():
        try:
            _check_configuration(network, configuration)
        except Exception as error:
            reason = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
            raise PluginError(
                f"{network.__name__} is refused: its configuration {size!r} {reason}"
            ) from error


def _check_configuration(network: type[Trainable], configuration: Trainable) -> None:
    stored = tomli_w.dumps(configuration.model_dump(mode="json", exclude_none=True))
    if network.model_validate(tomllib.loads(stored)) != configuration:
        raise PluginError("differs after writing it to TOML and reading it back")
    counts = configuration.parameters()
    if not counts or min(counts.values()) < 1:
        raise PluginError(f"counts the parameters {counts}; each part must have at least one")
