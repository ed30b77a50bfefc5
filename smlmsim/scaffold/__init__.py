"""Write a new package with a working plug-in, to start from.

``template`` has a folder for each kind of plug-in, with the layout of the new package: its files end in
``.template``, and ``NAME`` in their paths is replaced by the name.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import keyword
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from smlmsim.plugins import offered

ENDING = ".template"


def new_plugin(name: str, parent: str | Path = ".", *, kind: str = "reconstructor") -> Path:
    """Write a minimal package whose plug-in passes its contract tests.

    Parameters
    ----------
    name : str
        Name of the plug-in, the module and the folder: lower-case letters, digits and underscores.
    parent : str or Path
        Folder in which the new folder is made.
    kind : str
        One of ``kinds()``: a reconstructor, or a trainable one, which is a network for ``smlmsim train``.

    Returns
    -------
    Path
        The new folder.

    Raises
    ------
    ValueError
        If there is no such kind, or if the name is not valid for a module, or is that of an existing plug-in, module or
        package.
    OSError
        If the folder exists already, or cannot be made.
    """
    if kind not in kinds():
        raise ValueError(f"no kind {kind!r} of a plug-in; there are: {', '.join(kinds())}")
    _check_name(name)
    folder = Path(parent) / name
    if folder.exists():
        raise FileExistsError(f"{folder} exists already; choose another name, or another place with --out")
    words = {
        "name": name,
        "distribution": name.replace("_", "-"),
        "cls": "".join(part.capitalize() for part in name.split("_")),
        "version": importlib.metadata.version("smlmsim"),
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}-") as draft:
        for place, template in _files(_templates() / kind):
            path = Path(draft) / name / place.removesuffix(ENDING).replace("NAME", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(template).substitute(words), encoding="utf-8")
        shutil.move(Path(draft) / name, folder)
    return folder


def kinds() -> list[str]:
    """Return the kinds of plug-ins for which there is a template."""
    return sorted(folder.name for folder in _templates().iterdir() if folder.is_dir())


def _templates() -> Traversable:
    return resources.files("smlmsim.scaffold") / "template"


def _files(folder: Traversable, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every template below a folder."""
    for each in folder.iterdir():
        if each.is_dir():
            yield from _files(each, f"{place}{each.name}/")
        elif each.name.endswith(ENDING):
            yield place + each.name, each.read_text(encoding="utf-8")


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise ValueError(
            f"{name!r} is not a valid name of a plug-in; use lower-case letters, digits and _, as in my_method"
        )
    if taken := _taken(name):
        raise ValueError(f"{name!r} is {taken}; choose another name, such as my_{name}")


def _taken(name: str) -> str:
    """Return what already has this name, in words; "" if it is free."""
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return "a keyword of Python, which is not a valid name of a plug-in"
    if offered(name):
        return "installed already, as a plug-in"
    if name in sys.stdlib_module_names:
        return "a module of Python itself"
    if _importable(name):
        return "a module that is installed already"
    if name in {_plain(found.name) for found in importlib.metadata.distributions() if found.name}:
        return "a package that is installed already"
    return ""


def _importable(name: str) -> bool:
    """Whether a module of this name can be imported; a folder without code does not count."""
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return True
    return found is not None and found.origin is not None


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
