"""Learned: groups of filaments flow as a network has learned from widefield movies."""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from scipy import sparse

from smlmsim.contour import Box, Filaments, bonds, check_at_rest, moving
from smlmsim.motion._deformation_kernels import mean_normal_shift
from smlmsim.motion.deformation import PROBES, solve, velocity_weights
from smlmsim.motion.periodic_grid import PeriodicGrid
from smlmsim.plugins import PluginError, Plugins
from smlmsim.spec import Spec

Floats = npt.NDArray[np.float64]
Chosen = npt.NDArray[np.bool_]

LEAST_JACOBIAN = 0.2
"""Smallest ratio of areas after and before the displacement: at 0 the plane folds over."""
LONGEST_STEPS = 20_000
"""Most steps of a generator in a movie; more would be a typing error."""
TINY = 1e-30
BEYOND = 0.5
"""Share of the field around it, over which the flow repeats, for structures that do not repeat themselves."""
_log = logging.getLogger(__name__)


class DynamicsError(PluginError):
    """Learned dynamics cannot be loaded, or do not give a flow."""


DYNAMICS = Plugins("smlmsim.dynamics", "learned dynamics", ("flow",), error=DynamicsError)


@runtime_checkable
class Dynamics(Protocol):
    """Anything that gives the flow of a structure, at about the velocity that is asked for.

    Its package registers it by an entry point in the group ``smlmsim.dynamics``: a name for a class whose arguments are
    the settings::

        [project.entry-points."smlmsim.dynamics"]
        my_dynamics = "my_package.my_module:MyDynamics"

    ``smlmsim.testing.check_dynamics`` checks that it fulfils the contract.

    Parameters
    ----------
    cell_nm : float
        Wanted distance of the nodes of its grid; that of a grid differs by what makes the nodes a multiple.
    multiple : int
        The number of nodes along either axis is a multiple of this.
    step_s : float
        Time from one displacement to the next.
    velocity_nm_per_s : (float, float)
        The lowest and the highest velocity that it has learned.
    learned_from : str
        The movies that it was learned from.
    """

    cell_nm: float
    multiple: int
    step_s: float
    velocity_nm_per_s: tuple[float, float]
    learned_from: str

    def flow(
        self,
        image: npt.NDArray[np.float32],
        cell_nm: float,
        steps: int,
        velocity_nm_per_s: float,
        rng: np.random.Generator,
    ) -> npt.NDArray[np.floating]:
        """Give the displacements of where a structure is at rest.

        Parameters
        ----------
        image : float32 array (row, column)
            The image of the structure at rest at the nodes, relative to its mean; the plane repeats.
        cell_nm : float
            Distance of the nodes, the mean over both axes.
        steps : int
            Number of steps.
        velocity_nm_per_s : float
            Wanted velocity, above 0.
        rng : numpy.random.Generator
            The only source of random numbers.

        Returns
        -------
        array (steps + 1, yx, row, column)
            Displacements in nm before the first and after every step, as the coefficients of cubic B-splines at the
            nodes; finite.
        """
        ...


class Learned(Spec):
    """Displacement of every point by a flow that a network has learned from widefield movies.

    Filaments are shared out at random among a few groups. The network sees an image of each group at rest and gives,
    step by step, the displacement of every place of it; the groups flow independently of each other.
    What is moved are the vertices, not an image: nothing is interpolated but the displacement, a cubic spline between
    nodes of a grid that repeats with the box of the structure, and a smooth curve between steps.

    The displacement is scaled so that the structure has the set velocity. Where it would fold the plane, that is, where
    an area would shrink to less than a fifth or turn over, only its mean over the plane, which folds nothing, is scaled
    further.

    The bundled ``unet`` has learned from simulated movies of ``polymer`` motion, which is what ``simulated_dynamic``
    tests with: reconstructors that are trained on its movies have, at second hand, seen the test generator.

    Parameters
    ----------
    dynamics : str
        Name of installed learned dynamics.
    groups : int
        Number of groups of filaments that flow independently. The bundled dynamics have learned with groups of 0.5 um
        of contour per um^2, which the default makes of a scene of ``semi_simulated``.
    weights : str, optional
        File of other weights for them; by default those that they bring along.
    velocity_nm_per_s : float
        Mean |shift of the contour along its normal| per time inside the field, over ``velocity_lag_s``.
    velocity_lag_s : float
        Lag over which the velocity is defined.
    """

    kind: Literal["learned"] = "learned"
    dynamics: str = "unet"
    weights: str | None = None
    groups: PositiveInt = 3
    velocity_nm_per_s: NonNegativeFloat = 60.0
    velocity_lag_s: PositiveFloat = 1.5

    @property
    def learned_from(self) -> str:
        """The movies that the dynamics were learned from.

        Raises
        ------
        DynamicsError
            If the dynamics cannot be loaded.
        """
        return str(self._loaded().learned_from)

    def move(self, structure: xr.Dataset, times_s: Floats, rng: np.random.Generator) -> xr.Dataset:
        """Move the vertices with the flow, which has displaced them already at the first time.

        Parameters
        ----------
        structure : xr.Dataset
            ``vertex_y``, ``vertex_x`` (vertex,) in nm with the coordinate ``filament`` and the attribute ``field_nm`` =
            [y0, x0, height, width]; with ``box_nm``, a filament whose centre leaves the box enters on the other side.
        times_s : array (time,)
            Increasing times in s.
        rng : numpy.random.Generator

        Returns
        -------
        xr.Dataset
            The structure with ``vertex_y``, ``vertex_x`` (time, vertex) float32 in nm; the attributes
            ``velocity_nm_per_s``, ``velocity_lag_s``, ``learned_from``, ``flow_scale``, the factor on the displacement
            that gave the velocity, and ``flow_drift_scale``, the further one on its mean.

        Raises
        ------
        DynamicsError
            If the dynamics cannot be loaded, or their flow does not fit or moves nothing.
        ValueError
            If the box is too small, no part of the structure is in it, or the times do not increase.
        """
        check_at_rest(structure)
        times_s = np.asarray(times_s, np.float64)
        if times_s.size == 0 or not (np.isfinite(times_s).all() and (np.diff(times_s) > 0).all()):
            raise ValueError(
                "the times of a movie must be finite and increase; sort them and drop repeated ones"
            )
        found = self._moved(structure, times_s, rng)
        y, x = found.positions(times_s)
        return moving(
            structure, times_s, y, x, velocity_nm_per_s=self.velocity_nm_per_s, velocity_lag_s=self.velocity_lag_s,
            learned_from=self.learned_from, flow_scale=found.scale, flow_drift_scale=found.drift,
        )  # fmt: skip

    def _loaded(self) -> Dynamics:
        settings = {} if self.weights is None else {"weights": self.weights}
        found: Dynamics = DYNAMICS.load(self.dynamics, settings)
        return found

    def _moved(self, structure: xr.Dataset, times_s: Floats, rng: np.random.Generator) -> Flowing:
        """Draw a flow, and scale it to the velocity."""
        dynamics, wanted = self._loaded(), self.velocity_nm_per_s
        begin_s, last_s = float(times_s[0]), float(times_s[-1]) + self.velocity_lag_s
        steps = math.ceil((last_s - begin_s) / dynamics.step_s) + 1
        if steps > LONGEST_STEPS:
            raise ValueError(f"a movie of {last_s - begin_s:g} s takes {steps} steps of the flow, at most "
                             f"{LONGEST_STEPS} are possible; ask for a shorter movie")  # fmt: skip
        grid = _grid(structure, dynamics)
        parts = self._groups(structure, rng)
        still = np.zeros((len(parts), 2, 2, grid.rows, grid.columns))
        if wanted == 0:
            return Flowing(structure, grid, parts, still, begin_s, dynamics.step_s)
        self._tell(dynamics)
        nodes = [_flow(dynamics, grid, _image(structure, part, grid), steps, wanted, rng) for part in parts]
        found = Flowing(structure, grid, parts, np.stack(nodes), begin_s, dynamics.step_s)
        found.calibrate(wanted, self.velocity_lag_s, times_s)
        return found

    def _groups(self, structure: xr.Dataset, rng: np.random.Generator) -> list[Chosen]:
        """Share out the filaments at random; return which vertices are in every group, (vertex,) each."""
        filaments = Filaments.of(structure)
        number = min(self.groups, filaments.first.size)
        group = filaments.of_vertices(rng.permutation(filaments.first.size) % number)
        return [group == each for each in range(number)]

    def _tell(self, dynamics: Dynamics) -> None:
        """Say it if the velocity is none that was learned."""
        low, high = dynamics.velocity_nm_per_s
        if not low <= self.velocity_nm_per_s <= high:
            _say_once(
                f"the learned dynamics {self.dynamics!r} know velocities of {low:.3g} to {high:.3g} nm/s; others are "
                "found by scaling their flow"
            )


class Flowing:
    """A structure, the groups of its vertices, and their displacements at the nodes of a grid after every step.

    The displacement is multiplied by ``scale``; its mean over the plane, times ``drift``, is added.
    """

    scale = 1.0
    drift = 0.0

    def __init__(
        self, structure: xr.Dataset, grid: PeriodicGrid, groups: Sequence[Chosen], nodes: Floats, begin_s: float,
        step_s: float,
    ) -> None:  # fmt: skip
        filaments = Filaments.of(structure)
        self.rest = np.stack([structure.vertex_y.values, structure.vertex_x.values]).astype(np.float64)
        self.filaments, self.box = filaments, Box.of(structure)
        self.weights = velocity_weights(filaments)
        self.field = np.array(structure.attrs["field_nm"], dtype=np.float64)
        self.grid, self.nodes, self.begin_s, self.step_s = grid, nodes, begin_s, step_s
        steps = nodes.shape[1]
        self.moved = np.empty((steps, 2, self.rest.shape[1]))
        self.mean = np.empty_like(self.moved)
        for chosen, own in zip(groups, nodes, strict=True):
            taken = grid.matrix(self.rest[:, chosen]) @ own.reshape(2 * steps, -1).T
            self.moved[:, :, chosen] = taken.T.reshape(steps, 2, -1)
            self.mean[:, :, chosen] = own.mean(axis=(2, 3))[:, :, None]

    def positions(self, times_s: Floats) -> npt.NDArray[np.float32]:
        """Positions of the vertices in nm, (yx, time, vertex)."""
        course = _course(times_s - self.begin_s, self.step_s, len(self.moved))
        way = self.scale * self.moved + self.drift * self.mean
        shift = (course @ way.reshape(len(way), -1)).reshape(times_s.size, 2, -1)
        place = np.moveaxis(self.rest + shift, 1, 0)
        if self.box.repeats:
            place = place + self.filaments.of_vertices(self.box.reentry_nm(self.filaments.centres(place)))
        return np.asarray(place, np.float32)

    def velocity(self, starts_s: Floats, lag_s: float, *, scale: float = 1.0, drift: float = 0.0) -> float:
        """Measure the velocity for a scale and a drift, as :meth:`smlmsim.motion.deformation.Flow.velocity` does."""
        self.scale, self.drift = scale, drift
        before, after = self.positions(starts_s), self.positions(starts_s + lag_s)
        box = np.array(self.box)
        shift = float(mean_normal_shift(before, after, self.weights, box, self.field))
        if math.isnan(shift) and self.box.repeats:
            shift = float(mean_normal_shift(before, after, self.weights, box, box))
        return shift / lag_s

    def calibrate(self, wanted: float, lag_s: float, times_s: Floats) -> None:
        """Find the scale, and the drift if the scale would fold the plane, that give a velocity."""
        starts = np.linspace(times_s[0], max(times_s[-1] - lag_s, times_s[0]), PROBES)
        full = self.velocity(starts, lag_s)
        if not math.isfinite(full):
            raise ValueError("no part of the structure is in the field; make it denser, or enlarge the field")
        if full == 0:
            raise DynamicsError(f"the flow is 0 everywhere, so it cannot give velocity_nm_per_s={wanted:g}")
        largest = self.largest_scale()
        most = self.velocity(starts, lag_s, scale=largest) if largest < math.inf else math.inf
        if most >= wanted:
            found = solve(lambda tried: self.velocity(starts, lag_s, scale=tried), wanted, 0.0, wanted / full)
            self.scale, self.drift = min(found, largest), 0.0
            return
        alone = self.velocity(starts, lag_s, scale=0.0, drift=1.0)
        guess = math.sqrt(wanted**2 - most**2) / max(alone, TINY)
        self.drift = solve(
            lambda tried: self.velocity(starts, lag_s, scale=largest, drift=tried), wanted, most, guess
        )
        self.scale = largest
        _say_once(
            "where a learned flow would fold the plane at the wanted velocity, only its mean displacement is scaled "
            "further; flow_scale and flow_drift_scale of a moving structure tell"
        )

    def largest_scale(self) -> float:
        """The largest factor on the displacement at which no area shrinks to less than ``LEAST_JACOBIAN``."""
        along_y, along_x = self.grid.gradients(self.nodes)
        trace = along_y[:, :, 0] + along_x[:, :, 1]
        determinant = along_y[:, :, 0] * along_x[:, :, 1] - along_x[:, :, 0] * along_y[:, :, 1]
        return first_root(1 - LEAST_JACOBIAN, trace, determinant)


@functools.cache
def _say_once(text: str) -> None:
    """Log what holds for many movies once in a process."""
    _log.info("%s", text)


def first_root(constant: float, linear: Floats, square: Floats) -> float:
    """The smallest positive s with constant + linear s + square s^2 = 0 for any coefficients; infinite if none."""
    linear, square = np.ravel(linear).astype(np.float64), np.ravel(square).astype(np.float64)
    inside = linear**2 - 4 * constant * square
    # The stable form of a root of a quadratic equation: it is that of a linear one where the square vanishes.
    below = np.sqrt(np.maximum(inside, 0)) - linear
    roots = 2 * constant / below[(inside >= 0) & (below > 0)]
    return float(roots.min()) if roots.size else math.inf


def _grid(structure: xr.Dataset, dynamics: Dynamics) -> PeriodicGrid:
    """The grid over the box of a structure or, if it does not repeat, over the field and what is around it."""
    box, (y, x, height, width) = Box.of(structure), (float(v) for v in structure.attrs["field_nm"])
    around = [y - BEYOND * height, x - BEYOND * width, (1 + 2 * BEYOND) * height, (1 + 2 * BEYOND) * width]
    return PeriodicGrid.over(list(box) if box.repeats else around, dynamics.cell_nm, dynamics.multiple)


def _image(structure: xr.Dataset, chosen: Chosen, grid: PeriodicGrid) -> npt.NDArray[np.float32]:
    """The image of some vertices of a structure at the nodes; where all are single there is a speck at each."""
    rest = np.stack([structure.vertex_y.values, structure.vertex_x.values])[:, chosen].astype(np.float64)
    return contour_image(rest, bonds(structure.filament.values[chosen]), grid)


def contour_image(
    rest_nm: Floats, first: npt.NDArray[np.int64], grid: PeriodicGrid
) -> npt.NDArray[np.float32]:
    """The image at the nodes of a grid of contours at rest.

    Parameters
    ----------
    rest_nm : array (yx, vertex)
    first : int array (segment,)
        The first vertex of every segment; the second is the next one. Without segments every vertex is a speck.
    grid : PeriodicGrid
    """
    if first.size == 0:
        return grid.image(rest_nm, np.ones(rest_nm.shape[1]))
    way = rest_nm[:, first + 1] - rest_nm[:, first]
    return grid.image(rest_nm[:, first] + way / 2, np.hypot(*way))


def _flow(
    dynamics: Dynamics, grid: PeriodicGrid, image: npt.NDArray[np.float32], steps: int, velocity: float,
    rng: np.random.Generator,
) -> Floats:  # fmt: skip
    """The displacements of the nodes in nm, (step, yx, row, column)."""
    found = np.asarray(dynamics.flow(image, float(grid.cell_nm.mean()), steps, velocity, rng), np.float64)
    if found.shape != (steps + 1, 2, *image.shape):
        raise DynamicsError(
            f"{type(dynamics).__name__} gave a flow of the shape {found.shape}, expected {(steps + 1, 2, *image.shape)}"
        )
    if not np.isfinite(found).all():
        raise DynamicsError(f"{type(dynamics).__name__} gave a flow that is not finite everywhere")
    return found


def _course(passed_s: Floats, step_s: float, steps: int) -> Any:
    """The sparse matrix (time, step) of a smooth curve through what there is after every step (Catmull & Rom 1974)."""
    place = np.clip(passed_s / step_s, 0, steps - 1)
    first = np.clip(np.floor(place).astype(np.int64), 0, steps - 2)
    t = place - first
    weights = np.stack([
        (-t + 2 * t**2 - t**3) / 2, (2 - 5 * t**2 + 3 * t**3) / 2, (t + 4 * t**2 - 3 * t**3) / 2, (t**3 - t**2) / 2,
    ], axis=1)  # fmt: skip
    index = np.clip(first[:, None] + np.arange(-1, 3), 0, steps - 1)
    rows = np.repeat(np.arange(place.size), 4)
    return sparse.csr_array((weights.ravel(), (rows, index.ravel())), shape=(place.size, steps))
