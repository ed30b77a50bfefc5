"""Localization tables and images in one archive: ``.smlm`` 0.2, the format of ShareLoc."""

from smlmsim.io.smlm.manifest import Attachment
from smlmsim.io.smlm.reading import chunks, hashes, read, read_attachments, read_images
from smlmsim.io.smlm.writing import write

__all__ = ["Attachment", "chunks", "hashes", "read", "read_attachments", "read_images", "write"]
