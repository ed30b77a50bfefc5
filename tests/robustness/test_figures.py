"""The figures show the scores and the p-values of the study."""

import numpy as np
import pytest

from smlmsim import figures
from smlmsim.robustness import differences


def drawn(panel):
    """The heights of the movies (pair, movie) of a panel, and the texts above."""
    lines = [line for line in panel.lines if line.get_marker() == "o"]
    return np.array([line.get_ydata() for line in lines]), [text.get_text() for text in panel.texts]


def test_each_laboratory_shows_its_movies_as_pairs_of_the_two_networks(made_up):
    scores = made_up(unseen=-0.1)
    table = differences(scores)
    figure = figures.laboratories(scores, table)
    assert [panel.get_title() for panel in figure.axes] == ["a", "b", "c"]
    heights, texts = drawn(figure.axes[1])
    expected = scores.ms_ssim.sel(laboratory="b", condition="control", model=["M0", "M2"])
    np.testing.assert_allclose(heights, expected.transpose("seed", "model"))
    row = table[(table.question == "unseen") & (table.laboratory == "b")].iloc[0]
    assert texts == [f"p = {row.p_holm:.2g}"]
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["M0", "M2"]


def test_the_perturbation_shows_control_and_perturbed_movies_of_three(made_up):
    scores = made_up(perturbed=-0.1)
    figure = figures.perturbation(scores, differences(scores))
    heights, texts = drawn(figure.axes[2])
    expected = scores.ms_ssim.sel(laboratory="c", model=["M0", "M3", "gaussian_time"])
    np.testing.assert_allclose(
        heights, expected.transpose("model", "seed", "condition").values.reshape(-1, 2)
    )
    assert len(texts) == 3


@pytest.mark.parametrize("draw", [figures.laboratories, figures.perturbation])
def test_they_are_saved_with_a_row_for_each_metric(made_up, draw, tmp_path):
    scores = made_up(movies=3)
    scores["hallucination"] = scores.ms_ssim.assign_attrs(better="lower", long_name="hallucination")
    figure = draw(scores, differences(scores))
    assert len(figure.axes) == 6
    assert figure.axes[3].get_ylabel() == "hallucination\nlower is better"
    figures.save(figure, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
