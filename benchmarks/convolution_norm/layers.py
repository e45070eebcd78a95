"""The convolutions of four networks, from the papers' tables: (name, out, in, taps, stride, padding, input size)."""


def _resnet(blocks, bottleneck):
    layers = [("conv1", 64, 3, 7, 2, 3, 224)]
    wide, size = 64, 56
    for stage, (count, channels) in enumerate(zip(blocks, (64, 128, 256, 512)), start=1):
        out = 4 * channels if bottleneck else channels
        for block in range(count):
            stride = 2 if stage > 1 and block == 0 else 1
            name, after = f"layer{stage}.{block}", size // stride
            if bottleneck:  # the stride is on the 3x3 convolution
                layers.append((f"{name}.conv1", channels, wide, 1, 1, 0, size))
                layers.append((f"{name}.conv2", channels, channels, 3, stride, 1, size))
                layers.append((f"{name}.conv3", out, channels, 1, 1, 0, after))
            else:
                layers.append((f"{name}.conv1", channels, wide, 3, stride, 1, size))
                layers.append((f"{name}.conv2", channels, channels, 3, 1, 1, after))
            if wide != out:
                layers.append((f"{name}.downsample", out, wide, 1, stride, 0, size))
            wide, size = out, after
    return layers


def _vgg16():
    layers, wide, size = [], 3, 224
    for stage, (count, channels) in enumerate(zip((2, 2, 3, 3, 3), (64, 128, 256, 512, 512)), start=1):
        for conv in range(count):
            layers.append((f"conv{stage}_{conv + 1}", channels, wide, 3, 1, 1, size))
            wide = channels
        size //= 2
    return layers


def _sn_gan():
    """The discriminator for 32 x 32 images of Miyato et al., ICLR 2018, table 3."""
    layers, wide, size = [], 3, 32
    for stage, channels in enumerate((64, 128, 256), start=1):
        layers.append((f"conv{stage}_1", channels, wide, 3, 1, 1, size))
        layers.append((f"conv{stage}_2", channels, channels, 4, 2, 1, size))
        wide, size = channels, size // 2
    layers.append(("conv4", 512, wide, 3, 1, 1, size))
    return layers


NETWORKS = {
    "ResNet-18": _resnet((2, 2, 2, 2), False),
    "ResNet-50": _resnet((3, 4, 6, 3), True),
    "VGG-16": _vgg16(),
    "SN-GAN discriminator": _sn_gan(),
}


def gaussian(random, out, channels, taps):
    """He's initialization."""
    return (random.standard_normal((out, channels, taps, taps)) * (2 / (channels * taps * taps)) ** 0.5).astype("float32")


def smoothed(random, out, channels, taps):
    """Like a trained kernel: neighboring taps are alike, and the channels' spectrum decays as 1 / sqrt(i)."""
    import numpy

    kernel = random.standard_normal((out, channels, taps, taps))
    blur = numpy.array([[max(0, 1 - abs(i - j) / 2) for j in range(taps)] for i in range(taps)])
    kernel = numpy.einsum("ocij,ki,lj->ockl", kernel, blur, blur)
    decay = (1 + numpy.arange(channels)) ** -0.5
    turn = numpy.linalg.qr(random.standard_normal((channels, channels)))[0] * decay[:, None]
    kernel = numpy.einsum("ocij,cd->odij", kernel, turn)
    return (kernel * (2 / (channels * taps * taps)) ** 0.5 / kernel.std()).astype("float32")
