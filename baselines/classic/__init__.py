"""Reconstructors without training: the reference that networks have to surpass."""
