"""Figures show what they are given, say what it is, and leave no trace in matplotlib's global state."""

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import QuadMesh
from matplotlib.patches import Rectangle
from seaborn.utils import relative_luminance

from smlmsim import estimate, figures, schema
from smlmsim.field import FieldOfView
from smlmsim.figures.axis import Axis
from smlmsim.regions import RATE, VELOCITY
from smlmsim.rng import stream

NAMES = [
    "sparse",
    "moving_window",
    "gaussian_time",
    "annapalm2d",
    "annapalm3d",
    "dblink",
    "vivit",
    "static_sum",
]


def _scores(rates=4, velocities=4, reconstructors=3, seeds=2, **attrs):
    dims = {VELOCITY: np.linspace(0, 220, velocities), RATE: np.geomspace(30, 1600, rates)}
    coords = {**dims, "seed": np.arange(seeds), "reconstructor": NAMES[:reconstructors]}
    values = stream(1, "scores").random([len(values) for values in coords.values()])
    attrs = {"long_name": "MS-SSIM", "units": "1", "better": "higher", **attrs}
    return xr.Dataset({"ms_ssim": (list(coords), values, attrs)}, coords)


def _panels(figure):
    return [panel for panel in figure.axes if panel.get_label() != "<colorbar>"]


def _bar(figure):
    return next(panel for panel in figure.axes if panel.get_label() == "<colorbar>")


def _cells(panel):
    return next(found for found in panel.collections if isinstance(found, QuadMesh))


def _hatched(panel):
    return {patch.get_xy() for patch in panel.patches if patch.get_hatch()}


def _boxes(panel):
    return [patch for patch in panel.patches if isinstance(patch, Rectangle) and not patch.get_hatch()]


def _movies(number=2, times=6, shape=(12, 20)):
    field = FieldOfView(height_nm=shape[0] * 20, width_nm=shape[1] * 20)
    axes = {"time": 0.75 + 1.5 * np.arange(times), "y": field.y_nm, "x": field.x_nm}
    values = stream(2, "movies").random((number, times, *shape))
    return {
        name: schema.dataset(density=v, **axes).density
        for name, v in zip(NAMES[:number], values, strict=True)
    }


@pytest.mark.parametrize("reconstructors", [1, 2, 5, 8])
def test_every_reconstructor_has_a_panel_with_its_means_on_one_scale(reconstructors):
    scores = _scores(reconstructors=reconstructors)
    figure = figures.heatmap(scores)
    panels, means = _panels(figure), scores.ms_ssim.mean("seed")
    assert [panel.get_title() for panel in panels] == NAMES[:reconstructors]
    for panel, name in zip(panels, NAMES, strict=False):
        wanted = means.sel(reconstructor=name).transpose(VELOCITY, RATE)
        np.testing.assert_allclose(_cells(panel).get_array().reshape(wanted.shape), wanted)
        assert _cells(panel).get_clim() == (means.min(), means.max())
        assert [text.get_text() for text in panel.texts] == [
            f"{value:.2f}".lstrip("0") for value in wanted.values.ravel()
        ]


def test_velocity_runs_upwards_and_rate_to_the_right_in_any_order_of_dims_and_values():
    scores = _scores()
    wanted = _panels(figures.heatmap(scores))[0]
    assert wanted.get_ylim() == (0, 4)
    for other in (scores.transpose(..., VELOCITY), scores.isel({VELOCITY: [2, 0, 3, 1], RATE: [3, 2, 1, 0]})):
        panel = _panels(figures.heatmap(other))[0]
        np.testing.assert_array_equal(_cells(panel).get_array(), _cells(wanted).get_array())
        assert [tick.get_text() for tick in panel.get_xticklabels()] == ["30", "113", "425", "1600"]
        assert [tick.get_text() for tick in panel.get_yticklabels()] == ["0", "73.3", "147", "220"]


def test_the_axes_say_what_they_are_with_units():
    figure = figures.heatmap(_scores())
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("localization rate (Hz)", "velocity (nm/s)")
    other = _scores().rename({RATE: "localization.precision_nm"})
    other["localization.precision_nm"].attrs = {"long_name": "precision", "units": "nm"}
    assert figures.heatmap(other).get_supxlabel() == "precision (nm)"


@pytest.mark.parametrize(("better", "best"), [("higher", 1.0), ("lower", 0.0)])
def test_the_best_score_is_brightest_and_at_the_top_of_the_colour_bar(better, best):
    scores = _scores(better=better)
    scores["ms_ssim"][:] = np.linspace(0, 1, scores.ms_ssim.size).reshape(scores.ms_ssim.shape)
    scores = scores.isel(seed=[0])
    figure = figures.heatmap(scores)
    cells = _cells(_panels(figure)[0])
    low, high = cells.get_clim()
    brightness = [relative_luminance(cells.cmap(cells.norm(value))) for value in (low, high)]
    assert (brightness[1] > brightness[0]) == (best == 1)
    assert (_bar(figure).get_ylim()[1] == high) == (best == 1)
    assert _bar(figure).get_ylabel() == f"MS-SSIM\n{better} is better"


def test_the_colour_bar_says_the_unit_and_how_many_movies():
    figure = figures.heatmap(_scores(seeds=3, long_name="PSNR", units="dB"))
    assert _bar(figure).get_ylabel() == "PSNR (dB), mean of 3 movies\nhigher is better"


@pytest.mark.parametrize(
    ("values", "value", "cells"),
    [
        ([0, 10, 20], 5, 1.0),
        ([0, 10, 20], 12.5, 1.75),
        ([0, 10, 100], 55, 2.0),
        ([0, 10, 20], -3, 0.2),
        ([10, 100, 1000], 10**1.5, 1.0),
        ([10, 100, 1000], 10**3.25, 2.75),
        ([30, 60, 90], 75, 2.0),
        ([0, 10, 20], 1e9, 3.0),
        ([0, 10, 20], -1e9, 0.0),
    ],
)
def test_a_value_has_its_place_among_cells_that_are_spaced_like_the_values(values, value, cells):
    axis = Axis("", "", "", np.array(values, dtype=float))
    assert axis.place(value, value) == pytest.approx((cells, cells))


def test_the_range_of_live_cells_is_marked_and_named_on_every_panel():
    scores = _scores(velocities=12, rates=6).assign_coords({RATE: [50.0, 110, 200, 380, 700, 1600]})
    figure = figures.heatmap(scores)
    for panel in _panels(figure):
        (box,) = _boxes(panel)
        assert box.get_bbox().extents == pytest.approx([1.5, 3.5, 3.5, 5.0])
    assert figure.legends[0].texts[0].get_text() == "measured in live cells: 110–380 Hz, 60–90 nm/s"  # noqa: RUF001


@pytest.mark.parametrize("velocity", [0.0, 60.0, 75.0])
def test_a_point_on_the_map_is_marked_by_a_frame_that_can_be_seen(velocity):
    """Fixed cells have a velocity of exactly 0."""
    scores = _scores(velocities=3, rates=6)
    scores = scores.assign_coords({VELOCITY: [0.0, 60.0, 120.0], RATE: [50.0, 110, 200, 380, 700, 1600]})
    figure = figures.heatmap(scores, marked={RATE: (110, 380), VELOCITY: (velocity, velocity)})
    for panel in _panels(figure):
        (box,) = _boxes(panel)
        left, bottom, right, top = box.get_bbox().extents
        assert (left, right) == pytest.approx((1.5, 3.5))
        assert top - bottom == pytest.approx(0.7)
        assert (top + bottom) / 2 == pytest.approx(0.5 + velocity / 60)


@pytest.mark.parametrize("marked", [{}, {VELOCITY: (500, 900)}, {"motion.other": (1, 2)}])
def test_a_range_beyond_the_axes_is_not_marked(marked):
    figure = figures.heatmap(_scores(), marked=marked)
    assert not any(_boxes(panel) for panel in _panels(figure))
    assert not figure.legends


@pytest.mark.parametrize(
    ("marked", "way", "words"),
    [
        ({RATE: (6070, 7000)}, (1, 0), ["6070\N{EN DASH}7000 Hz"]),
        ({RATE: (2, 3), VELOCITY: (50, 90)}, (-1, 0), ["2\N{EN DASH}3 Hz"]),
        ({RATE: (110, 380), VELOCITY: (300, np.inf)}, (0, 1), ["300 nm/s or more"]),
        ({RATE: (2, 3), VELOCITY: (300, 410)}, (-1, 1), ["2\N{EN DASH}3 Hz", "300\N{EN DASH}410 nm/s"]),
    ],
)
@pytest.mark.parametrize("cells", [3, 12])
def test_an_arrow_points_to_what_lies_beyond_the_map_and_covers_no_value(marked, way, words, cells):
    figure = figures.heatmap(_scores(cells, cells), marked=marked, beyond=True)
    figure.draw_without_rendering()
    for panel in _panels(figure):
        *values, arrow, first, second = [None, *panel.texts][-cells * cells - 3 :] if len(words) == 2 else [
            *panel.texts, None
        ]  # fmt: skip
        assert [text.get_text() for text in (first, second) if text] == words
        (x0, y0), (x1, y1) = arrow.xyann, arrow.xy
        assert (np.sign(x1 - x0), np.sign(y1 - y0)) == way
        assert all(0 <= end <= cells for end in (x0, y0))
        assert not (0 < x1 < cells and 0 < y1 < cells)
        area = panel.get_window_extent()
        for text in filter(None, (first, second)):
            shown = text.get_window_extent()
            assert area.x0 <= shown.x0 <= shown.x1 <= area.x1
            assert area.y0 <= shown.y0 <= shown.y1 <= area.y1
            assert not any(shown.overlaps(value.get_window_extent()) for value in values if value)


def test_a_range_on_the_map_has_its_rectangle_and_no_arrow():
    figure = figures.heatmap(_scores(), marked={RATE: (110, 380), VELOCITY: (60, 90)}, beyond=True)
    for panel in _panels(figure):
        assert len(_boxes(panel)) == 1
        assert len(panel.texts) == 16


def test_missing_scores_are_hatched_and_said():
    scores = _scores()
    scores["ms_ssim"].loc[{VELOCITY: 220, RATE: 30, "reconstructor": "sparse"}] = np.nan
    scores["ms_ssim"].loc[{VELOCITY: 0, RATE: 1600, "reconstructor": "sparse", "seed": 0}] = np.inf
    figure = figures.heatmap(scores)
    panel = _panels(figure)[0]
    assert _hatched(panel) == {(0, 3), (3, 0)}
    assert np.argwhere(_cells(panel).get_array().mask.reshape(4, 4)).tolist() == [[3, 0]]
    kept = scores.ms_ssim.sel({VELOCITY: 0, RATE: 1600, "reconstructor": "sparse", "seed": 1}, method=None)
    assert _cells(panel).get_array().reshape(4, 4)[0, 3] == kept
    assert not any(_hatched(other) for other in _panels(figure)[1:])
    assert [text.get_text() for text in figure.legends[0].texts][1:] == ["a movie has no score"]


def test_the_legend_tells_the_floor_where_the_scores_do():
    scores = _scores()
    scores["floor_ms_ssim"] = scores.ms_ssim.isel(reconstructor=0, drop=True) * 0 + 0.12
    figure = figures.heatmap(scores)
    assert [text.get_text() for text in figure.legends[0].texts][1:] == ["an empty estimate: .12"]
    shade = _cells(_panels(figure)[0]).to_rgba(np.array(0.12))
    np.testing.assert_allclose(figure.legends[0].get_patches()[1].get_facecolor(), shade)
    scores["floor_ms_ssim"][0] = 0.2
    assert figures.heatmap(scores).legends[0].texts[1].get_text() == "an empty estimate: .12\N{EN DASH}.20"
    scores["floor_ms_ssim"][:] = np.nan
    assert len(figures.heatmap(scores).legends[0].texts) == 1


def test_a_single_axis_makes_a_row_of_cells_for_each_reconstructor():
    scores = _scores().isel({VELOCITY: 1})
    figure = figures.heatmap(scores)
    (panel,) = _panels(figure)
    assert [tick.get_text() for tick in panel.get_yticklabels()][::-1] == NAMES[:3]
    wanted = scores.ms_ssim.mean("seed").transpose("reconstructor", RATE)
    np.testing.assert_allclose(_cells(panel).get_array().reshape(3, 4)[::-1], wanted)
    assert _boxes(panel)[0].get_bbox().extents[[1, 3]].tolist() == [0, 3]


def test_scores_without_seeds_or_reconstructors_as_dims_are_drawn():
    scores = _scores().isel(seed=0, reconstructor=1)
    (panel,) = _panels(figures.heatmap(scores))
    assert panel.get_title() == "moving_window"


def test_a_heatmap_says_what_it_cannot_draw():
    scores = _scores()
    with pytest.raises(ValueError, match=r"no metric 'psnr' in the scores; there are: ms_ssim"):
        figures.heatmap(scores, "psnr")
    with pytest.raises(
        ValueError, match=r"one axis or two, found none; select a value of the others, as in scores\.sel"
    ):
        figures.heatmap(scores.isel({VELOCITY: 0, RATE: 0}))
    with pytest.raises(ValueError, match=rf"one axis or two, found exposure, {VELOCITY}, {RATE}"):
        figures.heatmap(scores.expand_dims(exposure=[0.01, 0.03]))
    with pytest.raises(ValueError, match="no cell has a score of 'ms_ssim'"):
        figures.heatmap(scores * np.nan)


@pytest.mark.parametrize(("rates", "velocities"), [(3, 3), (4, 7), (12, 12)])
def test_every_value_fits_its_cell_and_stands_out_from_it(rates, velocities):
    """3 to 1 is the contrast that WCAG 2.1 asks of large text and graphics."""
    figure = figures.heatmap(_scores(rates, velocities, reconstructors=2))
    figure.draw_without_rendering()
    for panel in _panels(figure):
        colours = _cells(panel).get_facecolor()
        for place, (text, colour) in enumerate(zip(panel.texts, colours, strict=True)):
            row, column = divmod(place, rates)
            corners = panel.transData.transform([[column, row], [column + 1, row + 1]])
            shown = text.get_window_extent()
            assert corners[0][0] <= shown.x0
            assert shown.x1 <= corners[1][0]
            assert corners[0][1] <= shown.y0
            assert shown.y1 <= corners[1][1]
            bright, dark = sorted(
                [relative_luminance(text.get_color()), relative_luminance(colour)], reverse=True
            )
            assert (bright + 0.05) / (dark + 0.05) > 3


def test_no_value_is_struck_through_by_the_rectangle():
    figure = figures.heatmap(_scores(12, 12, reconstructors=1))
    figure.draw_without_rendering()
    (panel,) = _panels(figure)
    left, bottom, right, top = _boxes(panel)[0].get_window_extent().extents
    for text in panel.texts:
        shown = text.get_window_extent()
        if left < shown.x1 and shown.x0 < right:
            assert not any(shown.y0 < edge < shown.y1 for edge in (bottom, top))


@pytest.mark.parametrize("reach_hz", [(110, 380), (100, 120), (30, 245)])
def test_the_rectangle_is_whole_and_no_value_lies_on_it_where_cells_have_room(reach_hz):
    scores = _scores(4, 4, reconstructors=1).assign_coords({RATE: [30, 110, 245, 1000]})
    figure = figures.heatmap(scores, marked={RATE: reach_hz, VELOCITY: (60, 90)})
    figure.draw_without_rendering()
    (panel,) = _panels(figure)
    left, bottom, right, top = _boxes(panel)[0].get_window_extent().extents
    for text, (_, column) in zip(panel.texts, np.ndindex(4, 4), strict=True):
        shown = text.get_window_extent()
        outside = shown.x1 < left or right < shown.x0 or shown.y1 < bottom or top < shown.y0
        inside = left < shown.x0 and shown.x1 < right and bottom < shown.y0 and shown.y1 < top
        assert outside or inside
        assert text.get_bbox_patch() is None
        (start, _), (end, _) = panel.transData.inverted().transform(shown.get_points())
        assert column <= start <= end <= column + 1


def test_cells_too_small_for_text_stay_without():
    panel = _panels(figures.heatmap(_scores(40, 40, reconstructors=1)))[0]
    assert not panel.texts or panel.texts[0].get_fontsize() >= 5


def test_a_montage_has_a_row_for_each_movie_and_a_column_for_each_time():
    movies = _movies(3)
    figure = figures.montage(movies, times_s=[0.8, 5.0])
    panels, bars = np.array(figure.axes[:6]).reshape(3, 2), figure.axes[6:]
    assert [bar.get_ylabel() for bar in bars] == ["density (nm⁻¹)"] * 3
    assert [row[0].get_ylabel() for row in panels] == NAMES[:3]
    assert [panel.get_title() for panel in panels[0]] == ["0.75 s", "5.25 s"]
    for row, movie in zip(panels, movies.values(), strict=True):
        shown = np.array([panel.images[0].get_array() for panel in row])
        frames = movie.isel(time=[0, 3]).values
        np.testing.assert_allclose(shown, np.minimum(frames / np.quantile(frames, 0.99), 1))


def test_channels_are_rows_of_their_own_with_their_names_and_scales():
    red, green = _movies(2).values()
    both = xr.concat([red, 3 * green], "channel").assign_coords(channel=["red", "green"])
    figure = figures.montage({"counts": red, "estimate": both}, times_s=[0.8, 5.0])
    panels = np.array(figure.axes[:6]).reshape(3, 2)
    assert [row[0].get_ylabel() for row in panels] == ["counts", "estimate red", "estimate green"]
    shown = panels[2, 1].images[0].get_array()
    frames = green.isel(time=[0, 3]).values
    np.testing.assert_allclose(shown, np.minimum(frames[1] / np.quantile(frames, 0.99), 1))


def test_an_uncertainty_has_a_scale_of_its_own_that_nothing_exceeds():
    movie = next(iter(_movies(1).values()))
    uncertainty = movie.rename("uncertainty").assign_attrs(units="nm-2")
    figure = figures.montage({"density": movie, "uncertainty": uncertainty}, times_s=[0.8])
    panel, bar = figure.axes[1], figure.axes[3]
    assert panel.images[0].get_cmap().name != figure.axes[0].images[0].get_cmap().name
    assert bar.get_ylabel() == "uncertainty (nm⁻²)"
    assert bar.get_ylim()[1] == pytest.approx(float(uncertainty.isel(time=0).max()))


def test_the_line_of_a_kymograph_is_drawn_where_it_is():
    movies = _movies(1)
    movie = next(iter(movies.values()))
    line = estimate.Line(50.0, 30.0, 150.0, 350.0)
    drawn = next(
        found for found in figures.montage(movies, line=line).axes[0].lines if len(found.get_xdata()) == 2
    )
    pixel = float(movie.x[1] - movie.x[0])
    left, top = float(movie.x[0]) - pixel / 2, float(movie.y[0]) - pixel / 2
    np.testing.assert_allclose(drawn.get_xdata(), [30 - left, 350 - left])
    np.testing.assert_allclose(drawn.get_ydata(), [50 - top, 150 - top])


@pytest.mark.parametrize(
    "line",
    [
        (235, 0, 235, 400),
        (0, 20, 240, 20),
        (0, 400, 240, 0),
        (240, 0, 0, 400),
        (120, 0, 120, 400),
        (200, 0, 240, 90),
    ],
)
def test_the_line_of_a_kymograph_stays_out_of_the_scale_bar_and_its_label(line):
    figure = figures.montage(_movies(1), line=estimate.Line(*line))
    figure.draw_without_rendering()
    panel = figure.axes[0]
    (bar,) = (found for found in panel.lines if found.get_color() == "white")
    (dashed,) = (found for found in panel.lines if found.get_linestyle() != "-")
    (label,) = panel.texts
    x, y = (np.linspace(*ends, 300) for ends in dashed.get_data())
    on_screen = panel.transData.transform(np.stack([x, y], axis=1))
    for shown in (bar.get_window_extent().padded(2), label.get_window_extent()):
        assert not any(shown.contains(*point) for point in on_screen)
        assert panel.get_window_extent().containsx(shown.x1)


def test_a_movie_of_a_part_of_the_field_is_shown_where_it_lies():
    whole = next(iter(_movies(1).values()))
    part = whole.isel(x=slice(5, 15), y=slice(2, 12))
    panels = figures.montage({"whole": whole, "part": part}).axes
    above, below = panels[0], panels[5]
    assert below.images[0].get_extent() == pytest.approx([0, 200, 200, 0])
    assert below.get_xlim() == pytest.approx([-100, 300])
    assert below.get_ylim() == pytest.approx([200, -40])
    assert (above.get_xlim(), above.get_ylim()) == ((0, 400), (240, 0))


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_a_movie_plays_all_time_points_side_by_side(tmp_path, suffix):
    from PIL import Image

    figures.save_movie(_movies(2, times=7), tmp_path / f"a{suffix}")
    with Image.open(tmp_path / f"a{suffix}") as movie:
        assert movie.n_frames == 7
        assert movie.width > 2 * 256
    assert [file.name for file in tmp_path.iterdir()] == [f"a{suffix}"]


def test_a_movie_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"'\.avi'; a movie is saved as \.png, \.gif, \.mp4"):
        figures.save_movie(_movies(1), tmp_path / "a.avi")


def test_rare_counts_are_seen_beside_a_pixel_that_blinks_often():
    movie = next(iter(_movies(1, shape=(60, 60)).values())) * 0
    movie[:, ::20, 5] = 1
    movie[:, 30, 30] = 400
    shown = figures.montage({"counts": movie}).axes[0].images[0].get_array()
    assert shown[0, 5] == 1


def test_a_montage_shows_the_first_and_the_last_frame():
    for times, wanted in (
        (1, ["0.75 s"]),
        (2, ["0.75 s", "2.25 s"]),
        (9, ["0.75 s", "3.75 s", "6.75 s", "9.75 s", "12.75 s"]),
    ):
        figure = figures.montage(_movies(1, times=times))
        assert [panel.get_title() for panel in figure.axes[:-1]] == wanted


@pytest.mark.parametrize(
    ("pixels", "length_nm", "label"), [(10, 50, "50 nm"), (128, 500, "500 nm"), (500, 2000, "2 µm")]
)
def test_the_scale_bar_is_as_long_as_it_says(pixels, length_nm, label):
    panel = figures.montage(_movies(1, times=1, shape=(pixels, pixels))).axes[0]
    (bar,) = panel.lines
    assert np.ptp(bar.get_xdata()) == pytest.approx(length_nm)
    assert panel.get_xlim() == (0, pixels * 20)
    assert [text.get_text() for text in panel.texts] == [label]


@pytest.mark.parametrize("level", [0, 1])
def test_an_even_movie_can_be_drawn(level):
    movies = {name: movie * 0 + level for name, movie in _movies().items()}
    assert figures.montage(movies).axes[0].images[0].get_array().max() == level
    assert figures.overlay(*movies.values())


def test_an_overlay_is_white_where_both_are_green_where_the_truth_is_and_magenta_where_the_estimate_is():
    truth, guess = (movie * 0 for movie in _movies().values())
    truth[:, :6, :] = 1
    guess[:, :, :10] = 4
    image = figures.overlay(guess, truth, times_s=[0.75]).axes[0].images[0].get_array()
    colours = {(0, 0): (1, 1, 1), (0, -1): (0, 1, 0), (-1, 0): (1, 0, 1), (-1, -1): (0, 0, 0)}
    assert {corner: tuple(image[corner]) for corner in colours} == colours


def test_a_kymograph_runs_downwards_in_seconds_and_along_the_line_in_um():
    movies = _movies()
    line = estimate.Line(50.0, 50.0, 150.0, 350.0)
    profiles = {name: estimate.line_profile(movie, line) for name, movie in movies.items()}
    figure = figures.kymograph(profiles, line)
    panels, bars = figure.axes[: len(profiles)], figure.axes[len(profiles) :]
    assert [panel.get_title() for panel in panels] == list(profiles)
    assert [bar.get_xlabel() for bar in bars] == ["density (nm⁻¹)"] * len(profiles)
    for panel, profile in zip(panels, profiles.values(), strict=True):
        np.testing.assert_array_equal(_cells(panel).get_array().reshape(profile.shape), profile)
        bottom, top = panel.get_ylim()
        assert bottom > top
        assert panel.get_xlim()[1] == pytest.approx(line.length_nm / 1000, rel=0.1)
    assert figure.axes[0].get_ylabel() == "time (s)"
    assert figure.get_supxlabel() == (
        "distance (µm) along the line from x = 0.05 µm, y = 0.05 µm to x = 0.35 µm, y = 0.15 µm"
    )


def test_figures_of_nothing_are_refused():
    with pytest.raises(ValueError, match="a montage needs at least one movie, found none"):
        figures.montage({})
    with pytest.raises(ValueError, match="a kymograph needs at least one profile, found none"):
        figures.kymograph({})
    truth, guess = _movies().values()
    with pytest.raises(
        ValueError, match=r"the truth has \(12, 20\) pixels along y and x, the estimate \(6, 20\)"
    ):
        figures.overlay(guess[:, ::2], truth)


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_a_figure_is_saved_whole_and_with_the_same_bytes_each_time(tmp_path, suffix):
    for name in ("a", "b"):
        figures.save(figures.heatmap(_scores(reconstructors=2)), tmp_path / f"{name}{suffix}")
    first, second = (tmp_path / f"{name}{suffix}" for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    assert set(tmp_path.iterdir()) == {first, second}


def test_a_figure_that_cannot_be_saved_leaves_nothing(tmp_path):
    figure = figures.montage(_movies(1, times=1))
    with pytest.raises(ValueError, match=r"'\.bmp'; a figure is saved as \.png, \.pdf, \.svg"):
        figures.save(figure, tmp_path / "a.bmp")
    with pytest.raises(FileNotFoundError, match="nowhere; make it first"):
        figures.save(figure, tmp_path / "nowhere" / "a.png")
    assert not list(tmp_path.iterdir())


def test_drawing_and_saving_leave_matplotlib_and_the_data_as_they_were(tmp_path):
    import matplotlib.pyplot as plt

    scores, settings = _scores(), dict(mpl.rcParams)
    before = scores.copy(deep=True)
    figures.save(figures.heatmap(scores), tmp_path / "a.png")
    assert dict(mpl.rcParams) == settings
    assert not plt.get_fignums()
    xr.testing.assert_identical(scores, before)
