"""In what stored settings differ is named: what cannot be added first, or else all that can."""

import pytest

from smlmsim.difference import SAME, difference


@pytest.mark.parametrize(
    ("theirs", "ours", "words", "addable"),
    [
        ("seeds = [0]\n[study]\na = 1", "seeds = [0]", "study.a is 1 there and not set here", False),
        ("seeds = [0]", "seeds = [0, 1]", "seeds there are without 1", True),
        ("seeds = [0]\nmovies = 3", "seeds = [1]\nmovies = 4", "movies is 3 there and 4 here", False),
        (
            "[[axes]]\nsetting = 'a'\nvalues = [1, 2]", "[[axes]]\nsetting = 'a'\nvalues = [1, 3]",
            "axis a there are without 3 and with 2 besides", False,
        ),
        (
            "[[ranges]]\nsetting = 'a'\nlow = 1\nhigh = 2", "[[ranges]]\nsetting = 'a'\nlow = 1\nhigh = 3",
            "range a is {'high': 2, 'low': 1} there and {'high': 3, 'low': 1} here", False,
        ),
        (
            "[[ranges]]\nsetting = 'a'\nlow = 1", "[[ranges]]\nsetting = 'b'\nlow = 1",
            "ranges there are without 'b' and with 'a' besides", False,
        ),
        ("seeds = [0]", "seeds = [0]", SAME, False),
    ],
)  # fmt: skip
def test_the_first_setting_that_cannot_be_added_is_named_or_all_that_can(theirs, ours, words, addable):
    assert difference(theirs, ours, ("seeds",)) == (words, addable)
