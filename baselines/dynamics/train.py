"""The training of learned dynamics: ``python -m baselines.dynamics.train RUN`` trains ``shipped.toml`` in RUN.

``--widefield STACK.tif`` learns from recorded widefield movies instead of simulated ones.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from baselines.dynamics import movies as widefield_movies
from baselines.dynamics.run import NAME, train
from baselines.dynamics.settings import DynamicsTraining


def main() -> None:
    """Train in the folder that the command line names, or resume there."""
    parser = argparse.ArgumentParser(prog="python -m baselines.dynamics.train", description=__doc__)
    parser.add_argument(
        "folder", type=Path, metavar="RUN", help="folder of the training, which is resumed if there"
    )
    parser.add_argument("--size", default="shipped", help="shipped, tiny, or a TOML file")
    parser.add_argument(
        "--widefield", type=Path, action="append", help="a widefield stack (TIFF); may be repeated"
    )
    parser.add_argument("--pixel-nm", type=float, help="pixel of the stacks [default: from the files]")
    parser.add_argument("--interval-s", type=float, help="time between images [default: from the files]")
    parser.add_argument("--velocity", type=float, help="velocity of the structure, nm/s [default: measured]")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        training = DynamicsTraining.configured(given.size)
        found, source = None, ""
        if given.widefield:
            found = widefield_movies.recorded(
                given.widefield, training.microscope, training.network.step_s, pixel_nm=given.pixel_nm,
                point_s=given.interval_s, velocity_nm_per_s=given.velocity,
            )  # fmt: skip
            source = f"widefield movies {', '.join(path.name for path in given.widefield)}"
        error = train(training, given.folder, given=found, source=source)
    except (ValueError, OSError) as problem:
        parser.exit(2, f"error: {problem}\n")
    print(f"error of the change between images: {error:.4f}; {given.folder / NAME}.safetensors")


if __name__ == "__main__":
    main()
