"""The figures show the scores and the p-values of the study."""

import numpy as np
import pytest

from smlmsim import figures
from smlmsim.robustness import Results, differences, followed, write_results
from smlmsim.robustness.write import images_shown


def drawn(panel):
    """The heights of the movies (pair, movie) of a panel, and the texts above."""
    lines = [line for line in panel.lines if line.get_marker() == "o"]
    return np.array([line.get_ydata() for line in lines]), [text.get_text() for text in panel.texts]


def test_each_laboratory_shows_its_movies_as_groups_of_the_three_networks(made_up):
    scores = made_up(unseen=-0.1)
    table = differences(scores)
    figure = figures.laboratories(scores, table)
    assert [panel.get_title() for panel in figure.axes] == ["a", "b", "c"]
    heights, texts = drawn(figure.axes[1])
    expected = scores.ms_ssim.sel(laboratory="b", condition="control", model=["M0", "M2", "all"])
    np.testing.assert_allclose(heights, expected.transpose("seed", "model"))
    rows = table[table.laboratory == "b"].set_index("question").p_holm
    expected = [rows["several laboratories"], rows["unseen"]]
    assert texts == [f"p = {p:.2g}" if p >= 0.001 else "p < 0.001" for p in expected]
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["M0", "M2", "all"]


def test_the_perturbation_shows_control_and_perturbed_movies_of_four(made_up):
    scores = made_up(perturbed=-0.1)
    figure = figures.perturbation(scores, differences(scores))
    heights, texts = drawn(figure.axes[2])
    expected = scores.ms_ssim.sel(laboratory="c", model=["M0", "M3", "all", "gaussian_time"])
    np.testing.assert_allclose(
        heights, expected.transpose("model", "seed", "condition").values.reshape(-1, 2)
    )
    assert len(texts) == 4


@pytest.mark.parametrize("draw", [figures.laboratories, figures.perturbation])
def test_they_are_saved_with_a_row_for_each_metric(made_up, draw, tmp_path):
    scores = made_up(movies=3)
    scores["hallucination"] = scores.ms_ssim.assign_attrs(better="lower", long_name="hallucination")
    figure = draw(scores, differences(scores))
    assert len(figure.axes) == 6
    assert figure.axes[3].get_ylabel() == "hallucination\nlower is better"
    figures.save(figure, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_the_number_of_fields_shows_every_training(few_many):
    scores = few_many()
    panel = figures.quantity(scores, "ms_ssim").axes[0]
    points = [line.get_ydata() for line in panel.lines if line.get_marker() == "o"]
    means = scores.ms_ssim.mean("seed").transpose("fields", "laboratory", "draw")
    np.testing.assert_allclose(points, means.values.reshape(2, -1))
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["1 field", "60 fields"]


def test_the_course_is_relative_and_open_where_it_is_not_significant(areas):
    found = areas()
    table = followed(found)
    panel = figures.course(found, table).axes[0]
    colours = [points.get_facecolor() for points in panel.collections if len(points.get_offsets()) == 3]
    for (_, rows), filled in zip(table.groupby("image", sort=False), colours, strict=True):
        open_points = (filled[:, :3] == 1).all(axis=1)
        np.testing.assert_array_equal(open_points, ~rows.told_apart & (rows.minute > 0))
    assert not (colours[0][:, :3] == 1).any()
    assert panel.get_legend().get_title().get_text() == "b"


def test_profiles_and_widths_are_those_of_each_laboratory(made_up, measured_profiles):
    names = images_shown(Results(made_up(movies=3)))
    assert names["b"] == ["truth", "M0", "M2", "all", "gaussian_time"]
    upper, lower = np.array(figures.profiles(measured_profiles, names).axes).reshape(2, 3)[:, 1]
    expected = measured_profiles.profile.sel(laboratory="b", image=names["b"])
    np.testing.assert_array_equal([line.get_ydata() for line in upper.lines], expected)
    medians = [
        line.get_ydata()[0]
        for line in lower.lines
        if len(line.get_ydata()) == 2 and line.get_color() in ("white", "black")
    ]
    wanted = measured_profiles.fwhm_nm.sel(laboratory="b", image=names["b"]).median("number")
    assert set(wanted.values) <= set(medians)


def test_all_results_are_written(made_up, few_many, areas, measured_profiles, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "save", lambda figure, path: path.write_text(100 * type(figure).__name__))
    results = Results(made_up(movies=5), few_many(), areas(), measured_profiles)
    words, names = write_results(results, tmp_path)
    assert (tmp_path / "report.txt").read_text() == words
    assert {"robustness.png", "quantity.csv", "course.nc", "widths.csv"} <= set(names)
    assert all((tmp_path / name).stat().st_size > 100 for name in names)
