"""Reconstructors that come with smlmsim, found through entry points like anyone's plug-in."""
