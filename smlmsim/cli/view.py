"""The command that opens a viewer: napari, or the browser."""

from __future__ import annotations

import importlib.util
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smlmsim.cli.options import PixelNm, PointS, reads_a_table, selects_localizations
from smlmsim.io import Reading
from smlmsim.selection import Selection

if TYPE_CHECKING:
    from smlmsim.viewer import Scene, Server

BROWSER = "In the browser"


@selects_localizations
@reads_a_table
def view(
    path: Annotated[
        Path,
        typer.Argument(
            help="A stack, a table, a folder from `simulate` or `reconstruct`, or a grid with a report."
        ),
    ],
    reading: Reading,
    selection: Selection,
    browser: Annotated[
        bool,
        typer.Option(
            "--browser", help="Open a table or movie in the browser instead.", rich_help_panel=BROWSER
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write one HTML file that needs no program, of at most two million localizations.",
            rich_help_panel=BROWSER,
        ),
    ] = None,
    movie: Annotated[
        list[Path] | None,
        typer.Option(
            help="A stack to show under the localizations; may be repeated.", rich_help_panel=BROWSER
        ),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="Port of the local server; 0 takes a free one.", rich_help_panel=BROWSER
        ),
    ] = 0,
    quiet_start: Annotated[
        bool,
        typer.Option(
            "--no-open", help="Only say the address, do not open the browser.", rich_help_panel=BROWSER
        ),
    ] = False,
    pixel_nm: PixelNm = None,
    point_s: PointS = None,
) -> None:
    """Open a movie or a result in napari, or a table of up to 50 million localizations in the browser.

    `smlmsim view TABLE --browser` starts a server that only this computer can reach, until Ctrl-C. The page has zoom,
    rotation, a time slider and colours by time, channel, z or reported precision. It draws a random sample where there
    are more localizations than it can, and all of them closer up. Stacks in the same folder, or those of `--movie`, lie
    under the localizations. `--out PAGE.html` writes a file instead, to be sent to others.
    """
    if browser or out is not None:
        from smlmsim import viewer

        scene = viewer.read_scene(
            path, reading, selection, movies=movie or (), pixel_nm=pixel_nm, point_s=point_s
        )
        if out is not None:
            viewer.write_page(scene, out)
            typer.echo(f"{_held(scene)} in {out}, {out.stat().st_size / 1e6:.1f} MB")
        else:
            _serve(viewer.Server(scene, port), _held(scene), opened=not quiet_start)
        return
    _require_default(reading, selection, movie, pixel_nm, point_s)
    _open_napari(path)


def _held(scene: Scene) -> str:
    """What a scene holds, in words."""
    table = [f"{len(scene.cloud)} localizations"] if scene.cloud else []
    return " and ".join(
        [*table, *([f"{len(scene.movies)} movie{'s' * (len(scene.movies) > 1)}"] if scene.movies else [])]
    )


def _serve(server: Server, held: str, *, opened: bool) -> None:
    """Serve until Ctrl-C."""
    with server:
        try:
            typer.echo(f"{held} at {server.url} until Ctrl-C")
            if opened:
                webbrowser.open(server.url)
            server.serve_forever()
        except KeyboardInterrupt:
            typer.echo("closed")


def _require_default(
    reading: Reading,
    selection: Selection,
    movie: list[Path] | None,
    pixel_nm: float | None,
    point_s: float | None,
) -> None:
    """Refuse options that napari's layers would not follow."""
    given = [
        name for spec in (reading, selection) for name, value in spec if value != getattr(type(spec)(), name)
    ]
    named = {"movie": movie, "pixel_nm": pixel_nm, "point_s": point_s}
    given += [name for name, value in named.items() if value is not None]
    if given:
        raise ValueError(f"{' and '.join(given)} are for browser=True; napari shows the file as it is")


def _open_napari(path: Path) -> None:
    from smlmsim.layers import layers

    if importlib.util.find_spec("napari") is None:
        raise ValueError(
            "napari is not installed; pip install 'smlmsim[napari]' adds it, and browser=True needs none"
        )
    import napari

    viewer = napari.Viewer(title=f"smlmsim: {path}")
    for layer in layers(path):
        viewer.add_layer(napari.layers.Layer.create(*layer))
    viewer.scale_bar.visible = True
    napari.run()
