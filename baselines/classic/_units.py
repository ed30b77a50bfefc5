"""The unit of the densities of classic reconstructors."""

PER_POINT = "localizations per pixel and time point"
