"""Shared by the tests of sigmax svd: a matrix with a known spectrum, and its triplets from the command."""

import json

import checkpoints
from command import CommandTest

SIGMA = [9.0, 7.0, 6.5, 3.0, 1.5, 1.0, 0.25]
CLOSE = 1e-9  # for values requested to 1e-10


class SvdTest(CommandTest):

    def matrix(self, sigma=SIGMA, rows=9, columns=7, name="m.npy"):
        return self.write(name, checkpoints.npy(checkpoints.with_spectrum(sigma, rows, columns)))

    def report(self, *arguments, code=0):
        return json.loads(self.expect(code, "svd", *arguments, "--format", "json").out)

    def values(self, *arguments):
        return [float(line) for line in self.expect(0, "svd", *arguments, "--format", "values").out.split()]

    def assert_values(self, found, expected, relative=CLOSE):
        self.assertEqual(len(found), len(expected), found)
        for got, true in zip(found, expected):
            self.assertAlmostEqual(got, true, delta=relative * max(expected))

    def refused(self, *arguments, code=2):
        finished = self.expect(code, "svd", *arguments)
        self.assertEqual(finished.out, "")
        return finished.err
