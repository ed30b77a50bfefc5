"""Reconstructors without training: the opponents a learned one has to beat."""
