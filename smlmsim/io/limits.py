"""How much a file may claim to hold: a small file that unpacks without end is refused before it is unpacked."""

from __future__ import annotations

FREE_BYTES = 2**28
MOST_EXPANSION = 200


def require_plausible(what: str, claimed_bytes: int, stored_bytes: int) -> None:
    """Refuse data that would take far more memory than their file takes on the disk.

    Localizations shrink to no less than a quarter, images of counts to about 1/25.

    Parameters
    ----------
    what : str
        What makes the claim, for the message.
    claimed_bytes : int
        The size in memory; up to ``FREE_BYTES`` are always granted.
    stored_bytes : int
        The size on the disk.

    Raises
    ------
    ValueError
        If the claim is more than ``MOST_EXPANSION`` times what is stored.
    """
    if claimed_bytes > max(FREE_BYTES, MOST_EXPANSION * stored_bytes):
        raise ValueError(
            f"{what} claims to hold {claimed_bytes:.3g} bytes in the {stored_bytes:.3g} that are stored; "
            f"no more than {MOST_EXPANSION} times as many are unpacked"
        )
