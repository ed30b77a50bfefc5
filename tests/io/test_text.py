"""Plain numbers are parsed as Python does, and odd lines one by one, in pieces of any size."""

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


def _parsed(content, width, places, rows=100, **style):
    parser = text.Parser(text.Style(width, **style), places, first=2)
    found = list(parser.lines(io.BytesIO(content), rows=rows))
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
@pytest.mark.parametrize(
    "odd", ["", '3,"30"', "3,1e300", "3,30,", "\n3,30", "3, 30", "# 3", "three,30", "3", "3,30,300", '"3']
)
def test_an_odd_line_changes_nothing_about_the_others(odd, rows):
    content = f"1,10\n2,20\r\n{odd}\n4,40\n5,50".encode()
    values, numbers = _parsed(content, 2, [1, 0], rows)
    wanted = {2: (10, 1), 3: (20, 2), 5 + odd.startswith("\n"): (40, 4), 6 + odd.startswith("\n"): (50, 5)}
    found = dict(zip(numbers.tolist(), map(tuple, values.T.tolist()), strict=True))
    assert wanted.items() <= found.items()


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("separator", "point", "row"),
    [
        (",", ".", "1.5,,nan,NaN, 7 ,-2e3,x y"),
        (";", ",", "1,5;;nan;NaN; 7 ;-2e3;x y"),
        (";", ".", '1.5;;nan;NaN; 7 ;-2e3;"x;y"'),
        ("\t", ".", "1.5\t\tnan\tNaN\t 7 \t-2e3\tx y"),
        ("\t", ",", "1,5\t\tnan\tNaN\t 7 \t-2e3\tx, y"),
        (" ", ".", "  1.5  nan nan\tNaN \t 7 -2e3   x  "),
    ],
)
def test_what_separates_columns_and_decimals_may_be_any(separator, point, row, ending):
    values, numbers = _parsed(
        (row + ending).encode() * 3, 7, [0, 1, 2, 3, 4, 5], separator=separator, point=point
    )
    np.testing.assert_array_equal(values.T, [[1.5, np.nan, np.nan, np.nan, 7, -2000]] * 3)
    assert numbers.tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    ("separator", "point"), [(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ","), (" ", ".")]
)
def test_the_kernel_reads_what_reading_one_by_one_does(separator, point):
    rng = np.random.default_rng(0)
    wanted = rng.normal(0, 1000, (50, 4)).round(3)
    rows = [separator.join(f"{value}".replace(".", point) for value in row) for row in wanted.tolist()]
    content = "\n".join(rows).encode() + b"\n"
    style = {"separator": separator, "point": point}
    values, _ = _parsed(content, 4, range(4), **style)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text._text_kernels, "parse", lambda *_: (0, 0, True))
        one_by_one, _ = _parsed(content, 4, range(4), **style)
    np.testing.assert_array_equal(values.T, wanted)
    np.testing.assert_array_equal(one_by_one.T, wanted)


def test_a_short_line_is_a_misfit_only_where_nothing_tells_which_value_is_missing():
    for separator, content, wanted in (
        (",", "1,2\n1,2,3\n1,2,3,4\n1\n", [False, False, True, False]),
        (",", "1,2\n1,2,3\n1,2,3,4\n1", [False, False, True, True]),  # the last one is cut short
        (" ", "1 2\n1 2 3\n1 2 3 4\n1\n", [True, False, True, True]),
    ):
        parser = text.Parser(text.Style(3, separator), [0], first=1)
        lines = list(parser.lines(io.BytesIO(content.encode()), rows=100))
        assert np.concatenate([parser.misfits(part) for part in lines]).tolist() == wanted


def test_a_table_ends_where_its_style_says():
    content = b"1,2\n3,4\n\0\nVoxelSizeX : 0.1\n"
    parser = text.Parser(text.Style(2), [0], first=1)
    assert sum(lines.numbers.size for lines in parser.lines(io.BytesIO(content), rows=9)) == 2
    assert parser.tail_from == 3
    for end in (b"\n", b"\r\n", b"VoxelSizeX : 0.1\n"):
        parser = text.Parser(text.Style(2, tail=True), [0], first=1)
        found = list(parser.lines(io.BytesIO(b"1,2\n3,4\n" + end + b"5,6\n"), rows=9))
        assert sum(lines.numbers.size for lines in found) == 2


def test_a_line_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(text, "LARGEST_BLOCK", 2**10)
    with pytest.raises(ValueError, match="line 2 is longer than 1024 bytes"):
        _parsed(b"1," * 2**10, 2, [0])


def test_a_kernel_in_python_does_the_same():
    content = b'1.5,"x, y",-2e3\n+.25,,4.\r\n7,y, 8e-2 ,\n'
    compiled, plain = np.empty((2, 5)), np.empty((2, 5))
    arguments = np.frombuffer(content, np.uint8), np.array([0, -1, 1])
    written = ord(","), ord(".")
    names = ("parse", "parsed", "parsed_power", "skipped", "missing", "ends", "behind_blanks")
    kernels = text._text_kernels
    wanted = kernels.parse(*arguments, compiled, *written)
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setattr(kernels, name, getattr(kernels, name).py_func)
        found = kernels.parse(*arguments, plain, *written)
    assert found == wanted == (3, len(content), False)
    np.testing.assert_array_equal(plain[:, :3], compiled[:, :3])
