"""A new package with a reconstructor in it, to begin with."""

from __future__ import annotations

import importlib.metadata
import keyword
import re
import shutil
import tempfile
from importlib import resources
from pathlib import Path
from string import Template

from smlmsim.reconstruct import available

FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "__init__.py": "src/{name}/__init__.py",
    "reconstruct.py": "src/{name}/reconstruct.py",
    "test_reconstruct.py": "tests/test_{name}.py",
}


def new_reconstructor(name: str, parent: str | Path = ".") -> Path:
    """Write a minimal package whose reconstructor keeps to the contract.

    Parameters
    ----------
    name : str
        Of the reconstructor, the module and the folder: lower-case letters, digits and underscores.
    parent : str or Path
        Where to make the folder.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ValueError
        If it is no name for a module, or the name of a reconstructor that is installed already.
    OSError
        If there is such a folder, or it cannot be made.
    """
    _check_name(name)
    folder = Path(parent) / name
    if folder.exists():
        raise FileExistsError(f"{folder} is there already; choose another name, or another place with --out")
    words = {
        "name": name,
        "distribution": name.replace("_", "-"),
        "cls": "".join(part.capitalize() for part in name.split("_")),
        "version": importlib.metadata.version("smlmsim"),
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}-") as draft:
        for template, target in FILES.items():
            path = Path(draft) / name / target.format(name=name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(_template(template)).substitute(words), encoding="utf-8")
        shutil.move(Path(draft) / name, folder)
    return folder


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name):
        raise ValueError(
            f"{name!r} is no name for a reconstructor; use lower-case letters, digits and _, as in my_method"
        )
    if name in available():
        raise ValueError(f"a reconstructor {name!r} is installed already; choose another name")


def _template(name: str) -> str:
    return (resources.files("smlmsim.scaffold") / "template" / f"{name}.template").read_text(encoding="utf-8")
