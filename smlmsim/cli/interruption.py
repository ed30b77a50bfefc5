"""Ctrl-C while modules are loaded, which takes a second or two."""

from __future__ import annotations

import os
import signal
import threading

INTERRUPTED = 130
"""What shells expect a program to end with that Ctrl-C has stopped."""


def end_at_once(*_: object) -> None:
    """End the process with one line: a module that is half loaded may take an exception for an error of its own."""
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)


def end_while_loading() -> None:
    """Let Ctrl-C end the process at once until :func:`raise_again`: nothing is begun yet that would be left behind."""
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end_at_once)


def raise_again() -> None:
    """Let Ctrl-C raise ``KeyboardInterrupt`` again."""
    if signal.getsignal(signal.SIGINT) is end_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)
