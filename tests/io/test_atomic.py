"""A file is there whole or not at all, and what stood in the way is said in words."""

import errno
import os
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from smlmsim.io import atomic, making, replacing, require_room, require_writable, require_writable_file


def test_a_finished_draft_takes_the_place_of_the_file(tmp_path):
    target = tmp_path / "settings.toml"
    target.write_text("old")
    with replacing(target) as draft:
        assert draft.parent == tmp_path
        assert draft.suffix == ".toml"
        draft.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def _fail_half_way(target, error):
    with replacing(target) as draft:
        draft.write_text("half")
        raise error


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, MemoryError])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, error):
    target = tmp_path / "scores.nc"
    target.write_text("old")
    with pytest.raises(error):
        _fail_half_way(target, error)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def _fail_while_filling(folder):
    with making(folder) as draft:
        (draft / "half").touch()
        raise RuntimeError


def test_a_folder_is_there_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "new" / "store.zarr"
    with pytest.raises(RuntimeError):
        _fail_while_filling(folder)
    assert list(folder.parent.iterdir()) == []
    with making(folder) as draft:
        (draft / "all").touch()
        assert not folder.exists()
    assert [file.name for file in folder.iterdir()] == ["all"]
    assert list(folder.parent.iterdir()) == [folder]


def test_a_file_is_readable_to_whom_the_umask_allows(tmp_path):
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "a.csv"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.csv").stat().st_mode) == 0o640


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "latest.csv"
    link.symlink_to(tmp_path / "real" / "run.csv")
    with replacing(link) as draft:
        draft.write_text("new")
    assert link.is_symlink()
    assert (tmp_path / "real" / "run.csv").read_text() == "new"


def test_a_missing_folder_is_named(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match=r"cannot write a\.csv: there is no folder .*nowhere; make it"),
        replacing(tmp_path / "nowhere" / "a.csv"),
    ):
        pass


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "out").write_text("")
    with (
        pytest.raises(NotADirectoryError, match=r"cannot write a\.csv: .*out is not a folder"),
        replacing(tmp_path / "out" / "a.csv"),
    ):
        pass


def test_a_folder_in_place_of_the_file_is_named(tmp_path):
    (tmp_path / "a.csv").mkdir()
    with (
        pytest.raises(IsADirectoryError, match=r"there is a folder of that name in"),
        replacing(tmp_path / "a.csv"),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.fixture
def nobody():
    """Someone who may not write anywhere, which the superuser may."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(65534)
    yield
    os.seteuid(mine)


def test_a_folder_that_may_not_be_written_to_is_named(nobody):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        with (
            pytest.raises(PermissionError, match="may not be written to; choose another"),
            replacing(Path(folder) / "a.csv"),
        ):
            pass


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "may not be written to; choose another, or change its permissions"),
        (errno.EROFS, "is on a read-only file system; choose another place"),
    ],
)
def test_a_read_only_place_is_named(tmp_path, monkeypatch, number, words):
    def refuse(self: Path, **_: object) -> None:
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(OSError, match=f"the folder {tmp_path} {words}") as caught, replacing(tmp_path / "a"):
        pass
    assert caught.value.errno == number


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk_is_named(tmp_path):
    with (
        pytest.raises(OSError, match=f"the disk that holds {tmp_path} is full; free some space"),
        replacing(tmp_path / "a.csv"),
        open("/dev/full", "wb", buffering=0) as full,
    ):
        full.write(b"x")
    assert not list(tmp_path.iterdir())


def _no_room(monkeypatch, free_bytes):
    monkeypatch.setattr(atomic.shutil, "disk_usage", lambda _: SimpleNamespace(free=free_bytes))


@pytest.mark.parametrize(
    "error",
    [
        OSError("40680 requested and 7968 written"),
        OSError("No space left on device"),
        RuntimeError("Can't decrement id ref count (error message = 'No space left on device')"),
    ],
)
def test_a_full_disk_is_named_where_a_library_does_not_say_its_number(tmp_path, monkeypatch, error):
    _no_room(monkeypatch, 4096)
    words = rf"cannot write a\.tif: the disk that holds {tmp_path} is full; free some space"
    with pytest.raises(OSError, match=words) as caught, replacing(tmp_path / "a.tif"):
        raise error
    assert caught.value.errno == errno.ENOSPC
    words = f"cannot write {tmp_path / 'store'}: the disk that holds {tmp_path} is full"
    with pytest.raises(OSError, match=words), making(tmp_path / "store"):
        raise error
    assert not list(tmp_path.iterdir())


def test_a_file_that_stays_too_short_on_a_disk_with_room_is_named(tmp_path):
    words = r"cannot write a\.tif: it is larger than a file in .* may be"
    with pytest.raises(OSError, match=words), replacing(tmp_path / "a.tif"):
        raise OSError("655360 requested and 30496 written")


def test_an_error_of_another_kind_is_not_taken_for_a_full_disk(tmp_path, monkeypatch):
    _no_room(monkeypatch, 2**30)
    with pytest.raises(OSError, match=r"^damaged in {some} way$"), replacing(tmp_path / "a.tif"):
        raise OSError("damaged in {some} way")
    _no_room(monkeypatch, 0)
    with pytest.raises(RuntimeError, match=r"^another$"), replacing(tmp_path / "a.tif"):
        raise RuntimeError("another")


def test_a_file_that_the_disk_has_no_room_for_is_not_begun(tmp_path, monkeypatch):
    _no_room(monkeypatch, 10_000_000)
    require_room(tmp_path, 1_000_000)
    words = rf"cannot write a\.nc: the disk that holds {tmp_path} is full"
    with pytest.raises(OSError, match=words), replacing(tmp_path / "a.nc") as draft:
        require_room(draft.parent, 10_000_000)


def test_a_full_disk_within_a_folder_names_it(tmp_path):
    words = f"cannot write to {tmp_path}: the disk that holds"
    with pytest.raises(OSError, match=words) as caught, atomic.naming(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize("said", ["new", None])
def test_a_new_file_never_stands_beside_an_older_side_file(tmp_path, monkeypatch, said):
    target, side = tmp_path / "a.csv", tmp_path / "a.csv.json"
    moments = []

    def look():
        moments.append(tuple(path.read_text() if path.exists() else "" for path in (target, side)))

    def watched(name):
        real = getattr(Path, name)

        def act(self, *args, **keys):
            done = real(self, *args, **keys)
            look()
            return done

        monkeypatch.setattr(Path, name, act)

    target.write_text("old")
    side.write_text("old")
    watched("unlink")
    watched("replace")
    with atomic.replacing_pair(target, side, said) as draft:
        draft.write_text("new")
        look()
    assert moments[0] == ("old", "old")
    assert moments[-1] == ("new", said or "")
    assert ("new", "old") not in moments
    assert ("old", "new") not in moments


def test_nothing_changes_where_one_of_two_files_cannot_be_written(tmp_path):
    target, side = tmp_path / "a.csv", tmp_path / "a.csv.json"
    target.write_text("old")
    side.write_text("old")
    with (
        pytest.raises(OSError, match=r"cannot write a\.csv: the disk"),
        atomic.replacing_pair(target, side, "new"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert (target.read_text(), side.read_text()) == ("old", "old")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_failure_to_read_something_else_keeps_its_own_words(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"input\.csv"), replacing(tmp_path / "a.csv"):
        (tmp_path / "input.csv").read_text()
    assert not list(tmp_path.iterdir())


def _left(path, days, monkeypatch):
    """A draft that a writer left behind, and a process that has not yet looked for any."""
    monkeypatch.setattr(atomic, "_cleared", set())
    if path.suffix == ".csv":
        path.write_text("half")
    else:
        path.mkdir()
        (path / "half").write_text("")
        os.utime(path / "half", (time.time() - days * 86400,) * 2)
    os.utime(path, (time.time() - days * 86400,) * 2)


@pytest.mark.parametrize("name", [".smlmsim-0123456789abcdef.csv", ".smlmsim-0123456789abcdef-store.zarr"])
@pytest.mark.parametrize("days", [0.5, 1.5])
def test_drafts_of_killed_writers_are_cleared_after_a_day(tmp_path, monkeypatch, name, days):
    _left(tmp_path / name, days, monkeypatch)
    (tmp_path / ".smlmsim-mine.csv").write_text("")
    os.utime(tmp_path / ".smlmsim-mine.csv", (0, 0))
    with replacing(tmp_path / "a.csv") as draft:
        draft.write_text("new")
    assert (tmp_path / name).exists() == (days < 1)
    assert (tmp_path / ".smlmsim-mine.csv").exists()


def test_a_draft_that_something_was_added_to_today_stays(tmp_path, monkeypatch):
    draft = tmp_path / ".smlmsim-0123456789abcdef-store.zarr"
    _left(draft, 2, monkeypatch)
    os.utime(draft / "half")
    with making(tmp_path / "other"):
        pass
    assert (draft / "half").exists()


def test_a_folder_that_can_be_made_is_writable_and_nothing_of_the_attempt_stays(tmp_path):
    require_writable(tmp_path / "new" / "below")
    require_writable_file(tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_said_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        OSError, match=r"cannot write to .*file/out: .*file is not a folder; choose another place"
    ):
        require_writable(tmp_path / "file" / "out")
    with pytest.raises(OSError, match=r"cannot write .*no/a\.csv: there is no folder .*no; make it first"):
        require_writable_file(tmp_path / "no" / "a.csv")
    with pytest.raises(OSError, match="there is a folder of that name"):
        require_writable_file(tmp_path)


def test_a_full_disk_is_said_before_the_work(tmp_path, monkeypatch):
    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def write(self, content):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic.tempfile, "TemporaryFile", lambda **_: Full())
    with pytest.raises(OSError, match=f"cannot write to {tmp_path}: the disk that holds {tmp_path} is full"):
        require_writable(tmp_path)


def test_a_draft_of_a_process_that_is_gone_is_removed_at_once_and_of_a_running_one_kept(tmp_path):
    code = "import sys, smlmsim.io.atomic as a; print(a._draft())"
    gone = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    elsewhere = f".smlmsim-{'0000' if gone[9:13] != '0000' else '1111'}{gone[13:]}"
    names = {f"{gone}.nc": False, f"{atomic._draft()}.nc": True, f"{elsewhere}.nc": True}
    for name in names:
        (tmp_path / name).touch()
    with replacing(tmp_path / "clip.nc") as draft:
        draft.write_text("new")
    assert {name: (tmp_path / name).exists() for name in names} == names
    assert (tmp_path / "clip.nc").read_text() == "new"
