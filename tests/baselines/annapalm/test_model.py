"""The networks are those that were published, down to the number of their parameters."""

import pydantic
import pytest
import torch

from baselines.annapalm.model import Discriminator, Generator
from baselines.annapalm.network import AnnaPalmNetwork, frames, movies
from baselines.annapalm.train import AnnaPalm2DTraining, AnnaPalm3DTraining
from smlmsim.spec import read_toml

LEARNED = {2: (41_823_873, 2_764_545), 3: (167_268_993, 11_052_801)}


def learned(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("training", "together"), [(AnnaPalm2DTraining, 44_599_042), (AnnaPalm3DTraining, 178_332_418)]
)
def test_the_published_networks_have_as_many_parameters(training, together):
    """With the running means and variances, as the thesis counts them."""
    import baselines.annapalm

    published = read_toml(f"{baselines.annapalm.__path__[0]}/published.toml")[training.name]["parameters"]
    found = training.configured("published").parameters()
    assert found | {"together": sum(found.values())} == published
    assert sum(found.values()) == together


@pytest.mark.parametrize("ndim", [2, 3])
def test_so_many_of_them_are_trained(ndim):
    with torch.device("meta"):
        assert (learned(Generator(ndim)), learned(Discriminator(ndim))) == LEARNED[ndim]


@pytest.mark.parametrize("ndim", [2, 3])
def test_an_image_of_128_px_is_judged_in_14_patches_along_each_axis(ndim):
    with torch.device("meta"):
        image = torch.empty(2, 1, *[128] * ndim)
        assert Discriminator(ndim)(image, image).shape == (2, 1, *[14] * ndim)
        assert Generator(ndim)(image).shape == image.shape


@pytest.mark.parametrize("ndim", [2, 3])
def test_one_value_per_channel_passes_the_norm_in_training(ndim):
    torch.manual_seed(0)
    generator = Generator(ndim, base=2, levels=3).train()
    image = torch.rand(1, 1, *[8] * ndim)
    bottleneck = generator.encoder[:-1]
    made = generator(image)
    assert bool(torch.isfinite(made).all())
    made.sum().backward()
    assert all(parameter.grad is not None for parameter in generator.parameters()), (
        "as several processes need"
    )
    norm = generator.encoder[-1][1]
    value = torch.rand(1, 8, *[1] * ndim)
    assert torch.equal(norm(value), value)
    assert norm.num_batches_tracked == 0
    assert bottleneck[-1][1].num_batches_tracked == 1


@pytest.mark.parametrize("ndim", [2, 3])
def test_two_values_per_channel_are_normalised(ndim):
    norm = Generator(ndim, base=2, levels=3).encoder[-1][1].train()
    value = torch.rand(2, 8, *[1] * ndim)
    assert norm(value).mean(dim=0).abs().max() < 1e-5


@pytest.mark.parametrize("ndim", [2, 3])
def test_dropout_is_in_the_first_levels_of_the_decoder_only(ndim):
    decoder = Generator(ndim, base=1, levels=7).decoder
    dropping = [any(isinstance(layer, torch.nn.Dropout) for layer in level) for level in decoder]
    assert dropping == [True, True, True, False, False, False]


def reached(network):
    """The time points that a change of the seventh makes a difference to."""
    movie = torch.rand(1, 1, 13, 16, 16)
    other = movie.clone()
    other[:, :, 6] += 1
    changed = (network(movie) != network(other)).flatten(3).any(dim=3).flatten()
    return changed.nonzero().flatten().tolist()


@torch.no_grad()
def test_levels_that_keep_time_see_one_time_point_on_either_side():
    torch.manual_seed(0)
    network = AnnaPalmNetwork(ndim=3, base=2, levels=2, time_levels=0).build().eval()
    assert network.multiple == (1, 4, 4)
    assert reached(network) == [6], "none of them yet"
    for weight in network.parameters():
        torch.nn.init.normal_(weight)
    assert reached(network) == list(range(2, 11)), "four convolutions, one point each"


@pytest.mark.parametrize(("ndim", "time_levels"), [(2, 1), (3, 4)])
def test_time_levels_that_are_not_there_are_refused(ndim, time_levels):
    with pytest.raises(
        pydantic.ValidationError, match="time_levels is for ndim = 3 and at most levels = 3, found"
    ):
        AnnaPalmNetwork(ndim=ndim, levels=3, time_levels=time_levels)


def test_frames_become_the_movies_they_came_from():
    movie = torch.rand(2, 1, 5, 4, 3)
    assert torch.equal(movies(frames(movie), 2), movie)
    assert torch.equal(frames(movie)[5 + 3, 0], movie[1, 0, 3])


def test_in_two_dimensions_a_time_point_is_reconstructed_by_itself():
    torch.manual_seed(0)
    network = AnnaPalmNetwork(ndim=2, base=2, levels=2).build().eval()
    movie = torch.rand(1, 1, 3, 8, 8)
    torch.testing.assert_close(network(movie)[:, :, 1:2], network(movie[:, :, 1:2]))


@pytest.mark.parametrize(("ndim", "multiple"), [(2, (1, 8, 8)), (3, (8, 8, 8))])
def test_densities_lie_between_0_and_1(ndim, multiple):
    torch.manual_seed(0)
    network = AnnaPalmNetwork(ndim=ndim, base=2, levels=3).build().eval()
    assert network.multiple == multiple
    found = network(100 * torch.randn(1, 1, 8, 16, 8)).detach()
    assert found.shape == (1, 1, 8, 16, 8)
    assert 0 <= float(found.min()) < 0.5 < float(found.max()) <= 1


@pytest.mark.parametrize(
    "settings",
    [
        {"ndim": 4}, {"base": 0}, {"levels": 1}, {"levels": 11}, {"dropout": 1.0}, {"dropout_levels": -1},
        {"depth": 3}, {"discriminator_base": 0},
    ],
)  # fmt: skip
def test_settings_that_make_no_network_are_refused(settings):
    with pytest.raises(pydantic.ValidationError):
        AnnaPalmNetwork(**{"ndim": 2, **settings})


@pytest.mark.parametrize(("ndim", "time_levels"), [(2, None), (3, None), (3, 0)])
def test_once_trained_the_same_is_computed_faster(ndim, time_levels):
    torch.manual_seed(0)
    generator = Generator(ndim, base=4, levels=3, time_levels=time_levels).eval()
    image = torch.rand(2, 1, *([8] if ndim == 3 else []), 16, 24)
    with torch.inference_mode():
        h = torch.rand(2, 8, *([4] if ndim == 3 else []), 8, 12)
        plain = torch.nn.ConvTranspose2d.forward if ndim == 2 else torch.nn.ConvTranspose3d.forward
        torch.testing.assert_close(generator.last(h), plain(generator.last, h))
        found = generator(image)
        for module in (generator, generator.last):
            module.training = True  # of these two alone, so that the norms and the dropout stay as they are
        torch.testing.assert_close(found, generator(image))
