"""Metadata in ``.smlm`` files: keys of the manifest, and tags such as ``modality:PALM``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from smlmsim.io.metadata import Metadata, parse_json
from smlmsim.io.smlm.manifest import Entry, Manifest

PLAIN = ("name", "description", "author", "citation", "license", "date")
TAGS = (
    "modality", "cell_line", "fluorophore", "labelling", "structure", "target", "dimension", "camera",
    "software", "buffer", "fixation",
)  # fmt: skip
SYNONYMS = {"cell": "cell_line", "dye": "fluorophore", "labeling": "labelling", "dimensions": "dimension"}
CAMERA = ("exposure_s", "camera_pixel_nm", "first_frame", "frames")
SOUND = {"exposure": ("exposure_s", 1e-5, 1.0), "pixel_size": ("camera_pixel_nm", 10.0, 1000.0)}
"""Keys without a unit -> the metadata field, and the range of values (in s or nm) in which they are believed."""
WRITTEN = {"name", "type", "format", "channel", "rows", "offset", "min", "max", "avg", "hash", "exposure"}


def read_metadata(manifest: Manifest, channels: Mapping[str, Entry]) -> Metadata:
    """Gather the metadata of a manifest and of the first table of each channel.

    Manifest fields that are not texts, and repeated tags of one kind, are kept unparsed.
    """
    keys = dict(manifest.model_extra or {})
    keys.pop("hash", None)
    found: dict[str, Any] = {
        name: keys.pop(name) for name in PLAIN if isinstance(keys.get(name), str) and keys[name]
    }
    others = []
    for tag in keys.pop("tags") if _are_texts(keys.get("tags")) else []:
        kind, _, value = tag.partition(":")
        field = _field(kind)
        if field in TAGS and value.strip() and field not in found:
            found[field] = value.strip()
        else:
            others.append(tag)
    if isinstance(keys.get("labeling"), str) and keys["labeling"] and "labelling" not in found:
        found["labelling"] = keys.pop("labeling")
    tables = [_kept(entry) for entry in channels.values()]
    found |= _of_entries(channels) | _camera(tables)
    names = list(channels) if len(channels) > 1 or next(iter(channels), "default") != "default" else []
    rest = {"manifest": keys, "tables": tables} if keys or any(tables) else None
    return Metadata(
        **found, tags=tuple(others), channels=tuple(names), smlm=json.dumps(rest) if rest else None
    )


def manifest_keys(metadata: Metadata) -> dict[str, Any]:
    """The keys of a manifest for all metadata, including those of an earlier manifest."""
    tags = [f"{field.replace('_', ' ')}:{value}" for field in TAGS if (value := getattr(metadata, field))]
    plain = {name: value for name in PLAIN if (value := getattr(metadata, name))}
    return {**_earlier(metadata)["manifest"], **plain, "tags": [*tags, *metadata.tags]}


def table_keys(metadata: Metadata, channel: int) -> dict[str, Any]:
    """The keys of a table's entry for the metadata."""
    tables = _earlier(metadata)["tables"]
    keys: dict[str, Any] = dict(tables[channel]) if channel < len(tables) else {}
    camera = {name: value for name in CAMERA if (value := getattr(metadata, name)) is not None}
    keys["metadata"] = (keys["metadata"] if isinstance(keys.get("metadata"), dict) else {}) | camera
    return keys


def _earlier(metadata: Metadata) -> dict[str, Any]:
    """Other content of an earlier manifest."""
    if metadata.smlm is None:
        return {"manifest": {}, "tables": []}
    tree = parse_json(metadata.smlm.encode())
    try:
        return {"manifest": dict(tree["manifest"]), "tables": [dict(table) for table in tree["tables"]]}
    except (KeyError, TypeError, ValueError):
        raise ValueError("the attribute 'smlm' is not what a .smlm file left there; delete it") from None


def _kept(entry: Entry) -> dict[str, Any]:
    """The content of an entry, except for keys that are written anew for every table."""
    extra = dict(entry.model_extra or {}) | ({"metadata": entry.metadata} if entry.metadata else {})
    return {name: value for name, value in extra.items() if name not in WRITTEN}


def _camera(tables: list[dict[str, Any]]) -> dict[str, float]:
    """Remove from the tables the camera settings on which they agree, and return these."""
    found: dict[str, float] = {}
    for name in CAMERA:
        said = {
            table["metadata"].pop(name)
            for table in tables
            if isinstance(table.get("metadata"), dict)
            and isinstance(table["metadata"].get(name), (int, float))
        }
        if len(said) == 1 and ((value := said.pop()) > 0 or name == "first_frame"):
            found[name] = value
    for table in tables:
        if table.get("metadata") == {}:
            del table["metadata"]
    return found


def _of_entries(channels: Mapping[str, Entry]) -> dict[str, float]:
    """Values on which the entries of all channels agree, if their size leaves no doubt about the unit."""
    found: dict[str, float] = {}
    for key, (name, least, most) in SOUND.items():
        said = {str((entry.model_extra or {}).get(key)) for entry in channels.values()}
        value = next(((entry.model_extra or {}).get(key) for entry in channels.values()), None)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            continue
        if len(said) == 1 and least <= value <= most:
            found[name] = float(value)
    return found


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(tag, str) for tag in value)


def _field(kind: str) -> str:
    name = "_".join(kind.strip().lower().replace("_", " ").split())
    return SYNONYMS.get(name, name)
