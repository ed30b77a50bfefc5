"""Reconstructors that come with smlmsim, found through entry points like any other plug-in."""
