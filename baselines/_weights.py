"""Weights of networks in safetensors files, which hold numbers and text but no executable code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from baselines._size import no_larger_than
from smlmsim.domain import Domain
from smlmsim.io import replacing
from smlmsim.spec import brief, explain, one_line

HEADER_START = 8
"""Number of bytes at the start of a safetensors file that hold the length of its header; also its alignment."""

DAMAGE = (RuntimeError, TypeError, LookupError, AttributeError, ArithmeticError, MemoryError)
REFUSALS = (ValueError, AssertionError, *DAMAGE)
"""Exceptions that networks and torch raise for invalid settings and numbers."""


class WeightsError(ValueError):
    """A file of weights cannot be used."""


def weights_file(package: str, name: str, given: Path | None, *, remedy: str) -> Path:
    """Return the file of the weights of a network: the given one, or else that which is bundled with its package.

    Parameters
    ----------
    package, name : str
        The name of its package, and its own.
    given : Path, optional
    remedy : str
        What to do where none is bundled.

    Raises
    ------
    WeightsError
        If none is given, and none is bundled.
    """
    if given:
        return given
    shipped = Path(str(resources.files(package) / f"{name}.safetensors"))
    if not shipped.is_file():
        raise WeightsError(f"{name} comes without weights; {remedy}")
    return shipped


def save_weights(
    path: str | Path,
    network: nn.Module,
    *,
    name: str,
    settings: Mapping[str, Any],
    domain: Domain | None = None,
) -> None:
    """Write the weights of a network, with its name, its settings and the conditions of its training.

    Raises
    ------
    OSError
        If the file cannot be written; an older one is left as it was.
    """
    tensors = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    about = {"network": name, "settings": json.dumps(dict(settings), sort_keys=True)}
    if domain is not None:
        about["domain"] = json.dumps(domain.model_dump(mode="json", exclude_none=True), sort_keys=True)
    with replacing(path) as draft:
        draft.write_bytes(_in_order(save(tensors, about)))


def read_settings(path: str | Path, name: str) -> dict[str, Any]:
    """Return the settings from which the network in a file was built.

    Raises
    ------
    WeightsError
        If the file is absent or damaged, is not a safetensors file (but a pickle, say), or holds another network.
    """
    with _opened(path) as file:
        about = file.metadata() or {}
        found = about.get("network")
        if found != name:
            raise WeightsError(
                f"{path} holds the weights of {found or 'an unnamed network'}, expected {name}"
            )
        try:
            settings = json.loads(about.get("settings", ""))
        except (ValueError, RecursionError) as error:
            raise WeightsError(f"{path} does not say how its network is built: {error}") from None
        if not isinstance(settings, dict):
            raise WeightsError(f"{path} does not say how its network is built: found {brief(settings)}")
        return settings


def read_domain(path: str | Path) -> Domain | None:
    """Return the conditions of training of the network in a file; None if the file does not state them.

    Raises
    ------
    WeightsError
        If the file is absent or damaged, or the conditions in it are invalid.
    """
    with _opened(path) as file:
        said = (file.metadata() or {}).get("domain")
    if said is None:
        return None
    try:
        return Domain.model_validate_json(said)
    except ValidationError as error:
        raise WeightsError(
            f"{path} does not say what its network was trained for: {explain(error)}"
        ) from None


def build(path: str | Path, name: str, make: Callable[[dict[str, Any]], nn.Module]) -> nn.Module:
    """Build a network from the settings in a file, with its weights.

    Parameters
    ----------
    path : str or Path
    name : str
        Name of the network.
    make : callable
        Returns a network, given its settings. It is called on the meta device.

    Raises
    ------
    WeightsError
        As :func:`load_weights`, and if the settings are invalid, or ask for a network far larger than the weights.
    """
    settings = read_settings(path, name)
    with _opened(path) as file:
        tensors = len(file.keys())
    try:
        with torch.device("meta"), no_larger_than(tensors):
            network = make(settings)
    except ValidationError as error:
        raise _unbuilt(path, explain(error)) from None
    except REFUSALS as error:
        raise _unbuilt(path, str(error) or type(error).__name__) from None
    load_weights(path, network, name=name)
    return network


def load_weights(path: str | Path, network: nn.Module, *, name: str) -> None:
    """Load the weights of a file into a network, which may be on the meta device.

    Raises
    ------
    WeightsError
        As :func:`read_settings`, and if a tensor is missing, superfluous, of another shape, or not finite.
    """
    read_settings(path, name)
    wanted = network.state_dict()
    try:
        with _opened(path) as file:
            found = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        _require_fit(path, found, wanted)
        ready = {key: value.to(wanted[key].dtype, copy=True) for key, value in found.items()}
    except (SafetensorError, *DAMAGE) as error:
        raise WeightsError(f"{path} is damaged: {one_line(error)}") from None
    network.load_state_dict(ready, assign=True)


def _require_fit(
    path: str | Path, found: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]
) -> None:
    if odd := sorted(found.keys() ^ wanted.keys()):
        raise WeightsError(f"{path} does not fit the network: {odd[0]!r} is {_where(odd[0], found)}")
    for key, value in found.items():
        if value.shape != wanted[key].shape:
            raise WeightsError(
                f"{path} does not fit the network: {key!r} is {tuple(value.shape)}, expected {tuple(wanted[key].shape)}"
            )
        if not torch.isfinite(value).all():
            raise WeightsError(f"{path} is damaged: {key!r} holds values that are not finite")


def _unbuilt(path: str | Path, reason: str) -> WeightsError:
    return WeightsError(f"{path} does not say how its network is built: {one_line(reason)}")


def _in_order(data: bytes) -> bytes:
    """Sort the metadata of a safetensors file, whose order varies, so that equal weights give equal bytes."""
    end = HEADER_START + int.from_bytes(data[:HEADER_START], "little")
    header = json.loads(data[HEADER_START:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % HEADER_START)
    return len(text).to_bytes(HEADER_START, "little") + text + data[end:]


def _where(key: str, found: Mapping[str, torch.Tensor]) -> str:
    return "not in the network" if key in found else "missing in the file"


def _opened(path: str | Path) -> Any:
    if not Path(path).is_file():
        raise WeightsError(f"there is no file {path}")
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path} is not a safetensors file, or is damaged ({error}); other formats can run code and are not read"
        ) from None
