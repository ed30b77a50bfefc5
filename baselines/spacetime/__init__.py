"""A U-Net in space and time over short time bins: it sees when, not only where."""
