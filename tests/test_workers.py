"""Tasks run in other processes, and neither an exception nor a death in one stops the others."""

import importlib
import os
import signal
import subprocess
import sys
import time

import pytest
import threadpoolctl

from smlmsim.workers import LARGE_PAGES, WorkerDiedError, one_thread, spread

TASK = r"""
import multiprocessing, os, signal, threadpoolctl
import numpy

def square(task):
    if task == 3:
        raise ValueError("three is refused")
    if task == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return task * task

def pid_for_ever(task):
    lock = multiprocessing.Lock()  # as numcodecs holds one, which nothing puts away if the process is ended
    os.write(1, f"{os.getpid()}\n".encode())  # at once, since two of them write
    signal.pause()

def tunables(task):
    return os.environ.get("GLIBC_TUNABLES")

def threads(task):
    return max(library["num_threads"] for library in threadpoolctl.threadpool_info())
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module that the workers can import too."""
    (tmp_path / "worker_tasks.py").write_text(TASK)
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("worker_tasks")


def test_a_task_that_raises_or_dies_is_reported_and_the_rest_goes_on(module):
    outcomes = list(spread(module.square, range(12), workers=2))
    assert sorted(task for task, _ in outcomes) == list(range(12))
    found = dict(outcomes)
    assert isinstance(found.pop(3), ValueError)
    assert isinstance(found.pop(5), WorkerDiedError)
    assert found == {task: task * task for task in found}


def test_workers_ask_for_large_pages_unless_told_otherwise(module, monkeypatch):
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=0")
    assert dict(spread(module.tunables, [0], workers=1)) == {0: f"{LARGE_PAGES}:glibc.malloc.hugetlb=0"}
    assert os.environ["GLIBC_TUNABLES"] == "glibc.malloc.hugetlb=0"  # what comes last wins


def test_a_task_has_one_thread(module):
    assert dict(spread(module.threads, [0], workers=1)) == {0: 1}


def most_threads():
    return max(library["num_threads"] for library in threadpoolctl.threadpool_info())


def test_one_thread_lasts_until_the_last_one_lets_go():
    with threadpoolctl.threadpool_limits(limits=2):
        first, second = one_thread(), one_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert most_threads() == 1
        second.__exit__(None, None, None)
        assert most_threads() == 2


def test_workers_end_when_their_parent_is_killed(module, tmp_path):
    script = (
        "import worker_tasks; from smlmsim.workers import spread; "
        "list(spread(worker_tasks.pid_for_ever, [0], workers=1))"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and _alive(worker):
        time.sleep(0.05)
    assert not _alive(worker)


def _alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not yet collected does not."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_no_worker_is_refused():
    with pytest.raises(ValueError, match="workers must be at least 1, found 0"):
        spread(abs, [1], workers=0)


def test_ctrl_c_ends_the_workers_at_once_and_without_a_word_from_them(module, tmp_path):
    script = (
        "import os, worker_tasks; from smlmsim.cli.app import main; from smlmsim.workers import spread; "
        "main(lambda: [*spread(worker_tasks.pid_for_ever, [0, 1], workers=2)])"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    workers = [int(parent.stdout.readline()) for _ in range(2)]
    os.killpg(parent.pid, signal.SIGINT)  # as a terminal does
    _, said = parent.communicate()
    assert parent.returncode == 130
    assert said == "interrupted\n"
    assert not any(_alive(worker) for worker in workers)


def test_a_script_without_a_guard_is_told_so(tmp_path):
    (tmp_path / "script.py").write_text(
        "from smlmsim.workers import spread\nprint(list(spread(abs, [1, 2, 3], workers=2)))\n"
    )
    ended = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(
        "smlmsim.workers.UnguardedScriptError: script.py would run itself again in every process that it starts; put"
    )
    assert ended.stderr.count("Traceback") == 1
