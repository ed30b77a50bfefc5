"""Learned dynamics: a generator of motion that is trained against widefield movies."""
