"""Plain numbers are parsed as Python does, and odd lines by pandas, in pieces of any size."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smlmsim.io import text

digits = st.text("0123456789", min_size=1, max_size=15)


@st.composite
def plain_numbers(draw):
    """Decimal numbers of at most 15 digits, with or without a sign, a point and an exponent."""
    written = draw(digits)
    point = draw(st.integers(0, len(written)))
    written = (
        draw(st.sampled_from(["", "-", "+"])) + written[:point] + "." * draw(st.booleans()) + written[point:]
    )
    fraction = len(written) - written.find(".") if "." in written else 0
    power = draw(st.integers(-22 + min(fraction, 22), 22))
    return written + draw(st.sampled_from(["", f"e{power}", f"E{power:+d}"]))


def _parsed(content, width, places, rows=100):
    found = list(text.lines(io.BytesIO(content), width, places, rows=rows, first=2))
    assert all(0 < lines.values.shape[1] <= rows for lines in found)
    values = np.concatenate([lines.values for lines in found], axis=1)
    return values, np.concatenate([lines.numbers for lines in found])


@settings(deadline=None)
@given(st.lists(plain_numbers(), min_size=1, max_size=20))
def test_plain_numbers_are_rounded_as_python_rounds_them(written):
    values, numbers = _parsed(f"a,{',b,'.join(written)},b\n".replace(",b,", ",b\na,").encode(), 3, [1])
    assert values[0].tolist() == [float(number) for number in written]
    assert numbers.tolist() == list(range(2, len(written) + 2))


@pytest.mark.parametrize(
    "number", ["1234.56789012345678", "0.00012345678901234", "987654321098765432", "0.000123456789012345678"]
)
def test_more_digits_cost_at_most_a_unit_in_the_last_place(number):
    (found,) = _parsed(f"{number}\n".encode(), 1, [0])[0][0]
    assert abs(found - float(number)) <= np.spacing(float(number))


@pytest.mark.parametrize("rows", [1, 2, 3, 100])
@pytest.mark.parametrize("odd", ["", '3,"30"', "3,1e300", "3,30,", "\n3,30", "3, 30"])
def test_an_odd_line_changes_nothing_about_the_others(odd, rows):
    content = f"1,10\n2,20\r\n{odd}\n4,40\n5,50".encode()
    values, numbers = _parsed(content, 2, [1, 0], rows)
    wanted = {2: (10, 1), 3: (20, 2), 5 + odd.startswith("\n"): (40, 4), 6 + odd.startswith("\n"): (50, 5)}
    found = dict(zip(numbers.tolist(), map(tuple, values.T.tolist()), strict=True))
    assert wanted.items() <= found.items()


@pytest.mark.parametrize("odd", ["3", "3,30,300", "3,", "three,30"])
def test_a_line_that_is_no_line_of_numbers_is_refused(odd):
    with pytest.raises(ValueError, match=r"more or fewer values|could not convert|Error tokenizing"):
        _parsed(f"1,10\n{odd}\n".encode(), 2, [0, 1])


def test_a_kernel_in_python_does_the_same():
    content = b"1.5,x,-2e3\n+.25,,4.\n7,y,8e-2\n"
    compiled, plain = np.empty((2, 5)), np.empty((2, 5))
    arguments = np.frombuffer(content, np.uint8), np.array([0, -1, 1])
    names = ("parse", "parsed", "parsed_power", "skipped")
    kernels = text._text_kernels
    wanted = kernels.parse(*arguments, compiled)
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setattr(kernels, name, getattr(kernels, name).py_func)
        found = kernels.parse(*arguments, plain)
    assert found == wanted == (3, len(content), False)
    np.testing.assert_array_equal(plain[:, :3], compiled[:, :3])
