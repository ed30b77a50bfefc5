"""Results of the latest observations are kept."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from smlmsim import remembered
from smlmsim.remembered import digest, saved_s


def _observation(**attrs: float) -> xr.Dataset:
    return xr.Dataset(
        {"counts": (("time", "x"), np.arange(6, dtype=np.uint16).reshape(2, 3))},
        {"x": [0.0, 1.0, 2.0]},
        attrs,
    )


@pytest.fixture
def asked() -> list[tuple[xr.Dataset, int]]:
    return []


def test_an_observation_is_looked_at_once_for_each_setting(asked: list[tuple[xr.Dataset, int]]) -> None:
    @remembered.remembered
    def total(setting: int, observation: xr.Dataset) -> int:
        asked.append((observation, setting))
        return setting + int(observation.counts.sum())

    before = saved_s()
    assert [total(1, _observation()), total(1, _observation()), total(2, _observation())] == [16, 16, 17]
    assert [setting for _, setting in asked] == [1, 2]
    assert saved_s() > before


def test_a_changed_observation_is_another_one(asked: list[tuple[xr.Dataset, int]]) -> None:
    @remembered.remembered
    def total(observation: xr.Dataset) -> int:
        asked.append((observation, 0))
        return int(observation.counts.sum())

    observation = _observation()
    assert total(observation) == 15
    observation.counts.values[0, 0] = 5
    assert total(observation) == 20


def test_every_part_of_a_dataset_is_in_its_digest() -> None:
    seen = _observation()
    others = [
        _observation(pixel_nm=1.0),
        seen.astype(np.int16),
        seen.rename(time="point"),
        seen.rename(counts="count"),
        seen.assign_coords(x=[0.0, 1.0, 3.0]),
        seen.assign(counts=seen.counts.assign_attrs(units="1")),
        seen.assign(names=("x", np.array(["a", "b", "c"], dtype=object))),
    ]
    assert len({digest(dataset) for dataset in [seen, seen.copy(deep=True), *others]}) == 1 + len(others)


def test_only_the_latest_results_are_kept(asked: list[tuple[xr.Dataset, int]]) -> None:
    @remembered.remembered
    def total(setting: int, observation: xr.Dataset) -> int:
        asked.append((observation, setting))
        return setting

    for setting in range(remembered.MOST + 1):
        total(setting, _observation())
    assert len(remembered._results) == remembered.MOST
    assert total(0, _observation()) == 0
    assert [setting for _, setting in asked].count(0) == 2
    remembered.forget()
    assert total(0, _observation()) == 0
    assert [setting for _, setting in asked].count(0) == 3
