"""``python -m smlmsim``."""

from smlmsim.cli import main

main()
