"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Workers = Annotated[
    int | None, typer.Option(min=1, help="Local processes. [default: one per core]", show_default=False)
]
Scheduler = Annotated[
    str | None, typer.Option(help="Hand the work to a Dask cluster, such as tcp://host:8786.")
]
PixelNm = Annotated[
    float | None,
    typer.Option(help="Pixel of the camera, or of a movie, nm; for files that do not say it."),
]
