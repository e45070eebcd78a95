"""Norms against their definitions in 40 digits, in NumPy's shapes, types and errors, and where NumPy fails."""

import math
import unittest
import warnings

import mpmath
import numpy as np

import sigmax
from common import EPS, exact_values, matrices, values_error

INF = math.inf


def exact_vector(x, p):
    with mpmath.workdps(40):
        entries = [abs(mpmath.mpmathify(complex(v))) for v in np.ravel(x)]
        if p == INF:
            return float(max(entries))
        if p == -INF:
            return float(min(entries))
        if p == 0:
            return float(sum(v != 0 for v in entries))
        return float(sum(v ** mpmath.mpf(p) for v in entries) ** (1 / mpmath.mpf(p)))


def exact_matrix(a, ord):
    if ord in (1, -1, INF, -INF):
        with mpmath.workdps(40):
            axis = 0 if abs(ord) == 1 else 1
            lines = np.abs(a) if not np.iscomplexobj(a) else None
            if lines is None:
                lines = np.array([[abs(mpmath.mpmathify(complex(v))) for v in row] for row in a], dtype=object)
            else:
                lines = np.array([[mpmath.mpf(float(v)) for v in row] for row in lines], dtype=object)
            sums = lines.sum(axis=axis)
            return float(max(sums) if ord > 0 else min(sums))
    if ord == "fro":
        return exact_vector(a, 2)
    values = exact_values(a)
    with mpmath.workdps(40):
        return {2: values[0], -2: values[-1], "nuc": float(sum(mpmath.mpf(v) for v in values))}[ord]


class Vectors(unittest.TestCase):
    def test_every_order_agrees_with_its_definition(self):
        rng = np.random.default_rng(1)
        for size in (1, 2, 7, 100, 3000):
            for scale in (1.0, 1e-300, 1e300):
                x = rng.standard_normal(size) * scale
                for p in (1, 1.5, 2, 3, 7.25, INF, -INF, 0, -1, -2.5, 0.5):
                    expected = exact_vector(x, p)
                    found = sigmax.norm(x, p)
                    with self.subTest(size=size, scale=scale, p=p):
                        if not math.isfinite(expected) or expected < 1e-307:
                            continue
                        self.assertLessEqual(abs(found - expected), (4 * size + 80 * abs(p if math.isfinite(p) else 1)) * EPS * expected)

    def test_nothing_overflows_before_the_result_does(self):
        self.assertEqual(sigmax.norm(np.array([600, 800], np.float16)), np.float16(1000))
        self.assertAlmostEqual(sigmax.norm([1e200, 1e200]) / 1e200, math.sqrt(2), 14)
        self.assertAlmostEqual(sigmax.norm(np.full(5000, 1e-200), 3) / 1e-200, 5000 ** (1 / 3), 11)
        self.assertEqual(sigmax.norm(np.full(4, 5e4, np.float16)), INF)  # 1e5 is beyond float16

    def test_axes_and_keepdims_have_numpys_shapes_and_values(self):
        x = np.random.default_rng(2).standard_normal((3, 4, 5))
        for axis in (0, 1, 2, -1):
            for keepdims in (False, True):
                for p in (None, 1, 3, INF, -INF, 0):
                    found = sigmax.norm(x, p, axis, keepdims)
                    expected = np.linalg.norm(x, p, axis, keepdims)
                    self.assertEqual(found.shape, expected.shape)
                    np.testing.assert_allclose(found, expected, rtol=1e-14)
        for axis in ((0, 2), (2, 1, 0), None, 1):
            for keepdims in (False, True):
                found = sigmax.vector_norm(x, axis=axis, keepdims=keepdims, ord=1.5)
                expected = np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=1.5)
                self.assertEqual(np.shape(found), np.shape(expected))
                np.testing.assert_allclose(found, expected, rtol=1e-14)

    def test_nan_and_infinity_stay_in_their_own_vector(self):
        for size in (3, 3000):
            x = np.ones((4, size))
            x[1, 2] = np.nan
            x[2, 0] = -INF
            for p in (1, 2, 3, INF, 0.5):
                found = sigmax.norm(x, p, axis=1)
                self.assertTrue(np.isnan(found[1]), (size, p))
                self.assertEqual(found[2], INF)
                np.testing.assert_allclose(found[[0, 3]], float(size) ** (1 / p), rtol=1e-12)
            np.testing.assert_array_equal(sigmax.norm(x, -INF, axis=1), [1, np.nan, 1, 1])

    def test_empty_vectors(self):
        self.assertEqual(sigmax.norm([]), 0)
        np.testing.assert_array_equal(sigmax.norm(np.empty((2, 0)), 1, axis=1), [0, 0])
        self.assertEqual(sigmax.norm(np.empty((0, 2)), 3, axis=1).shape, (0,))
        with self.assertRaises(ValueError):
            sigmax.norm([], -INF)

    def test_errors_of_orders(self):
        for bad in ("fro", "nuc", "nonsense"):
            with self.assertRaisesRegex(ValueError, "for vectors"):
                sigmax.norm([1.0, 2.0], bad)
        with self.assertRaises(ValueError):
            sigmax.norm([1.0], math.nan)


class Matrices(unittest.TestCase):
    def test_every_order_agrees_with_its_definition(self):
        rng = np.random.default_rng(3)
        for cplx in (False, True):
            for a in matrices(rng, 40, cplx=cplx):
                largest = exact_values(a)[0]
                for ord in (1, -1, 2, -2, INF, -INF, "fro", "nuc"):
                    with self.subTest(shape=a.shape, ord=ord, complex=cplx):
                        error = abs(sigmax.norm(a, ord) - exact_matrix(a, ord))
                        scale = largest * min(a.shape) if ord in (2, -2, "nuc") else exact_matrix(a, ord)
                        self.assertLessEqual(error, values_error(*a.shape) * scale)

    def test_large_matrices_of_known_norm(self):
        rng = np.random.default_rng(4)
        for rows, columns in ((200, 150), (150, 400), (300, 300)):
            k = min(rows, columns)
            u = np.linalg.qr(rng.standard_normal((rows, k)))[0]
            v = np.linalg.qr(rng.standard_normal((columns, k)))[0]
            sigma = np.linspace(3, 1, k)
            a = u * sigma @ v.T
            tolerance = values_error(rows, columns)
            np.testing.assert_allclose(sigmax.norm(a, 2), 3, rtol=tolerance)
            np.testing.assert_allclose(sigmax.norm(a, -2), 1, rtol=3 * tolerance)
            np.testing.assert_allclose(sigmax.norm(a, "nuc"), sigma.sum(), rtol=3 * tolerance)
            np.testing.assert_allclose(sigmax.norm(a, "schatten:3"), (sigma**3).sum() ** (1 / 3), rtol=3 * tolerance)
            self.assertEqual(sigmax.norm(a, 2), sigmax.norm(a, 2))  # no random digits

    def test_names_of_the_catalog(self):
        a = np.array([[1.0, 2.0], [-3.0, 4.0]])
        for ord, expected in {
            "schatten:3": 5.21000730958691321,
            "schatten:1.5": 5.89317327266478179,
            "kyfan:1": 5.11667273601692729,
            "entrywise:1": 10,
            "max": 4,
            "induced:1,2": math.sqrt(20),
            "induced:2,inf": 5,
            "numerical-radius": 4.08113883008418967,
        }.items():
            np.testing.assert_allclose(sigmax.norm(a, ord), expected, rtol=1e-13, err_msg=ord)
        with self.assertRaisesRegex(ValueError, "schatten:3"):
            sigmax.norm(a, 3)
        with self.assertRaisesRegex(ValueError, "Invalid norm order for matrices"):
            sigmax.norm(a, "schaten:3")
        with self.assertRaises(ValueError):
            sigmax.norm(a, "kyfan:3")

    def test_stacks_axes_and_keepdims_have_numpys_shapes_and_values(self):
        x = np.random.default_rng(5).standard_normal((3, 4, 5, 2))
        for axis in ((0, 1), (1, 0), (-1, 2), (3, 0)):
            for ord in (None, "fro", 1, -1, 2, -2, INF, -INF, "nuc"):
                for keepdims in (False, True):
                    found = sigmax.norm(x, ord, axis, keepdims)
                    expected = np.linalg.norm(x, ord, axis, keepdims)
                    self.assertEqual(found.shape, expected.shape)
                    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)

    def test_nan_and_infinity_stay_in_their_own_matrix(self):
        for order in (3, 150):
            stack = np.stack([np.eye(order)] * 4)
            stack[1, 0, 2] = np.nan
            stack[2, 2, 1] = INF
            for ord in (1, 2, INF, "fro", "nuc", -2):
                found = sigmax.norm(stack, ord, (1, 2))
                self.assertTrue(np.isnan(found[1]), (order, ord))
                self.assertTrue(np.isnan(found[2]) if ord in (2, -2, "nuc") else found[2] == INF, (order, ord))
                expected = {"fro": math.sqrt(order), "nuc": order}.get(ord, 1)
                np.testing.assert_allclose(found[[0, 3]], expected, rtol=1e-13)
            np.testing.assert_array_equal(sigmax.norm(stack, -1, (1, 2)), [1, np.nan, 1, 1])

    def test_empty_matrices(self):
        for shape in ((0, 2), (2, 0), (0, 0)):
            for ord in ("fro", "nuc", 1, 2, INF):
                self.assertEqual(sigmax.norm(np.empty(shape), ord), 0)
            for ord in (-1, -2, -INF):
                with self.assertRaises(ValueError):
                    sigmax.norm(np.empty(shape), ord)
        self.assertEqual(sigmax.norm(np.empty((0, 2, 2)), 2, (1, 2)).shape, (0,))

    def test_integers_count_as_their_values(self):
        self.assertEqual(sigmax.norm(np.array([256], np.int16)), 256)
        self.assertEqual(sigmax.norm(np.array([-128], np.int8), INF), 128)
        self.assertEqual(sigmax.norm(np.full((2, 2), 2**31 - 1, np.int32), 1), 2 * (2**31 - 1))


class Types(unittest.TestCase):
    def test_results_have_the_arguments_precision(self):
        import ml_dtypes

        a = np.array([[3, 0], [0, 4]])
        for dtype, result in (
            (np.float16, np.float16),
            (np.float32, np.float32),
            (np.float64, np.float64),
            (np.int8, np.float64),
            (np.bool_, np.float64),
            (np.complex64, np.float32),
            (np.complex128, np.float64),
            (ml_dtypes.bfloat16, ml_dtypes.bfloat16),
        ):
            given = a.astype(dtype)
            for ord in (None, 1, 2, "nuc", INF):
                self.assertEqual(sigmax.norm(given, ord).dtype, result, (dtype, ord))
            self.assertEqual(sigmax.norm(given[:, 0]).dtype, result)
        self.assertEqual(float(sigmax.norm(a.astype(ml_dtypes.bfloat16), "nuc")), 7)
        self.assertEqual(float(sigmax.norm(a.ravel().astype(ml_dtypes.bfloat16))), 5)

    def test_half_precision_is_computed_in_double(self):
        rng = np.random.default_rng(6)
        a = rng.standard_normal((40, 30)).astype(np.float16)
        for ord in (1, 2, INF, "fro", "nuc"):
            expected = np.linalg.norm(a.astype(np.float64), ord)
            self.assertEqual(sigmax.norm(a, ord), np.float16(expected))

    def test_longdouble_vectors_keep_their_digits(self):
        if np.finfo(np.longdouble).eps >= EPS:
            self.skipTest("longdouble is double here")
        x = np.array([1, 2**-60], dtype=np.longdouble)
        self.assertEqual(sigmax.norm(x, 1), 1 + np.longdouble(2) ** -60)
        with self.assertRaisesRegex(TypeError, "float64"):
            sigmax.norm(np.eye(2, dtype=np.longdouble), 2)

    def test_no_warnings(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            sigmax.norm(np.full(3, 60000, np.float16))
            sigmax.norm([0.0, 1.0], -1)
            sigmax.cond(np.zeros((2, 2)))


if __name__ == "__main__":
    unittest.main()
