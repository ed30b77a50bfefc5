"""Convolutional LSTMs forward and backward in time, and a convolutional network that runs once per time point.

Shapes in names: B batch, C channel, T time point, Y and X pixels.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from pydantic import Field, PositiveInt
from torch import nn
from torch.nn import functional as F

from baselines._inputs import NetworkSettings

LANES = 16
"""Numbers that a processor computes at once: 16 of float32 in 512 bits."""
KERNEL = 5
"""Edge length of the convolutions in px, as published."""


class DBlinkNetwork(NetworkSettings):
    """Settings of the network; by default those of the published one.

    Parameters
    ----------
    hidden, layers : int
        Number of channels of a recurrent layer, and number of such layers in each direction.
    channels : tuple of int
        Numbers of channels of the convolutional layers except the last, which has one.
    dropout : float
        Fraction of channels dropped after each of these layers.
    inputs : Inputs
        What the network sees: one image per time point and channel.
    """

    hidden: PositiveInt = 4
    layers: PositiveInt = 2
    channels: tuple[PositiveInt, ...] = (128, 256, 64)
    dropout: float = Field(0.0, ge=0, lt=1)

    def build(self) -> DBlink:
        """Make the network."""
        return DBlink(self)


class DBlink(nn.Module):
    """Reconstruct density movies (B, 1, T, Y, X) from input channels (B, C, T, Y, X).

    References
    ----------
    Saguy et al. 2023, doi:10.1038/s41592-023-01966-0.
    """

    multiple = (1, 1, 1)

    def __init__(self, settings: DBlinkNetwork) -> None:
        super().__init__()
        widths = [settings.channels_in] + [settings.hidden] * settings.layers
        directions = {name: _recurrent(widths) for name in ("ahead", "back")}
        self.encoder = nn.ModuleDict(directions)
        layers: list[nn.Module] = []
        channels = (2 * settings.hidden, *settings.channels)
        for narrow, wide in pairwise(channels):
            layers += [_Convolution(narrow, wide, KERNEL, padding=KERNEL // 2), nn.ReLU(inplace=True)]
            layers += [nn.Dropout2d(settings.dropout)] if settings.dropout else []
        self.decoder = nn.Sequential(*layers, _Convolution(channels[-1], 1, KERNEL, padding=KERNEL // 2))

    def forward(self, inputs_BCTYX: torch.Tensor) -> torch.Tensor:
        """Reconstruct movies in one pass through all time points."""
        x_TBCYX = inputs_BCTYX.permute(2, 0, 1, 3, 4)
        ahead_TBCYX = self.encoder["ahead"](x_TBCYX)
        back_TBCYX = self.encoder["back"](x_TBCYX.flip(0)).flip(0)
        both_TBCYX = torch.cat([ahead_TBCYX, back_TBCYX], dim=2)
        both_BCYX = both_TBCYX.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        image_TBCYX = self.decoder(both_BCYX).unflatten(0, both_TBCYX.shape[:2])
        return image_TBCYX.permute(1, 2, 0, 3, 4)


class _Convolution(nn.Conv2d):
    """A convolution that, once trained, fills the registers of the processor where it has few output channels.

    The channels of neighbouring pixels along x are computed as the channels of one pixel of a coarser image, with a
    kernel that is wider by the number of neighbours. Images with the channels last have the same memory either way.
    """

    def forward(self, x_BCYX: torch.Tensor) -> torch.Tensor:
        """Convolve images."""
        number = math.gcd(max(LANES // self.out_channels, 1), x_BCYX.shape[3])
        if self.training or torch.is_grad_enabled() or number == 1 or x_BCYX.device.type != "cpu":
            return super().forward(x_BCYX)
        beside = [F.pad(self.weight, (shift, number - 1 - shift)) for shift in range(number)]
        bias = None if self.bias is None else self.bias.repeat(number)
        h_BCYX = F.conv2d(x_BCYX, torch.cat(beside), bias, stride=(1, number), padding=KERNEL // 2)
        h_BYXC = h_BCYX.permute(0, 2, 3, 1).unflatten(3, (number, self.out_channels)).flatten(2, 3)
        return h_BYXC.permute(0, 3, 1, 2)


class ConvLSTM(nn.Module):
    """A recurrent layer whose gates are convolutions, without peepholes, starting from a zero state.

    The contribution of the input to the gates is computed for all time points at once.

    References
    ----------
    Shi et al. 2015, arXiv:1506.04214.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.channels, self.hidden = channels, hidden
        self.gates = nn.Conv2d(channels + hidden, 4 * hidden, KERNEL, padding=KERNEL // 2)

    def forward(self, x_TBCYX: torch.Tensor) -> torch.Tensor:
        """Return the hidden state at every time point."""
        from_input, from_state = self.gates.weight.split([self.channels, self.hidden], dim=1)
        if not (self.training or torch.is_grad_enabled()):
            return self._in_place(x_TBCYX, from_input, from_state.contiguous())
        x_BCYX = x_TBCYX.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        given_TBCYX = F.conv2d(x_BCYX, from_input, self.gates.bias, padding=KERNEL // 2)
        states: list[torch.Tensor] = []
        cell_BCYX = x_TBCYX.new_zeros(())
        for given_BCYX in given_TBCYX.unflatten(0, x_TBCYX.shape[:2]):
            gates_BCYX = given_BCYX
            if states:
                gates_BCYX = given_BCYX + F.conv2d(states[-1], from_state, padding=KERNEL // 2)
            enter, forget, leave, new = gates_BCYX.chunk(4, dim=1)
            cell_BCYX = forget.sigmoid() * cell_BCYX + enter.sigmoid() * new.tanh()
            states.append(leave.sigmoid() * cell_BCYX.tanh())
        return torch.stack(states)

    def _in_place(
        self, x_TBCYX: torch.Tensor, from_input: torch.Tensor, from_state: torch.Tensor
    ) -> torch.Tensor:
        """Return the same without gradients: in place and plane by plane, which is faster."""
        given_BCYX = F.conv2d(x_TBCYX.flatten(0, 1), from_input, self.gates.bias, padding=KERNEL // 2)
        states_TBCYX = x_TBCYX.new_empty(*x_TBCYX.shape[:2], self.hidden, *x_TBCYX.shape[3:])
        cell_BCYX = torch.zeros_like(states_TBCYX[0])
        for t, gates_BCYX in enumerate(given_BCYX.unflatten(0, x_TBCYX.shape[:2])):
            if t:
                gates_BCYX += F.conv2d(states_TBCYX[t - 1], from_state, padding=KERNEL // 2)
            gates_BCYX[:, : 3 * self.hidden].sigmoid_()
            gates_BCYX[:, 3 * self.hidden :].tanh_()
            enter, forget, leave, new = gates_BCYX.chunk(4, dim=1)
            cell_BCYX.mul_(forget).addcmul_(enter, new)
            torch.mul(leave, cell_BCYX.tanh(), out=states_TBCYX[t])
        return states_TBCYX


def _recurrent(widths: list[int]) -> nn.Sequential:
    return nn.Sequential(*(ConvLSTM(narrow, wide) for narrow, wide in pairwise(widths)))
