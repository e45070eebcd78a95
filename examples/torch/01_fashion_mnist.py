#!/usr/bin/env python3
"""A Fashion-MNIST classifier in PyTorch, trained with and without spectral normalization.

01_fashion_mnist.cpp is the same program in C++: from the same start (either program writes it with --save-start and
reads it with --start) the two print the same numbers. Needs sigmax.torch (build/release/python on PYTHONPATH, or an
installation) and the data of Debian's package dataset-fashion-mnist.
"""

import argparse
import gzip
import math
import pathlib
from collections import OrderedDict

import numpy as np
import safetensors.torch
import torch
from torch import nn
from torch.nn import functional

import sigmax.torch

WIDTHS = (28 * 28, 128, 128, 128, 10)
BATCH = 100
LEARNING_RATE = 0.05
MOMENTUM = 0.9


def read_idx(path):
    """An idx file of unsigned bytes: magic 0 0 8 d, then d big-endian 32-bit sizes, then the values."""
    with gzip.open(path) as file:
        content = file.read()
    if content[:3] != b"\0\0\x08":
        raise ValueError(f"{path}: not an idx file of bytes")
    rank = content[3]
    shape = np.frombuffer(content, ">i4", count=rank, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def read_split(folder, name, most):
    images = torch.from_numpy(read_idx(folder / f"{name}-images-idx3-ubyte.gz")[:most].copy())
    labels = torch.from_numpy(read_idx(folder / f"{name}-labels-idx1-ubyte.gz")[:most].copy())
    return images.flatten(1).to(torch.float32).div(255), labels.long()


def network(normalized):
    layers = OrderedDict()
    for layer, (width, following) in enumerate(zip(WIDTHS, WIDTHS[1:]), start=1):
        dense = nn.Linear(width, following)
        layers[f"dense{layer}"] = sigmax.torch.spectral_norm(dense) if normalized else dense
        if layer < 4:
            layers[f"relu{layer}"] = nn.ReLU()
    return nn.Sequential(layers)


def dense_layers(net):
    return [(name, layer) for name, layer in net.named_children() if isinstance(layer, nn.Linear)]


def state_of(layer):
    """The parametrization of a layer, or None for a plain one."""
    return layer.parametrizations.weight[0] if hasattr(layer, "parametrizations") else None


@torch.no_grad()
def accuracy(net, images, labels):
    net.eval()
    right = net(images).argmax(1) == labels
    net.train()
    return 100 * right.double().mean().item()


def print_layers(net):
    """sigma from the layer's state, and the proven norm of the weight in use."""
    for name, layer in dense_layers(net):
        norm = sigmax.torch.certify(layer).upper
        state = state_of(layer)
        if state is None:
            print(f"  {name}  norm {norm:.6f}")
        else:
            with torch.no_grad():
                sigma = state.sigma(layer.parametrizations.weight.original).item()
            print(f"  {name}  sigma {sigma:.6f}  norm in use {norm:.6f}")


def train(net, data, test, options):
    images, labels = data
    optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)
    for epoch in range(1, options.epochs + 1):
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(options.seed + epoch))
        total = 0.0
        for chosen in order.split(BATCH):
            loss = functional.cross_entropy(net(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(chosen)
        print(f"epoch {epoch}  loss {total / len(labels):.6f}  test accuracy {accuracy(net, *test):.2f} %")
        print_layers(net)


@torch.no_grad()
def converge(layer):
    """Moves the state to the largest singular vectors, found in double by Lanczos, until sigma stands still."""
    state = state_of(layer)
    weight = layer.parametrizations.weight.original.double()
    u, v = state._u.double(), state._v.double()
    before = 0.0
    for _ in range(50):
        sigma = torch.ops.sigmax.sigma(weight, u, v, steps=40, iteration=2, tolerance=1e-15).item()
        if abs(sigma - before) <= 1e-14 * sigma:
            break
        before = sigma
    state._u.copy_(u)
    state._v.copy_(v)


def print_bound(net):
    """The product of the layers' norms bounds how far the network can move two outputs apart: ReLU only brings them
    closer."""
    lower, upper, certainty = 1.0, 1.0, "proven"
    for name, layer in dense_layers(net):
        norm = sigmax.torch.certify(layer)
        if norm.certainty != "proven":
            certainty = norm.certainty
        lower = math.nextafter(lower * norm.lower, 0)
        upper = math.nextafter(upper * norm.upper, math.inf)
        print(f"  {name}  {norm.lower:.9f} to {norm.upper:.9f}")
    print(f"product of the norms: at least {lower:.9f}, at most {upper:.9f} ({certainty})")


def read_state(path):
    return safetensors.torch.load_file(path) if path.suffix == ".safetensors" else torch.load(path)


def save_state(state, path):
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(state, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("/usr/share/datasets/fashion-mnist"),
                        help="folder of the four idx.gz files (default: %(default)s)")
    parser.add_argument("--start", type=pathlib.Path, help="a state dict to begin from, .pt or .safetensors")
    parser.add_argument("--save-start", type=pathlib.Path, help="where to write the state dict that training begins from")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--images", type=int, default=60000, help="as many of the training and test images at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="without spectral normalization")
    options = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    data = read_split(options.data, "train", options.images)
    test = read_split(options.data, "t10k", options.images)
    net = network(not options.plain)
    if options.start:
        net.load_state_dict(read_state(options.start))
    if options.save_start:
        save_state(net.state_dict(), options.save_start)
    print(f"{'without' if options.plain else 'with'} spectral normalization, {len(data[1])} images")
    train(net, data, test, options)
    for _, layer in dense_layers(net):
        if state_of(layer) is not None:
            converge(layer)
    print(f"in the end, test accuracy {accuracy(net, *test):.2f} %, norms")
    print_bound(net)


if __name__ == "__main__":
    main()
