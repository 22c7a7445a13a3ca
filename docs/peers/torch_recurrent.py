"""Times nn.LSTM and nn.GRU in PyTorch on one core: the forward pass, and forward
and backward together, of sequences of 32 steps in batches of 32, with as many
inputs as units. The gradient begins at the last step, and goes to the weights.

    apt-get install python3-torch
    env -u OPENBLAS_CORETYPE taskset -c 1 /usr/bin/python3 docs/peers/torch_recurrent.py

Prints the median and the best of the rounds, in which all layers take turns.
`isrlu bench recurrent` measures the same of this project's layers.
"""

import statistics
import time

import torch
from torch import nn

BATCH, STEPS, ROUNDS, WARM_UP = 32, 32, 20, 2


def main():
    torch.set_num_threads(1)
    cells = []
    for cell in (nn.LSTM, nn.GRU):
        for units in (64, 256, 1024):
            layer = cell(units, units, batch_first=True)
            cells.append((cell.__name__, units, layer, torch.randn(BATCH, STEPS, units), [], []))
    for round_ in range(ROUNDS + WARM_UP):
        for _, units, layer, x, inference, both in cells:
            calls = max(1, 256 // units)
            begun = time.perf_counter()
            with torch.no_grad():
                for _ in range(calls):
                    layer(x)
            forward = time.perf_counter()
            for _ in range(calls):
                layer.zero_grad(set_to_none=True)
                y, _ = layer(x)
                y[:, -1].square().mean().backward()
            ended = time.perf_counter()
            if round_ >= WARM_UP:
                inference.append((forward - begun) * 1e3 / calls)
                both.append((ended - forward) * 1e3 / calls)
    for name, units, _, _, inference, both in cells:
        print(f"{name} {units}: inference {statistics.median(inference):.2f} ms, best {min(inference):.2f}; "
              f"forward and backward {statistics.median(both):.2f} ms, best {min(both):.2f}")


main()
