"""Image networks of the published layer shapes, with random weights: ResNet-18 (He, Zhang, Ren, Sun 2016) and MobileNetV2
(Sandler, Howard, Zhu, Zhmoginov, Chen 2018, width 1) on images of 3x224x224, as a framework exports them for inference.

default_rng(0); for each convolution in the order of computation He weights standard_normal(shape) sqrt(2 / fan_in), then
its BatchNormalization: scale uniform(0.5, 1.5), offset and mean 0.1 standard_normal, variance uniform(0.5, 1.5), each of
one number a channel. The classifier has normal weights of the variance 1 / in, and zeros as its bias. All are float32.
"""

import numpy

import checkpoints  # networks.py makes it importable


class Builder:
    """Nodes and tensors of an ONNX model; values are (name, channels)."""

    def __init__(self):
        self.rng = numpy.random.default_rng(0)
        self.nodes, self.tensors = [], {}

    def tensor(self, values):
        name = f"t{len(self.tensors)}"
        self.tensors[name] = ("F32", list(values.shape), values.astype("<f4").tobytes())
        return name

    def apply(self, operator, inputs, **attributes):
        self.nodes.append((operator, inputs, [f"v{len(self.nodes)}"], attributes))
        return f"v{len(self.nodes) - 1}"

    def convolution(self, value, out, size, stride=1, groups=1):
        """With padding that keeps the image's size at stride 1, and a BatchNormalization."""
        name, channels = value
        shape = (out, channels // groups, size, size)
        kernel = self.rng.standard_normal(shape) * numpy.sqrt(2 / numpy.prod(shape[1:]))
        name = self.apply("Conv", [name, self.tensor(kernel)], strides=[stride, stride], pads=[size // 2] * 4, group=groups)
        statistics = [self.rng.uniform(0.5, 1.5, out), 0.1 * self.rng.standard_normal(out),
                      0.1 * self.rng.standard_normal(out), self.rng.uniform(0.5, 1.5, out)]
        return self.apply("BatchNormalization", [name, *map(self.tensor, statistics)]), out

    def relu(self, value):
        return self.apply("Relu", [value[0]]), value[1]

    def relu6(self, value):
        limits = [self.tensor(numpy.array(limit)) for limit in (0.0, 6.0)]
        return self.apply("Clip", [value[0], *limits]), value[1]

    def add(self, a, b):
        return self.apply("Add", [a[0], b[0]]), a[1]

    def classified(self, value, classes):
        """The model: the mean of each channel and a dense layer."""
        pooled = self.apply("Flatten", [self.apply("GlobalAveragePool", [value[0]])], axis=1)
        weight = self.rng.standard_normal((classes, value[1])) / numpy.sqrt(value[1])
        dense = [pooled, self.tensor(weight), self.tensor(numpy.zeros(classes))]
        self.nodes.append(("Gemm", dense, ["y"], {"transB": 1}))
        return checkpoints.onnx_graph(self.nodes, self.tensors)


def resnet18():
    """A stem, four stages of two blocks relu(z + B relu(A z)), and a classifier."""
    build = Builder()
    value = build.relu(build.convolution(("x", 3), 64, 7, stride=2))
    value = build.apply("MaxPool", [value[0]], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4), 64
    for channels in (64, 128, 256, 512):
        for block in range(2):
            stride = 2 if block == 0 and channels > 64 else 1
            inside = build.relu(build.convolution(value, channels, 3, stride))
            inside = build.convolution(inside, channels, 3)
            if stride > 1:
                value = build.convolution(value, channels, 1, stride)
            value = build.relu(build.add(inside, value))
    return build.classified(value, 1000)


def mobilenet_v2():
    """Inverted residuals: a pointwise convolution to more channels, one by channel, and a pointwise one to fewer."""
    build = Builder()
    value = build.relu6(build.convolution(("x", 3), 32, 3, stride=2))
    for factor, channels, blocks, first_stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                                   (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            inside, wide = value, factor * value[1]
            if factor > 1:
                inside = build.relu6(build.convolution(inside, wide, 1))
            inside = build.relu6(build.convolution(inside, wide, 3, stride, groups=wide))
            inside = build.convolution(inside, channels, 1)
            value = build.add(inside, value) if stride == 1 and value[1] == channels else inside
    return build.classified(build.relu6(build.convolution(value, 1280, 1)), 1000)
