"""A network sees the same of the same localizations, drawn or measured, in a crop, a movie or a tile of it."""

import tracemalloc

import numpy as np
import pytest
import torch
from one_process import one_process

from baselines._budget import Budget
from baselines._inputs import Inputs
from baselines._learned import cut
from baselines._scale import noise
from baselines._tiles import tiles
from baselines._training import dataset
from baselines._weights import WeightsError, save_weights
from baselines._wide_sum import WideSum
from baselines.annapalm.network import AnnaPalmNetwork
from baselines.annapalm.reconstruct import AnnaPalm3D
from baselines.annapalm.train import AnnaPalm2DTraining, AnnaPalm3DTraining
from baselines.dblink.model import DBlinkNetwork
from baselines.dblink.reconstruct import DBlinkStyle
from baselines.dblink.train import DBlinkTraining
from baselines.vivit.model import ViViTNetwork
from baselines.vivit.reconstruct import VideoTransformer
from baselines.vivit.train import ViViTTraining
from smlmsim.acquisition import Acquisition
from smlmsim.corpus import Augmentation, Corpus, generate
from smlmsim.corpus.dataset import MovieDataset, SimulatedDataset
from smlmsim.corpus.mixture import Mixture
from smlmsim.field import FieldOfView
from smlmsim.pipeline import Hybrid, SemiSimulated, simulate
from smlmsim.reconstruct import load, reconstruct
from smlmsim.structures import Measured
from smlmsim.testing import check_reconstructor, make_observation

KINDS = {
    "counts": Inputs(),
    "fine": Inputs(fine_bins=5),
    "uneven": Inputs(fine_bins=7),
    "wide": Inputs(wide_sums=(0.7, 3, "all")),
    "widefield": Inputs(widefield=True),
    "all": Inputs(fine_bins=3, wide_sums=(2, "all"), widefield=True),
}
EACH = pytest.mark.parametrize("inputs", KINDS.values(), ids=KINDS)
STUDY = SemiSimulated(
    field=FieldOfView(height_nm=800, width_nm=640, origin_y_nm=300, origin_x_nm=-70),
    acquisition=Acquisition(time_points=20, steps_per_point=1),
    widefield={"frames_between": 60},
)
CROP = Augmentation(time_points=12, height=24, width=32)


@pytest.fixture(scope="module")
def observation():
    return simulate(STUDY, 0).observation


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "corpus.zarr"
    with one_process():
        generate(Corpus(study=STUDY, movies=2), path, progress=False)
    return path


def noting(inputs, seen):
    """What training calls, noting the observations it is called with."""

    def see(observation):
        seen.append(observation)
        return inputs.stacked(observation)

    return see


def inferred(inputs, observation):
    """What a network gets of a movie that fits into one tile."""
    shape = observation.counts.shape
    (tile,) = tiles(shape, shape, (1, 1, 1))
    return cut(inputs.see(observation), tile)


def same_as_inferred(inputs, dataset, seen, items):
    for item in items:
        drawn = item[0].numpy()
        assert drawn.shape[0] == len(inputs.names)
        assert drawn.any(axis=(1, 2, 3)).all()
        np.testing.assert_array_equal(drawn, inferred(inputs, seen.pop(0)))


@EACH
def test_training_sees_of_redrawn_localizations_what_reconstruction_sees_of_them(inputs, store):
    seen = []
    dataset = MovieDataset(store, CROP, see=noting(inputs, seen))
    same_as_inferred(inputs, dataset, seen, (dataset[item] for item in range(3)))


@EACH
def test_so_it_is_of_movies_that_are_simulated_for_training(inputs):
    seen = []
    see = noting(inputs, seen)
    mixed = Mixture(corpora=(Corpus(study=STUDY),)).dataset(CROP, crops=2, seed=0, see=see)
    same_as_inferred(inputs, mixed, seen, (mixed[item] for item in range(2)))
    whole = SimulatedDataset(STUDY, see=see)
    same_as_inferred(inputs, whole, seen, (item for item, _ in zip(whole, range(1), strict=False)))


def test_so_it_is_of_structures_that_a_corpus_keeps_as_images(tmp_path):
    rows = "".join(f"1,{y:.2f},{x:.2f}\n" for y, x in np.random.default_rng(0).random((300, 2)) * 800)
    (tmp_path / "fixed.csv").write_text('"frame","x [nm]","y [nm]"\n' + rows)
    study = Hybrid(
        field=FieldOfView(height_nm=640, width_nm=640), tables=(Measured(table=tmp_path / "fixed.csv"),),
        acquisition=Acquisition(time_points=12, steps_per_point=1),
    )  # fmt: skip
    with one_process():
        generate(Corpus(study=study, movies=1), tmp_path / "c.zarr", progress=False)
    seen, inputs = [], Inputs(fine_bins=3, wide_sums=(2, "all"))
    dataset = MovieDataset(tmp_path / "c.zarr", CROP, see=noting(inputs, seen))
    assert not dataset.has_contours
    same_as_inferred(inputs, dataset, seen, [dataset[0]])


def test_widefield_images_of_movies_kept_as_images_are_refused(store, monkeypatch):
    budget = Budget(crops=CROP)
    assert dataset(store, budget, 1, Inputs(widefield=True))[0][0].shape[0] == 2
    monkeypatch.setattr(MovieDataset, "has_contours", False)
    with pytest.raises(ValueError, match=r"no widefield image can be simulated; .* widefield=false"):
        dataset(store, budget, 1, Inputs(widefield=True))
    assert dataset(store, budget, 1, Inputs(fine_bins=2))[0][0].shape[0] == 2


@EACH
def test_a_tile_shows_what_the_whole_movie_shows_there(inputs, observation):
    """Tiles of 7 time points, fewer than the width of the sums, and padded at their end."""
    channels = inputs.see(observation)
    whole = inputs.stacked(observation)
    chosen = list(tiles(observation.counts.shape, (7, 24, 24), (7, 8, 8)))
    assert len(chosen) > 8
    for tile in chosen:
        t, y, x = (piece.stop - piece.start for piece in tile.place)
        np.testing.assert_array_equal(cut(channels, tile)[:, :t, :y, :x], whole[(slice(None), *tile.place)])


def test_plain_counts_are_counts_over_their_noise(observation):
    counts = observation.counts.values.astype(np.float32)
    scale = np.float32(1) / noise(counts.sum(axis=0), len(counts))
    np.testing.assert_array_equal(Inputs().stacked(observation)[0], counts * scale)


@pytest.mark.parametrize("bins", [2, 5, 7, 50])
def test_fine_bins_add_up_to_the_counts(bins, observation):
    channels = Inputs(fine_bins=bins).see(observation)
    np.testing.assert_array_equal(sum(channel.movie.astype(int) for channel in channels), observation.counts)


def test_a_localization_is_in_the_bin_of_its_camera_frame():
    observation = make_observation(np.ones((2, 1, 1))).assign_attrs(frames_per_point=10)
    for frame, expected in {0: (0, 0), 1: (0, 0), 2: (0, 1), 9: (0, 4), 10: (1, 0), 19: (1, 4)}.items():
        one = observation.isel(localization=[0]).assign(loc_frame=("localization", [frame]))
        found = np.stack([channel.movie for channel in Inputs(fine_bins=5).see(one)])
        (place,) = np.argwhere(found[:, :, 0, 0])
        assert tuple(place) == expected[::-1]


def test_fine_bins_have_unit_variance_too():
    observation = make_observation(np.random.default_rng(0).poisson(0.5, (60, 32, 32)))
    frames = observation.loc_frame * 10 + np.random.default_rng(1).integers(
        10, size=observation.loc_frame.size
    )
    finer = observation.assign(loc_frame=frames).assign_attrs(frames_per_point=10)
    seen = Inputs(fine_bins=5).stacked(finer)
    spread = np.sqrt((2 + 1 / 0.1) / seen[0].size)
    assert [movie.var() for movie in seen] == pytest.approx([1] * 5, abs=5 * spread)


@pytest.mark.parametrize("sigma", [0.7, 3, 40])
def test_a_wide_sum_is_a_gaussian_mean_that_is_not_dark_at_the_ends(sigma):
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.3, (30, 4, 5)).astype(np.uint16)
    time = np.arange(30)
    weights = np.exp(-0.5 * ((time[:, None] - time) / sigma) ** 2)
    weights[np.abs(time[:, None] - time) > 4 * sigma + 0.5] = 0
    expected = np.tensordot(weights / weights.sum(axis=1, keepdims=True), counts, axes=1)
    np.testing.assert_allclose(WideSum(counts, sigma), expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(WideSum(np.full((30, 1, 1), 7), sigma), 7, rtol=1e-6)


@pytest.mark.parametrize("sigma", [0.3, 5, 80, np.inf])
def test_a_part_of_a_wide_sum_is_that_of_the_whole(sigma, monkeypatch):
    counts = np.random.default_rng(0).poisson(0.3, (700, 6, 5)).astype(np.uint16)
    whole = np.asarray(WideSum(counts, sigma))
    monkeypatch.setattr("baselines._wide_sum.MOST_VOXELS", 9000)
    monkeypatch.setattr("baselines._wide_sum.MOST_ROWS", 100)
    for place in np.s_[:40, 1:4, 2:], np.s_[300:620, 5:, :1], np.s_[699:, :, :], np.s_[:, :, :]:
        np.testing.assert_allclose(WideSum(counts, sigma)[place], whole[place], rtol=1e-6)


def test_wide_sums_of_a_long_movie_take_the_memory_of_a_part():
    counts = np.zeros((6000, 16, 16), np.uint16)
    tracemalloc.start()
    part = WideSum(counts, 40)[3000:3160, :, :]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert part.shape == (160, 16, 16)
    assert peak < 40e6  # the weights of 160 time points; those of all would take 288 MB


def test_the_sum_over_all_is_the_mean_of_the_movie_at_every_time_point(observation):
    (*_, channel) = Inputs(wide_sums=("all",)).see(observation)
    mean = observation.counts.values.mean(axis=0)
    np.testing.assert_allclose(channel.movie, np.broadcast_to(mean, channel.movie.shape), rtol=1e-5)


def test_channels_have_names():
    assert Inputs().names == ("counts",)
    assert KINDS["all"].names == (
        "counts 1/3", "counts 2/3", "counts 3/3", "sum over 2 time points", "sum over all time points", "widefield",
    )  # fmt: skip
    assert str(Inputs()) == "counts per time point"
    assert str(KINDS["all"]) == (
        "counts in 3 fine bins per time point, sums over 2, all time points, widefield images"
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fine_bins": 0}, "greater than or equal to 1"),
        ({"fine_bins": 101}, "less than or equal to 100"),
        ({"fine_bins": 2.5}, "integer"),
        ({"wide_sums": [0]}, 'a wide sum is a standard deviation in time points, above 0, or "all"; found 0'),
        ({"wide_sums": [-3]}, "above 0"),
        ({"wide_sums": [float("nan")]}, "above 0"),
        ({"wide_sums": [float("inf")]}, "above 0"),
        ({"wide_sums": [True]}, "above 0"),
        ({"wide_sums": ["wide"]}, "found 'wide'"),
        ({"wide_sums": "all"}, r'is a list, as in wide_sums=\[3, "all"\], found \'all\''),
        ({"wide_sums": 3}, "is a list"),
        ({"wide_sums": [3, "all", 3.0]}, "the wide sum 3 appears twice"),
        ({"fine_bin": 5}, "did you mean fine_bins"),
    ],
)
def test_inputs_that_are_none_are_refused_in_plain_words(settings, message):
    with pytest.raises(ValueError, match=message):
        Inputs(**settings)


@EACH
@pytest.mark.parametrize(
    ("kind", "network"),
    [
        (AnnaPalm3D, {"ndim": 3, "base": 2, "levels": 2}),
        (DBlinkStyle, {"hidden": 2, "layers": 1, "channels": (2,)}),
        (VideoTransformer, {"tubelet": (4, 8, 8), "width": 6, "heads": 1, "blocks": 1, "planes": 2, "channels": 2}),
    ],
    ids=["annapalm3d", "dblink", "vivit"],
)  # fmt: skip
def test_the_first_layer_follows_and_the_weights_say_what_is_seen(
    kind, network, inputs, observation, tmp_path
):
    made = {AnnaPalm3D: AnnaPalmNetwork, DBlinkStyle: DBlinkNetwork, VideoTransformer: ViViTNetwork}[kind]
    settings = made(**network, inputs=inputs)
    assert settings.channels_in == len(inputs.names)
    path = tmp_path / "w.safetensors"
    save_weights(path, settings.build(), name=kind.name, settings=settings.model_dump(mode="json"))
    reconstructor = kind(weights=path, device="cpu")
    assert reconstructor.inputs == inputs
    seen = []
    hook = reconstructor.network().register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[1]))
    found = reconstruct(reconstructor, observation.isel(time=slice(8)).pipe(first_points, 8))
    hook.remove()
    assert set(seen) == {len(inputs.names)}
    assert np.isfinite(found.density).all()


def first_points(observation, points):
    last = points * observation.attrs["frames_per_point"]
    return observation.isel(localization=observation.loc_frame.values < last)


def saved(tmp_path, inputs, said=None):
    torch.manual_seed(0)
    network = AnnaPalmNetwork(ndim=3, base=2, levels=2, inputs=inputs)
    path = tmp_path / "w.safetensors"
    save_weights(
        path, network.build(), name="annapalm3d", settings=network.model_dump(mode="json") | (said or {})
    )
    return AnnaPalm3D(weights=path, device="cpu")


def test_the_contract_holds_whatever_is_seen(tmp_path):
    check_reconstructor(saved(tmp_path, KINDS["all"]))


def test_time_points_of_fewer_frames_than_bins_are_warned_of(tmp_path, caplog):
    reconstruct(saved(tmp_path, KINDS["fine"]), make_observation(np.ones((4, 8, 8))))
    assert "5 fine bins per time point, which has frames_per_point=1; some bins stay empty" in caplog.text


def test_counts_that_are_not_those_of_the_localizations_are_warned_of(tmp_path, caplog, observation):
    reconstruct(saved(tmp_path, KINDS["fine"]), observation.assign(counts=observation.counts * 2))
    assert "; fine bins show the former" in caplog.text


@pytest.mark.parametrize("lost", ["loc_frame", "frames_per_point"])
def test_fine_bins_of_what_does_not_say_when_are_refused(tmp_path, lost, observation):
    attrs = {name: value for name, value in observation.attrs.items() if name != lost}
    without = observation.drop_vars(lost, errors="ignore").drop_attrs().assign_attrs(attrs)
    with pytest.raises(ValueError, match="does not say in which camera frame each molecule was localized"):
        saved(tmp_path, KINDS["fine"]).reconstruct(without)


@pytest.mark.parametrize("inputs", [{"fine_bins": 0}, {"nope": 1}, 3, [1]])
def test_weights_that_do_not_say_what_is_seen_are_refused(tmp_path, inputs, observation):
    with pytest.raises(WeightsError, match=r"does not say (how its network is built|what its network sees)"):
        saved(tmp_path, Inputs(), {"inputs": inputs}).reconstruct(observation)


@pytest.mark.parametrize(
    ("inputs", "changed", "message"),
    [
        ({"fine_bins": 51}, {}, r"fine_bins=51 are more than the camera frames .* frames_per_point=50; choose fewer"),
        ({"widefield": True}, {"widefield": None}, r"the study takes none; .* a table \[study.widefield\]"),
        (
            {"widefield": True}, {"widefield.frames_between": 601},
            "12 time points have 600 camera frames, .* frames_between=601; choose longer crops",
        ),
    ],
)  # fmt: skip
def test_movies_that_do_not_show_what_a_network_sees_are_refused_before_any_is_made(inputs, changed, message):
    network = {"ndim": 3, "base": 2, "levels": 2, "inputs": inputs}
    training = AnnaPalm3DTraining(network=network, loss={"gamma": 0}, budget={"crops": CROP})
    study = STUDY.replace(changed) if changed.get("widefield", 1) else STUDY.model_copy(update=changed)
    with pytest.raises(ValueError, match=message):
        training.require_fit(study)
    training.require_fit(STUDY.model_copy(update={"acquisition": Acquisition(frames_per_point=60)}))


TRAININGS = {
    AnnaPalm2DTraining: {"network": {"ndim": 2, "base": 2, "levels": 2}, "loss": {"gamma": 0}},
    AnnaPalm3DTraining: {"network": {"ndim": 3, "base": 2, "levels": 2}, "loss": {"gamma": 0}},
    DBlinkTraining: {"network": {"hidden": 2, "layers": 1, "channels": [2]}},
    ViViTTraining: {
        "network": {"tubelet": [4, 8, 8], "width": 6, "heads": 1, "blocks": 1, "planes": 2, "channels": 2},
        "loss": {"gamma": 0},
    },
}


@pytest.mark.parametrize("kind", TRAININGS, ids=lambda kind: kind.name)
def test_every_network_trains_on_every_kind_of_channel(kind, store, tmp_path, monkeypatch):
    monkeypatch.setattr("baselines._validation.Validation.preview", lambda *_: None)
    tree = TRAININGS[kind]
    crops = {"time_points": 12, "height": 24, "width": 32}
    budget = {"steps": 2, "epoch_steps": 1, "batch": 2, "validation_crops": 1, "crops": crops}
    network = tree["network"] | {"inputs": KINDS["all"]}
    training = kind.model_validate(tree | {"network": network, "budget": budget})
    held_out = Mixture(corpora=(Corpus(study=STUDY, seed=7),))
    training.train(tmp_path, corpus=store, validation=held_out, workers=0, progress=False)
    trained = load(kind.name, {"weights": tmp_path / "weights.safetensors"})
    assert trained.inputs == KINDS["all"]
    found = reconstruct(trained, simulate(STUDY, 3).observation)
    assert np.isfinite(found.density).all()
