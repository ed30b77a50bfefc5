"""A viewer in the browser, for tables of millions of localizations and their movies.

The server arranges a table as a tree of tiles (:mod:`smlmsim.viewer.cloud`), of which the page asks for those that it
draws; a bar in the terminal shows how far it is. Measured for 10 and 50 million localizations (Picasso HDF5 of 0.37 and
1.8 GB), with one thread of a 2.5 GHz processor, and Chromium without a graphics processor at 1280 x 800 and 390 x 844:

===================================  ===========  ===========
localizations                        10 million   50 million
===================================  ===========  ===========
arranging                            3.4 to 3.9 s 20 to 22 s
memory of the server, at most        0.66 GB      2.4 GB
memory of the server, afterwards     0.44 GB      0.91 GB
from opening to the first picture    0.8 s        1.0 s
to the same when opened again        0.4 s        0.4 to 0.5 s
to all tiles of it                   1.5 to 1.9 s 1.5 to 2.1 s
sent until the first picture         4 MB         4 MB
a picture after zooming              0.2 s        0.2 to 0.3 s
all tiles of it, zoomed 8 fold       3 to 4 s     3 to 4 s
all tiles of it, zoomed 64 fold      0.4 to 0.6 s 1.0 to 1.5 s
a step of the time slider            0.1 s        0.1 s
===================================  ===========  ===========

Rows from the picture after zooming on were taken while ten other programs shared both cores; with these, the first
picture came within 2.4 s. Until then all processes of the browser need 1.2 to 1.5 s of processor time together.
"""

from smlmsim.viewer.cloud import Cloud
from smlmsim.viewer.movies import Movie
from smlmsim.viewer.page import write_page
from smlmsim.viewer.scene import Scene, read_scene
from smlmsim.viewer.server import Server

__all__ = ["Cloud", "Movie", "Scene", "Server", "read_scene", "write_page"]
