"""A TOML file for something else is named as what it is."""

import pytest

from smlmsim.corpus import Corpus
from smlmsim.families import FAMILIES, TRAINING, family_of
from smlmsim.grid import Grid
from smlmsim.pipeline import (
    Experimental,
    FixedPair,
    Hybrid,
    SemiSimulated,
    SimulatedDynamic,
    TwoColours,
    read_study,
)
from smlmsim.robustness import Robustness
from smlmsim.spec import read_toml
from smlmsim.train import load_trainable, trainable

AXIS = '[[axes]]\nsetting = "motion.velocity_nm_per_s"\nvalues = [0]\n'
FILES = {
    "study": "[motion]\nvelocity_nm_per_s = 3\n",
    "sweep": AXIS,
    "corpus": "movies = 3\n",
    "robustness": "[laboratories.a]\n[laboratories.b]\n",
}
READ = {
    "study": read_study,
    "sweep": Grid.from_toml,
    "corpus": Corpus.from_toml,
    "robustness": Robustness.from_toml,
}


@pytest.mark.parametrize("wanted", FILES)
@pytest.mark.parametrize("given", FILES)
def test_one_given_for_another_is_named_with_what_takes_it(given, wanted, tmp_path):
    path = tmp_path / "file.toml"
    path.write_text(FILES[given])
    if given == wanted:
        assert family_of(read_toml(path)) == FAMILIES[wanted]
        return
    with pytest.raises(ValueError, match=r"file\.toml is ") as caught:
        READ[wanted](path)
    for words in (FAMILIES[given].named, FAMILIES[given].use, FAMILIES[wanted].named):
        assert words in str(caught.value)


def test_the_configuration_of_a_network_is_no_study_and_the_other_way_round(tmp_path):
    path = tmp_path / "net.toml"
    path.write_text("[dblink.network]\nhidden = 3\n")
    assert family_of(read_toml(path)) == TRAINING
    with pytest.raises(
        ValueError, match="is the configuration of a network, which `smlmsim train --size` takes"
    ):
        read_study(path)
    path.write_text(AXIS)
    for name in trainable():
        with pytest.raises(ValueError, match="is a sweep"):
            load_trainable(name).configured(str(path))


def test_a_file_that_says_nothing_is_a_study_of_all_defaults(tmp_path):
    (tmp_path / "empty.toml").write_text("")
    assert read_study(tmp_path / "empty.toml") == SimulatedDynamic()


def test_families_are_told_apart_by_settings_that_they_have():
    studies = (SimulatedDynamic, SemiSimulated, Hybrid, Experimental, FixedPair, TwoColours)
    settings = {
        "study": set().union(*(study.model_fields for study in studies)),
        "sweep": set(Grid.model_fields),
        "corpus": set(Corpus.model_fields),
        "robustness": set(Robustness.model_fields),
    }
    earlier = set()
    for name, family in FAMILIES.items():
        assert family.keys <= settings[name]
        assert not family.keys & earlier
        earlier |= family.keys
    assert settings["study"] <= FAMILIES["study"].keys
