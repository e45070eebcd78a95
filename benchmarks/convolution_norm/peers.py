"""What people use for the norm of a convolution today, each as a function of the kernel and its geometry.

    sedghi          H. Sedghi, V. Gupta, P. Long: The singular values of convolutional layers, ICLR 2019: all singular
                    values of the circular convolution with stride 1, by FFT
    gram_iteration  B. Delattre et al.: Efficient bound of Lipschitz constant for convolutional layers by Gram iteration,
                    ICML 2023: an upper bound for circular padding and stride 1 (in exact arithmetic)
    four_reshapings S. Singla, S. Feizi: Fantastic four, ICLR 2021: sqrt(taps) times the least norm of four reshapings,
                    by SVD so that the bound is not an estimate
    power           power iteration on the layer, which is never above the norm
    reshaped        torch's spectral_norm: power iteration on the reshaped kernel

Each returns (value, claim): what the value claims to be.
"""

import numpy
import torch
import torch.nn.functional as F

STEPS = 100


def sedghi_numpy(kernel, stride, padding, size):
    transform = numpy.fft.fft2(kernel, (size, size), axes=(2, 3)).transpose(2, 3, 0, 1)
    return float(numpy.linalg.svd(transform, compute_uv=False).max()), "circular, stride 1"


def sedghi_torch(kernel, stride, padding, size):
    transform = torch.fft.rfft2(torch.from_numpy(kernel), (size, size)).permute(2, 3, 0, 1)
    return torch.linalg.svdvals(transform).max().item(), "circular, stride 1"


def gram_iteration(kernel, stride, padding, size, steps=6):
    g = torch.fft.rfft2(torch.from_numpy(kernel), (size, size)).flatten(2).permute(2, 0, 1)
    return gram_bounds(g, steps).max().item(), "upper, circular, stride 1"


def gram_bounds(g, steps):
    """Of each matrix, in exact arithmetic."""
    if g.shape[1] > g.shape[2]:
        g = g.mH
    log = torch.zeros(len(g))
    for _ in range(steps):
        norm = torch.linalg.matrix_norm(g)
        g = g / norm[:, None, None]
        g = g @ g.mH
        log = 2 * (log + norm.log())
    return torch.exp((log + torch.linalg.matrix_norm(g).log()) / 2**steps)


def four_reshapings(kernel, stride, padding, size):
    k = torch.from_numpy(kernel)
    out, channels, high, wide = k.shape
    shapes = [
        k.permute(0, 2, 1, 3).reshape(out * high, channels * wide),
        k.permute(0, 3, 1, 2).reshape(out * wide, channels * high),
        k.reshape(out, channels * high * wide),
        k.permute(0, 2, 3, 1).reshape(out * high * wide, channels),
    ]
    least = min(torch.linalg.matrix_norm(one, 2).item() for one in shapes)
    return (high * wide) ** 0.5 * least, "upper, stride 1"


def power(kernel, stride, padding, size, steps=STEPS):
    k = torch.from_numpy(kernel)
    v = F.normalize(torch.randn(1, k.shape[1], size, size), dim=(1, 2, 3))
    for _ in range(steps):
        u = F.normalize(F.conv2d(v, k, stride=stride, padding=padding), dim=(1, 2, 3))
        back = size - ((u.shape[2] - 1) * stride - 2 * padding + k.shape[2])
        x = F.conv_transpose2d(u, k, stride=stride, padding=padding, output_padding=back)
        v = F.normalize(x, dim=(1, 2, 3))
    return torch.linalg.vector_norm(x).item(), "below"


def reshaped(kernel, stride, padding, size, steps=STEPS):
    w = torch.from_numpy(kernel).flatten(1)
    v = F.normalize(torch.randn(w.shape[1]), dim=0)
    for _ in range(steps):
        u = F.normalize(w @ v, dim=0)
        x = w.T @ u
        v = F.normalize(x, dim=0)
    return torch.linalg.vector_norm(x).item(), "of another matrix"


PEERS = {
    "Sedghi, NumPy": sedghi_numpy,
    "Sedghi, torch": sedghi_torch,
    "Gram iteration, 6 steps": gram_iteration,
    "four reshapings": four_reshapings,
    f"power iteration on the layer, {STEPS} steps": power,
    f"torch's reshaped power iteration, {STEPS} steps": reshaped,
}


def one_matrix(peer):
    """The peer on an image of 1x1 for a 1x1 kernel, which has the same matrix at every frequency."""
    return lambda kernel, stride, padding, size: peer(kernel, stride, padding, 1 if kernel.shape[2] == 1 else size)


def sedghi_value(kernel, stride, padding, size, steps=6):
    """The value of sedghi_numpy, with SVDs only of matrices that may have it: from the largest of their bounds by Gram
    iteration down to the largest value. Half of the frequencies have all matrices; the others are conjugates."""
    transform = numpy.fft.rfft2(kernel, (size, size), axes=(2, 3)).transpose(2, 3, 0, 1).reshape(-1, *kernel.shape[:2])
    bounds = gram_bounds(torch.from_numpy(transform.astype("complex64")), steps) * (1 + 1e-4)  # float's rounding
    found = 0.0
    for at in numpy.argsort(-bounds.numpy()):
        if bounds[at] <= found:
            break
        found = max(found, float(numpy.linalg.svd(transform[at], compute_uv=False)[0]))
    return found, "circular, stride 1"


def alike(name):
    """The peers whose value is the same one."""
    return [other for other in PEERS if other.startswith("Sedghi")] if name.startswith("Sedghi") else [name]


#: How to compute a value when the time does not matter.
VALUES = {name: one_matrix(sedghi_value if name.startswith("Sedghi") else peer) for name, peer in PEERS.items()}
