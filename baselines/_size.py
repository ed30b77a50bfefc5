"""A limit on the size of a network while it is built: not far larger than its file of weights."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch.nn.modules import module

from smlmsim.io.limits import bounded_memory

MOST_PER_TENSOR = 20
"""Parts of a network per tensor of weights: more than any network has, far fewer than a damaged file asks for."""
MOST_WITHOUT = 1000
"""Parts that a network may have without any weights."""


class TooLargeError(ValueError):
    """A network would have far more parts than its file of weights holds tensors."""


@contextmanager
def no_larger_than(tensors: int) -> Iterator[None]:
    """Stop building a network, in this thread, as soon as it has far more parts than there are weights.

    Settings in a damaged file can ask for millions of layers, which would take hours before the first weight is read.

    Parameters
    ----------
    tensors : int
        Number n of tensors in the file of weights. The network may have ``MOST_PER_TENSOR * n + MOST_WITHOUT`` modules,
        parameters and buffers each: some need no weights, and some are replaced while it is built.

    Raises
    ------
    TooLargeError
        If there are more.
    MemoryError
        If the network takes more than 1 GiB; weights on the meta device take no memory.
    """
    thread, most = threading.get_ident(), MOST_WITHOUT + MOST_PER_TENSOR * tensors
    made = dict.fromkeys(("modules", "tensors"), 0)

    def counting(kind: str) -> Any:
        def count(*_: Any) -> None:
            if threading.get_ident() == thread:
                made[kind] += 1
                if made[kind] > most:
                    raise TooLargeError(
                        f"the network would have more than {most} {kind}, but there are {tensors} tensors of weights"
                    )

        return count

    hooks = (
        module.register_module_parameter_registration_hook(counting("tensors")),
        module.register_module_buffer_registration_hook(counting("tensors")),
        module.register_module_module_registration_hook(counting("modules")),
    )
    with ExitStack() as stack:
        for hook in hooks:
            stack.callback(hook.remove)
        with bounded_memory():
            yield
