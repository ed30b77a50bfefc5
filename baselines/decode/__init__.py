"""A network in the style of DECODE, which localizes overlapping molecules in camera frames."""
