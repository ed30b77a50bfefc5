"""The main benchmark: `python benchmarks/grid.py --preset quick --out out/quick` draws the velocity x rate heatmap."""

import sys

from smlmsim.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["grid"]
    main()
