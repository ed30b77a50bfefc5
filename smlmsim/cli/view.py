"""The command that opens napari."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated

import typer


def view(
    path: Annotated[
        Path,
        typer.Argument(
            help="A stack, a table, a folder from `simulate` or `reconstruct`, or a grid with a report."
        ),
    ],
) -> None:
    """Open a movie or a result in napari, with named layers scaled in s and nm."""
    from smlmsim.layers import layers

    if importlib.util.find_spec("napari") is None:
        raise ValueError("napari is not installed; pip install 'smlmsim[napari]' adds it")
    import napari

    viewer = napari.Viewer(title=f"smlmsim: {path}")
    for layer in layers(path):
        viewer.add_layer(napari.layers.Layer.create(*layer))
    viewer.scale_bar.visible = True
    napari.run()
