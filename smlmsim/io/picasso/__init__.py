"""Localization tables of Picasso: an HDF5 file, with a YAML file of the same name next to it.

Picasso counts camera frames from 0 and gives x, y, the widths and the precisions in camera pixels, z in nm. The fits of
its Localize put x = 0 at the centre of the first pixel, ThunderSTORM at its edge. Yet when Picasso itself exchanges
tables with ThunderSTORM and SMAP it multiplies by the pixel and adds nothing, and its Render takes the field to reach
from 0 to the width. What is converted here agrees with what Picasso converts: x in nm is x in pixels times the pixel,
both ways. Beside the images of the camera such a table therefore lies where its program has put it, which may be half a
pixel from where another program would.
"""

from smlmsim.io.picasso.fields import FIELDS, PIXELS
from smlmsim.io.picasso.reading import FIRST_FRAME, chunks
from smlmsim.io.picasso.writing import write

__all__ = ["FIELDS", "FIRST_FRAME", "PIXELS", "chunks", "write"]
