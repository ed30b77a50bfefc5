"""What the densities of these reconstructors are in."""

PER_POINT = "localizations per pixel and time point"
