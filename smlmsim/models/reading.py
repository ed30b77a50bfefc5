"""Weights out of a zip of the BioImage.IO format; nothing in it is run or unpickled."""

from __future__ import annotations

import hashlib
import io as streams
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from smlmsim import io
from smlmsim.models.network import load_network
from smlmsim.models.writing import INPUT, OUTPUT, RDF, WEIGHTS

DESCRIPTIONS = (RDF, "bioimageio.yaml")
MOST_BYTES, MOST_TEXT = 2**31, 2**20
"""Bytes of a file that is read from the zip, at most, and of its description."""
AGREES = 1e-3
"""Greatest difference from the test output, as a fraction of its greatest value."""


class ModelError(ValueError):
    """A zip does not hold a network that can be used here."""


def import_model(path: Path, out: Path) -> str:
    """Take the weights out of a zip that :func:`~smlmsim.models.export_model` wrote, and check that they work.

    Parameters
    ----------
    path : Path
        The zip.
    out : Path
        The weights, a safetensors file.

    Returns
    -------
    str
        Name of the network that the weights are for.

    Raises
    ------
    ModelError
        If it is no such zip, a checksum differs, or the network does not give the test output for the test input.
    ValueError
        If the network is not installed, or does not fit the weights.
    OSError
        If a file cannot be read or written.
    """
    io.require_writable_file(out)
    try:
        with zipfile.ZipFile(path) as packed:
            about = _description(path, packed)
            name, file = _ours(path, about)
            data, test, wanted = (_checked(path, packed, about, part) for part in (file, INPUT, OUTPUT))
    except zipfile.BadZipFile as error:
        raise ModelError(f"{path} is no zip, or is damaged: {error}") from None
    with io.replacing(out) as draft:
        draft.write_bytes(data)
        _require_agreement(path, name, draft, _array(path, test), _array(path, wanted))
    return name


def _description(path: Path, packed: zipfile.ZipFile) -> dict[str, Any]:
    there = [name for name in DESCRIPTIONS if name in packed.namelist()]
    if not there:
        raise ModelError(f"{path} is no model of BioImage.IO: there is no {RDF} in it")
    try:
        about = yaml.safe_load(_read(path, packed, there[0], MOST_TEXT))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{path}: {there[0]} is damaged: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(about, dict) or about.get("type") != "model":
        raise ModelError(f"{path} is no model of BioImage.IO: {there[0]} says otherwise")
    return about


def _ours(path: Path, about: dict[str, Any]) -> tuple[str, str]:
    """The name of the network, and the file of its weights."""
    config = about.get("config")
    ours = config.get("smlmsim") if isinstance(config, dict) else None
    if not isinstance(ours, dict) or not isinstance(ours.get("network"), str):
        weights = about.get("weights")
        kinds = ", ".join(map(str, weights)) if isinstance(weights, dict) else "none"
        raise ModelError(
            f"{path} holds no weights of a network of smlmsim (found: {kinds}); other networks run in the programs "
            "that https://bioimage.io lists"
        )
    return ours["network"], str(ours.get("weights", WEIGHTS))


def _checked(path: Path, packed: zipfile.ZipFile, about: dict[str, Any], file: str) -> bytes:
    """Read a file whose checksum the description states."""
    said = _sums(about).get(file)
    data = _read(path, packed, file, MOST_BYTES)
    if said != hashlib.sha256(data).hexdigest():
        raise ModelError(f"{path}: {file} is not the one that the description tells of; get the zip again")
    return data


def _sums(found: Any) -> dict[str, str]:
    """All checksums of a description, by file."""
    if isinstance(found, list):
        return {file: said for part in found for file, said in _sums(part).items()}
    if not isinstance(found, dict):
        return {}
    own = {str(found["source"]): str(found["sha256"])} if {"source", "sha256"} <= found.keys() else {}
    return own | _sums(list(found.values()))


def _read(path: Path, packed: zipfile.ZipFile, file: str, most: int) -> bytes:
    if file not in packed.namelist():
        raise ModelError(f"{path} lacks the file {file}")
    with packed.open(file) as opened:
        data = opened.read(most + 1)
    if len(data) > most:
        raise ModelError(f"{path}: {file} is larger than {most:,} bytes")
    return data


def _array(path: Path, data: bytes) -> npt.NDArray[np.float32]:
    try:
        found = np.load(streams.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ModelError(f"{path}: a test array is damaged: {error}") from None
    return np.asarray(found, np.float32)


def _require_agreement(
    path: Path, name: str, weights: Path, test: npt.NDArray[np.float32], wanted: npt.NDArray[np.float32]
) -> None:
    """Require that a network gives the test output for the test input."""
    import torch

    network = load_network(name, weights).network()
    with torch.inference_mode():
        try:
            found = network(torch.from_numpy(test)).clamp_min(0).numpy()
        except RuntimeError as error:
            raise ModelError(f"{path}: {name} does not take the test input: {error}") from None
    worst = float(np.abs(found - wanted).max()) if found.shape == wanted.shape else np.inf
    if not worst <= AGREES * max(float(np.abs(wanted).max()), 1e-6):
        raise ModelError(
            f"{path}: {name} does not give the test output for the test input, but differs by {worst:.2g}"
        )
