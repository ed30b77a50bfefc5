"""YAML of any origin, read as plain values: no objects are constructed, and no aliases are expanded."""

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
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the version in C, if installed
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

    Tags such as ``!!python/tuple`` are ignored: the tagged content is read as plain numbers, texts, lists and mappings.
    Python objects become None, except NumPy numbers, which are decoded from their bytes.

    Parameters
    ----------
    content : bytes
        The whole file, of at most ``LARGEST`` bytes.

    Returns
    -------
    list
        The value of each document.

    Raises
    ------
    ValueError
        If the file is too long or too deeply nested, uses aliases or merge keys, or is not YAML.

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
    """A loader that knows only the tags of plain values."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Make the value of a node; an empty node is None, whatever its tag."""
        empty = isinstance(node, yaml.ScalarNode) and not node.value and node.tag != f"{STANDARD}str"
        return None if empty else super().construct_object(node, deep=deep)


def _untagged(loader: Any, node: yaml.Node) -> Any:
    """The plain content of a node with an unknown tag."""
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    tag = loader.resolve(yaml.ScalarNode, node.value, (True, False))
    return loader.construct_object(yaml.ScalarNode(tag, node.value), deep=True)


def _of_object(_loader: Any, _suffix: str, node: yaml.Node) -> float | int | None:
    """The number in a Python object that is a NumPy number; None for any other object."""
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
    """Refuse a short text that would exhaust memory, stack or time; parsing stops as soon as this is detected."""
    depth, inside = 0, 0  # nesting depth, and how many of these levels are inside a Python object
    for event in yaml.parse(content, LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            inside += bool(inside) or str(event.tag).startswith(OBJECT)
        if isinstance(event, yaml.CollectionEndEvent):
            depth, inside = depth - 1, max(inside - 1, 0)
        if depth > DEEPEST:
            raise ValueError(f"more than {DEEPEST} nested levels")
        if isinstance(event, yaml.AliasEvent) and not inside:
            raise ValueError("aliases (*name), which repeat a part of the file, are not read")
        if isinstance(event, yaml.ScalarEvent) and (event.value == "<<" or str(event.tag).endswith(":merge")):
            raise ValueError("merge keys are not read")
