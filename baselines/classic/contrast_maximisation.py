"""The localizations smoothed along the flow that makes the image of all of them sharpest."""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import numpy as np
import xarray as xr
from pydantic import Field, NonNegativeFloat, PositiveFloat

from baselines.classic import _kernels, _repeats, _weights
from baselines.classic._flow import Carried, Events, Flow
from baselines.classic._held_out import HeldOut
from baselines.classic.gaussian_time import GaussianTime, Widths
from smlmsim import schema
from smlmsim.spec import Spec

LEAST_EVENTS = 100
LEAST_POINTS = 2
MOST_POINTS = 8


class Found(NamedTuple):
    """A flow, the length of the windows it was fitted in, and what the held-out localizations say."""

    flow: Flow
    window: float
    widths: Widths
    log_likelihood: float
    gain: float


class ContrastMaximisation(Spec):
    time_sigma_s: Annotated[float, Field(ge=0, allow_inf_nan=True)] | None = None
    space_sigma_nm: NonNegativeFloat | None = None
    resolution_nm: NonNegativeFloat = 30.0
    order: Annotated[int, Field(ge=0, le=4)] = 4
    window_s: PositiveFloat | None = None
    blur_nm: PositiveFloat = 30.0
    collapse: NonNegativeFloat = 1.0

    def reconstruct(self, observation: xr.Dataset) -> xr.Dataset:
        resting = GaussianTime(
            time_sigma_s=self.time_sigma_s, space_sigma_nm=self.space_sigma_nm, resolution_nm=self.resolution_nm
        )
        widths = resting.widths(observation)
        log = []
        if not _repeats.usable(observation) or observation.sizes["time"] < 3:
            return resting.reconstruct(observation)
        displacement_nm = resting.displacement_nm(observation)
        first = _repeats.first_appearances(observation, widths.repeat_frames)
        still_held = HeldOut.of(first, displacement_nm)
        still = still_held.log_likelihoods([widths.time_s], [widths.space_nm])[0, 0]
        N = still_held.numbers.sum()
        everything = Events.of(observation)
        once = Events.of(observation.isel(localization=_repeats.appearances(observation, widths.repeat_frames)))
        window = max(LEAST_POINTS, LEAST_EVENTS * everything.length / max(everything.times.size, 1))
        flow = None
        best = None
        while window <= everything.length:
            flow = Flow.sharpest(everything, window, self.order, self.blur_nm, self.collapse, flow)
            held = HeldOut.of(first, displacement_nm, Carried.along(once, flow))
            w, ll = resting.likeliest(held, observation, MOST_POINTS)
            ll -= N * (2*15*everything.length/window) / everything.times.size
            log += [float(window), w.time_s, w.space_nm, float((ll - still) / N)]
            if best is not None and ll <= best[0]:
                break
            best = ll, flow, w
            window *= 2
        self.__dict__["log"] = (int(N), widths[:2], [round(v,3) for v in log])
        if best is None or best[0] <= still:
            return resting.reconstruct(observation)
        _, flow, w = best
        carried = Carried.along(everything, flow)
        time_s = observation.time.values
        images, _ = carried.average(np.arange(time_s.size), _weights.gaussian(time_s, time_s, w.time_s))
        across = [_weights.gaussian(observation[a].values, observation[a].values, w.space_nm) for a in ("y", "x")]
        _kernels.smooth_space(*across, images)
        return schema.dataset({}, density=images, time=observation.time, y=observation.y, x=observation.x)
