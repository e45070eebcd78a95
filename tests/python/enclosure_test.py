"""Enclosures contain the value in 40 digits, are narrow, and say how they are known."""

import math
import unittest

import ml_dtypes
import mpmath
import numpy as np

import sigmax
from common import matrices


class Enclosures(unittest.TestCase):
    def contains(self, e, exact):
        self.assertLessEqual(mpmath.mpf(e.lower), exact)
        self.assertGreaterEqual(mpmath.mpf(e.upper), exact)

    def test_the_norm_in_40_digits_lies_inside(self):
        rng = np.random.default_rng(1)
        mpmath.mp.dps = 40
        for a in matrices(rng, 60):
            with np.errstate(over="ignore"):
                stored_as = (a, a.astype(np.float32), a.astype(ml_dtypes.bfloat16))
            for given in stored_as:
                stored = given.astype(np.float64)
                if not np.isfinite(stored).all():
                    continue
                exact = mpmath.matrix(stored.tolist())
                tall = exact if exact.rows >= exact.cols else exact.T
                values = mpmath.svd_r(tall, compute_uv=False)
                entries = [abs(v) for v in exact]
                for ord, value in (
                    (2, values[0]),
                    ("nuc", sum(values)),
                    ("fro", mpmath.sqrt(sum(v * v for v in entries))),
                    (1, max(sum(abs(v) for v in exact.column(j)) for j in range(exact.cols))),
                    ("entrywise:3", sum(v**3 for v in entries) ** (mpmath.mpf(1) / 3)),
                ):
                    e = sigmax.enclose(given, ord)
                    with self.subTest(ord=ord, shape=a.shape, dtype=given.dtype):
                        self.assertEqual(e.kind, "proven")
                        self.contains(e, value)
                        # sigma_max of a matrix is enclosed to a modest multiple of its sides times rounding.
                        if ord == 2 and value > 0:
                            self.assertLess(e.relative_width, 1e-12)

    def test_what_it_says(self):
        e = sigmax.enclose(np.array([[1.0, 2.0], [-3.0, 4.0]]))
        self.assertIn(math.sqrt(15 + math.sqrt(125)), e)
        self.assertNotIn(5.2, e)
        self.assertNotIn(math.nan, e)
        self.assertEqual(e.failure_probability, 0)
        self.assertRegex(repr(e), r"^Enclosure\(5\.1166\d+ <= .*sigma_max.* <= 5\.1166\d+: proven, rounding included\)$")
        self.assertRegex(repr(sigmax.Enclosure(1.0, math.inf, "lower_only", "x")), "no upper end is known")
        self.assertEqual(sigmax.enclose(np.zeros((2, 2))).upper, 0)

    def test_a_wider_interval_may_be_asked_for(self):
        a = np.random.default_rng(2).standard_normal((300, 200))
        narrow, wide = sigmax.enclose(a), sigmax.enclose(a, relative_width=0.1)
        self.assertLess(narrow.relative_width, 1e-11)
        self.assertLessEqual(wide.relative_width, 0.1)
        self.assertLessEqual(max(narrow.lower, wide.lower), min(narrow.upper, wide.upper))

    def test_only_numbers_that_are_exact_are_enclosed(self):
        self.assertIn(2**53, sigmax.enclose(np.array([[2**53]])))
        for given in (np.array([[2**53 + 1]]), np.array([[-(2**63)]]), np.array([[1j]]), np.array([["a"]])):
            with self.assertRaises(TypeError):
                sigmax.enclose(given)
        for given in (np.ones(3), np.ones((2, 2, 2)), np.empty((0, 2)), np.array([[np.nan]]), np.array([[np.inf]])):
            with self.assertRaises(ValueError):
                sigmax.enclose(given)
        with self.assertRaises(ValueError):
            sigmax.enclose(np.eye(2), 3)


if __name__ == "__main__":
    unittest.main()
