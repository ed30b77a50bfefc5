import numpy as np
import pytest
import torch

from baselines._adversarial import AdversarialLoss, AdversarialTask
from baselines._weights import save_weights
from baselines.annapalm.model import WidefieldPredictor
from baselines.annapalm.network import AnnaPalmNetwork
from baselines.annapalm.reconstruct import AnnaPalm2D
from baselines.annapalm.widefield import (
    WidefieldTask,
    WidefieldTraining,
    error_map,
    on_pixels,
    take,
    without_one,
)
from smlmsim import schema
from smlmsim.testing import make_observation

SETTINGS = AnnaPalmNetwork(ndim=2, base=2, levels=2, discriminator_base=2, widefield=True)


def observed(images, *, pixel_nm=100.0):
    """Counts of 5 time points of 40 x 60 pixels of 20 nm, and widefield images on some other pixels."""
    observation = make_observation(np.random.default_rng(0).poisson(0.1, (5, 40, 60)))
    times, rows, columns = np.shape(images)
    return observation.merge(
        schema.dataset(
            widefield=np.asarray(images, np.uint16),
            widefield_time=(np.arange(times) + 1) * 1.5,
            widefield_y=(np.arange(rows) + 0.5) * pixel_nm,
            widefield_x=(np.arange(columns) + 0.5) * pixel_nm,
        )
    )


def task(**widefield):
    torch.manual_seed(0)
    adversarial = AdversarialTask(SETTINGS.build(), SETTINGS.build_discriminator(), AdversarialLoss())
    return WidefieldTask(adversarial, WidefieldTraining(**widefield))


def test_widefield_in_three_dimensions_is_refused():
    with pytest.raises(ValueError, match="ndim = 2 only"):
        AnnaPalmNetwork(ndim=3, widefield=True)


def test_a_linear_image_is_the_same_on_finer_pixels():
    images = np.broadcast_to(np.arange(12) * 10, (1, 8, 12))
    shown = on_pixels(observed(images))
    assert shown.shape == (5, 40, 60)
    x_nm = (np.arange(60) + 0.5) * 20
    expected = np.clip((x_nm - 50) / 100, 0, 11) / 11
    np.testing.assert_allclose(shown, np.broadcast_to(expected, shown.shape), atol=1e-6)


def test_each_time_point_gets_the_image_nearest_in_time():
    images = np.arange(4)[:, None, None] * np.ones((4, 8, 12))
    shown = on_pixels(observed(images))
    taken_s, points_s = np.arange(1, 5) * 1.5, (np.arange(5) + 0.5) * 1.5
    nearest = [np.abs(taken_s - time_s).argmin() for time_s in points_s]
    np.testing.assert_allclose(shown[:, 0, 0], np.array(nearest) / 3, atol=1e-6)


def test_a_constant_image_says_nothing():
    assert not on_pixels(observed(np.full((1, 8, 12), 7))).any()


def test_a_point_becomes_a_spot_of_the_drawn_width():
    density = torch.zeros(1, 1, 1, 65, 65)
    density[..., 32, 32] = 1
    spot = take(density, WidefieldTraining(sigma_px=(5, 5), photons=(1e6, 1e6)))[0, 0, 0].double().numpy()
    offset = np.arange(65) - 32.0
    assert np.sqrt((spot.sum(axis=0) * offset**2).sum() / spot.sum()) == pytest.approx(5, rel=0.02)


def test_one_of_two_inputs_is_missing_as_often_as_asked():
    number, chance = 4000, 0.5
    torch.manual_seed(1)
    kept = without_one(torch.ones(number, 2, 1, 1, 1), chance)[:, :, 0, 0, 0]
    assert kept.sum(dim=1).min() >= 1
    for channel in range(2):
        missing = float((kept[:, channel] == 0).float().mean())
        share = chance / 2
        assert missing == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / number))
    assert without_one(torch.ones(9, 2, 1, 1, 1), 0.0).all()


def test_the_generator_pays_for_disagreeing_with_the_widefield_image():
    counts, density = torch.rand(2, 1, 2, 48, 48), torch.rand(2, 1, 2, 48, 48)
    found = {}
    for consistency in (0.0, 7.0):
        trained = task(consistency=consistency)
        torch.manual_seed(2)
        losses = {}
        for name, loss in trained.losses(counts, density):
            losses[name] = float(loss.detach())
        found[consistency] = losses
    assert set(found[0.0]) == {"widefield", "discriminator", "generator"}
    assert found[7.0]["widefield"] == found[0.0]["widefield"]
    extra = found[7.0]["generator"] - found[0.0]["generator"]
    assert 0 < extra <= 7


def test_a_network_with_widefield_works_with_and_without_it(tmp_path):
    torch.manual_seed(0)
    weights = tmp_path / "weights.safetensors"
    save_weights(weights, SETTINGS.build(), name="annapalm2d", settings=SETTINGS.model_dump(mode="json"))
    both = observed(np.random.default_rng(1).integers(0, 500, (3, 8, 12)))
    reconstructor = AnnaPalm2D(weights=weights)
    alone = reconstructor.reconstruct(both.drop_vars("widefield")).density.values
    together = reconstructor.reconstruct(both).density.values
    assert np.isfinite(together).all()
    assert np.abs(together - alone).max() > 1e-4


def test_the_error_map_is_the_difference_to_what_the_predictor_says():
    torch.manual_seed(0)
    predictor = WidefieldPredictor()
    density = np.random.default_rng(2).random((3, 16, 24), np.float32)
    with torch.no_grad():
        said = predictor(torch.from_numpy(density)[:, None])[:, 0].numpy()
    assert said.shape == (3, 4, 6)
    given = np.repeat(np.repeat(said, 4, axis=1), 4, axis=2)
    np.testing.assert_allclose(error_map(density, given, predictor), 0, atol=1e-6)
    np.testing.assert_allclose(error_map(density, given + 0.25, predictor), 0.25, atol=1e-6)
