"""Reconstructors without training that start from camera frames instead of localizations."""
