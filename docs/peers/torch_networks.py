"""Times conv3 and conv4 in PyTorch on one core, and writes them as ONNX files.

    apt-get install python3-torch
    env -u OPENBLAS_CORETYPE taskset -c 1 /usr/bin/python3 docs/peers/torch_networks.py FOLDER

Prints the median and the best of 20 rounds, in which all networks take turns.
"""

import statistics
import sys
import time

import torch
from torch import nn

BATCH, ROUNDS, WARM_UP = 100, 20, 2


def conv4(act):
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), act(),
        nn.Conv2d(32, 32, 3, padding=1), act(), nn.MaxPool2d(2), nn.Dropout(.25),
        nn.Conv2d(32, 64, 3, padding=1), act(),
        nn.Conv2d(64, 64, 3, padding=1), act(), nn.MaxPool2d(2), nn.Dropout(.25),
        nn.Flatten(), nn.Linear(3136, 256), act(), nn.Linear(256, 10))


def conv3(act):
    return nn.Sequential(
        nn.ZeroPad2d((2, 3, 2, 3)), nn.Conv2d(1, 24, 6), act(),
        nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(24, 48, 5, stride=2), act(),
        nn.ZeroPad2d((1, 1, 1, 1)), nn.Conv2d(48, 64, 4, stride=2), act(),
        nn.Flatten(), nn.Linear(3136, 200), act(), nn.Linear(200, 10))


def main(folder):
    torch.set_num_threads(1)
    x, labels = torch.randn(BATCH, 1, 28, 28), torch.randint(0, 10, (BATCH,))
    loss = nn.CrossEntropyLoss()
    cells = []
    for name, network in (("conv4", conv4), ("conv3", conv3)):
        for act in (nn.ELU, nn.ReLU):
            model = network(act)
            model.eval()
            torch.onnx.export(model, x, f"{folder}/{name}_{act.__name__.lower()}.onnx", opset_version=13)
            cells.append((name, act.__name__, model, torch.optim.Adam(model.parameters(), 1e-4), [], []))
    for round_ in range(ROUNDS + WARM_UP):
        for _, _, model, optimizer, training, inference in cells:
            model.train()
            begun = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            loss(model(x), labels).backward()
            optimizer.step()
            trained = time.perf_counter()
            model.eval()
            with torch.no_grad():
                model(x)
            ended = time.perf_counter()
            if round_ >= WARM_UP:
                training.append((trained - begun) * 1e3)
                inference.append((ended - trained) * 1e3)
    for name, act, _, _, training, inference in cells:
        print(f"{name} {act}: training {statistics.median(training):.1f} ms, best {min(training):.1f}; "
              f"inference {statistics.median(inference):.1f} ms, best {min(inference):.1f}")


main(sys.argv[1])
