"""The page of the viewer: one HTML file, which holds everything or asks a server for the parts."""

from __future__ import annotations

import base64
import html
import json
import zlib
from importlib import resources
from pathlib import Path
from string import Template

import numpy as np

from smlmsim import io
from smlmsim.viewer.scene import Scene

ASSETS = resources.files("smlmsim.viewer") / "assets"
MOST = 2_000_000
"""Localizations that one HTML file holds."""
MOST_BYTES = 200_000_000
"""Bytes of all parts, before they are compressed, that one HTML file holds."""
PALETTES = ("turbo", "viridis")


def page_of(scene: Scene, *, parts: bool = False) -> str:
    """Return the page.

    Parameters
    ----------
    scene : Scene
    parts : bool
        Whether the page holds all parts; otherwise it asks for them by name, relative to its own address.
    """
    return Template(_asset("page.html")).substitute(
        title=html.escape(scene.title),
        connect="'none'" if parts else "'self'",
        css=_asset("viewer.css"),
        about=_safe(json.dumps(scene.about() | {"palettes": _palettes()}, allow_nan=False)),
        parts="\n".join(_element(name, scene.part(name)) for name in scene.names()) if parts else "",
        three=_asset("three.min.js"),
        js=_asset("viewer.js"),
    )


def write_page(scene: Scene, out: Path) -> Path:
    """Write the page with all its parts as one HTML file.

    Raises
    ------
    ValueError
        If there are more than two million localizations, or more than 200 MB.
    OSError
        If the file cannot be written.
    """
    if scene.cloud is not None and len(scene.cloud) > MOST:
        raise ValueError(
            f"{scene.title} holds {len(scene.cloud)} localizations, and a file at most {MOST}; browser=True "
            "without a file shows all, and crop_nm=0,2560,0,2560 a part"
        )
    if scene.nbytes > MOST_BYTES:
        raise ValueError(
            f"{scene.title} and its movies are {scene.nbytes / 1e6:.0f} MB, and a file holds at most "
            f"{MOST_BYTES / 1e6:.0f} MB; browser=True without a file shows all"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    io.require_writable_file(out)
    with io.replacing(out) as draft:
        draft.write_text(page_of(scene, parts=True), encoding="utf-8")
    return out


def _element(name: str, part: bytes) -> str:
    packed = base64.b64encode(zlib.compress(part, 6)).decode()
    return f'<script type="text/plain" id="{name}">{packed}</script>'


def _palettes() -> dict[str, str]:
    """Each palette as 256 colours of six hexadecimal digits."""
    import matplotlib

    steps = np.linspace(0, 1, 256)
    return {name: matplotlib.colormaps[name](steps, bytes=True)[:, :3].tobytes().hex() for name in PALETTES}


def _safe(text: str) -> str:
    """Escape JSON so that it cannot end the script element that contains it."""
    return text.replace("<", "\\u003c")


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
