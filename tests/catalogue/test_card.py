"""A card has the numbers of a table, whatever its length; its picture shows where the localizations are."""

import numpy as np
import pytest

from smlmsim import io, schema
from smlmsim.catalogue import card as cards
from smlmsim.catalogue import thumbnail
from smlmsim.catalogue.card import measured
from smlmsim.io.reading import Reading


def written(path, number=2000, **more):
    rng = np.random.default_rng(0)
    table = schema.dataset(
        {"structure": "NPC", "name": "Pores", "first_frame": 0},
        loc_frame=np.sort(rng.integers(0, 500, number)).astype(np.int32),
        loc_y=rng.uniform(0, 2000, number).astype("f4"),
        loc_x=rng.uniform(5000, 9000, number).astype("f4"),
        loc_uncertainty=np.full(number, 10, "f4"),
        **more,
    )
    io.write(table, path)
    return path


def test_a_card_has_the_numbers_of_the_table(tmp_path):
    found = measured(written(tmp_path / "a.smlm"), Reading(exposure_s=0.02), ("dye:AF647",)).card
    assert (found.name, found.localizations, found.frames) == ("Pores", 2000, 500)
    assert found.tags == ("structure:nuclear pore", "fluorophore:Alexa Fluor 647")
    assert found.rate_hz == pytest.approx(200)
    assert found.precision_nm == pytest.approx(10, rel=5e-3)
    assert (found.height_nm, found.width_nm) == pytest.approx((2000, 4000), rel=0.01)
    assert found.density_per_um2 == pytest.approx(250, rel=0.02)


def test_a_long_table_is_drawn_from_a_sample_of_all_of_it(tmp_path, monkeypatch):
    path = written(tmp_path / "a.smlm", 9000)
    whole = measured(path).picture.astype(float)
    monkeypatch.setattr(cards, "MOST_DRAWN", 5000)
    chunks = io.chunks
    monkeypatch.setattr(io, "chunks", lambda path, reading: chunks(path, reading, rows=700))
    part = measured(path)
    assert part.card.localizations == 9000
    assert part.picture.shape == whole.shape
    halves = [image[:, :128].mean() / image.mean() for image in (whole, part.picture.astype(float))]
    assert halves[0] == pytest.approx(halves[1], abs=0.1)


def test_a_sample_is_every_nth_localization_of_the_whole(monkeypatch):
    monkeypatch.setattr(cards, "MOST_DRAWN", 100)
    sample = cards._Sample()
    x = np.arange(1000, dtype="f4")
    for start in range(0, 1000, 37):
        sample.add(schema.dataset(loc_y=x[start : start + 37], loc_x=x[start : start + 37]))
    kept = sample.table().loc_x.values
    assert 50 < kept.size <= 100
    assert (np.diff(kept) == 16).all()


def test_a_picture_shows_where_localizations_are_and_leaves_out_strays():
    y = np.r_[np.full(3000, 100.0), np.full(3000, 900.0), 1e6]
    x = np.r_[np.linspace(0, 1000, 6000), -1e6]
    picture = thumbnail.of_table(schema.dataset(loc_y=y, loc_x=x)).astype(int).sum(axis=2)
    assert max(picture.shape) == 256
    top, bottom = (picture[rows].mean(axis=0) for rows in (slice(0, 90), slice(-90, None)))
    assert top[:120].mean() > 10 * max(top[140:].mean(), 0.1)
    assert bottom[140:].mean() > 10 * max(bottom[:120].mean(), 0.1)


def test_channels_have_a_colour_each():
    channel = np.repeat([0, 1], 500)
    x = np.where(channel == 0, 100.0, 900.0)
    table = schema.dataset(loc_y=np.linspace(0, 1000, 1000), loc_x=x, loc_channel=channel)
    picture = thumbnail.of_table(table).astype(int)
    left, right = picture[:, :64].sum(axis=(0, 1)), picture[:, -64:].sum(axis=(0, 1))
    assert left[0] == left[2] > 0 == left[1]
    assert right[1] > 0 == right[0]


@pytest.mark.parametrize("number", [1, 2])
def test_a_few_localizations_have_a_picture_too(number):
    picture = thumbnail.of_table(schema.dataset(loc_y=np.full(number, 5.0), loc_x=np.full(number, 7.0)))
    assert picture.max() > 0
    assert thumbnail.webp(picture)[8:12] == b"WEBP"
    assert thumbnail.png(picture)[1:4] == b"PNG"


def test_what_a_table_says_of_itself_cannot_control_a_terminal(tmp_path):
    path = tmp_path / "a.smlm"
    table = io.read(written(tmp_path / "b.smlm", 20)).assign_attrs(name="\x1b[2JRed", citation="a\nb")
    io.write(table, path)
    card = measured(path).card
    assert (card.name, card.citation) == ("[2JRed", "a b")
