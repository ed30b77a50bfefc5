"""A new package with a reconstructor in it, to begin with."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import keyword
import re
import shutil
import sys
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
TRAINABLE = {
    **{f"trainable/{template}": target for template, target in FILES.items()},
    "trainable/network.py": "src/{name}/network.py",
    "trainable/train.py": "src/{name}/train.py",
    "trainable/shipped.toml": "src/{name}/shipped.toml",
    "trainable/tiny.toml": "src/{name}/tiny.toml",
}


def new_reconstructor(name: str, parent: str | Path = ".", *, trainable: bool = False) -> Path:
    """Write a minimal package whose reconstructor keeps to the contract.

    Parameters
    ----------
    name : str
        Of the reconstructor, the module and the folder: lower-case letters, digits and underscores.
    parent : str or Path
        Where to make the folder.
    trainable : bool
        Whether the reconstructor is a network, which ``smlmsim train`` trains.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ValueError
        If it is no name for a module, or that of a reconstructor, a module or a package that is there already.
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
        for template, target in (TRAINABLE if trainable else FILES).items():
            path = Path(draft) / name / target.format(name=name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(_template(template)).substitute(words), encoding="utf-8")
        shutil.move(Path(draft) / name, folder)
    return folder


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise ValueError(
            f"{name!r} is no name for a reconstructor; use lower-case letters, digits and _, as in my_method"
        )
    if taken := _taken(name):
        raise ValueError(f"{name!r} is {taken}; choose another name, such as my_{name}")


def _taken(name: str) -> str:
    """What a name stands for already, in words; nothing if it is free."""
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return "a keyword of Python, which is no name for a reconstructor"
    if name in available():
        return "installed already, as a reconstructor"
    if name in sys.stdlib_module_names:
        return "a module of Python itself"
    if _importable(name):
        return "a module that is installed already"
    if name in {_plain(found.name) for found in importlib.metadata.distributions() if found.name}:
        return "a package that is installed already"
    return ""


def _importable(name: str) -> bool:
    """Whether a module of this name is found; a folder without code in it is none."""
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return True
    return found is not None and found.origin is not None


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _template(name: str) -> str:
    return (resources.files("smlmsim.scaffold") / "template" / f"{name}.template").read_text(encoding="utf-8")
