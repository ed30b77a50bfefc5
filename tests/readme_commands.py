"""Print the shell commands of a Markdown file, so that CI runs what a reader would type."""

import re
import sys
from pathlib import Path


def commands(markdown: str) -> str:
    """The contents of all ``bash`` blocks, in their order."""
    return "\n".join(re.findall(r"^```bash\n(.*?)^```", markdown, flags=re.MULTILINE | re.DOTALL))


if __name__ == "__main__":
    print(commands(Path(sys.argv[1]).read_text(encoding="utf-8")))
