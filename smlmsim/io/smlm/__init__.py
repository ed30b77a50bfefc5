"""Localization tables and images in one archive: ``.smlm`` 0.2, the format of ShareLoc."""

from smlmsim.io.smlm.manifest import FIRST_FRAME, Attachment
from smlmsim.io.smlm.reading import chunks, hashes, read_attachments, read_images
from smlmsim.io.smlm.writing import write

__all__ = ["FIRST_FRAME", "Attachment", "chunks", "hashes", "read_attachments", "read_images", "write"]
