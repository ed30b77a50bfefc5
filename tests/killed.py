"""Processes that are killed at a moment that a test names or draws, as by a power cut.

Run as a script, this imports the script of a test once and forks one process for each moment, one after another, which
calls the function ``run`` of that script and is killed at its moment. So every process but the first goes on with what
those before it left behind.
"""

from __future__ import annotations

import itertools
import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

CHANGES = frozenset({"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink"})
"""What Python tells of before it does it; files that are opened to be written come on top."""

Moment = tuple[str, int]
"""``("module:function", n)``, just before its n-th call, or ``("disk", n)``, just before the n-th change of a file or a
folder below the working directory; n = 0 is never."""


def killed(folder: Path, script: str, moments: list[Moment]) -> list[int]:
    """Run a script in a folder until each of some moments, and check that only these moments ended it.

    Parameters
    ----------
    folder : Path
        The working directory.
    script : str
        Imports what it needs and defines a function ``run()``, which is called once for each moment.
    moments : list
        When to kill each run. A run that does not come to its moment ends by itself.

    Returns
    -------
    list of int
        For each run the number of changes below the folder if it ended by itself, -1 if it was killed.
    """
    (folder / "killed_run.py").write_text(script, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve()), json.dumps(moments)],
        cwd=folder, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    (folder / "killed_run.py").unlink()
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.splitlines()]


def _until(moment: Moment, run: Callable[[], object]) -> int:
    """The number of changes of the disk by a run in a process of its own, -1 if that was killed at its moment."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os._exit(_run(moment, run, tell))
    os.close(tell)
    with os.fdopen(told) as said:
        changes = said.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return -1
    if status != 0:
        raise RuntimeError(f"the run that was to be killed at {moment} failed by itself")
    return int(changes)


def _run(moment: Moment, run: Callable[[], object], tell: int) -> int:
    what, number = moment
    changes = itertools.count(1)
    counted = 0
    here = f"{Path.cwd()}{os.sep}"

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal counted
        if _is_change(event, arguments) and os.path.abspath(os.fsdecode(arguments[0])).startswith(here):
            counted = next(changes)
            if what == "disk" and counted == number:
                _die()

    if what != "disk":
        _die_before(what, number)
    sys.addaudithook(hear)
    try:
        run()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    os.write(tell, str(counted).encode())
    return 0


def _is_change(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "open":
        path, mode, flags = arguments
        writes = bool(set(mode or "") & set("wax+")) or bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        return writes and isinstance(path, str | bytes | os.PathLike)
    return event in CHANGES


def _die_before(function: str, number: int) -> None:
    """Kill this process just before the call of that number."""
    module, _, name = function.partition(":")
    *path, last = name.split(".")
    owner: Any = import_module(module)
    for part in path:
        owner = getattr(owner, part)
    called, calls = getattr(owner, last), itertools.count(1)

    def dying(*arguments: Any, **options: Any) -> Any:
        if next(calls) == number:
            _die()
        return called(*arguments, **options)

    setattr(owner, last, dying)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    script = runpy.run_path("killed_run.py")
    for each in json.loads(sys.argv[1]):
        print(_until(each, script["run"]), flush=True)
