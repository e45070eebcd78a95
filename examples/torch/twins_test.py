#!/usr/bin/env python3
"""A program for LibTorch and its twin for PyTorch print the same numbers from the same start.

    twins_test.py PROGRAM TWIN.py

The data are the first images of Fashion-MNIST or, if the package dataset-fashion-mnist is not installed, files of the
same format with patterns that can be learned.
"""

import gzip
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest

import numpy as np

PROGRAM = TWIN = None
INSTALLED = pathlib.Path("/usr/share/datasets/fashion-mnist")
IMAGES = 6000
EPOCHS = 5  # of 60 steps

NUMBER = re.compile(r"-?\d+\.?\d*(?:e[-+]?\d+)?")
# Both programs call the same kernels in the same order, so the bits are equal in practice. The required tolerance
# allows the rounding of a few hundred steps, 6e-8 each, to grow a hundredfold.
TOLERANCE = 300 * 6e-8 * 100


def write_idx(path, array):
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header + array.astype(np.uint8).tobytes())


def write_patterns(folder):
    """Ten random pictures, each with much noise."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 200, (10, 28, 28))
    for name, count in (("train", IMAGES), ("t10k", 1000)):
        labels = random.integers(0, 10, count)
        noise = random.integers(0, 56, (count, 28, 28))
        write_idx(folder / f"{name}-images-idx3-ubyte.gz", pictures[labels] + noise)
        write_idx(folder / f"{name}-labels-idx1-ubyte.gz", labels)


class Twins(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.files = pathlib.Path(cls.folder.name)
        cls.data = INSTALLED
        if not (INSTALLED / "train-images-idx3-ubyte.gz").exists():
            cls.data = cls.files
            write_patterns(cls.files)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def output_of(self, command, *options):
        shared = ("--data", self.data, "--images", str(IMAGES), "--epochs", str(EPOCHS))
        return subprocess.run([*command, *shared, *options], check=True, capture_output=True, text=True).stdout

    def cpp(self, *options):
        return self.output_of([PROGRAM], *options)

    def python(self, *options):
        return self.output_of([sys.executable, TWIN], *options)

    def assert_same_numbers(self, a, b):
        self.assertEqual(NUMBER.sub("#", a), NUMBER.sub("#", b))
        for x, y in zip(map(float, NUMBER.findall(a)), map(float, NUMBER.findall(b)), strict=True):
            self.assertLessEqual(abs(x - y), TOLERANCE * max(1.0, abs(x)), f"\n{a}\n{b}")

    def product(self, output):
        lower, upper = re.search(r"at least (\S+), at most (\S+) \(proven\)", output).groups()
        return float(lower), float(upper)

    def losses(self, output):
        return [float(loss) for loss in re.findall(r"loss (\S+)", output)]

    def test_normalized_from_a_start_that_cpp_wrote(self):
        start = self.files / "cpp.pt"
        a = self.cpp("--save-start", start)
        b = self.python("--start", start)
        self.assert_same_numbers(a, b)
        for output in (a, b):
            lower, upper = self.product(output)
            self.assertLessEqual(lower, upper)
            self.assertGreaterEqual(lower, 1 - 1e-6)
            self.assertLessEqual(upper, 1 + 1e-6)
            self.assertLess(self.losses(output)[-1], self.losses(output)[0])

    def test_plain_from_a_start_that_python_wrote(self):
        start = self.files / "python.safetensors"
        b = self.python("--plain", "--save-start", start)
        a = self.cpp("--plain", "--start", start)
        self.assert_same_numbers(a, b)
        self.assertGreater(self.product(a)[0], 2)  # nothing holds the norms down
        self.assertLess(self.losses(a)[-1], self.losses(a)[0])


if __name__ == "__main__":
    PROGRAM, TWIN = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main()
