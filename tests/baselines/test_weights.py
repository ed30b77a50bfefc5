"""Weights come back as they were written, and a file that is anything else is refused with the reason."""

import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from baselines._weights import WeightsError, load_weights, read_domain, read_settings, save_weights
from smlmsim.domain import Domain

SETTINGS = {"width": 3, "rates": [0.1, 2.0]}


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, network(), name="net", settings=SETTINGS)
    return path


def rewrite(path, change, about=None):
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, about or {"network": "net", "settings": json.dumps(SETTINGS)})


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_weights_and_settings_come_back(written, device):
    with torch.device(device):
        other = network(seed=1)
    load_weights(written, other, name="net")
    assert read_settings(written, "net") == SETTINGS
    for key, value in network().state_dict().items():
        assert torch.equal(other.state_dict()[key], value)
    assert all(parameter.requires_grad for parameter in other.parameters())


def test_equal_weights_are_equal_bytes(written, tmp_path):
    again = tmp_path / "again.safetensors"
    for _ in range(20):
        save_weights(again, network(), name="net", settings=SETTINGS)
        assert again.read_bytes() == written.read_bytes()


def test_the_file_may_change_after_it_was_read(written):
    other = network(seed=1)
    load_weights(written, other, name="net")
    written.write_bytes(b"")
    assert torch.equal(other[0].weight, network()[0].weight)


@pytest.mark.parametrize("kept", [0, 4, 60, -5])
def test_a_truncated_file_is_refused(written, kept):
    written.write_bytes(written.read_bytes()[:kept])
    with pytest.raises(WeightsError, match="not a safetensors file, or is damaged"):
        load_weights(written, network(), name="net")


def test_a_damaged_header_is_refused(written):
    data = bytearray(written.read_bytes())
    data[8:40] = b"\xff" * 32
    written.write_bytes(data)
    with pytest.raises(WeightsError, match="damaged"):
        read_settings(written, "net")


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"there is no file .*nope\.safetensors"):
        read_settings(tmp_path / "nope.safetensors", "net")


def test_weights_of_another_network_are_refused(written):
    with pytest.raises(WeightsError, match="holds the weights of net, expected annapalm3d"):
        load_weights(written, network(), name="annapalm3d")


def test_weights_without_a_name_are_refused(written):
    save_file(load_file(written), written)
    with pytest.raises(WeightsError, match="an unnamed network"):
        read_settings(written, "net")


@pytest.mark.parametrize("settings", ["", "{", "[1]"])
def test_weights_that_do_not_say_how_to_build_the_network_are_refused(written, settings):
    rewrite(written, lambda tensors: None, {"network": "net", "settings": settings})
    with pytest.raises(WeightsError, match="does not say how its network is built"):
        read_settings(written, "net")


def test_what_a_network_was_trained_for_comes_back(written, tmp_path):
    domain = Domain(pixel_nm=(20, 32), rate_hz=(30, 1600), structures=("microtubules",))
    save_weights(tmp_path / "d.safetensors", network(), name="net", settings=SETTINGS, domain=domain)
    assert read_domain(tmp_path / "d.safetensors") == domain
    assert read_settings(tmp_path / "d.safetensors", "net") == SETTINGS
    assert read_domain(written) is None


@pytest.mark.parametrize("said", ["{", "[1]", '{"pixel_nm": "wide"}', '{"colour": 1}'])
def test_what_a_network_was_trained_for_that_cannot_be_understood_is_refused(written, said):
    about = {"network": "net", "settings": json.dumps(SETTINGS), "domain": said}
    rewrite(written, lambda tensors: None, about)
    with pytest.raises(WeightsError, match="does not say what its network was trained for") as caught:
        read_domain(written)
    assert len(str(caught.value).splitlines()) == 1


class Bomb:
    """What it is unpickled to leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("dump", [torch.save, lambda bomb, path: path.write_bytes(pickle.dumps(bomb))])
def test_a_pickle_is_refused_and_not_run(tmp_path, dump):
    path = tmp_path / "w.safetensors"
    dump({"weight": Bomb(tmp_path / "exploded")}, path)
    with pytest.raises(WeightsError, match="other formats can run code and are not read"):
        load_weights(path, network(), name="net")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.pop("0.bias"), "'0.bias' is missing in the file"),
        (lambda t: t.update(extra=torch.ones(1)), "'extra' is not in the network"),
        (lambda t: t.update({"0.bias": torch.ones(4)}), r"'0.bias' is \(4,\), expected \(3,\)"),
        (lambda t: t["0.weight"].fill_(float("nan")), "'0.weight' holds values that are not finite"),
    ],
)
def test_tensors_that_do_not_fit_are_named(written, change, reason):
    rewrite(written, change)
    before = network(seed=1)
    with pytest.raises(WeightsError, match=reason):
        load_weights(written, before, name="net")
    assert torch.equal(before[0].weight, network(seed=1)[0].weight)


def test_numbers_of_another_precision_are_taken_at_that_of_the_network(written):
    rewrite(written, lambda t: t.update({"0.weight": t["0.weight"].double()}))
    other = network(seed=1)
    load_weights(written, other, name="net")
    assert other[0].weight.dtype == torch.float32


def test_an_older_file_stays_if_the_new_one_cannot_be_written(tmp_path):
    with pytest.raises(OSError, match="make it first"):
        save_weights(tmp_path / "absent" / "w.safetensors", network(), name="net", settings={})
