#!/usr/bin/env python3
"""How many of 10000 test images a network is proven to keep its class on, and how long the proof takes.

    .venv/bin/python benchmarks/certified_accuracy/run.py [--quick] [--threads N] [--data FOLDER]

Trains a 784-8x128-10 network of ReLUs (torch, seeded) for a margin against its Lipschitz constant, writes it as an ONNX
file, and certifies the test images with `sigmax certify` at 0.1, 0.3 and 1.58.

The loss is the cross entropy of f_j + eps L_yj, j not y, L_yj = |w_y - w_j| times the product of the other layers' norms
by power iteration: the worst logits within eps, by the product of norms (Tsuzuku, Sato, Sugiyama: Lipschitz-margin
training, 2018; Leino, Wang, Fredrikson: Globally-robust neural networks, 2021). eps grows from 0 to --train-eps in the
first half.

The data are the idx files of Fashion-MNIST (Debian's dataset-fashion-mnist), or of MNIST, for which the published
figures below are, in the folder that --data names.
"""

import argparse
import datetime
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy
import torch
from torch import nn
from torch.nn import functional

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMAND = ROOT / "build" / "release" / "cli" / "sigmax"
RESULT = ROOT / "benchmarks" / "results" / "certified_accuracy.json"
sys.path[:0] = [str(ROOT / "tests" / "cli")]
import checkpoints  # a writer of small ONNX models

SEED = 20250506
RADII = "0.1,0.3,1.58"
# Of a 784-8x128-10 network on MNIST at 0.3: arXiv 2505.06958, bounds by Gram iteration in exact arithmetic.
PUBLISHED = [("verified program, 4 Gram steps", None, 79.19, 315), ("verified program, 6 Gram steps", None, 94.18, 515),
             ("verified program, 8 Gram steps", None, 95.69, 718), ("verified program, 11 Gram steps", None, 95.74, 1022)]


def read_idx(path):
    with gzip.open(path) as file:
        content = file.read()
    shape = numpy.frombuffer(content, ">i4", count=content[3], offset=4)
    return numpy.frombuffer(content, numpy.uint8, offset=4 + 4 * content[3]).reshape(shape)


class Norms:
    """The spectral norms of the weights by power iteration, one step a call; the gradient goes through the quotient."""

    def __init__(self, weights):
        self.vectors = [torch.randn(weight.shape[1]) for weight in weights]

    def __call__(self, weights, steps=1):
        norms = []
        for i, weight in enumerate(weights):
            with torch.no_grad():
                for _ in range(steps):
                    v = functional.normalize(weight.T @ (weight @ self.vectors[i]), dim=0)
                    self.vectors[i] = v
            norms.append((weight @ self.vectors[i]).norm())
        return norms


def trained(images, labels, epochs, train_eps, batch=256):
    torch.manual_seed(SEED)
    layers = [nn.Linear(ins, out) for ins, out in zip([784] + [128] * 8, [128] * 8 + [10])]
    for layer in layers:
        nn.init.orthogonal_(layer.weight, 2 ** 0.5)
        nn.init.zeros_(layer.bias)
    model = nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1])
    trunk, last = [layer.weight for layer in layers[:-1]], layers[-1].weight
    norms = Norms(trunk)
    norms(trunk, 30)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    steps = epochs * -(-len(images) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    step = 0
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(images)).split(batch):
            eps = train_eps * min(1.0, 2 * step / steps)
            x, y = images[chosen], labels[chosen]
            logits = model(x)
            product = torch.stack(norms(trunk)).log().sum().exp()
            distances = (last[y][:, None, :] - last[None]).norm(dim=2)
            loss = functional.cross_entropy(logits + eps * product * distances, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            step += 1
            total += loss.item() * len(x)
        print(f"  epoch {epoch + 1}/{epochs}: loss {total / len(images):.4f}", file=sys.stderr, flush=True)
    return model


def onnx(model):
    nodes, tensors, value = [], {}, "x"
    layers = [part for part in model if isinstance(part, nn.Linear)]
    for i, layer in enumerate(layers):
        is_last = i + 1 == len(layers)
        for name, tensor in ((f"w{i}", layer.weight), (f"b{i}", layer.bias)):
            tensors[name] = ("F32", list(tensor.shape), tensor.detach().numpy().ravel().tolist())
        nodes.append(("Gemm", [value, f"w{i}", f"b{i}"], ["y" if is_last else f"v{i}"], {"transB": 1}))
        if not is_last:
            nodes.append(("Relu", [f"v{i}"], [f"z{i}"], {}))
            value = f"z{i}"
    return checkpoints.onnx_graph(nodes, tensors)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="2 epochs, 500 images, and nothing is written")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--train-eps", type=float, default=0.3)
    parser.add_argument("--effort", default="default")
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("/usr/share/datasets/fashion-mnist"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    images = {split: read_idx(options.data / f"{split}-images-idx3-ubyte.gz") for split in ("train", "t10k")}
    labels = {split: read_idx(options.data / f"{split}-labels-idx1-ubyte.gz") for split in ("train", "t10k")}
    start = time.monotonic()
    x = torch.from_numpy(images["train"].reshape(-1, 784) / numpy.float32(255))
    model = trained(x, torch.from_numpy(labels["train"].astype(numpy.int64)), 2 if options.quick else options.epochs,
                    options.train_eps)
    training = time.monotonic() - start
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "network.onnx").write_bytes(onnx(model))
        numpy.savez(folder / "test.npz", x=images["t10k"], y=labels["t10k"])
        arguments = [COMMAND, "certify", folder / "network.onnx", "--data", folder / "test.npz", "--scale", "1/255",
                     "--eps", RADII, "--input-shape", "x=1x784", "--seed", "1", "--effort", options.effort, "--format",
                     "json", "-j", str(options.threads)]
        if options.quick:
            arguments += ["--samples", "500"]
        start = time.monotonic()
        found = json.loads(subprocess.run([str(each) for each in arguments], check=True, capture_output=True,
                                          text=True).stdout)
        certifying = time.monotonic() - start
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    print(f"{cpu}, {options.threads} threads; {options.data.name}, {found['count']} images, training {training:.0f} s\n")
    print(f"clean {100 * found['clean']['accuracy']:.2f} %, bounds of logit differences {found['bounds']['least']:.4g} to "
          f"{found['bounds']['greatest']:.4g}")
    print(f"{'eps':>6}{'VRA %':>9}{'attacked %':>12}{'network':>9}{'balls':>7}{'open':>7}")
    for at in found["radii"]:
        print(f"{at['eps']:6g}{100 * at['certified_accuracy']:9.2f}{100 * at['attacked_accuracy']:12.2f}"
              f"{at['network']:9}{at['ball']:7}{at['open'] + at['untried']:7}")
    seconds = found["seconds"]
    print(f"\ncertifying {certifying:.1f} s: bounds {seconds['bounds']:.2f}, samples {seconds['samples']:.2f}, attack "
          f"{seconds['attack']:.2f}, balls {seconds['balls']:.2f}\n")
    print("published, another network of this shape, MNIST, eps 0.3:")
    for name, _, robust, time_taken in PUBLISHED:
        print(f"  {name:34}{robust:6.2f} % robust, {time_taken} s")
    print("  the network with 11 steps: VRA 95.40, unverified 95.76, attacked 97.46")
    if not options.quick:
        record = {"day": datetime.date.today().isoformat(), "machine": {"cpu": cpu, "threads": options.threads},
                  "data": options.data.name, "training_seconds": training, "certifying_seconds": certifying,
                  "clean": found["clean"], "bounds": {"least": found["bounds"]["least"],
                                                      "greatest": found["bounds"]["greatest"]},
                  "radii": found["radii"], "seconds": seconds, "published": PUBLISHED}
        RESULT.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
