#!/usr/bin/env python3
"""Trains the example model: a small Fashion-MNIST classifier, written as safetensors and as ONNX.

    python examples/models/train.py

needs numpy, torch, safetensors and onnx, and the data of Debian's package dataset-fashion-mnist (or the four idx.gz
files of Fashion-MNIST in the folder given by --data). One run takes a minute or two on two cores. The seed is fixed.
"""

import argparse
import gzip
import pathlib
import time

import numpy as np
import onnx
import onnx.checker
import onnx.helper
import onnx.numpy_helper
import onnx.reference
import safetensors.torch
import torch
from torch import nn
from torch.nn import functional

SEED = 20170825
EPOCHS = 10
BATCH = 128
PEAK_LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-4
CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


class Classifier(nn.Module):
    """Three convolutions and two dense layers: [n, 1, 28, 28] pixels in [0, 1] to [n, 10] logits."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.conv3 = nn.Conv2d(32, 32, 3, padding=1)
        self.dense1 = nn.Linear(32 * 7 * 7, 64)
        self.dense2 = nn.Linear(64, len(CLASSES))

    def forward(self, images):
        x = functional.max_pool2d(functional.relu(self.conv1(images)), 2)
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
        x = functional.relu(self.conv3(x))
        x = functional.relu(self.dense1(torch.flatten(x, 1)))
        return self.dense2(x)


def read_idx(path):
    """An idx file of unsigned bytes: magic 00 00 08 d, then d big-endian 32-bit sizes, then the values."""
    with gzip.open(path) as file:
        content = file.read()
    if content[:3] != b"\0\0\x08":
        raise ValueError(f"{path}: not an idx file of unsigned bytes")
    dimensions = content[3]
    shape = np.frombuffer(content, ">i4", count=dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def load(folder, split):
    images = read_idx(folder / f"{split}-images-idx3-ubyte.gz")
    labels = read_idx(folder / f"{split}-labels-idx1-ubyte.gz")
    return torch.from_numpy(images / np.float32(255))[:, None], torch.from_numpy(labels.astype(np.int64))


def train(model, images, labels):
    """Adam with decoupled weight decay, one cycle of the learning rate, random left-right flips."""
    steps = -(-len(images) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LEARNING_RATE, total_steps=EPOCHS * steps)
    for epoch in range(EPOCHS):
        total = 0.0
        for chosen in torch.randperm(len(images)).split(BATCH):
            batch = images[chosen]
            flipped = torch.rand(len(batch), 1, 1, 1) < 0.5
            logits = model(torch.where(flipped, batch.flip(3), batch))
            loss = functional.cross_entropy(logits, labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        print(f"epoch {epoch + 1}/{EPOCHS}: training loss {total / len(images):.4f}", flush=True)


@torch.no_grad()
def accuracy(model, images, labels):
    predictions = torch.cat([model(batch).argmax(1) for batch in images.split(1000)])
    return (predictions == labels).double().mean().item()


def to_onnx(weights):
    """The same network as an ONNX graph; the weights are initializers under their PyTorch names and layouts."""
    node = onnx.helper.make_node
    nodes = []

    def convolution(layer, source, pooled):
        nodes.append(node("Conv", [source, f"{layer}.weight", f"{layer}.bias"], [f"{layer}.out"], name=layer,
                          kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
        nodes.append(node("Relu", [f"{layer}.out"], [f"{layer}.relu"]))
        if not pooled:
            return f"{layer}.relu"
        nodes.append(node("MaxPool", [f"{layer}.relu"], [f"{layer}.pool"], kernel_shape=[2, 2], strides=[2, 2]))
        return f"{layer}.pool"

    def dense(layer, source, target):
        nodes.append(node("Gemm", [source, f"{layer}.weight", f"{layer}.bias"], [target], name=layer, transB=1))

    x = convolution("conv1", "images", pooled=True)
    x = convolution("conv2", x, pooled=True)
    x = convolution("conv3", x, pooled=False)
    nodes.append(node("Flatten", [x], ["features"], axis=1))
    dense("dense1", "features", "dense1.out")
    nodes.append(node("Relu", ["dense1.out"], ["dense1.relu"]))
    dense("dense2", "dense1.relu", "logits")

    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes, "fashion_mnist",
        [value("images", onnx.TensorProto.FLOAT, ["n", 1, 28, 28])],
        [value("logits", onnx.TensorProto.FLOAT, ["n", len(CLASSES)])],
        [onnx.numpy_helper.from_array(tensor.numpy(), name) for name, tensor in weights.items()])
    model = onnx.helper.make_model(graph, producer_name="sigmax examples/models/train.py", ir_version=8,
                                   opset_imports=[onnx.helper.make_opsetid("", 13)])
    onnx.checker.check_model(model, full_check=True)
    return model


@torch.no_grad()
def check_onnx(path, model, images):
    """The ONNX file, run by the reference evaluator, gives the logits of the PyTorch model."""
    logits = onnx.reference.ReferenceEvaluator(str(path)).run(None, {"images": images.numpy()})[0]
    expected = model(images).numpy()
    difference = np.abs(logits - expected).max()
    if not difference <= 1e-4 * np.abs(expected).max():
        raise RuntimeError(f"{path}: its logits differ from PyTorch's by up to {difference:.3g}")
    return difference


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("/usr/share/datasets/fashion-mnist"),
                        help="folder of the four idx.gz files (default: %(default)s)")
    parser.add_argument("--output", type=pathlib.Path, default=here, help="folder for the two model files")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    torch.manual_seed(SEED)
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)

    start = time.monotonic()
    model = Classifier()
    train(model, *load(options.data, "train"))
    model.eval()
    test_images, test_labels = load(options.data, "t10k")
    correct = accuracy(model, test_images, test_labels)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{parameters} parameters, test accuracy {100 * correct:.2f} %, {time.monotonic() - start:.0f} s")

    options.output.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    safetensors.torch.save_file(weights, options.output / "fashion_mnist.safetensors", metadata={"format": "pt"})
    path = options.output / "fashion_mnist.onnx"
    onnx.save(to_onnx(weights), path)
    print(f"{path.name}: logits within {check_onnx(path, model, test_images[:64]):.2g} of PyTorch's")


if __name__ == "__main__":
    main()
