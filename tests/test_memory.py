"""What would not fit is refused with its size."""

import pytest

from smlmsim import memory


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with 8 GiB free, of which a group of processes may take 2 GiB."""
    (tmp_path / "meminfo").write_text(f"MemTotal: {2**24} kB\nMemAvailable: {2**23} kB\n")
    (tmp_path / "max").write_text(str(2**31))
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "CGROUP", tmp_path / "max")
    return tmp_path


def test_what_fits_passes_and_the_rest_is_refused_with_its_size_and_a_remedy(machine):
    memory.require_memory(2**31, "a movie", "ask for less")
    with pytest.raises(
        ValueError, match=r"^a movie would take 3 GiB of memory, 2 GiB are available; ask for less$"
    ):
        memory.require_memory(3 * 2**30, "a movie", "ask for less")


def test_a_group_without_a_limit_has_all_that_is_free(machine):
    (machine / "max").write_text("max\n")
    assert memory.available_bytes() == 2**33


def test_where_the_system_does_not_tell_nothing_is_refused(machine):
    (machine / "meminfo").unlink()
    memory.require_memory(2**60, "a movie", "ask for less")
