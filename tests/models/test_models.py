"""A network goes through a zip of BioImage.IO and comes out the same; what does not fit is refused."""

import importlib.util
import shutil
import zipfile

import numpy as np
import pytest
import torch
import yaml

from baselines._weights import save_weights
from baselines.annapalm.network import AnnaPalmNetwork
from smlmsim import reconstruct
from smlmsim.domain import Domain
from smlmsim.models import Rights, export_model, import_model

SETTINGS = {"ndim": 3, "base": 4, "levels": 2}
RIGHTS = Rights(("Family, Given",), "cc-by-4.0")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights of a tiny network at random."""
    torch.manual_seed(0)
    network = AnnaPalmNetwork(**SETTINGS).build()
    path = tmp_path_factory.mktemp("weights") / "a.safetensors"
    domain = Domain(pixel_nm=(40, 40), point_s=(0.6, 0.6))
    save_weights(path, network, name="annapalm3d", settings=SETTINGS, domain=domain)
    return path


@pytest.fixture(scope="module")
def model(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "a.zip"
    export_model("annapalm3d", path, weights=weights, rights=RIGHTS)
    return path


@pytest.fixture
def changed(model, tmp_path):
    """A function that writes the zip with other contents of some files, or without them."""

    def change(**files):
        path = tmp_path / "changed.zip"
        with zipfile.ZipFile(model) as old, zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                data = files.get(name.replace(".", "_"), old.read(name))
                if data is not None:
                    new.writestr(name, data)
        return path

    return change


@pytest.fixture
def about(model):
    with zipfile.ZipFile(model) as packed:
        return yaml.safe_load(packed.read("rdf.yaml"))


def test_weights_come_out_as_they_went_in(model, weights, tmp_path):
    assert import_model(model, tmp_path / "b.safetensors") == "annapalm3d"
    assert (tmp_path / "b.safetensors").read_bytes() == weights.read_bytes()


def test_the_torchscript_gives_the_test_output_and_takes_other_sizes(model, weights, tmp_path):
    shutil.unpack_archive(model, tmp_path)
    seen, wanted = (np.load(tmp_path / name) for name in ("test_input.npy", "test_output.npy"))
    assert seen.shape == wanted.shape == (1, 1, 8, 64, 64)
    assert seen.any()
    script = torch.jit.load(tmp_path / "weights.pt")
    network = reconstruct.load("annapalm3d", {"weights": weights, "device": "cpu"}).network()
    longer = torch.from_numpy(np.tile(seen, (1, 1, 2, 1, 1))[..., :60])
    with torch.no_grad():
        np.testing.assert_allclose(script(torch.from_numpy(seen)), wanted, atol=1e-6)
        torch.testing.assert_close(script(longer), network(longer).clamp_min(0))


def test_the_description_says_sizes_scales_and_rights(about):
    assert about["license"] == "CC-BY-4.0"
    assert about["authors"] == [{"name": "Family, Given"}]
    assert about["cite"][0]["url"] == "https://theses.hal.science/tel-04772446"
    time, y = about["inputs"][0]["axes"][2:4]
    assert time == {
        "type": "time",
        "id": "time",
        "size": {"min": 8, "step": 4},
        "unit": "second",
        "scale": 0.6,
    }
    assert (y["size"], y["unit"], y["scale"]) == ({"min": 64, "step": 4}, "nanometer", 40)
    assert about["outputs"][0]["axes"][3]["size"] == {"tensor_id": "seen", "axis_id": "y"}


def test_own_weights_need_an_author_and_a_licence(weights, tmp_path):
    with pytest.raises(ValueError, match="author='Family, Given'"):
        export_model("annapalm3d", tmp_path / "a.zip", weights=weights)
    with pytest.raises(ValueError, match="choose a licence"):
        export_model("annapalm3d", tmp_path / "a.zip", weights=weights, rights=Rights(("A",)))
    assert not list(tmp_path.iterdir())


def test_what_is_no_network_does_not_travel(weights, tmp_path):
    with pytest.raises(ValueError, match="gaussian_time has no network"):
        export_model("gaussian_time", tmp_path / "a.zip")
    with pytest.raises(ValueError, match="no reconstructor 'nope'"):
        export_model("nope", tmp_path / "a.zip")
    with pytest.raises(ValueError, match="holds the weights of annapalm3d"):
        export_model("annapalm2d", tmp_path / "a.zip", weights=weights, rights=RIGHTS)


def test_a_zip_that_does_not_fit_is_refused_and_leaves_nothing(changed, about, tmp_path):
    foreign = {key: value for key, value in about.items() if key != "config"}
    twice = np.zeros((1, 1, 8, 64, 64), np.float32)
    cases = {
        "there is no rdf.yaml": {"rdf_yaml": None},
        "says otherwise": {"rdf_yaml": b"type: dataset"},
        "rdf.yaml is damaged": {"rdf_yaml": b"a: [1"},
        r"no weights of a network of smlmsim \(found: torchscript\)": {"rdf_yaml": yaml.safe_dump(foreign)},
        "weights.safetensors is not the one": {"weights_safetensors": b"x"},
        "lacks the file test_input.npy": {"test_input_npy": None},
        "test_output.npy is not the one": {"test_output_npy": twice.tobytes()},
    }
    for reason, files in cases.items():
        with pytest.raises(ValueError, match=reason):
            import_model(changed(**files), tmp_path / "out.safetensors")
        assert not (tmp_path / "out.safetensors").exists()
    (tmp_path / "no.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match="is no zip"):
        import_model(tmp_path / "no.zip", tmp_path / "out.safetensors")


def test_another_output_than_that_of_the_network_is_noticed(changed, about, tmp_path, monkeypatch):
    monkeypatch.setattr("smlmsim.models.reading.AGREES", -1.0)
    with pytest.raises(ValueError, match="does not give the test output"):
        import_model(changed(), tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.skipif(importlib.util.find_spec("bioimageio") is None, reason="bioimageio.core is not installed")
def test_bioimageio_core_runs_the_model(model):
    core = pytest.importorskip("bioimageio.core")
    summary = core.test_model(model, weight_format="torchscript")
    if "index_key" in str(summary.details):
        pytest.skip("this bioimageio.spec does not work with this pydantic")
    assert summary.status == "passed"
