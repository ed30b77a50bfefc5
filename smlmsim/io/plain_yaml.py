"""YAML of any origin as plain values: nothing is constructed, and nothing is repeated."""

from __future__ import annotations

import base64
from typing import Any, cast

import numpy as np
import yaml

from smlmsim.spec import one_line

LARGEST = 2**17
"""Bytes of a file, 128 kB: metadata are shorter."""
DEEPEST = 32
"""Levels of nesting; more are damage, and would exhaust the stack."""
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, written in C where that is installed
OBJECT = "tag:yaml.org,2002:python/object"
STANDARD = "tag:yaml.org,2002:"
REFUSALS = (
    yaml.YAMLError,
    ValueError,
    RecursionError,
    AttributeError,
    LookupError,
    TypeError,
    ArithmeticError,
)


def documents(content: bytes) -> list[Any]:
    r"""Read all documents of a YAML file.

    Tags such as ``!!python/tuple`` are passed over: what they stand before is read as the numbers, texts, lists and
    mappings that it consists of. Objects of Python are None, but for numbers of NumPy, which their bytes tell.

    Parameters
    ----------
    content : bytes
        The whole file, of at most ``LARGEST`` bytes.

    Returns
    -------
    list
        Of the value of each document.

    Raises
    ------
    ValueError
        If the file is too long or too deep, repeats a part of itself by an alias or a merge key, or is no YAML.

    Examples
    --------
    >>> documents(b"Pixelsize: 130\nShape: !!python/tuple [32, 32]")
    [{'Pixelsize': 130, 'Shape': [32, 32]}]
    """
    if len(content) > LARGEST:
        raise ValueError(f"longer than {LARGEST} bytes")
    try:
        _require_plain(content)
        return list(yaml.load_all(content, _PlainLoader))
    except REFUSALS as error:
        raise ValueError(f"not YAML: {one_line(error, 200)}") from None


class _PlainLoader(LOADER):  # type: ignore[valid-type, misc]
    """A loader that knows no tags but those of plain values."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Make the value of a node; nothing at all is None, whatever its tag asks for."""
        empty = isinstance(node, yaml.ScalarNode) and not node.value and node.tag != f"{STANDARD}str"
        return None if empty else super().construct_object(node, deep=deep)


def _untagged(loader: Any, node: yaml.Node) -> Any:
    """What a node of an unknown tag holds."""
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    tag = loader.resolve(yaml.ScalarNode, node.value, (True, False))
    return loader.construct_object(yaml.ScalarNode(tag, node.value), deep=True)


def _of_object(_loader: Any, _suffix: str, node: yaml.Node) -> float | int | None:
    """The number of NumPy that an object of Python is, or nothing."""
    if not node.tag.endswith("multiarray.scalar") or not isinstance(node, yaml.SequenceNode):
        return None
    try:
        kind, content = node.value
        (args,) = (value for name, value in kind.value if name.value == "args")
        found = np.frombuffer(
            base64.b64decode(content.value), np.dtype(args.value[0].value).newbyteorder("<")
        )
    except REFUSALS:
        return None
    return cast("float | int", found.item()) if found.size == 1 and found.dtype.kind in "iuf" else None


def _text(loader: Any, node: yaml.Node) -> Any:
    return loader.construct_scalar(node)


_PlainLoader.add_multi_constructor(OBJECT, _of_object)
_PlainLoader.add_constructor(None, _untagged)
_PlainLoader.add_constructor(f"{STANDARD}timestamp", _text)


def _require_plain(content: bytes) -> None:
    """Refuse what fills the memory, the stack or an afternoon with a few lines; parsing stops where it shows."""
    depth, inside = 0, 0  # levels in each other, and how many of them lie inside of an object of Python
    for event in yaml.parse(content, LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            inside += bool(inside) or str(event.tag).startswith(OBJECT)
        if isinstance(event, yaml.CollectionEndEvent):
            depth, inside = depth - 1, max(inside - 1, 0)
        if depth > DEEPEST:
            raise ValueError(f"more than {DEEPEST} levels in each other")
        if isinstance(event, yaml.AliasEvent) and not inside:
            raise ValueError("aliases (*name), which repeat a part of the file, are not read")
        if isinstance(event, yaml.ScalarEvent) and (event.value == "<<" or str(event.tag).endswith(":merge")):
            raise ValueError("merge keys are not read")
