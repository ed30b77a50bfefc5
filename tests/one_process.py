"""Spread parts over no other processes, where a test is of something else and starting them would take the time."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from smlmsim import workers


@contextmanager
def one_process() -> Iterator[None]:
    """Make parts one by one in this process for a while."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "spread", _one_by_one)
        yield


def _one_by_one(
    function: Callable[[Any], Any], tasks: Iterable[Any], **_: object
) -> Iterator[tuple[Any, Any]]:
    for task in tasks:
        try:
            made = function(task)
        except Exception as error:
            made = error
        yield task, made
