"""Every plug-in that is installed keeps to the contract of its family."""

import pytest

from smlmsim.reconstruct import RECONSTRUCTORS
from smlmsim.testing import CONTRACTS
from smlmsim.train import TRAINABLES

FAMILIES = (RECONSTRUCTORS, TRAINABLES)


@pytest.mark.parametrize(
    ("family", "name"),
    [
        pytest.param(family, name, id=f"{family.noun} {name}")
        for family in FAMILIES
        for name in family.available()
    ],
)
def test_every_installed_plugin_keeps_to_the_contract_of_its_family(family, name):
    CONTRACTS[family.group](family.load(name))


def test_every_family_has_a_contract():
    assert {family.group for family in FAMILIES} == CONTRACTS.keys()


def test_the_reconstructors_and_networks_of_this_project_are_installed():
    networks = {"annapalm2d", "annapalm3d", "dblink", "vivit"}
    classic = {"sparse", "static_sum", "moving_window", "gaussian_time", "contrast_maximisation"}
    assert networks | classic <= set(RECONSTRUCTORS.available())
    assert networks <= set(TRAINABLES.available())
