"""A repository on this machine, in place of the one on the network."""

from repository import repository

__all__ = ["repository"]
