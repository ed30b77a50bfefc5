"""Localizers: from camera frames to localizations."""
