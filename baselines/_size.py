"""How large a network may get while it is made: not far larger than the weights that are there for it."""

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
    """A network is about to have far more parts than its weights are for."""


@contextmanager
def no_larger_than(tensors: int) -> Iterator[None]:
    """Stop the making of a network, in this thread, as soon as it has far more parts than there are weights for.

    Settings in a damaged file can ask for millions of layers, which would take hours before the first weight is read.

    Parameters
    ----------
    tensors : int
        The tensors of weights that there are. Modules, parameters and buffers may be ``MOST_PER_TENSOR`` times as many
        and ``MOST_WITHOUT`` more, each: some take no weights, and some are made to be replaced.

    Raises
    ------
    TooLargeError
        Once there are more.
    MemoryError
        Once the network takes more than 1 GiB; on the meta device weights take nothing.
    """
    thread, most = threading.get_ident(), MOST_WITHOUT + MOST_PER_TENSOR * tensors
    made = dict.fromkeys(("modules", "tensors"), 0)

    def counting(kind: str) -> Any:
        def count(*_: Any) -> None:
            if threading.get_ident() == thread:
                made[kind] += 1
                if made[kind] > most:
                    raise TooLargeError(
                        f"the network would have more than {most} {kind}, there are weights for {tensors}"
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
