"""A training of learned dynamics under way: it is resumed from its checkpoint, and keeps the averaged weights."""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from baselines import _checkpoint
from baselines._losses import adversarial_loss
from baselines._weights import save_weights
from baselines.dynamics import movies as widefield_movies
from baselines.dynamics import widefield
from baselines.dynamics.folds import jacobian
from baselines.dynamics.model import REST, VELOCITY_NM_PER_S, FlowGenerator, State
from baselines.dynamics.movies import Recorded
from baselines.dynamics.settings import DynamicsTraining
from baselines.dynamics.stills import Still, Stills
from smlmsim.contour import Box
from smlmsim.io import replacing, require_writable
from smlmsim.io.lock import sole_writer
from smlmsim.motion.periodic_grid import PeriodicGrid
from smlmsim.rng import stream

NAME = "dynamics"
CHECKPOINT = "checkpoint.safetensors"
TINY = 1e-6
ACROSS = math.sqrt(math.pi / 2)
"""Root mean square of a Gaussian shift along an axis over its mean absolute value."""
logger = logging.getLogger("smlmsim.networks")


class Told(NamedTuple):
    """A generated movie (B, T, Y, X), and how much it folds the plane and stretches contours."""

    movie: torch.Tensor
    folds: torch.Tensor
    stretch: torch.Tensor


def train(
    training: DynamicsTraining,
    folder: Path,
    *,
    given: Sequence[Recorded] | None = None,
    source: str = "",
    progress: bool = True,
) -> float:
    """Train in a folder, or resume there; return the mean error of the change between images.

    It writes ``dynamics.safetensors``, ``checkpoint.safetensors`` and ``log.csv``. With one thread, training that
    was killed and resumed gives the same weights as training that was not.

    Parameters
    ----------
    training : DynamicsTraining
    folder : Path
    given : sequence of Recorded, optional
        Movies to learn from; by default those of the corpus.
    source : str
        What is written with the weights about the movies; by default that of the corpus.
    progress : bool

    Raises
    ------
    OSError
        If the folder cannot be written, or another run writes to it.
    CheckpointError
        If the checkpoint is damaged or belongs to another training.
    """
    require_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with sole_writer(folder):
        found = given or widefield_movies.simulated(training.corpus, progress=progress)
        return Run(training, folder, found, source or training.source).train(progress=progress)


class Run:
    """A training under way."""

    def __init__(
        self, training: DynamicsTraining, folder: Path, movies: Sequence[Recorded], source: str
    ) -> None:
        self.training, self.folder, self.movies, self.source = training, folder, list(movies), source
        budget = training.budget
        torch.manual_seed(budget.seed)
        self.networks = training.networks()
        self.average: Any = self.networks["average"].requires_grad_(False).eval()
        self.memory: Any = self.networks["memory"]
        rates = {"generator": budget.learning_rate, "discriminator": budget.discriminator_rate}
        self.optimizers = {
            name: torch.optim.Adam(self.networks[name].parameters(), lr=rate, betas=(0.5, 0.99))
            for name, rate in rates.items()
        }
        structures = [self._structure(number) for number in range(budget.stills)]
        self.grid = PeriodicGrid.over(Box.of(structures[0]), training.network.cell_nm, REST)
        self.cell_nm = (float(self.grid.cell_nm[0]), float(self.grid.cell_nm[1]))
        self.stills = [Still.of(structure, self.grid) for structure in structures]

    def _structure(self, number: int) -> Any:
        return self.training.still.scene_at_rest(
            stream(self.training.budget.seed, NAME, "still", str(number))
        )

    def train(self, *, progress: bool) -> float:
        """Train to the end, with a checkpoint after ``every`` steps; return the last error of the change."""
        budget, path = self.training.budget, self.folder / CHECKPOINT
        scaler = torch.amp.GradScaler("cpu", enabled=False)
        parts = self.networks, self.optimizers, scaler
        if path.is_file():
            state = _checkpoint.load(path, *parts)
        else:
            self._set_in_motion()
            state = _checkpoint.Progress()
        with tqdm(total=budget.steps, initial=state.step, unit="step", disable=not progress) as bar:
            while state.step < budget.steps:
                steps = min(budget.every, budget.steps - state.step)
                sums: dict[str, float] = {}
                for step in range(state.step, state.step + steps):
                    for name, value in self._step(step).items():
                        sums[name] = sums.get(name, 0.0) + value / steps
                    bar.update()
                state.step, state.best = state.step + steps, self._judged()
                state.history.append({"step": state.step, "change_error": state.best, **sums})
                logger.info("%s: %s", NAME, state.history[-1])
                self._write(state)
                _checkpoint.save(path, state, *parts)
        return state.best

    @torch.no_grad()
    def _set_in_motion(self) -> None:
        """Scale the last layer of the untrained generator such that places move at about the wanted velocity."""
        budget, network = self.training.budget, self.training.network
        stills = Stills.of(self.stills[: budget.scenes])
        velocity = torch.full((len(stills.image),), VELOCITY_NM_PER_S)
        torch.manual_seed(budget.seed)
        generator: Any = self.networks["generator"]
        shift = self._shifts(generator, stills, velocity, budget.before)
        way_nm = (shift[:, 1:] - shift[:, :-1]).square().mean().sqrt()
        generator.flow.weight *= ACROSS * VELOCITY_NM_PER_S * network.step_s / way_nm
        self.average.load_state_dict(generator.state_dict())

    def _step(self, step: int) -> dict[str, float]:
        """Train both networks on a batch; all random numbers are those of the number of the step."""
        training, budget = self.training, self.training.budget
        rng = stream(budget.seed, NAME, "step", str(step))
        torch.manual_seed(int(rng.integers(2**62)))
        fall = min(1.0, (budget.steps - step) / budget.cooldown)
        for name, rate in (("generator", budget.learning_rate), ("discriminator", budget.discriminator_rate)):
            for group in self.optimizers[name].param_groups:
                group["lr"] = rate * fall
        shown = budget.batch + budget.remembered
        real, speeds = widefield_movies.windows(self.movies, shown, budget.images, budget.edge, rng)
        velocities, form = torch.from_numpy(speeds), training.loss.form
        velocity = velocities[: budget.batch]
        discriminator, memory = self.networks["discriminator"], self.memory
        told = self._generate(self.networks["generator"], velocity, rng)
        memory.put(told.movie, velocity, rng)
        earlier, of_earlier = memory.some(budget.remembered, rng)
        of_real = discriminator(torch.from_numpy(real), velocities)
        of_fake = discriminator(torch.cat([told.movie.detach(), earlier]), torch.cat([velocity, of_earlier]))
        loss = adversarial_loss(of_real, real=True, form=form) + adversarial_loss(
            of_fake, real=False, form=form
        )
        self._optimize("discriminator", loss)
        doubt = adversarial_loss(discriminator(told.movie, velocity), real=True, form=form)
        wanted = doubt + training.loss.folds * told.folds + training.loss.stretch * told.stretch
        self._optimize("generator", wanted)
        self._follow()
        found = {
            "discriminator_loss": loss, "doubt": doubt, "real": of_real.mean(), "generated": of_fake.mean(),
            "folds": told.folds, "stretch": told.stretch,
        }  # fmt: skip
        return {name: float(value.detach()) for name, value in found.items()}

    def _optimize(self, name: str, loss: torch.Tensor) -> None:
        self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.networks[name].parameters(), 1.0)
        self.optimizers[name].step()

    @torch.no_grad()
    def _follow(self) -> None:
        """Let the averaged weights follow."""
        kept = self.training.budget.average
        pairs = zip(self.average.parameters(), self.networks["generator"].parameters(), strict=True)
        for average, current in pairs:
            average.lerp_(current, 1 - kept)

    def _generate(self, generator: Any, velocity_B: torch.Tensor, rng: np.random.Generator) -> Told:
        """Generate a movie for every velocity: superposed structures, moved independently, seen by the microscope."""
        budget, loss = self.training.budget, self.training.loss
        chosen = rng.integers(len(self.stills), size=len(velocity_B) * budget.scenes)
        stills = Stills.of([self.stills[number] for number in chosen])
        before = int(rng.integers(budget.before + 1))
        shift = self._shifts(generator, stills, velocity_B.repeat_interleave(budget.scenes), before)
        begin, end = stills.ends(shift)
        stretch = _stretch(begin, end, stills)
        field, microscope = self.training.still.field, self.training.microscope
        y0, x0, height, width = field.rectangle_nm
        middle, period = (y0 + height / 2, x0 + width / 2), (self.grid.height_nm, self.grid.width_nm)
        found = widefield.light(begin, end, middle, period, budget.edge, microscope)
        # Every scene is reflected by itself: no direction is special, and the scenes of a movie do not share one.
        scenes = _turned(found, rng).unflatten(0, (-1, budget.scenes)).sum(1)
        seen = widefield.recorded(scenes, microscope)
        folds = (loss.least_jacobian - jacobian(shift, self.cell_nm)).relu().square().mean()
        return Told(widefield.normalised(seen), folds, stretch)

    def _shifts(
        self, generator: FlowGenerator, stills: Stills, velocity_B: torch.Tensor, before: int
    ) -> torch.Tensor:
        """Displacements of the nodes in nm at the images of a movie, (B, T, 2, Y, X)."""
        images, (rows, columns) = self.training.budget.images, stills.image.shape[1:]
        noise = generator.noise(len(velocity_B), rows, columns, steps=before + images - 1)
        with torch.no_grad():
            scenery = generator.look(stills.image, velocity_B)
            state: State = generator.at_rest(scenery)
            for step in range(before):
                state = generator(scenery, state, velocity_B, noise[step])
        scenery = generator.look(stills.image, velocity_B)
        state = state.detached()
        shifts = [state.shift]
        for step in range(before, before + images - 1):
            state = generator(scenery, state, velocity_B, noise[step])
            shifts.append(state.shift)
        return torch.stack(shifts, 1)

    @torch.no_grad()
    def _judged(self) -> float:
        """How much the root mean square changes between images, over all lags, differ from those of movies."""
        budget, random = self.training.budget, torch.get_rng_state()
        rng = stream(budget.seed, NAME, "held out")
        torch.manual_seed(budget.seed)
        real, speeds = widefield_movies.windows(self.movies, budget.held_out, budget.images, budget.edge, rng)
        told = self._generate(self.average, torch.from_numpy(speeds), rng)
        torch.set_rng_state(random)
        return float((_changes(torch.from_numpy(real)) - _changes(told.movie)).abs().mean())

    def _write(self, state: _checkpoint.Progress) -> None:
        """Write the averaged weights with the settings of the network and what it learned from, and the log."""
        speeds = [movie.velocity_nm_per_s for movie in self.movies]
        settings = {
            "network": self.training.network.model_dump(mode="json"),
            "learned_from": self.source,
            "velocity_nm_per_s": [min(speeds), max(speeds)],
        }
        save_weights(self.folder / f"{NAME}.safetensors", self.average, name=NAME, settings=settings)
        with replacing(self.folder / "log.csv") as draft, draft.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(state.history[0]))
            writer.writeheader()
            writer.writerows(state.history)


def _stretch(begin_BT2S: torch.Tensor, end_BT2S: torch.Tensor, stills: Stills) -> torch.Tensor:
    """The mean square logarithm of the length of segments relative to their length at rest."""
    real = stills.is_real
    first = stills.first[:, None].expand(-1, 2, -1)
    rest = stills.rest.gather(2, first + real[:, None]) - stills.rest.gather(2, first)
    before, now = (way.square().sum(-2).add(TINY) for way in (rest, end_BT2S - begin_BT2S))
    logarithm = (now / before[:, None]).log() / 2
    return (logarithm.square() * real[:, None]).sum() / (real.sum() * now.shape[1])


def _changes(movie_BTYX: torch.Tensor) -> torch.Tensor:
    """The root mean square change of a pixel over every lag, (lag,)."""
    images = movie_BTYX.shape[1]
    return torch.stack(
        [(movie_BTYX[:, lag:] - movie_BTYX[:, :-lag]).square().mean().sqrt() for lag in range(1, images)]
    )


def _turned(movie_BTYX: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Reflect and transpose movies at random, each its own way."""
    turned = []
    for movie, (flip_y, flip_x, transpose) in zip(
        movie_BTYX, rng.integers(2, size=(len(movie_BTYX), 3)), strict=True
    ):
        flips = [axis for axis, flip in ((-2, flip_y), (-1, flip_x)) if flip]
        found = movie.flip(flips) if flips else movie
        turned.append(found.mT if transpose else found)
    return torch.stack(turned)
