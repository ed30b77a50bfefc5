"""Compiled kernels are kept for other processes, and none ever finds the code of another signature."""

import importlib
import logging
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import baselines
import smlmsim
from smlmsim import compiled

KERNEL = """
from smlmsim.compiled import njit

@njit()
def total(values):
    sum = values[0]
    for i in range(1, values.size):
        sum += values[i]
    return sum
"""

AT_ONCE = """
import sys, time
from pathlib import Path
import numpy as np
from numba.core.caching import IndexDataCacheFile as Files
from kernel import total

me, other = sys.argv[1:]
here, read = Path.cwd(), []

def said(who, what):
    return here / f"{who}-{what}"

def wait(what):
    end = time.monotonic() + 60
    while not said(other, what).exists():
        assert time.monotonic() < end, f"{me} waits for {what} of {other} in vain"
        time.sleep(0.005)

def after(function, what):
    def then(self, *arguments):
        result = function(self, *arguments)
        said(me, what).touch()
        return result
    return then

def read_together(self, load=Files._load_index):
    result = load(self)
    if saving:
        said(me, "read").touch()
        wait("read")
        read.append(True)
    return result

def index_in_turn(self, *arguments, save=Files._save_index):
    if me == "float32":
        wait("indexed")
    save(self, *arguments)
    said(me, "indexed").touch()

def data_in_turn(self, *arguments, save=Files._save_data):
    if me == "float64" and read:
        wait("done")
    save(self, *arguments)

Files._load_index, Files._save_index, Files._save_data = read_together, index_in_turn, data_in_turn
saving, kept = False, type(total._cache).save_overload

def save_overload(self, *arguments):
    global saving
    saving = True
    kept(self, *arguments)

type(total._cache).save_overload = save_overload
assert total(np.ones(8, me)) == 8
said(me, "done").touch()
assert read
"""

AFTERWARDS = """
import numpy as np
from kernel import total
print(total(np.arange(8, dtype=np.float32)), total(np.arange(8, dtype=np.float64)))
"""


CALLED = """
from smlmsim.compiled import njit

@njit(forceinline=True)
def called(value):
    return value + {}
"""

BETWEEN = """
from smlmsim.compiled import njit
from called import called

@njit()
def between(value):
    return 10 * called(value)
"""

CALLING = """
from smlmsim.compiled import njit
from between import between

@njit()
def calling(value):
    return later(value)

@njit()
def later(value):
    return 10 * between(value)
"""


def script(folder, name, text):
    (folder / name).write_text(textwrap.dedent(text))


def python(folder, *arguments):
    paths = [str(folder), *(path for path in sys.path if path)]
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder, env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "NUMBA_CACHE_DIR": str(folder / "cache")},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def result(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


def test_two_processes_that_compile_two_signatures_at_once_keep_each_its_own_code(tmp_path):
    for name, text in (("kernel.py", KERNEL), ("at_once.py", AT_ONCE), ("afterwards.py", AFTERWARDS)):
        script(tmp_path, name, text)
    both = [
        python(tmp_path, "at_once.py", *names) for names in (("float32", "float64"), ("float64", "float32"))
    ]
    for process in both:
        result(process)
    assert result(python(tmp_path, "afterwards.py")).split() == ["28.0", "28.0"]


def test_a_kernel_is_compiled_anew_after_a_change_of_what_it_calls_in_other_files(tmp_path, monkeypatch):
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    for name, text in (("called.py", CALLED.format(1)), ("between.py", BETWEEN), ("calling.py", CALLING)):
        script(tmp_path, name, text)

    def run():
        for name in ("called", "between", "calling"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.invalidate_caches()
        calling = importlib.import_module("calling").calling
        return calling(1), sum(calling.stats.cache_hits.values())

    assert [run(), run()] == [(200, 0), (200, 1)]
    script(tmp_path, "called.py", CALLED.format(100))
    assert [run(), run()] == [(10100, 0), (10100, 1)]


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """Make the kernel anew, as a process does that has not compiled it."""
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path / "cache"))
    script(tmp_path, "kernel.py", KERNEL)

    def made():
        namespace = {"__name__": "kernel"}
        exec(builtins_compile(tmp_path / "kernel.py"), namespace)
        return namespace["total"]

    return made


def builtins_compile(path):
    return compile(path.read_text(), str(path), "exec")


def test_a_signature_is_compiled_once_and_then_found(kernel):
    for _ in range(2):
        first = kernel()
        for dtype in (np.float32, np.float64):
            assert first(np.arange(8, dtype=dtype)) == 28
    assert sum(first.stats.cache_hits.values()) == 2
    assert not first.stats.cache_misses


def test_a_folder_that_cannot_be_written_costs_the_cache_only(kernel, monkeypatch, caplog):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compiled.OverloadFiles, "_save_data", full)
    with caplog.at_level(logging.INFO, "smlmsim.compiled"):
        assert kernel()(np.ones(8)) == 8
    assert "cannot be cached: [Errno 28] No space left on device" in caplog.text


def test_without_any_folder_for_a_cache_kernels_are_compiled_all_the_same(monkeypatch, caplog):
    def nowhere(self, function):
        raise RuntimeError(f"cannot cache function {function.__name__!r}: no locator available")

    monkeypatch.setattr(compiled.SharedCache, "__init__", nowhere)
    with caplog.at_level(logging.INFO, "smlmsim.compiled"):
        assert compiled.njit()(lambda: 3)() == 3
    assert "set NUMBA_CACHE_DIR" in caplog.text


@pytest.mark.parametrize("package", [smlmsim, baselines])
def test_every_kernel_goes_through_the_one_decorator(package):
    sources = Path(package.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if "cache=True" in path.read_text(encoding="utf-8")] == []
