"""The vocabulary is sound, spelling does not matter, and parts are found with their wholes."""

import re

import pytest

from smlmsim.catalogue import vocabulary
from smlmsim.catalogue.vocabulary import CATEGORIES, Tag, below, doubt, nearness, tag, tags, term, terms
from smlmsim.io.metadata import Metadata


def test_there_are_eleven_categories_and_each_has_terms():
    assert len(CATEGORIES) == 11
    assert {category for category, _ in terms()} == set(CATEGORIES)


def test_every_parent_is_a_term_of_the_same_category_and_none_is_above_itself():
    for (category, name), found in terms().items():
        assert all((category, parent) in terms() for parent in found.parents)
        assert name not in set().union(
            *(vocabulary.above(category, parent) for parent in found.parents), set()
        )


def test_no_two_terms_of_a_category_have_one_name():
    for category in CATEGORIES:
        found = [one for (kind, _), one in terms().items() if kind == category]
        keys = [vocabulary.key(name) for one in found for name in (one.name, *one.synonyms)]
        assert len(keys) == len(set(keys))


def test_identifiers_have_the_form_of_their_ontology_and_are_different():
    found = [(category, one.identifier) for (category, _), one in terms().items() if one.identifier]
    assert len(set(found)) == len(found) > 30
    forms = {"structure": r"GO:\d{7}", "cell_line": r"CVCL_\w{4}", "target": r"UniProt:\w{6}"}
    for category, identifier in found:
        assert re.fullmatch(forms.get(category, r"CHEBI:\d+"), identifier)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("structure:Nuclear pores", "nuclear pore"), ("structure:NPC", "nuclear pore"), ("Cell Line: cos7", "COS-7"),
        ("cell:U-2 OS", "U2OS"), ("dye:AF647", "Alexa Fluor 647"),
        ("target:\N{GREEK SMALL LETTER ALPHA}-Tubulin", "alpha-tubulin"),
        ("dimensions:3d", "3D"), ("labeling:IF", "immunofluorescence"), ("fixation:Formaldehyde", "PFA"),
        ("modality:dna paint", "DNA-PAINT"), ("fluorophore:meos3.2", "mEos3.2"),
    ],
)  # fmt: skip
def test_spelling_and_synonyms_do_not_matter(text, name):
    assert tag(text).known
    assert tag(text).name == name


def test_a_nuclear_pore_is_part_of_the_nucleus_and_actin_is_not():
    assert "nuclear pore" in below("structure", "nucleus")
    assert "nuclear pore" in below("structure", "cell")
    assert "actin" not in below("structure", "nucleus")


def test_nearness_grows_with_what_is_shared():
    pore = [
        nearness("structure", "nuclear pore", other)
        for other in ("nuclear pore", "nuclear lamina", "nucleus", "actin")
    ]
    assert pore == sorted(pore, reverse=True)
    assert pore[0] == 1
    assert nearness("structure", "nuclear pore", "DNA origami") == 0
    assert nearness("structure", "unheard of", "actin") == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("structure:microtubules", ""),
        ("structure:mitochondira", "did you mean 'structure:mitochondria'?"),
        ("fluorophore:Alexa Flour 647", "did you mean 'fluorophore:Alexa Fluor 647'?"),
        ("structur:actin", "did you mean 'structure:actin'?"),
        ("structure:zebra stripes", "kept, and marked as unknown"),
        ("wednesday", "the categories are modality, cell line"),
        ("structure:", "no known category"),
    ],
)
def test_what_is_not_in_the_vocabulary_is_said_with_what_is_meant(text, said):
    assert said in doubt(text)
    assert bool(said) == bool(doubt(text))


def test_unknown_tags_are_kept_and_marked():
    assert str(tag("structure:zebra stripes")) == "structure:zebra stripes (?)"
    assert tag("wednesday") == Tag("", "wednesday", False)


def test_fields_lists_and_tags_of_a_table_come_together_once():
    found = tags(
        Metadata(structure="microtubules; actin", camera="Prime 95B, cooled", tags=("structure:MT", "x")),
        ["x"],
    )
    assert [str(one) for one in found] == [
        "structure:microtubules", "structure:actin", "camera:Photometrics Prime 95B", "camera:cooled (?)", "x (?)",
    ]  # fmt: skip


def test_a_term_is_found_by_the_plural_of_its_name():
    assert term("structure", "lysosome").name == term("structure", "Lysosomes").name
