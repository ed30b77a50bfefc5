"""Every trained network is a reconstructor like any other, whatever the movie, and dropout tells its uncertainty."""

import numpy as np
import pytest
import torch

from baselines._learned import Learned
from baselines._weights import WeightsError, save_weights
from baselines.annapalm.network import AnnaPalmNetwork
from baselines.annapalm.reconstruct import AnnaPalm2D, AnnaPalm3D
from baselines.dblink.model import DBlinkNetwork
from baselines.dblink.reconstruct import DBlinkStyle
from baselines.vivit.model import ViViTNetwork
from baselines.vivit.reconstruct import VideoTransformer
from smlmsim.acquisition import Acquisition
from smlmsim.domain import Domain
from smlmsim.motion import Static
from smlmsim.photophysics import Poisson
from smlmsim.pipeline import SimulatedDynamic, simulate
from smlmsim.reconstruct import load, reconstruct
from smlmsim.structures import Microtubules
from smlmsim.testing import check_reconstructor, make_observation
from smlmsim.train import load_trainable, trainable

NETWORKS = {
    AnnaPalm2D: AnnaPalmNetwork(ndim=2, base=2, levels=2, dropout_levels=1),
    AnnaPalm3D: AnnaPalmNetwork(ndim=3, base=2, levels=2, dropout_levels=1),
    DBlinkStyle: DBlinkNetwork(hidden=2, layers=1, channels=(3,), dropout=0.3),
    VideoTransformer: ViViTNetwork(tubelet=(4, 8, 8), width=12, heads=2, blocks=1, planes=2, channels=2),
}
KINDS = pytest.mark.parametrize("kind", NETWORKS, ids=lambda kind: kind.name)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def make(tmp_path):
    """A function that makes a reconstructor with random weights in a file."""

    def made(kind, network=None, domain=None, **settings):
        torch.manual_seed(0)
        chosen = network or NETWORKS[kind]
        path = tmp_path / f"{kind.name}.safetensors"
        about = {"name": kind.name, "settings": chosen.model_dump(mode="json"), "domain": domain}
        save_weights(path, chosen.build(), **about)
        return kind(weights=path, device="cpu", **settings)

    return made


def observation(*shape, mean=0.1, seed=0):
    return make_observation(np.random.default_rng(seed).poisson(mean, shape))


@KINDS
def test_the_contract_holds(make, kind):
    check_reconstructor(make(kind))


@KINDS
def test_the_contract_holds_with_uncertainty(make, kind):
    check_reconstructor(make(kind, uncertainty=2, tile=(16, 64, 64)))


@KINDS
def test_no_localization_is_no_density(make, kind):
    found = reconstruct(make(kind, uncertainty=2), make_observation(np.zeros((3, 9, 10))))
    assert not found.density.any()
    assert not found.uncertainty.any()


@KINDS
def test_counts_are_the_same_in_any_precision(make, kind):
    seen = observation(5, 17, 24)
    double = seen.assign(counts=seen.counts.astype(np.float64))
    reconstructor = make(kind)
    np.testing.assert_array_equal(
        reconstruct(reconstructor, double).density, reconstruct(reconstructor, seen).density
    )


@KINDS
@pytest.mark.parametrize("factor", [1e6, 1e12])
def test_huge_counts_give_a_density(make, kind, factor):
    seen = observation(5, 17, 24)
    found = reconstruct(make(kind), seen.assign(counts=seen.counts.astype(np.float64) * factor))
    assert bool(np.isfinite(found.density).all())
    assert float(found.density.min()) >= 0


@KINDS
def test_the_density_is_the_mean_over_passes_with_dropout_and_the_uncertainty_their_variance(make, kind):
    seen, number = observation(8, 16, 16), 5
    reconstructor = make(kind, uncertainty=number, seed=3)
    found = reconstruct(reconstructor, seen)
    network = reconstructor.network()
    scaled = seen.counts.values / np.sqrt(seen.counts.values.mean())
    torch.manual_seed(3)
    for module in network.modules():
        module.train("Dropout" in type(module).__name__)
    with torch.no_grad():
        movie = torch.from_numpy(scaled.astype(np.float32))[None, None]
        passes = np.stack([network(movie)[0, 0].clamp_min(0) for _ in range(number)]).astype(np.float64)
    network.eval()
    np.testing.assert_allclose(found.density, passes.mean(axis=0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.uncertainty, passes.var(axis=0, ddof=1), rtol=1e-3, atol=1e-9)
    assert float(found.uncertainty.max()) > 0


@KINDS
def test_another_seed_drops_other_values_and_leaves_the_network_as_it_was(make, kind):
    seen = observation(8, 16, 16)
    plain = reconstruct(make(kind), seen).density
    first, second = (reconstruct(make(kind, uncertainty=3, seed=seed), seen).density for seed in (0, 1))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(reconstruct(make(kind), seen).density, plain)


@KINDS
def test_the_random_numbers_of_others_go_on_undisturbed(make, kind):
    reconstructor = make(kind, uncertainty=2)
    before = torch.get_rng_state()
    reconstruct(reconstructor, observation(4, 8, 8))
    assert torch.equal(torch.get_rng_state(), before)


def test_one_pass_has_no_variance(make):
    with pytest.raises(ValueError, match="at least 2 passes, found uncertainty = 1"):
        make(DBlinkStyle, uncertainty=1).reconstruct(observation(4, 8, 8))


def test_a_network_without_dropout_cannot_tell_its_uncertainty(make):
    with pytest.raises(ValueError, match="no dropout"):
        make(DBlinkStyle, DBlinkNetwork(hidden=2, channels=(3,)), uncertainty=5).reconstruct(
            observation(4, 8, 8)
        )


@KINDS
def test_bfloat16_is_near_float32(make, kind):
    seen = observation(8, 16, 16)
    full, half = (reconstruct(make(kind, precision=p), seen).density for p in ("float32", "bfloat16"))
    assert np.abs(full - half).max() <= 0.05 * max(float(full.max()), 1)
    assert not np.array_equal(full, half)


def test_the_convolutional_network_runs_once_per_frame(make):
    reconstructor, seen = make(DBlinkStyle), []
    network = reconstructor.network()
    hook = network.decoder.register_forward_hook(lambda module, inputs, out: seen.append(inputs[0].shape[0]))
    reconstruct(reconstructor, observation(40, 8, 8))
    hook.remove()
    assert seen == [40]


def test_a_tile_is_all_that_the_network_gets(make):
    reconstructor, seen = make(DBlinkStyle, tile=(8, 16, 16)), []
    hook = reconstructor.network().register_forward_pre_hook(
        lambda module, inputs: seen.append(inputs[0].shape)
    )
    reconstruct(reconstructor, observation(20, 30, 17))
    hook.remove()
    assert set(seen) == {(1, 1, 8, 16, 16)}


def test_a_changed_file_is_read_again(make):
    seen = observation(4, 8, 8)
    reconstructor = make(DBlinkStyle)
    first = reconstruct(reconstructor, seen).density
    network = reconstructor.network()
    with torch.no_grad():
        network.decoder[-1].bias += 1
    settings = NETWORKS[DBlinkStyle].model_dump(mode="json")
    save_weights(reconstructor.weights, network, name="dblink", settings=settings)
    assert float((reconstruct(reconstructor, seen).density - first).min()) > 0


@pytest.mark.parametrize("settings", [{"base": 0}, {"nope": 1}, {"base": 10**6}, {"base": 10**12}])
def test_weights_whose_settings_do_not_fit_are_refused(make, settings):
    reconstructor = make(AnnaPalm3D)
    network = AnnaPalmNetwork(ndim=3, base=2, levels=2).build()
    save_weights(
        reconstructor.weights, network, name="annapalm3d", settings={"ndim": 3, "levels": 2, **settings}
    )
    with pytest.raises(WeightsError, match=r"does not (say how its network is built|fit the network)"):
        reconstructor.reconstruct(observation(4, 8, 8))


def test_weights_of_another_network_are_refused(make):
    weights = make(AnnaPalm2D).weights
    with pytest.raises(WeightsError, match="holds the weights of annapalm2d, expected annapalm3d"):
        AnnaPalm3D(weights=weights).reconstruct(observation(4, 8, 8))


@pytest.mark.parametrize("name", trainable())
def test_the_parameters_of_what_is_loaded_are_those_of_its_configuration(name):
    first, *_ = load_trainable(name).configured("shipped").parameters().values()
    assert load(name).parameters == first


TRAINED = Domain(pixel_nm=(20, 20), point_s=(1.5, 1.5), rate_hz=(30, 1600), velocity_nm_per_s=(0, 220))


def test_what_a_network_was_not_trained_for_is_warned_of_and_noted(make, caplog):
    seen = make_observation(np.random.default_rng(0).poisson(0.1, (4, 8, 8)), pixel_nm=40, point_s=3)
    found = reconstruct(make(AnnaPalm2D, domain=TRAINED), seen)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert [record.getMessage() for record in caplog.records] == [
        "annapalm2d: found pixels of 40 nm, trained for pixels of 20 nm",
        "annapalm2d: found time points of 3 s, trained for time points of 1.5 s",
    ]
    assert found.outside_of_domain.startswith("found pixels of 40 nm")
    assert Domain.model_validate_json(found.domain) == TRAINED


def test_what_a_network_was_trained_for_is_no_news(make, caplog):
    found = reconstruct(make(AnnaPalm2D, domain=TRAINED), observation(8, 16, 16))
    assert not caplog.records
    assert found.outside_of_domain == ""


def test_weights_that_do_not_say_what_they_were_trained_for_are_told_of(make, caplog):
    with caplog.at_level("INFO", "smlmsim"):
        found = reconstruct(make(AnnaPalm2D), observation(4, 8, 8))
    assert "do not state what they were trained for" in caplog.text
    assert "domain" not in found.attrs


@pytest.mark.parametrize("name", trainable())
def test_the_shipped_networks_say_what_they_were_trained_for(name):
    domain = load(name).domain
    finer, mixed = name.startswith("spacetime"), name not in ("dblink", "vivit")
    assert domain.pixel_nm == (None if finer else (20, 20))
    assert domain.point_s == (None if finer else (1.5, 1.5))
    assert domain.rate_hz == ((25, 1800) if mixed else (30, 1600))
    assert domain.velocity_nm_per_s == ((0, 280) if mixed else (0, 220))
    assert domain.density_per_um == (1, 5)
    assert domain.structures == ("microtubules",)


def test_a_scene_much_denser_than_any_of_the_training_is_warned_of(make):
    reconstructor, found = make(AnnaPalm2D, domain=TRAINED.replace({"density_per_um": (1, 5)})), {}
    for density in (3, 40):
        study = SimulatedDynamic(
            acquisition=Acquisition(time_points=8), structure=Microtubules(density_per_um=density),
            photophysics=Poisson(rate_hz=1000), motion=Static(),
        )  # fmt: skip
        found[density] = reconstruct(reconstructor, simulate(study, 0).observation).outside_of_domain
    assert found[3] == ""
    assert "um of contour per um^2, trained for 1 to 5" in found[40]


def test_a_network_without_weights_says_how_to_get_some():
    class Elsewhere(DBlinkStyle.__base__):
        name, package = "elsewhere", "baselines"
        build = staticmethod(DBlinkStyle.build)

    with pytest.raises(WeightsError, match=r"comes without weights; train it .*weights=FILE"):
        Elsewhere().reconstruct(observation(4, 8, 8))


def test_a_network_says_how_it_is_built():
    with pytest.raises(TypeError, match="build"):
        Learned()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_none_is_used(make):
    with pytest.raises(ValueError, match="there is no GPU"):
        make(DBlinkStyle).replace({"device": "cuda"}).reconstruct(observation(4, 8, 8))
