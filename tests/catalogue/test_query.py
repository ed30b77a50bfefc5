"""Queries find tables by tags with all their parts and kinds, by numbers and by words."""

import pytest

from smlmsim.catalogue.index import opened
from smlmsim.catalogue.query import search, similar


def names(catalogue, *words):
    with opened(catalogue) as index:
        return sorted(entry.card.name for entry in search(index, words))


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), ["fibres", "lamina", "pores", "tubules", "zebra"]),
        (("structure:nucleus",), ["lamina", "pores"]),
        (("structure:nuclear pore",), ["pores"]),
        (("structure:nuclear-pore",), ["pores"]),
        (("structure:cell",), ["fibres", "lamina", "pores", "tubules"]),
        (("cytoskeleton",), ["fibres", "tubules"]),
        (("structure:cytoskeleton localizations>650",), ["fibres"]),
        (("structure:actin",), ["fibres"]),
        (("modality:SMLM", "nucleus"), ["lamina", "pores"]),
        (("dye:cyanine",), ["pores"]),
        (("precision_nm<=12.1",), ["lamina", "pores"]),
        (("precision_nm < 12.1", "precision_nm>11"), ["lamina"]),
        (("rate_hz>0",), ["pores", "tubules"]),
        (("rate_hz>300",), ["pores"]),
        (("field_nm>2500",), ["fibres", "lamina", "pores", "tubules", "zebra"]),
        (("field_nm>3500",), []),
        (("structure:'zebra stripes'",), ["zebra"]),
        (("structure:zebra-stripes",), ["zebra"]),
        (("batch",), ["fibres"]),
        (("CC-BY",), ["tubules"]),
        (("TUBULES",), ["tubules"]),
        (("100%",), []),
        (("_",), []),
        (("structure:unheard-of",), []),
    ],
)
def test_a_query_finds_what_fits_all_its_parts(catalogue, words, found):
    assert names(catalogue, *words) == found


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("structur:actin", "no category 'structur'.*did you mean 'structure'"),
        ("precision<3", "no number 'precision'.*did you mean 'precision_nm'"),
        ("rate_hz<fast", "'fast' is not a number"),
        ("rate_hz<inf", "'inf' is not a number"),
        ("structure:'nuclear", "a quotation mark is missing"),
        ("x%_\\", "what a backslash quotes is missing"),
        ("x'; DROP TABLE entry; --", "a quotation mark is missing"),
    ],
)
def test_what_cannot_be_understood_is_said(catalogue, word, said):
    with pytest.raises(ValueError, match=said):
        names(catalogue, word)


def test_a_misspelt_term_is_said_and_finds_nothing(catalogue, caplog):
    caplog.set_level("INFO", logger="smlmsim")
    assert names(catalogue, "structure:mictotubules") == []
    assert "did you mean 'structure:microtubules'?" in caplog.text


def test_quotation_marks_in_a_value_change_no_other_table(catalogue):
    assert names(catalogue, '"\'; DROP TABLE entry; --"') == []
    assert len(names(catalogue)) == 5


def test_the_most_similar_table_shows_the_nearest_structure(catalogue):
    with opened(catalogue) as index:
        by_name = {entry.card.name: entry for entry in index.entries()}
        found = {
            name: [other.card.name for _, other in similar(index, entry)] for name, entry in by_name.items()
        }
        shares = [share for share, _ in similar(index, by_name["pores"])]
    assert found["pores"][0] == "lamina"
    assert found["tubules"][0] == "fibres"
    assert set(found["zebra"]) == {
        "lamina",
        "tubules",
        "fibres",
    }  # by their shape; pores are too few to have one
    assert all(0 < share <= 1 for share in shares)
    assert shares == sorted(shares, reverse=True)
