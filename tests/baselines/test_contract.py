import pytest

from smlmsim.reconstruct import available, load
from smlmsim.testing import check_reconstructor


@pytest.mark.parametrize("name", available())
def test_every_installed_reconstructor_keeps_to_the_contract(name):
    check_reconstructor(load(name))


def test_the_classic_reconstructors_are_installed():
    assert {"sparse", "static_sum", "moving_window", "gaussian_time", "contrast_maximisation"} <= set(
        available()
    )
