"""A network as a zip of the BioImage.IO format, with an input, the output that belongs to it, and its conditions.

The weights are there twice. ``weights.pt`` is TorchScript, which programs that know nothing of this package run: the
format has no other way for a network of torch without a pickle file (``pytorch_state_dict``) or further packages
(``onnx``). ``weights.safetensors`` is what this package reads, since it holds no code.

References
----------
Ouyang et al. 2022, BioImage Model Zoo, doi:10.1101/2022.06.07.495102.
"""

from __future__ import annotations

import hashlib
import io as streams
import re
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

import smlmsim
from smlmsim import io
from smlmsim.acquisition import Acquisition
from smlmsim.domain import Domain
from smlmsim.field import FieldOfView
from smlmsim.models.network import Floats, Network, load_network
from smlmsim.pipeline import SimulatedDynamic, simulate
from smlmsim.share.licence import require_known

if TYPE_CHECKING:
    import torch

VERSION = "0.5.3"
"""Version of the format; later ones of 0.5 read it."""
RDF, README, SCRIPT, WEIGHTS = "rdf.yaml", "README.md", "weights.pt", "weights.safetensors"
INPUT, OUTPUT = "test_input.npy", "test_output.npy"
SEEN, DENSITY = "seen", "density"
AXES = ("time", "y", "x")
LEAST = (8, 64, 64)
"""Time points, rows and columns of the test input, at least."""
OURS = "The smlmsim developers"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""Date of all files in the zip, so that equal ones have equal bytes."""


@dataclass(frozen=True)
class Rights:
    """Who made the weights, and under which licence they may be used.

    Parameters
    ----------
    authors : tuple of str
        "Family, Given" each; by default the developers of this package, for its own weights alone.
    license : str
        SPDX identifier; by default BSD-3-Clause, for the same.
    """

    authors: tuple[str, ...] = ()
    license: str = ""

    def of(self, name: str, *, own: bool) -> Rights:
        """Complete what is not given for the weights that this package comes with; require it for others.

        Raises
        ------
        ValueError
            If something is missing, or the licence is not known.
        """
        if not own and not self.authors:
            raise ValueError(f"say who made these weights of {name}: author='Family, Given'")
        if not own and not self.license:
            raise ValueError(f"choose a licence for these weights of {name}: license=CC-BY-4.0, say")
        return Rights(self.authors or (OURS,), require_known(self.license or "BSD-3-Clause"))


def export_model(
    name: str, out: Path, *, weights: Path | None = None, rights: Rights = Rights()
) -> dict[str, Any]:
    """Write a network with its weights as a zip of the BioImage.IO format.

    Parameters
    ----------
    name : str
        Name of an installed network, such as "annapalm3d".
    out : Path
        The zip.
    weights : Path, optional
        Weights of the network; by default those that it comes with.
    rights : Rights
        Authors and licence.

    Returns
    -------
    dict
        The description ``rdf.yaml``.

    Raises
    ------
    ValueError
        If the reconstructor is no network, the network cannot be written as TorchScript, or rights are missing.
    OSError
        If the zip cannot be written.
    """
    rights = rights.of(name, own=weights is None)
    io.require_writable_file(out)
    found = load_network(name, weights)
    test = _test_input(found)
    script, given, axes = _scripted(found, test)
    files = {SCRIPT: script, WEIGHTS: found.weights_path.read_bytes(), INPUT: _npy(test), OUTPUT: _npy(given)}
    files[README] = _readme(found, rights).encode()
    about = _description(found, files, axes, test.shape, rights)
    files[RDF] = yaml.safe_dump(about, sort_keys=False, allow_unicode=True).encode()
    with io.replacing(out) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as packed:
        for file, data in sorted(files.items()):
            packed.writestr(zipfile.ZipInfo(file, EPOCH), data, zipfile.ZIP_DEFLATED)
    return about


def _multiple(found: Network) -> tuple[int, ...]:
    multiple: Any = found.network().multiple
    return tuple(int(step) for step in multiple)


def _test_input(found: Network) -> Floats:
    """What the network sees of a simulated movie of its conditions, (1, channel, time, y, x)."""
    domain = found.domain or Domain()
    pixel_nm, point_s = (domain.pixel_nm or (20.0,))[0], (domain.point_s or (1.5,))[0]
    time, height, width = (
        -(-least // step) * step for least, step in zip(LEAST, _multiple(found), strict=True)
    )
    usual = Acquisition()
    study = SimulatedDynamic(
        field=FieldOfView(height_nm=height * pixel_nm, width_nm=width * pixel_nm, pixel_nm=pixel_nm),
        acquisition=Acquisition(
            time_points=time,
            frames_per_point=usual.frames_per_point,
            exposure_s=point_s / usual.frames_per_point,
        ),
    )
    return found.inputs.stacked(simulate(study, 0).observation)[None]


def _scripted(found: Network, test: Floats) -> tuple[bytes, Floats, tuple[int | dict[str, int], ...]]:
    """The network as TorchScript, its output, and the sizes it takes: any where another one gives the same."""
    import torch

    class Positive(torch.nn.Module):
        """The network, without densities below 0."""

        def __init__(self, network: torch.nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, seen: torch.Tensor) -> torch.Tensor:
            density: torch.Tensor = self.network(seen)
            return density.clamp_min(0)

    module, seen = Positive(found.network()).eval(), torch.from_numpy(test)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # the tracer warns of sizes that it takes as given, which is checked here
        try:
            script = torch.jit.trace(module, seen, check_trace=False)  # type: ignore[no-untyped-call]
            given = script(seen)
        except RuntimeError as error:
            raise ValueError(f"{found.name} cannot be written as TorchScript: {error}") from error
        if not torch.equal(given, module(seen)):
            raise ValueError(f"{found.name} gives another density as TorchScript")
        sizes = tuple(
            {"min": size, "step": step} if _takes(script, module, seen, axis, step) else size
            for axis, (size, step) in enumerate(zip(test.shape[2:], _multiple(found), strict=True), 2)
        )
        data = streams.BytesIO()
        torch.jit.save(script, data)
    return data.getvalue(), given.numpy(), sizes


def _takes(script: Any, module: torch.nn.Module, seen: torch.Tensor, axis: int, step: int) -> bool:
    """Whether a traced network gives the same as the network itself for an input that is longer along an axis."""
    import torch

    longer = torch.cat([seen, seen.narrow(axis, 0, step)], axis)
    try:
        return torch.equal(script(longer), module(longer))
    except RuntimeError:
        return False


def _description(
    found: Network,
    files: dict[str, bytes],
    sizes: tuple[int | dict[str, int], ...],
    shape: tuple[int, ...],
    rights: Rights,
) -> dict[str, Any]:
    import torch

    channels = [re.sub(r"\W+", "_", name) for name in found.inputs.names]
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    inputs = _axes(found, channels, sizes)
    outputs = _axes(found, [DENSITY], sizes)
    for axis, size in zip(outputs[2:], sizes, strict=True):
        axis["size"] = {"tensor_id": SEEN, "axis_id": axis["id"]} if isinstance(size, dict) else size

    def named(file: str) -> dict[str, str]:
        return {"source": file, "sha256": sums[file]}

    def tensor(name: str, text: str, axes: list[dict[str, Any]], test: str) -> dict[str, Any]:
        return {
            "id": name,
            "description": text,
            "axes": axes,
            "test_tensor": named(test),
            "data": {"type": "float32"},
        }

    return {
        "format_version": VERSION,
        "type": "model",
        "name": f"smlmsim {found.name}",
        "description": _first_sentence(found),
        "authors": [{"name": author} for author in rights.authors],
        "license": rights.license,
        "cite": _cited(found),
        "documentation": README,
        "tags": ["smlm", "palm", "super-resolution", "live-cell", "reconstruction", "pytorch"],
        "inputs": [tensor(SEEN, "localizations per pixel and time point, scaled", inputs, INPUT)],
        "outputs": [tensor(DENSITY, "density of the structure, up to one factor", outputs, OUTPUT)],
        "weights": {"torchscript": {**named(SCRIPT), "pytorch_version": torch.__version__.partition("+")[0]}},
        "attachments": [named(WEIGHTS)],
        "config": {"smlmsim": {"network": found.name, "version": smlmsim.__version__, "weights": WEIGHTS}},
    }  # fmt: skip


def _axes(
    found: Network, channels: list[str], sizes: tuple[int | dict[str, int], ...]
) -> list[dict[str, Any]]:
    """The axes of a tensor; scales are those of training, where it had one."""
    domain = found.domain or Domain()
    scales = (domain.point_s, domain.pixel_nm, domain.pixel_nm)
    made: list[dict[str, Any]] = [{"type": "batch"}, {"type": "channel", "channel_names": channels}]
    for name, size, scale in zip(AXES, sizes, scales, strict=True):
        kind, unit = ("time", "second") if name == "time" else ("space", "nanometer")
        known = {"unit": unit, "scale": float(scale[0])} if scale and scale[0] == scale[1] else {}
        made.append({"type": kind, "id": name, "size": size, **known})
    return made


def _first_sentence(found: Network) -> str:
    return (type(found).__doc__ or found.name).strip().split("\n\n")[0].replace("\n", " ")


def _cited(found: Network) -> list[dict[str, str]]:
    """The publication that the first sentence about the network names, if it does."""
    text = _first_sentence(found)
    if doi := re.search(r"doi:(10\.[^\s);,]+)", text):
        return [{"text": text, "doi": doi[1].rstrip(".")}]
    if thesis := re.search(r"\b(tel-\d+)", text):
        return [{"text": text, "url": f"https://theses.hal.science/{thesis[1]}"}]
    return []


def _readme(found: Network, rights: Rights) -> str:
    return f"""# {found.name}

{_first_sentence(found)}

Input: {", ".join(found.inputs.names)}, (batch, channel, time, y, x). Counts are divided by one number for the
whole movie, the square root of the mean count of a pixel near localizations. Output: the density of the structure up to
one factor.

Trained for: {found.domain or "not known"}.

# Validation

`{INPUT}` is a simulated movie, `{OUTPUT}` what the network makes of it. Scores on movies with a known truth, and where
the network fails, are in the model card of smlmsim.

By {"; ".join(rights.authors)}; licence {rights.license}.

With smlmsim {smlmsim.__version__}, which reads `{WEIGHTS}`:

    smlmsim model import THIS.zip --out {found.name}.safetensors
    smlmsim reconstruct TABLE.csv --with {found.name} --weights {found.name}.safetensors --out DIR
"""


def _npy(values: Floats) -> bytes:
    data = streams.BytesIO()
    np.save(data, values, allow_pickle=False)
    return data.getvalue()
