"""Handling of Ctrl-C while modules are loaded, which takes a second or two."""

from __future__ import annotations

import os
import signal
import threading

INTERRUPTED = 130
"""Exit status of a program stopped by Ctrl-C, by the convention of shells."""


def end_at_once(*_: object) -> None:
    """End the process with one line: a half-loaded module may mistake an exception for its own error."""
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)


def end_while_loading() -> None:
    """Let Ctrl-C end the process at once until :func:`raise_again`: no work has started yet."""
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end_at_once)


def raise_again() -> None:
    """Let Ctrl-C raise ``KeyboardInterrupt`` again."""
    if signal.getsignal(signal.SIGINT) is end_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)
