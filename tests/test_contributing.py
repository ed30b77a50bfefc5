"""The worked examples of CONTRIBUTING.md are applied to a copy of the package, and work there."""

import doctest
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.compile(r"^`([\w/.]+)`\n|^```(python|diff)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def recipes():
    """The examples by their headings: pairs of a file and either its whole text or a change of it."""
    found = {}
    for section in re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]:
        heading, file = section.splitlines()[0], ""
        for named, language, block in BLOCKS.findall(section):
            file = named or file
            if language:
                found.setdefault(heading, []).append((file, language, block))
    return found


def applied(change, before):
    """A text after a change in which every line begins with a blank, ``-`` or ``+``."""
    lines = change.splitlines()
    old, new = ("".join(line[1:] + "\n" for line in lines if line[:1] in kept) for kept in (" -", " +"))
    assert before.count(old) == 1, f"{old!r} stands {before.count(old)} times"
    return before.replace(old, new)


USES = {
    "Add a structure": "simulate(study(structure={'kind': 'asters'}, motion={'kind': 'rigid'}), 0)",
    "Add a motion": "simulate(study(motion={'kind': 'swaying'}), 0)",
    "Add a photophysics": (
        "assert (simulate(study(photophysics={'kind': 'pulsed', 'rate_hz': 300}, localization={"
        "'false_positive_uniform': 0}), 0).observation.loc_frame % 5 == 0).all()"
    ),
    "Add a way to localize": (
        "assert not simulate(study(localization={'kind': 'exact'}), 0).observation.loc_uncertainty.any()"
    ),
    "Add a metric": "truth = simulate(study(), 0).truth; assert score(truth, truth, ['mean_absolute_error'])"
    ".mean_absolute_error == 0",
    "Add a format of localization tables": (
        "import numpy, pathlib; from smlmsim import io; from smlmsim.io import triples; "
        "path = pathlib.Path('table.bin'); "
        "path.write_bytes(b'XYF1' + numpy.array([(5, 7, 0), (1, 2, 3)], triples.RECORD).tobytes()); "
        "assert io.read(path).loc_y.values.tolist() == [7, 2]"
    ),
}
PREPARED = """
from smlmsim.metrics import score
from smlmsim.pipeline import SimulatedDynamic, simulate
def study(**settings):
    return SimulatedDynamic.model_validate({"acquisition": {"time_points": 3}, **settings})
"""


def test_a_second_colour_takes_no_new_file():
    found = doctest.testfile(str(ROOT / "CONTRIBUTING.md"), module_relative=False)
    assert found.attempted >= 10
    assert found.failed == 0


def test_every_recipe_with_code_is_tried():
    assert set(recipes()) == set(USES)


@pytest.mark.parametrize("heading", USES)
@pytest.mark.slow
def test_a_recipe_works(heading, tmp_path):
    shutil.copytree(ROOT / "smlmsim", tmp_path / "smlmsim")  # with the kernels that are compiled already
    for file, language, block in recipes()[heading]:
        path = tmp_path / file
        assert path.is_file() == (language == "diff"), file
        path.write_text(block if language == "python" else applied(block, path.read_text(encoding="utf-8")))
    subprocess.run([sys.executable, "-c", PREPARED + USES[heading]], cwd=tmp_path, check=True)
