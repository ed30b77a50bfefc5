"""The training loop for all networks: their losses in turn, validation, and checkpoints that resume exactly."""

from __future__ import annotations

import csv
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader
from tqdm import tqdm

from baselines import _checkpoint
from baselines._allocator import keep_freed_memory
from baselines._budget import Budget
from baselines._fit import require_fit
from baselines._freeze import freeze, keep_statistics
from baselines._inputs import Inputs
from baselines._validation import Validation
from baselines._weights import save_weights
from smlmsim.corpus.dataset import CropDataset, MovieDataset, Source, counts_alone
from smlmsim.io import replacing
from smlmsim.rng import stream

Batch = tuple[torch.Tensor, torch.Tensor]

CHECKPOINT = "checkpoint.safetensors"
logger = logging.getLogger("smlmsim.networks")
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class Task(Protocol):
    """Networks by name, of which the first reconstructs, and their losses."""

    networks: nn.ModuleDict

    def losses(
        self, inputs_BCTYX: torch.Tensor, density_BCTYX: torch.Tensor
    ) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield the name of a network and its loss, which is optimized before the next one is computed.

        Parameters
        ----------
        inputs_BCTYX : torch.Tensor
            The input of the first network, see :class:`~baselines._inputs.Inputs`.
        density_BCTYX : torch.Tensor
            The true density, with one channel.
        """
        ...


class Trainer:
    """Train the networks of a task, continuing from the checkpoint of a folder if there is one.

    It writes ``weights.safetensors`` (of the epoch with the best validation score), ``checkpoint.safetensors``,
    ``log.csv``, a preview of every epoch, and TensorBoard files if tensorboard is installed. Under ``torchrun`` every
    process takes its share of each batch. With the same number of threads, training that was killed and resumed gives
    the same weights as training that was not.

    Parameters
    ----------
    name, settings : str, mapping
        Name and settings of the first network, to be written with its weights.
    task : Task
        The networks and their losses.
    budget : Budget
        The length of the training, its crops and its learning rate.
    folder : Path
        Folder for the results.
    corpus, validation : Path or Source
        Where crops for training and for validation come from: a corpus, or another source of crops.
    workers : int
        Number of processes that prepare crops; the result does not depend on it.
    frozen : str
        Name of modules that are not trained, such as ``"encoder"``.
    inputs : Inputs, optional
        What the first network sees; by default plain counts.

    Raises
    ------
    ValueError
        If the batch cannot be shared by the processes, the crops do not fit the network or lack an input of it, or
        the name to be frozen is that of no module or of the whole network.
    CorpusError
        If there is no corpus, or the crops do not fit into its movies.
    CheckpointError
        If the checkpoint is damaged or belongs to another training.
    """

    def __init__(
        self,
        name: str,
        settings: Mapping[str, Any],
        task: Task,
        budget: Budget,
        *,
        folder: Path,
        corpus: Path | Source,
        validation: Path | Source,
        workers: int = 1,
        frozen: str = "",
        inputs: Inputs | None = None,
    ) -> None:
        self._name, self._settings, self._task, self._budget = name, settings, task, budget
        self._folder, self._workers = folder, workers
        self._rank, self._world = _join()
        if budget.batch % self._world:
            raise ValueError(f"a batch of {budget.batch} cannot be shared by {self._world} processes")
        inputs = inputs or Inputs()
        self._data = dataset(corpus, budget, budget.epoch_steps * budget.batch, inputs)
        if learned := self._data.domain.learned_from:
            logger.warning(
                "the motion of the movies was learned from %s: this network has seen such movies at second hand, so "
                "scores on them do not compare with those of others", learned,
            )  # fmt: skip
        held_out = dataset(validation, budget, budget.validation_crops, inputs)
        self._validation = Validation(held_out, inputs.names[0])
        self._networks = dict(task.networks.items())
        require_fit(budget.crops, self._networks)
        self._frozen = freeze(self._networks, frozen) if frozen else []
        self._device = _device(self._rank)
        task.networks.to(self._device)
        self._optimizers = {key: _adam(network, budget) for key, network in self._networks.items()}
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=budget.precision == "float16")
        self._state = _checkpoint.Progress()
        torch.manual_seed(budget.seed)
        if self._checkpoint.is_file():
            self._state = _checkpoint.load(self._checkpoint, self._networks, self._optimizers, self._scaler)
        if self._world > 1:
            for key, network in self._networks.items():
                task.networks[key] = DistributedDataParallel(network, broadcast_buffers=False)

    @property
    def _checkpoint(self) -> Path:
        return self._folder / CHECKPOINT

    def train(self, *, progress: bool = True) -> float:
        """Train until the steps or the patience are used up; return the best MS-SSIM of the validation."""
        budget, state, is_first = self._budget, self._state, self._rank == 0
        keep_freed_memory()
        self._folder.mkdir(parents=True, exist_ok=True)
        with (
            _board(self._folder, active=is_first) as board,
            tqdm(
                total=budget.steps, initial=state.step, unit="step", disable=not (progress and is_first)
            ) as bar,
        ):
            while state.step < budget.steps and state.since_best < budget.patience:
                row = self._epoch(bar)
                bar.set_postfix({"MS-SSIM": f"{row['ms_ssim']:.4f}", "best": f"{state.best:.4f}"})
                if is_first:
                    self._finish(row, board)
        return state.best

    def _epoch(self, bar: tqdm[Any]) -> dict[str, float]:
        """Train for an epoch and validate; return what to log."""
        budget, state = self._budget, self._state
        steps = min(budget.epoch_steps, budget.steps - state.step)
        sums: dict[str, float] = {}
        for batch in self._batches(state.step // budget.epoch_steps, steps):
            for name, loss in self._step(batch).items():
                sums[f"{name}_loss"] = sums.get(f"{name}_loss", 0.0) + loss / steps
            state.step += 1
            bar.update()
        self._judge(score := self._score())
        rate = budget.learning_rate_at(state.step, state.factor)
        return {"step": state.step, "ms_ssim": score, "learning_rate": rate, **sums}

    def _judge(self, score: float) -> None:
        """Note whether this epoch is the best, and lower the learning rate on a plateau."""
        budget, state = self._budget, self._state
        state.since_best = 0 if score > state.best else state.since_best + 1
        state.best = max(state.best, score)
        if budget.schedule == "plateau" and state.since_best and state.since_best % budget.plateau == 0:
            state.factor /= 2

    def _step(self, batch: Batch) -> dict[str, float]:
        """Optimize every loss in turn; each network is updated before the next loss is computed."""
        inputs, density = (tensor.to(self._device, non_blocking=True) for tensor in batch)
        self._task.networks.train()
        if self._state.step >= self._budget.settle * self._budget.steps:
            keep_statistics(self._task.networks)
        for module in self._frozen:
            module.eval()
        losses = self._task.losses(inputs, density)
        found: dict[str, float] = {}
        while True:
            with self._precision():
                name, loss = next(losses, ("", None))
            if loss is None:
                return found
            self._optimize(name, loss)
            found[name] = float(loss.detach())

    def _optimize(self, name: str, loss: torch.Tensor) -> None:
        optimizer = self._optimizers[name]
        for group in optimizer.param_groups:
            group["lr"] = self._budget.learning_rate_at(self._state.step, self._state.factor)
        optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        self._scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(self._networks[name].parameters(), self._budget.gradient_norm)
        self._scaler.step(optimizer)
        self._scaler.update()

    def _batches(self, epoch: int, steps: int) -> Iterator[Batch]:
        """Yield the share of this process in the crops of an epoch."""
        self._data.set_epoch(epoch)
        if self._world > 1:  # a checkpoint stores the random state of one process only
            rng = stream(self._budget.seed, "process", str(self._rank), str(epoch))
            torch.manual_seed(int(rng.integers(2**63)))
        share = self._budget.batch // self._world
        starts = [step * self._budget.batch + self._rank * share for step in range(steps)]
        batches = [list(range(start, start + share)) for start in starts]
        return iter(DataLoader(self._data, batch_sampler=batches, num_workers=self._workers))

    def _score(self) -> float:
        """The validation score of the first process, sent to all, so that all change their rate and end together."""
        self._task.networks.eval()
        score = self._validation.ms_ssim(self._estimate) if self._rank == 0 else 0.0
        if self._world == 1:
            return score
        shared = torch.tensor(score, dtype=torch.float64, device=self._device)
        torch.distributed.broadcast(shared, 0)
        return float(shared)

    @torch.no_grad()
    def _estimate(self, inputs: torch.Tensor) -> torch.Tensor:
        network = next(iter(self._networks.values()))
        with self._precision():
            density: torch.Tensor = network(inputs[None].to(self._device))
        return density[0].float().cpu()

    def _precision(self) -> Any:
        dtype = DTYPES.get(self._budget.precision)
        return torch.autocast(self._device.type, dtype) if dtype else nullcontext()

    def _finish(self, row: dict[str, float], board: Any) -> None:
        """Write the results of an epoch; the checkpoint comes last, so that an interrupted epoch is repeated whole."""
        state = self._state
        state.history.append(row)
        if state.since_best == 0:
            best = next(iter(self._networks.values()))
            save_weights(
                self._folder / "weights.safetensors", best,
                name=self._name, settings=self._settings, domain=self._data.domain,
            )  # fmt: skip
        self._validation.preview(self._estimate, self._folder / f"preview-{state.step:07d}.png")
        _write_log(self._folder / "log.csv", state.history)
        for key, value in row.items():
            board.add_scalar(key, value, state.step)
        board.flush()
        _checkpoint.save(self._checkpoint, state, self._networks, self._optimizers, self._scaler)


def _join() -> tuple[int, int]:
    """Join the processes that torchrun started; return the index of this one and their number."""
    world = int(os.environ.get("WORLD_SIZE", 1))
    if world > 1 and not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return int(os.environ.get("RANK", 0)), world


def dataset(source: Path | Source, budget: Budget, crops: int, inputs: Inputs | None = None) -> CropDataset:
    """The crops of a source, as channels of ``inputs``, or as counts if these are left out."""
    see = inputs.stacked if inputs else counts_alone
    if isinstance(source, Path):
        found: CropDataset = MovieDataset(source, budget.crops, crops=crops, seed=budget.seed, see=see)
    else:
        found = source.dataset(budget.crops, crops=crops, seed=budget.seed, see=see)
    if inputs:
        inputs.require_shown(budget.crops.lasting(found.study))
    if inputs and inputs.widefield and not getattr(found, "has_contours", True):
        raise ValueError(
            f"{source} stores specks of measured tables as images, from which no widefield image can be simulated; "
            "train on simulated contours, or choose widefield=false"
        )
    return found


def _device(rank: int) -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", rank)))


def _adam(network: nn.Module, budget: Budget) -> torch.optim.Optimizer:
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(
        trained, lr=budget.learning_rate, betas=(budget.beta1, 0.999), weight_decay=budget.weight_decay
    )


def _write_log(path: Path, history: list[dict[str, float]]) -> None:
    with replacing(path) as draft, draft.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(history[0]))
        writer.writeheader()
        writer.writerows(history)


def _board(folder: Path, *, active: bool) -> Any:
    """Return a writer of TensorBoard files, or one that writes nothing."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return _NoBoard()
    return SummaryWriter(folder / "tensorboard") if active else _NoBoard()


class _NoBoard:
    def __enter__(self) -> _NoBoard:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def add_scalar(self, *_: object) -> None:
        pass

    def flush(self) -> None:
        pass
