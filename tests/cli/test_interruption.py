"""Ctrl-C ends the command line with one line, from its first module to its last."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from smlmsim.cli import interruption

ROOT = Path(__file__).parents[2]
WHILE_LOADING = """
import os, runpy, signal, sys

module, program = sys.argv.pop(1), sys.argv.pop(1)

class Interrupts:
    def find_spec(name, path, target=None):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupts)
sys.path.insert(0, os.path.dirname(program))
run = runpy.run_path if program.endswith(".py") else runpy.run_module
run(program, run_name="__main__")
"""


@pytest.mark.parametrize(
    "program",
    ["smlmsim", *(f"benchmarks/{name}.py" for name in ("grid", "compare", "robustness", "foreign"))],
)
@pytest.mark.parametrize("module", ["smlmsim.cli.messages", "xarray"])
@pytest.mark.slow
def test_ctrl_c_while_modules_are_loaded_ends_with_one_line(program, module):
    done = subprocess.run(
        [sys.executable, "-c", WHILE_LOADING, module, program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_a_signal_that_is_ignored_stays_ignored_and_others_handlers_stay():
    before = signal.getsignal(signal.SIGINT)
    try:
        for handler in (signal.SIG_IGN, lambda *_: None):
            signal.signal(signal.SIGINT, handler)
            interruption.end_while_loading()
            interruption.raise_again()
            assert signal.getsignal(signal.SIGINT) is handler
        signal.signal(signal.SIGINT, signal.default_int_handler)
        interruption.end_while_loading()
        assert signal.getsignal(signal.SIGINT) is interruption.end_at_once
        interruption.raise_again()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
