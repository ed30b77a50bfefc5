"""Every plug-in that is installed keeps to the contract of its family."""

import pytest

from smlmsim.localizers import LOCALIZERS
from smlmsim.motion.learned import DYNAMICS
from smlmsim.plugins import PluginError
from smlmsim.reconstruct import RECONSTRUCTORS
from smlmsim.testing import CONTRACTS
from smlmsim.train import TRAINABLES

FAMILIES = (RECONSTRUCTORS, LOCALIZERS, DYNAMICS, TRAINABLES)


@pytest.mark.parametrize(
    ("family", "name"),
    [
        pytest.param(family, name, id=f"{family.noun} {name}")
        for family in FAMILIES
        for name in family.available()
    ],
)
def test_every_installed_plugin_keeps_to_the_contract_of_its_family(family, name):
    try:
        plugin = family.load(name)
    except PluginError as error:
        if isinstance(error.__cause__, ModuleNotFoundError) and "pip install" in str(error):
            pytest.skip(str(error))  # an extra that is not installed
        raise
    CONTRACTS[family.group](plugin)


def test_every_family_has_a_contract():
    assert {family.group for family in FAMILIES} == CONTRACTS.keys()


def test_the_plugins_of_this_project_are_installed():
    variants = {f"annapalm{ndim}d{seen}" for ndim in (2, 3) for seen in ("", "_fine", "_widefield")}
    networks = variants | {"dblink", "vivit", "spacetime", "spacetime_fine"}
    classic = {"sparse", "static_sum", "moving_window", "gaussian_time", "contrast_maximisation"}
    assert networks | classic <= set(RECONSTRUCTORS.available())
    assert {"mle", "phasor", "daostorm", "decode", "deep_storm", "deep_loco"} <= set(LOCALIZERS.available())
    assert {"sofi", "esrrf", "deep_storm_dblink"} <= set(RECONSTRUCTORS.available())
    assert "unet" in DYNAMICS.available()
    assert networks <= set(TRAINABLES.available())
