"""The bundled sweeps and corpora."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from smlmsim._settings import suggestion


def presets(family: str) -> dict[str, Path]:
    """Return the TOML files of a family, ``grid`` or ``corpus``, by their names."""
    folder = Path(str(resources.files("smlmsim") / family / "presets"))
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}


def preset_path(family: str, name: str) -> Path:
    """Return the TOML file of a preset.

    Raises
    ------
    ValueError
        If there is no preset of that name.
    """
    found = presets(family)
    if name not in found:
        raise ValueError(f"no preset {name!r}; {suggestion(name, found)}")
    return found[name]
