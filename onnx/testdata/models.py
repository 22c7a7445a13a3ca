"""Exports small models by PyTorch, for the tests of package onnx.

Beside every NAME.onnx lies NAME.json: the input of the model (name, type, shape
and values) and the output that PyTorch computes from it. Weights are random, with
fixed seeds.

To write the files again, on Debian 12 with the packages python3-torch (1.13) and
python3-onnx (1.12), or in any Python with both:

    python3 onnx/testdata/models.py

Other versions of PyTorch export other nodes and names: the files here are those of
1.13, and a change of them should be looked at.
"""

import json
import os
import sys
import warnings
import zlib

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn

warnings.filterwarnings("ignore")
FOLDER = os.path.dirname(os.path.abspath(__file__))


class View(nn.Module):
    """Flattens as older code does."""

    def forward(self, x):
        return x.view(x.size(0), -1)


class Lambda(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return self.f(x)


def log_softmax():
    return Lambda(lambda x: F.log_softmax(x, dim=1))


def mlp(act, end=None, norm=False):
    layers = [nn.Linear(12, 16)]
    if norm:
        layers.append(nn.BatchNorm1d(16))
    layers += [act, nn.Linear(16, 16), act, nn.Linear(16, 5)]
    if end is not None:
        layers.append(end)
    return nn.Sequential(*layers)


def lenet(flatten, end):
    return nn.Sequential(
        nn.Conv2d(1, 4, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(4, 6, 3), nn.Tanh(), nn.AvgPool2d(2),
        flatten, nn.Linear(6 * 2 * 2, 12), nn.Tanh(), nn.Linear(12, 5), end)


def vgg(act):
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), act(), nn.Conv2d(6, 6, 3, padding=1), act(), nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1), act(), nn.Conv2d(8, 8, 3, padding=1), act(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(8 * 2 * 2, 16), act(), nn.Dropout(0.5), nn.Linear(16, 5))


def elu4():
    """The network of four convolutions of Carlile et al. (2017), small."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ELU(), nn.Conv2d(4, 4, 3, padding=1), nn.ELU(),
        nn.MaxPool2d(2), nn.Dropout(0.25),
        nn.Conv2d(4, 8, 3, padding=1), nn.ELU(), nn.Conv2d(8, 8, 3, padding=1), nn.ELU(),
        nn.MaxPool2d(2), nn.Dropout(0.25),
        nn.Flatten(), nn.Linear(8 * 3 * 3, 16), nn.ELU(), nn.Linear(16, 10))


class Basic(nn.Module):
    """A block of a ResNet."""

    def __init__(self, inputs, outputs, stride, act):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.act = act
        self.down = None
        if stride != 1 or inputs != outputs:
            self.down = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(self.act(self.bn1(self.conv1(x)))))
        return self.act(y + (x if self.down is None else self.down(x)))


class ResNet(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 4, 7, 2, 3, bias=False), nn.BatchNorm2d(4), act, nn.MaxPool2d(3, 2, 1))
        self.layer1 = Basic(4, 4, 1, act)
        self.layer2 = Basic(4, 8, 2, act)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = self.layer2(self.layer1(self.stem(x)))
        return self.fc(torch.flatten(self.pool(x), 1))


class PreActivation(nn.Module):
    """A block that normalizes first (He et al. 2016, identity mappings)."""

    def __init__(self, channels):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(channels), nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(channels), nn.Conv2d(channels, channels, 3, 1, 1, bias=False)

    def forward(self, x):
        y = self.conv1(F.relu(self.bn1(x)))
        return x + self.conv2(F.relu(self.bn2(y)))


class SqueezeExcite(nn.Module):
    """Hu et al. (2018)."""

    def __init__(self, channels, act, gate, conv):
        super().__init__()
        self.pool, self.act, self.gate, self.conv = nn.AdaptiveAvgPool2d(1), act, gate, conv
        if conv:
            self.down, self.up = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)
        else:
            self.down, self.up = nn.Linear(channels, 4), nn.Linear(4, channels)

    def forward(self, x):
        y = self.pool(x)
        if not self.conv:
            y = y.view(x.size(0), -1)
        y = self.gate(self.up(self.act(self.down(y))))
        if not self.conv:
            y = y.view(x.size(0), -1, 1, 1)
        return x * y


class Dense(nn.Module):
    """A block of a DenseNet."""

    def __init__(self, inputs, growth):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, growth, 3, padding=1)
        self.bn2, self.conv2 = nn.BatchNorm2d(inputs + growth), nn.Conv2d(inputs + growth, growth, 3, padding=1)

    def forward(self, x):
        x = torch.cat([x, self.conv1(F.relu(self.bn1(x)))], 1)
        return torch.cat([x, self.conv2(F.relu(self.bn2(x)))], 1)


class Inception(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(inputs, 3, 1), nn.ReLU())
        self.b = nn.Sequential(nn.Conv2d(inputs, 2, 1), nn.ReLU(), nn.Conv2d(2, 4, (1, 3), padding=(0, 1)), nn.ReLU(),
                               nn.Conv2d(4, 4, (3, 1), padding=(1, 0)), nn.ReLU())
        self.c = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(inputs, 2, 1), nn.ReLU())
        self.d = nn.Sequential(nn.AvgPool2d(3, 1, 1), nn.Conv2d(inputs, 2, 1), nn.ReLU())

    def forward(self, x):
        return torch.cat([self.a(x), self.b(x), self.c(x), self.d(x)], 1)


class Inverted(nn.Module):
    """A block of MobileNetV2 and V3: expansion, depthwise convolution, projection."""

    def __init__(self, channels, act, excite=False):
        super().__init__()
        hidden = 2 * channels
        layers = [nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), act,
                  nn.Conv2d(hidden, hidden, 3, 1, 1, groups=hidden, bias=False), nn.BatchNorm2d(hidden), act]
        if excite:
            layers.append(SqueezeExcite(hidden, nn.ReLU(), nn.Hardsigmoid(), True))
        layers += [nn.Conv2d(hidden, channels, 1, bias=False), nn.BatchNorm2d(channels)]
        self.body = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.body(x)


def classifier(*layers, channels, end=None):
    layers = list(layers) + [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 5)]
    if end is not None:
        layers.append(end)
    return nn.Sequential(*layers)


def mobilenet1():
    def block(inputs, outputs, stride):
        return [nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False), nn.BatchNorm2d(inputs), nn.ReLU6(),
                nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU6()]
    return classifier(nn.Conv2d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU6(),
                      *block(4, 8, 1), *block(8, 8, 2), channels=8)


def mobilenet2():
    return classifier(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU6(), Inverted(4, nn.ReLU6()), channels=4)


def mobilenet3():
    return classifier(nn.Conv2d(3, 4, 3, 2, 1), nn.Hardswish(), Inverted(4, nn.Hardswish(), True), channels=4)


def squeeze(conv):
    return classifier(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), SqueezeExcite(8, nn.ReLU(), nn.Sigmoid(), conv), channels=8)


class Normalized(nn.Module):
    """Takes pixels from 0 to 1 and normalizes them itself; PReLU by channel."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, 2, 1)
        self.prelu, self.leaky = nn.PReLU(6), nn.LeakyReLU(0.1)
        self.fc = nn.Linear(6, 5)

    def forward(self, x):
        x = self.prelu(self.conv1((x - self.mean) / self.std))
        x = self.leaky(self.conv2(x)).mean((2, 3))
        return F.softmax(self.fc(x), dim=-1)


class Convs(nn.Module):
    """Convolutions and poolings of rarer kinds: groups, dilation, ceil mode, 1-D."""

    def __init__(self):
        super().__init__()
        self.groups = nn.Conv2d(4, 6, 3, padding=1, groups=2)
        self.dilated = nn.Conv2d(6, 6, 3, padding=2, dilation=2)
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.line = nn.Conv1d(6, 5, 3, padding=1)

    def forward(self, x):
        x = self.pool(torch.relu(self.dilated(torch.relu(self.groups(x)))))
        x = self.line(x.mean(2))
        return x.mean(2)


class Recurrent(nn.Module):
    def __init__(self, layer, last, tokens=0, **options):
        super().__init__()
        self.embed = nn.Embedding(tokens, 6) if tokens else None
        self.rnn = layer(6, 5, **options)
        self.last, self.first = last, options.get("batch_first", False)
        self.fc = nn.Linear(10 if options.get("bidirectional") else 5, 4)

    def forward(self, x):
        if self.embed is not None:
            x = self.embed(x)
        y, _ = self.rnn(x)
        if self.last:
            y = y[:, -1] if self.first else y[-1]
        return self.fc(y)


class Hidden(nn.Module):
    """Classifies by the last state, both directions side by side."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(6, 5, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(10, 4)

    def forward(self, x):
        _, (h, _) = self.rnn(x)
        return self.fc(torch.cat([h[0], h[1]], 1))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(6, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, 0.1, "gelu", batch_first=True, norm_first=True)
        self.norm, self.fc = nn.LayerNorm(8), nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(self.norm(self.layer(self.embed(x))))


class Mixer(nn.Module):
    """Layer normalization and tanh GELU over a sequence."""

    def __init__(self):
        super().__init__()
        self.norm, self.up, self.down, self.fc = nn.LayerNorm(6), nn.Linear(6, 12), nn.Linear(12, 6), nn.Linear(6, 4)

    def forward(self, x):
        x = x + self.down(F.gelu(self.up(self.norm(x)), approximate="tanh"))
        return self.fc(x.mean(1))


IMAGE = (2, 3, 8, 8)
GRAY = (2, 1, 12, 12)
TRAIN = torch.onnx.TrainingMode.PRESERVE  # keeps BatchNormalization beside Conv
RNN = dict(batch_first=True)

# Name, model, shape of the input, opset, and options of case below.
CASES = [
    ("mlp_relu", lambda: mlp(nn.ReLU(), log_softmax()), (2, 12), 13, {}),
    ("mlp_elu", lambda: mlp(nn.ELU()), (2, 12), 9, {}),
    ("mlp_elu_alpha", lambda: mlp(nn.ELU(0.5)), (2, 12), 17, {}),
    ("mlp_leaky", lambda: mlp(nn.LeakyReLU(0.2)), (2, 12), 13, {}),
    ("mlp_selu", lambda: mlp(nn.SELU(), nn.Softmax(1)), (2, 12), 15, {}),
    ("mlp_tanh", lambda: mlp(nn.Tanh(), norm=True), (2, 12), 11, {}),
    ("mlp_sigmoid", lambda: mlp(nn.Sigmoid()), (2, 12), 13, {"fixed": True}),
    ("mlp_gelu", lambda: mlp(nn.GELU()), (2, 12), 17, {}),
    ("mlp_gelu_tanh", lambda: mlp(nn.GELU("tanh")), (2, 12), 17, {}),
    ("mlp_gelu_unfolded", lambda: mlp(nn.GELU()), (2, 12), 13, {"fold": False}),
    ("mlp_silu", lambda: mlp(nn.SiLU()), (2, 12), 15, {}),
    ("mlp_mish", lambda: mlp(nn.Mish()), (2, 12), 17, {}),
    ("mlp_hardswish", lambda: mlp(nn.Hardswish()), (2, 12), 14, {}),
    ("mlp_hardswish_old", lambda: mlp(nn.Hardswish()), (2, 12), 13, {}),
    ("mlp_hardsigmoid", lambda: mlp(nn.Hardsigmoid()), (2, 12), 13, {}),
    ("mlp_relu6", lambda: mlp(nn.ReLU6()), (2, 12), 13, {}),
    ("mlp_softplus", lambda: mlp(nn.Softplus()), (2, 12), 13, {}),
    ("mlp_softsign", lambda: mlp(nn.Softsign()), (2, 12), 13, {}),
    ("mlp_double", lambda: mlp(nn.ReLU()), (2, 12), 13, {"double": True}),
    ("mlp_half", lambda: mlp(nn.ELU()), (2, 12), 13, {"half": True}),
    ("lenet_softmax", lambda: lenet(View(), nn.Softmax(1)), GRAY, 13, {"fold": False}),
    ("lenet_log_softmax", lambda: lenet(View(), log_softmax()), GRAY, 11, {"fixed": True}),
    ("lenet_flatten", lambda: lenet(Lambda(lambda x: torch.flatten(x, 1)), nn.Identity()), GRAY, 9, {}),
    ("vgg_relu", lambda: vgg(nn.ReLU), IMAGE, 13, {}),
    ("vgg_elu", lambda: vgg(nn.ELU), IMAGE, 17, {"fixed": True}),
    ("elu4", elu4, GRAY, 17, {}),
    ("resnet_relu", lambda: ResNet(nn.ReLU()), (2, 3, 16, 16), 13, {}),
    ("resnet_elu_batchnorm", lambda: ResNet(nn.ELU()), (2, 3, 16, 16), 17, {"training": TRAIN}),
    ("resnet_silu_fixed", lambda: ResNet(nn.SiLU()), (1, 3, 15, 15), 15, {"fixed": True, "training": TRAIN}),
    ("preactivation", lambda: classifier(nn.Conv2d(3, 6, 3, padding=1), PreActivation(6), nn.BatchNorm2d(6), nn.ReLU(), channels=6), IMAGE, 13, {}),
    ("squeeze_conv", lambda: squeeze(True), IMAGE, 13, {}),
    ("squeeze_dense", lambda: squeeze(False), IMAGE, 17, {}),
    ("densenet", lambda: classifier(nn.Conv2d(3, 4, 3, padding=1), Dense(4, 3), nn.AvgPool2d(2), channels=10), IMAGE, 13, {}),
    ("inception", lambda: classifier(Inception(3), channels=11), IMAGE, 15, {}),
    ("mobilenet1", mobilenet1, IMAGE, 13, {}),
    ("mobilenet1_batchnorm", mobilenet1, IMAGE, 13, {"training": TRAIN}),
    ("mobilenet2", mobilenet2, IMAGE, 17, {}),
    ("mobilenet3", mobilenet3, IMAGE, 17, {}),
    ("mobilenet3_old", mobilenet3, IMAGE, 13, {"training": TRAIN}),
    ("normalized_prelu", Normalized, IMAGE, 13, {}),
    ("convs", Convs, (2, 4, 7, 7), 13, {}),
    ("lstm_last", lambda: Recurrent(nn.LSTM, True, **RNN), (2, 7, 6), 13, {}),
    ("lstm_all", lambda: Recurrent(nn.LSTM, False), (7, 2, 6), 15, {"batch": 1}),
    ("lstm_fixed", lambda: Recurrent(nn.LSTM, True, **RNN), (2, 7, 6), 17, {"fixed": True}),
    ("lstm_two_layers", lambda: Recurrent(nn.LSTM, True, num_layers=2, **RNN), (2, 7, 6), 17, {}),
    ("lstm_bidirectional", lambda: Recurrent(nn.LSTM, False, bidirectional=True, **RNN), (2, 7, 6), 14, {}),
    ("lstm_hidden", Hidden, (2, 7, 6), 13, {}),
    ("lstm_tokens", lambda: Recurrent(nn.LSTM, False, tokens=11, **RNN), (2, 7), 17, {"tokens": 11}),
    ("gru_last", lambda: Recurrent(nn.GRU, True, **RNN), (2, 7, 6), 13, {}),
    ("gru_all", lambda: Recurrent(nn.GRU, False), (7, 2, 6), 17, {"batch": 1}),
    ("gru_bidirectional", lambda: Recurrent(nn.GRU, False, num_layers=2, bidirectional=True, **RNN), (2, 7, 6), 15, {"fixed": True}),
    ("rnn_last", lambda: Recurrent(nn.RNN, True, **RNN), (2, 7, 6), 13, {}),
    ("rnn_relu", lambda: Recurrent(nn.RNN, False, nonlinearity="relu", **RNN), (2, 7, 6), 17, {}),
    ("rnn_bidirectional", lambda: Recurrent(nn.RNN, False, bidirectional=True), (7, 2, 6), 9, {"batch": 1}),
    ("transformer", Transformer, (2, 7, 6), 13, {}),
    ("transformer_norm", Transformer, (2, 7, 6), 17, {"fixed": True}),
    ("mixer", Mixer, (2, 7, 6), 17, {}),
]


def randomize(model):
    """Gives the running means of batch normalizations values of a trained model."""
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm)):
            nn.init.uniform_(m.weight, 0.5, 1.5)
            nn.init.normal_(m.bias, std=0.3)
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.normal_(m.running_mean, std=0.3)
            nn.init.uniform_(m.running_var, 0.5, 1.5)
        if isinstance(m, nn.PReLU):
            nn.init.uniform_(m.weight, 0.05, 0.5)


def to_half(path):
    """Turns the weights into float16, between a Cast at each end, as converters do:
    PyTorch itself runs no float16 on a CPU."""
    model = onnx.load(path)
    g = model.graph
    for t in g.initializer:
        t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(t).astype(np.float16), t.name))
    x, y = g.input[0].name, g.output[0].name
    for n in g.node:
        n.input[:] = [x + "_half" if name == x else name for name in n.input]
        n.output[:] = [y + "_half" if name == y else name for name in n.output]
    g.node.insert(0, helper.make_node("Cast", [x], [x + "_half"], "cast_in", to=TensorProto.FLOAT16))
    g.node.append(helper.make_node("Cast", [y + "_half"], [y], "cast_out", to=TensorProto.FLOAT))
    onnx.save(model, path)


def entry(name, t):
    kinds = {torch.float32: "float32", torch.float64: "float64", torch.int64: "int64"}
    values = t.reshape(-1).tolist()
    if t.dtype != torch.int64:
        values = [float("%.9g" % v) for v in values]
    return {"name": name, "type": kinds[t.dtype], "shape": list(t.shape), "values": values}


def case(name, make, shape, opset, batch=0, fixed=False, fold=True, double=False, half=False, tokens=0, training=None):
    torch.manual_seed(zlib.crc32(name.encode()))
    model = make()
    randomize(model)
    model.eval()
    x = torch.randint(tokens, shape) if tokens else torch.randn(shape)
    if double:
        model, x = model.double(), x.double()
    if half:
        with torch.no_grad():
            for p in model.parameters():
                p.copy_(p.half().float())
    with torch.no_grad():
        y = model(x)
    path = os.path.join(FOLDER, name + ".onnx")
    axes = None if fixed else {"input": {batch: "N"}, "output": {batch: "N"}}
    torch.onnx.export(
        model, x, path, opset_version=opset, input_names=["input"], output_names=["output"], dynamic_axes=axes,
        do_constant_folding=fold, training=training or torch.onnx.TrainingMode.EVAL)
    if half:
        to_half(path)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    with open(os.path.join(FOLDER, name + ".json"), "w") as f:
        json.dump({"input": entry("input", x), "output": entry("output", y)}, f)
        f.write("\n")


if __name__ == "__main__":
    for name, make, shape, opset, options in CASES:
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            case(name, make, shape, opset, **options)
            print(name)
