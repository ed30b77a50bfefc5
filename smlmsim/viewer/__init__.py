"""A viewer in the browser, for tables of millions of localizations and their movies."""

from smlmsim.viewer.cloud import Cloud
from smlmsim.viewer.movies import Movie
from smlmsim.viewer.page import write_page
from smlmsim.viewer.scene import Scene, read_scene
from smlmsim.viewer.server import Server

__all__ = ["Cloud", "Movie", "Scene", "Server", "read_scene", "write_page"]
