"""Memory is bounded while a file is looked at, and free again afterwards; a folder is read within its bounds."""

import mmap
import os
import sys

import pytest

from smlmsim.io.limits import MOST_MORE_BYTES, bounded_memory, require_own_files

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux only")
TOO_MUCH = 2 * MOST_MORE_BYTES  # far more, since others may free some memory meanwhile


def granted(size):
    """Take new memory from the system; an array could be given memory that the process has already."""
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        return len(memory)


@on_linux
def test_no_more_is_granted_than_the_bound():
    with bounded_memory(), pytest.raises(OSError, match="Cannot allocate memory"):
        granted(TOO_MUCH)


@on_linux
def test_what_is_claimed_is_granted_besides():
    with bounded_memory(TOO_MUCH):
        assert granted(TOO_MUCH) == TOO_MUCH


@on_linux
def test_the_bound_goes_with_the_block_even_if_that_fails():
    with pytest.raises(KeyError), bounded_memory():
        raise KeyError
    assert granted(TOO_MUCH) == TOO_MUCH


@on_linux
def test_a_bound_within_another_changes_nothing_and_the_outer_one_is_lifted_at_its_end():
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    with bounded_memory():
        within = resource.getrlimit(resource.RLIMIT_DATA)
        with bounded_memory(TOO_MUCH):
            assert resource.getrlimit(resource.RLIMIT_DATA) == within
        assert resource.getrlimit(resource.RLIMIT_DATA) == within != before
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


@pytest.fixture
def store(tmp_path):
    """A folder with a file in a folder, and a secret beside it."""
    (tmp_path / "store" / "0").mkdir(parents=True)
    (tmp_path / "store" / "0" / "chunk").write_bytes(b"12345")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_bytes(b"key")
    return tmp_path / "store"


def test_the_files_of_a_folder_are_listed_with_their_sizes_also_through_a_link_to_the_folder(store, tmp_path):
    assert require_own_files(store) == {store.resolve() / "0" / "chunk": 5}
    (tmp_path / "shortcut").symlink_to(store)
    assert require_own_files(tmp_path / "shortcut") == {store.resolve() / "0" / "chunk": 5}


@pytest.mark.parametrize(
    "target", ["../../secret/key", "../../secret", "/etc", "../../nowhere", "../1/../../secret"]
)
def test_a_link_out_of_a_folder_is_refused_wherever_it_leads(store, target):
    (store / "0" / "link").symlink_to(target)
    with pytest.raises(ValueError, match=r"0.link is a link that leads out of the folder"):
        require_own_files(store)


def test_a_folder_whose_name_begins_alike_is_outside(store):
    store.with_name("store2").mkdir()
    (store / "link").symlink_to(store.with_name("store2"))
    with pytest.raises(ValueError, match="link is a link that leads out"):
        require_own_files(store)


def test_links_within_a_folder_are_followed_once_and_no_circle_is_walked(store):
    (store / "same").symlink_to("0/chunk")
    (store / "0" / "circle").symlink_to(store)
    (store / "itself").symlink_to("itself")
    assert sorted(path.name for path in require_own_files(store)) == ["chunk", "same"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_that_would_be_waited_on_for_ever_is_refused(store):
    os.mkfifo(store / "0" / "0.0.0")
    with pytest.raises(ValueError, match=r"0.0\.0\.0 is neither a file nor a folder"):
        require_own_files(store)
