"""Workers: run many independent tasks in local processes or on a Dask cluster."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import multiprocessing
import multiprocessing.connection
import multiprocessing.resource_tracker
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

import threadpoolctl

Task = TypeVar("Task")
Result = TypeVar("Result")


KEPT_BYTES = 2**29
"""Memory that a worker has freed and may keep for its next task, 512 MiB, instead of giving it back to the system."""
LARGEST_KEPT = 2**25
"""Bytes of a single array from which on it is given back at once, 32 MiB: the C library allows no more."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""The names of these two in ``malloc.h``."""
LARGE_PAGES = "glibc.malloc.hugetlb=1"
"""Asks the C library, where it is glibc of 2.35 and later, for pages of 2 MiB, so that fewer are looked up."""
UNGUARDED = 78
"""Exit status of a worker that was about to run the script that started it."""


class WorkerDiedError(RuntimeError):
    """The process that ran a task ended without a result."""


class UnguardedScriptError(RuntimeError):
    """A script would run itself again in every process that it starts."""


class _OneThread:
    """A limit of one thread that lasts until its last holder releases it, in whatever order they do."""

    def __init__(self) -> None:
        self._lock, self._holders = threading.Lock(), 0
        self._limits = contextlib.ExitStack()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        with self._lock:
            if not self._holders:
                self._limits.enter_context(threadpoolctl.threadpool_limits(limits=1))
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                if not self._holders:
                    self._limits.close()


_ONE_THREAD = _OneThread()


def one_thread() -> contextlib.AbstractContextManager[None]:
    """Limit linear algebra to one thread, since the last bits of its sums depend on the number of threads.

    It takes about 1 ms. Several Python threads may hold the limit at once.
    """
    return _ONE_THREAD.held()


def require_guarded() -> None:
    """End a worker that imports the script which started it, and would start the same tasks again.

    Functions that run tasks in other processes call it first; the process that runs the script then raises
    :class:`UnguardedScriptError`.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        os._exit(UNGUARDED)


def spread(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    *,
    workers: int | None = None,
    scheduler: str | None = None,
) -> Iterator[tuple[Task, Result | Exception]]:
    """Run a function on every task in other processes; yield each task with its result as it arrives.

    A task that raises yields its exception, and one whose process dies a :class:`WorkerDiedError`; the others continue.
    Every task runs on one thread, so its result does not depend on the number of tasks running beside it.

    Parameters
    ----------
    function : callable
        Function of a task, importable by name in the workers.
    tasks : iterable
        Arguments of the function, picklable.
    workers : int, optional
        Number of local processes; by default one per core that this process may use.
    scheduler : str, optional
        Address of a Dask scheduler (``tcp://host:8786``), whose workers are used instead of local processes.

    Raises
    ------
    ValueError
        If ``workers`` is not positive.
    OSError
        If no Dask scheduler answers.
    UnguardedScriptError
        If the call is in a script, but not below ``if __name__ == "__main__":``.
    """
    require_guarded()
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, found {workers}")
    if scheduler is None:
        return _in_processes(function, tasks, workers or len(os.sched_getaffinity(0)))
    return _on_dask(function, tasks, scheduler)


def _in_processes(
    function: Callable[[Task], Result], tasks: Iterable[Task], workers: int
) -> Iterator[tuple[Task, Result | Exception]]:
    """Keep ``workers`` tasks running; when a process dies, run the lost tasks one by one to find the cause."""
    queue = iter(tasks)
    while first := list(itertools.islice(queue, workers)):
        lost: list[Task] = []
        with _pool(workers) as pool:
            flying: dict[Future[Result], Task] = {_submit(pool, function, task): task for task in first}
            while flying:
                landed, _ = wait(flying, return_when=FIRST_COMPLETED)
                for future in landed:
                    task, outcome = flying.pop(future), _outcome(future)
                    if isinstance(outcome, BrokenProcessPool):
                        _require_guard(_processes(pool))
                        lost.append(task)
                        continue
                    yield task, outcome
                    if not lost:
                        flying |= {_submit(pool, function, t): t for t in itertools.islice(queue, 1)}
        yield from _one_by_one(function, lost)


def _one_by_one(
    function: Callable[[Task], Result], tasks: list[Task]
) -> Iterator[tuple[Task, Result | Exception]]:
    for task in tasks:
        with _pool(1) as pool:
            future = _submit(pool, function, task)
            processes = _processes(pool)
            outcome = _outcome(future)
        if isinstance(outcome, BrokenProcessPool):
            _require_guard(processes)  # all have ended now, so their exit statuses are known
            yield task, WorkerDiedError("the worker process died: out of memory, or a crash in native code")
        else:
            yield task, outcome


def _on_dask(
    function: Callable[[Task], Result], tasks: Iterable[Task], scheduler: str
) -> Iterator[tuple[Task, Result | Exception]]:
    from distributed import Client, as_completed

    with Client(scheduler) as client:  # type: ignore[no-untyped-call]
        task_of = {client.submit(_on_one_thread, function, task, pure=False): task for task in tasks}
        for future in as_completed(list(task_of)):  # type: ignore[no-untyped-call]
            yield task_of.pop(future), _outcome(future)
            future.release()


@contextlib.contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that end at once when the work is interrupted, as by Ctrl-C, instead of finishing their tasks."""
    with _environment("PYTHONWARNINGS", lambda given: f"{given},ignore:resource_tracker".lstrip(",")):
        # Starts the process that puts away the locks of workers that were ended, with no warning that there were some.
        multiprocessing.resource_tracker.ensure_running()
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin)
    try:
        yield pool
    except BaseException:
        for process in _processes(pool):
            process.terminate()
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    pool.shutdown()


@contextlib.contextmanager
def _environment(name: str, changed: Callable[[str], str]) -> Iterator[None]:
    """Change a variable in the environment of the processes that are started inside; what comes last in it wins."""
    before = os.environ.get(name)
    os.environ[name] = changed(before or "")
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _processes(pool: ProcessPoolExecutor) -> list[Any]:
    """The processes of a pool, including ended ones that the pool still lists."""
    return list((getattr(pool, "_processes", None) or {}).values())


def _require_guard(processes: list[Any]) -> None:
    if any(process.exitcode == UNGUARDED for process in processes):
        raise UnguardedScriptError(
            f"{sys.argv[0]} would run itself again in every process that it starts; "
            'put everything but imports and definitions below: if __name__ == "__main__":'
        )


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Make processes started inside ignore Ctrl-C: the process that started them ends them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """Prepare a worker for its tasks."""
    _end_with_parent()
    _keep_memory()


def _keep_memory() -> None:
    """Let freed memory serve the next arrays, where the C library is glibc.

    Otherwise every large array is new pages, which the system fills with zeros first: that took a tenth of the time of
    networks on short movies.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if set_option is not None:
        set_option(M_MMAP_THRESHOLD, LARGEST_KEPT)
        set_option(M_TRIM_THRESHOLD, KEPT_BYTES)


def _end_with_parent() -> None:
    """Make a worker end when its parent is killed, since it would wait for tasks for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


def _submit(pool: ProcessPoolExecutor, function: Callable[[Task], Result], task: Task) -> Future[Result]:
    try:
        with (
            _uninterrupted(),
            _environment("GLIBC_TUNABLES", lambda given: f"{LARGE_PAGES}:{given}".rstrip(":")),
        ):
            return pool.submit(_on_one_thread, function, task)
    except BrokenProcessPool as error:
        broken: Future[Result] = Future()
        broken.set_exception(error)
        return broken


def _outcome(future: Any) -> Any:
    try:
        return future.result()
    except Exception as error:
        return error


def _on_one_thread(function: Callable[[Task], Result], task: Task) -> Result:
    os.environ["OMP_NUM_THREADS"] = "1"  # for libraries that are first loaded by the task
    with one_thread():
        return function(task)
