import numpy as np
import pytest
import torch
from widefield_observation import observed

from baselines._adversarial import AdversarialLoss, AdversarialTask
from baselines._weights import save_weights
from baselines.annapalm.model import WidefieldPredictor
from baselines.annapalm.network import AnnaPalmNetwork
from baselines.annapalm.reconstruct import AnnaPalm2D
from baselines.annapalm.train import AnnaPalm2DWidefieldTraining, AnnaPalm3DWidefieldTraining
from baselines.annapalm.widefield import WidefieldTask, WidefieldTraining, error_map, without_one
from smlmsim.cli.corpus import read_corpus

SETTINGS = AnnaPalmNetwork(ndim=2, base=2, levels=2, discriminator_base=2, inputs={"widefield": True})


def task(**widefield):
    torch.manual_seed(0)
    adversarial = AdversarialTask(SETTINGS.build(), SETTINGS.build_discriminator(), AdversarialLoss())
    return WidefieldTask(adversarial, WidefieldTraining(**widefield))


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


def test_all_channels_of_localizations_are_missing_together():
    torch.manual_seed(1)
    kept = without_one(torch.ones(200, 4, 1, 1, 1), 1.0)[:, :, 0, 0, 0]
    assert {tuple(row.tolist()) for row in kept} == {(0, 0, 0, 1), (1, 1, 1, 0)}


def test_the_generator_pays_for_disagreeing_with_the_widefield_image():
    inputs, density = torch.rand(2, 2, 2, 48, 48), torch.rand(2, 1, 2, 48, 48)
    found = {}
    for consistency in (0.0, 7.0):
        trained = task(consistency=consistency)
        torch.manual_seed(2)
        losses = {}
        for name, loss in trained.losses(inputs, density):
            losses[name] = float(loss.detach())
        found[consistency] = losses
    assert set(found[0.0]) == {"widefield", "discriminator", "generator"}
    assert found[7.0]["widefield"] == found[0.0]["widefield"]
    extra = found[7.0]["generator"] - found[0.0]["generator"]
    assert 0 < extra <= 7


OLDER = {"ndim": 2, "base": 2, "levels": 2, "discriminator_base": 2, "widefield": True}


@pytest.mark.parametrize("settings", [SETTINGS.model_dump(mode="json"), OLDER], ids=["now", "before"])
def test_a_network_with_widefield_works_with_and_without_it(tmp_path, settings, caplog):
    torch.manual_seed(0)
    weights = tmp_path / "weights.safetensors"
    save_weights(weights, SETTINGS.build(), name="annapalm2d", settings=settings)
    both = observed(np.random.default_rng(1).integers(0, 500, (3, 8, 12)))
    reconstructor = AnnaPalm2D(weights=weights)
    assert reconstructor.inputs.widefield
    together = reconstructor.reconstruct(both).density.values
    assert "this channel is set to 0" not in caplog.text
    alone = reconstructor.reconstruct(both.drop_vars("widefield")).density.values
    assert "this channel is set to 0" in caplog.text
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


def _learned(inputs_BCTYX, density_BCTYX, *, steps=40):
    """The squared error of a small network in three dimensions after some steps on one batch."""
    torch.manual_seed(0)
    network = AnnaPalmNetwork(
        ndim=3, base=4, levels=2, time_levels=0, dropout=0, discriminator_base=2, inputs={"widefield": True}
    ).build()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(steps):
        loss = ((network(inputs_BCTYX) - density_BCTYX) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss.detach())


def test_widefield_images_help_a_network_in_three_dimensions_where_localizations_are_few():
    rng = np.random.default_rng(0)
    place = np.arange(16)
    rows = rng.integers(2, 14, (8, 4))
    density = np.exp(-((place[:, None] - rows[..., None, None]) ** 2) / 2) * np.ones(16)
    counts = rng.poisson(0.02 * density)
    images = np.exp(-((place[:, None] - rows[..., None, None]) ** 2) / 18) * np.ones(16)
    both, target = (
        torch.from_numpy(np.float32(each)) for each in (np.stack([counts, images], axis=1), density[:, None])
    )
    alone = both.clone()
    alone[:, 1] = 0
    assert _learned(both, target) < 0.7 * _learned(alone, target)


@pytest.mark.parametrize("trainable", [AnnaPalm2DWidefieldTraining, AnnaPalm3DWidefieldTraining])
def test_the_training_with_widefield_images_fits_its_corpus(trainable):
    training = trainable.configured("shipped")
    assert training.inputs.widefield
    training.require_fit(read_corpus("widefield-train").study)
    plain = read_corpus("mixed-train").study
    with pytest.raises(ValueError, match="the network needs widefield images"):
        training.require_fit(plain)
