"""A hostile or damaged ``.smlm`` file ends in one clear error: no crash, no hang, little memory, nothing written."""

import io as streams
import json
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from smlmsim import io, schema
from smlmsim.io import limits, smlm

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
few_in_one_folder = settings(in_one_folder, max_examples=40)
NOTHING = {"headers": [], "dtype": [], "shape": [], "columns": 0}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"entry": {"rows": 3}}, r"'table\.bin' is 24 bytes long; 3 rows of 12 bytes are announced"),
        ({"entry": {"rows": 10**15}}, "1000000000000000 rows of 12 bytes are announced"),
        ({"entry": {"rows": -1}}, "greater than or equal to 0"),
        ({"entry": {"rows": None}, "content": bytes(25)}, "whole rows of 12 bytes are announced"),
        ({"entry": {"rows": 0}, "content": b""}, "1 tables, but no localizations"),
        (
            {"content": np.array([[0, np.nan, 2], [3, 4, 5]], "<f4").tobytes()},
            "1 row without .* in row 0 .*: found nan in .*'x'; drop_bad",
        ),
        (
            {"content": np.array([[0, 1, 2], [3, 4, np.inf]], "<f4").tobytes()},
            "1 row without .* in row 1 .*: found inf in .*'y'",
        ),
        (
            {"content": np.array([[0.5, 1, 2], [3, 4, 5]], "<f4").tobytes()},
            r"1 row without .* in row 0 .*: found 0\.5 in .*'frame'",
        ),
        ({"form": {"dtype": ["float32", "float16", "float32"]}}, "the type 'float16' is not known; known are int"),
        ({"form": {"dtype": ["O", "float32", "float32"]}}, "the type 'O' is not known"),
        ({"form": {"shape": [1, 3, 1]}, "entry": {"rows": None}}, r"'x' holds \(3,\) values a row, not one"),
        ({"form": {"shape": [2**16, 2**16, 1]}}, "a record would be 5.24e.05 bytes long"),
        ({"form": {"shape": [0, 1, 1]}}, "greater than or equal to 1"),
        ({"form": {"shape": [1, 1]}}, r"shape lists \[1, 1\], for the headers"),
        ({"form": {"columns": 4}}, "4 columns are announced"),
        ({"form": {"headers": ["x", "x", "y"]}}, "two columns have one name"),
        ({"form": {"headers": ["frame", "X", " x"]}}, "no column y; the header names 'frame', 'X', ' x'"),
        ({"form": {"headers": ["frame", "x", "z"]}}, "'table.bin': no column y; the header names 'frame', 'x', 'z'"),
        ({"form": NOTHING}, r"headers lists \[\], for the headers"),
        ({"form": {"mode": "sql"}}, "Input should be 'binary' or 'text'"),
        ({"form": {"units": ["1", "furlong", "nm"]}}, "'x' has the unit 'furlong'; known for it: nm, um, mm, m, px"),
        ({"form": {"units": ["1", "px", "px"]}}, "'x' is in camera pixels; say how large one is"),
        ({"form": {"mode": "text", "delimiter": ".*"}}, "a text table has a delimiter.* of one character"),
        ({"form": {"mode": "text", **NOTHING}}, "the format 'f' names no columns"),
        ({"form": {"mode": "text"},
         "content": b"0,1,2\n3,4,five\n"}, "1 row without .* in row 1 .*: found nan in .*'y'"),
        ({"form": {"mode": "text"}, "content": b"0,1,2\n3,4\n"}, "1 row without .* in row 1"),
        ({"form": {"mode": "text"}, "content": b"0,1,2\n3,4,5,6\n"}, "in row 1 .*, which does not hold 3 values"),
        ({"form": {"mode": "text"}, "content": b"0,1,2\n"}, "holds 1 rows, 2 are announced"),
        ({"entry": {"format": "g"}}, "is of the format 'g'; described are 'f'"),
        ({"entry": {"name": "other.bin"}}, r"there is no 'other\.bin' in the archive"),
        ({"entry": {"offset": {"x": "far"}}}, "offset"),
        ({"entry": {"offset": {"x": 1e300}}}, r"found 1e\+300"),
        ({"format_version": "3.0"}, r"the format version is '3\.0'; read are 0\.2 and 1"),
        ({"drop": ["files"]}, r"manifest\.json does not fit: files: is missing"),
        ({"drop": ["formats"]}, "formats: is missing"),
        ({"entries": [{"name": "a"}]}, r"files\.0\.type: is missing"),
        ({"entries": [{"name": "notes", "type": "document", "format": "pdf"}]}, "0 tables, but no localizations"),
        ({"files": {}, "drop": ["files"]}, "manifest"),
        ({"files": {"manifest.json": b"{"}}, "not JSON"),
        ({"files": {"manifest.json": b"\xff\xfe"}}, "not JSON"),
        ({"files": {"manifest.json": b"[" * 100_000}}, "not JSON: maximum recursion"),
        ({"files": {"manifest.json": b"9" * 10_000}}, "not JSON"),
        ({"files": {"manifest.json": b" " * (2**24 + 1)}}, "longer than 16777216 bytes"),
        ({"files": {"manifest.json": b"null"}}, "manifest.json does not fit"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said(handmade, broken, words):
    with pytest.raises(ValueError, match=rf"(?s)handmade\.smlm: .*{words}") as caught:
        io.read(handmade(**broken))
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..\\up", "C:\\a", "a/../../b", "", ".", "a\0b"]
)
def test_a_path_that_leads_out_of_the_archive_is_refused_and_nothing_is_written(
    handmade, tree, tmp_path, name
):
    content = {"table.bin": bytes(24)} | ({name: bytes(24)} if name and "\0" not in name else {})
    table, image = {"name": name, "hash": "0"}, {"name": name, "type": "image", "format": "png"}
    for act, entry in ((io.read, table), (smlm.hashes, table), (smlm.read_images, image)):
        with pytest.raises(ValueError, match="is not the path of a file in the archive"):
            act(handmade(files=content, entry=entry))
    assert tree(tmp_path).keys() == {"handmade.smlm"}


def test_a_file_that_is_listed_twice_is_refused(handmade):
    entry = {"name": "table.bin", "type": "table", "format": "f", "rows": 2}
    with pytest.raises(ValueError, match="a file is listed twice"):
        io.read(handmade(entries=[entry, entry]))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused(handmade):
    path = handmade()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("table.bin", bytes(24))
    with pytest.raises(ValueError, match="two files of one name"):
        io.read(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_compression_that_may_not_be_bounded_is_refused(handmade, method):
    path = handmade()
    with zipfile.ZipFile(path, "a", method) as archive:
        archive.writestr("b", bytes(1000))
    with pytest.raises(ValueError, match="'b' is compressed otherwise than by DEFLATE"):
        io.read(path)


def test_an_encrypted_file_is_refused(handmade):
    content = bytearray(handmade().read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path = handmade()
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is encrypted; write the archive without a password"):
        io.read(path)


def _peak(act, words):
    tracemalloc.start()
    with pytest.raises(ValueError, match=words):
        act()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_a_zip_bomb_is_refused_before_it_is_unpacked(handmade, monkeypatch):
    monkeypatch.setattr(limits, "FREE_BYTES", 2**20)
    path = handmade(content=bytes(3 * 2**23), entry={"rows": 2**21})
    assert path.stat().st_size < 2**15
    assert _peak(lambda: io.read(path), r"claims to hold 2\.52e.07 bytes in the .* that are stored") < 2**19


def test_a_zip_bomb_that_claims_to_be_small_is_unpacked_no_further_than_it_claims(handmade):
    content = bytearray(handmade(content=bytes(2**26)).read_bytes())
    sizes = struct.pack("<I", 2**26)
    while sizes in content:
        at = content.index(sizes)
        content[at : at + 4] = struct.pack("<I", 24)
    path = handmade()
    path.write_bytes(content)
    assert _peak(lambda: io.read(path), "damaged") < 2**21


def test_a_picture_of_absurd_size_is_refused(handmade):
    def chunk(kind, content):
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", 10**6, 10**6, 8, 2, 0, 0, 0)
    picture = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    entries = [{"name": "a.png", "type": "image", "format": "png"}]
    path = handmade(files={"a.png": picture}, entries=entries)
    assert _peak(lambda: smlm.read_images(path), r"'a\.png' is no png picture") < 2**24


@pytest.mark.parametrize("shape", [[3, 5], [10**9, 10**9], [], [-1, -12], ["a"]])
def test_an_image_of_another_size_than_announced_is_refused(handmade, shape):
    forms = {"raw": {"type": "image", "dtype": "uint8", "shape": shape}}
    entries = [{"name": "a.raw", "type": "image", "format": "raw"}]
    with pytest.raises(ValueError, match=r"handmade\.smlm: .*(12 bytes long|does not fit)"):
        smlm.read_images(handmade(files={"a.raw": bytes(12)}, entries=entries, formats=forms))


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    """The bytes of a valid file with two tables, text keys and an image."""
    rng = np.random.default_rng(0)
    table = schema.dataset(
        {"modality": "PALM", "tags": ["a"], "exposure_s": 0.02},
        loc_frame=np.arange(40, dtype=np.int32) // 3,
        loc_y=rng.random(40, np.float32),
        loc_x=rng.random(40, np.float32),
        loc_channel=np.arange(40, dtype=np.int32) % 2,
    )
    path = tmp_path_factory.mktemp("smlm") / "a.smlm"
    smlm.write(table, path, images={"w": np.ones((4, 5), np.uint8)})
    return path.read_bytes()


def _read_or_refuse(path):
    for act in (io.read, smlm.read_images, smlm.hashes):
        try:
            found = act(path)
        except ValueError as error:
            assert f"{path.name}: " in str(error)  # noqa: PT017
        else:
            if act is io.read:
                schema.check(found, "loc_y", "loc_x")
    assert [found.name for found in path.parent.iterdir()] == [path.name]


@in_one_folder
@given(st.binary() | st.binary().map(lambda tail: b"PK\3\4" + tail))
@example(b"PK\5\6" + bytes(18))
def test_random_bytes_are_refused(tmp_path, content):
    (tmp_path / "a.smlm").write_bytes(content)
    _read_or_refuse(tmp_path / "a.smlm")


@in_one_folder
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(tmp_path, intact, data):
    content = bytearray(
        intact[: data.draw(st.integers(0, len(intact)) | st.just(len(intact)), label="length")]
    )
    for place in data.draw(st.lists(st.integers(0, max(len(content) - 1, 0)), max_size=4), label="places"):
        content[place : place + 1] = data.draw(st.binary(min_size=1, max_size=1))
    (tmp_path / "a.smlm").write_bytes(content)
    _read_or_refuse(tmp_path / "a.smlm")


@few_in_one_folder
@given(data=st.data())
def test_a_manifest_with_any_value_anywhere_is_read_or_refused(tmp_path, intact, data):
    with zipfile.ZipFile(streams.BytesIO(intact)) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(content.pop("manifest.json"))
    node, depth = manifest, data.draw(st.integers(0, 4), label="depth")
    for level in range(5):
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys), label="key")
        if level == depth or not isinstance(node[key], (dict, list)):
            node[key] = data.draw(json_values, label="value")
            break
        node = node[key]
    with zipfile.ZipFile(tmp_path / "a.smlm", "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        for name, value in content.items():
            archive.writestr(name, value)
    _read_or_refuse(tmp_path / "a.smlm")


def test_a_damaged_file_is_refused_by_its_content_under_any_name(handmade):
    path = handmade(content=bytes(24)).rename(handmade().with_name("a.csv"))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"a\.csv: not a ZIP archive"):
        io.read(path)
