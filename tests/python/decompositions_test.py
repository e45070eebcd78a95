"""svd, svdvals, cond, matrix_rank and pinv against mpmath, by their defining equations, and where NumPy fails."""

import math
import unittest

import ml_dtypes
import numpy as np

import sigmax
from common import EPS, exact_values, matrices, values_error

LinAlgError = np.linalg.LinAlgError


class Decompositions(unittest.TestCase):
    def check(self, a, full):
        u, s, vh = sigmax.svd(a, full_matrices=full)
        rows, columns = a.shape
        k = min(rows, columns)
        self.assertEqual(u.shape, (rows, rows if full else k))
        self.assertEqual(vh.shape, (columns if full else k, columns))
        tolerance = values_error(rows, columns)
        # In units of the largest value: its square may be beyond the range.
        unit = s[0] if s[0] > 0 else 1.0
        self.assertLessEqual(np.abs((u[:, :k] * (s / unit)) @ vh[:k] - a / unit).max(), tolerance)
        for q in (u.conj().T, vh):
            self.assertLessEqual(np.abs(q @ q.conj().T - np.eye(len(q))).max(), tolerance)
        self.assertTrue((np.diff(s) <= 0).all() and (s >= 0).all())

    def test_real_and_complex_matrices_are_decomposed(self):
        rng = np.random.default_rng(1)
        for cplx in (False, True):
            for a in matrices(rng, 60, largest=12, cplx=cplx):
                for full in (False, True):
                    with self.subTest(shape=a.shape, complex=cplx, full=full):
                        self.check(a, full)

    def test_larger_matrices_are_decomposed(self):
        rng = np.random.default_rng(2)
        for shape in ((300, 200), (130, 400), (260, 260)):
            self.check(rng.standard_normal(shape), False)
        self.check(rng.standard_normal((90, 140)) + 1j * rng.standard_normal((90, 140)), True)

    def test_values_are_those_of_mpmath(self):
        rng = np.random.default_rng(3)
        for cplx in (False, True):
            for a in matrices(rng, 60, cplx=cplx):
                expected = exact_values(a)
                for found in (sigmax.svdvals(a), sigmax.svd(a).S, sigmax.svd(a, compute_uv=False)):
                    self.assertLessEqual(np.abs(found - expected).max(), values_error(*a.shape) * expected[0])

    def test_every_value_has_its_digits_also_beside_larger_ones(self):
        # Values whose squares are lost beside that of the largest, in the shapes that go through the Gram matrix.
        rng = np.random.default_rng(4)
        for rows, columns in ((600, 200), (150, 500), (260, 250)):
            k = min(rows, columns)
            u = np.linalg.qr(rng.standard_normal((rows, k)))[0]
            v = np.linalg.qr(rng.standard_normal((columns, k)))[0]
            for smallest in (1e-1, 1e-5, 1e-9, 1e-13):
                sigma = np.concatenate([np.linspace(1, 0.5, k - 20), np.geomspace(0.5, smallest, 20)])
                found = sigmax.svdvals(u * sigma @ v.T)
                self.assertLessEqual(np.abs(found - sigma).max(), 2 * values_error(rows, columns), (rows, columns, smallest))

    def test_stacks_are_their_matrices(self):
        rng = np.random.default_rng(5)
        a = rng.standard_normal((2, 3, 5, 4))
        u, s, vh = sigmax.svd(a, full_matrices=False)
        self.assertEqual((u.shape, s.shape, vh.shape), ((2, 3, 5, 4), (2, 3, 4), (2, 3, 4, 4)))
        for i in np.ndindex(2, 3):
            one = sigmax.svd(a[i], full_matrices=False)
            for part, expected in zip((u, s, vh), one):
                np.testing.assert_array_equal(part[i], expected)
            np.testing.assert_array_equal(sigmax.svdvals(a)[i], sigmax.svdvals(a[i]))

    def test_nan_stays_in_its_own_matrix(self):
        for order in (3, 140):
            stack = np.stack([np.eye(order)] * 3)
            stack[1, 0, 0] = np.nan
            u, s, vh = sigmax.svd(stack)
            for part in (u, s, vh, sigmax.svdvals(stack)[..., None]):
                self.assertTrue(np.isnan(part[1]).all())
                self.assertFalse(np.isnan(part[[0, 2]]).any())
            for p in (None, -2, 1, -1, "fro", "nuc", math.inf):
                c = sigmax.cond(stack, p)
                self.assertTrue(np.isnan(c[1]), p)
                self.assertTrue(np.isfinite(c[[0, 2]]).all(), p)
            self.assertTrue(np.isnan(sigmax.pinv(stack)[1]).all())
        with self.assertRaisesRegex(LinAlgError, "no rank"):
            sigmax.matrix_rank(stack)

    def test_empty_shapes(self):
        u, s, vh = sigmax.svd(np.empty((4, 0)))
        np.testing.assert_array_equal(u, np.eye(4))
        self.assertEqual((s.shape, vh.shape), ((0,), (0, 0)))
        self.assertEqual(sigmax.svd(np.empty((0, 3, 2))).U.shape, (0, 3, 3))
        self.assertEqual(sigmax.svdvals(np.empty((2, 0, 3))).shape, (2, 0))
        self.assertEqual(sigmax.pinv(np.empty((0, 3))).shape, (3, 0))
        with self.assertRaises(LinAlgError):
            sigmax.cond(np.empty((0, 0)))

    def test_the_result_keeps_the_precision_of_the_argument(self):
        a = np.array([[1, 2], [-3, 4], [0, 1]])
        for dtype in (np.float16, np.float32, np.float64, ml_dtypes.bfloat16):
            u, s, vh = sigmax.svd(a.astype(dtype))
            self.assertEqual((u.dtype, s.dtype, vh.dtype), (dtype,) * 3)
            self.assertEqual(sigmax.pinv(a.astype(dtype)).dtype, dtype)
            self.assertEqual(s[0], dtype(sigmax.svdvals(a)[0]))
        self.assertEqual(sigmax.svd(a.astype(np.complex64)).U.dtype, np.complex64)

    def test_hermitian_reads_the_lower_triangle(self):
        rng = np.random.default_rng(6)
        a = rng.standard_normal((6, 6)) + 1j * rng.standard_normal((6, 6))
        whole = np.tril(a, -1) + np.tril(a, -1).conj().T + np.diag(np.diag(a).real)
        np.testing.assert_allclose(sigmax.svd(a, compute_uv=False, hermitian=True), sigmax.svdvals(whole), atol=1e-13)
        np.testing.assert_allclose(
            sigmax.svd(a.real, compute_uv=False, hermitian=True),
            sigmax.svdvals(np.tril(a.real) + np.tril(a.real, -1).T),
            atol=1e-13,
        )
        with self.assertRaises(LinAlgError):
            sigmax.svd(np.ones((2, 3)), hermitian=True)

    def test_fewer_than_two_dimensions_are_refused_as_numpy_refuses_them(self):
        for function in (sigmax.svd, sigmax.svdvals, sigmax.cond, sigmax.pinv):
            with self.assertRaisesRegex(LinAlgError, "at least two-dimensional"):
                function(np.ones(3))


class Conditions(unittest.TestCase):
    M = np.array([[1.0, 2.0], [-3.0, 4.0]])

    def test_known_condition_numbers(self):
        for p, expected in ((None, 2.61803398874989485), (2, 2.61803398874989485), (1, 4.2), (math.inf, 4.2), ("fro", 3)):
            np.testing.assert_allclose(sigmax.cond(self.M, p), expected, rtol=1e-14)
        hilbert = 1 / (np.arange(5)[:, None] + np.arange(5) + 1.0)
        # The rounded Hilbert matrix differs from the exact one by kappa u.
        np.testing.assert_allclose(sigmax.cond(hilbert, 1), 943656, rtol=943656 * 25 * EPS)
        np.testing.assert_allclose(sigmax.cond(hilbert), 476607.250242560809, rtol=476607 * 25 * EPS)

    def test_random_matrices_agree_with_the_exact_inverse(self):
        import mpmath

        rng = np.random.default_rng(7)
        for order in (1, 2, 3, 5, 8):
            for cplx in (False, True):
                a = rng.standard_normal((order, order)) + (1j * rng.standard_normal((order, order)) if cplx else 0)
                with mpmath.workdps(40):
                    inverse = mpmath.matrix(a.tolist()) ** -1
                inverse = np.array(inverse.tolist(), dtype=complex)
                kappa = sigmax.cond(a)
                for p in (1, -1, math.inf, -math.inf, "fro", "nuc"):
                    expected = np.linalg.norm(a, p) * np.linalg.norm(inverse, p)
                    np.testing.assert_allclose(sigmax.cond(a, p), expected, rtol=20 * order**2 * kappa * EPS)

    def test_singular_matrices_are_infinite_also_in_a_stack(self):
        stack = np.stack([np.eye(2), np.zeros((2, 2)), np.ones((2, 2)), self.M])
        for p in (None, 2, 1, math.inf, "fro", "nuc", -1, "schatten:3"):
            c = sigmax.cond(stack, p)
            self.assertEqual(c[1], np.inf, p)
            self.assertGreater(c[2], 1e15, p)
            self.assertTrue(np.isfinite(c[[0, 3]]).all(), p)

    def test_scale_does_not_matter(self):
        for scale in (1e-300, 1e-160, 1e160, 1e300):
            for p in (None, 1, "fro"):
                np.testing.assert_allclose(sigmax.cond(self.M * scale, p), sigmax.cond(self.M, p), rtol=1e-13)

    def test_rectangular_matrices(self):
        self.assertAlmostEqual(sigmax.cond(np.array([[3.0, 0, 0], [0, 1, 0]])), 3)
        with self.assertRaisesRegex(LinAlgError, "square"):
            sigmax.cond(np.ones((2, 3)), 1)


class RanksAndInverses(unittest.TestCase):
    def test_ranks(self):
        rng = np.random.default_rng(8)
        for rank in range(6):
            a = rng.standard_normal((9, rank)) @ rng.standard_normal((rank, 7))
            self.assertEqual(sigmax.matrix_rank(a), rank)
        a = np.diag([1, 1e-3, 1e-6])
        self.assertEqual(sigmax.matrix_rank(a, tol=1e-4), 2)
        np.testing.assert_array_equal(sigmax.matrix_rank(np.stack([a, a]), rtol=[1e-2, 1e-5]), [1, 2])
        self.assertEqual(sigmax.matrix_rank(np.diag([1, 1e-7]).astype(np.float32)), 1)
        with self.assertRaises(ValueError):
            sigmax.matrix_rank(a, tol=1, rtol=1)

    def test_penrose_equations(self):
        rng = np.random.default_rng(9)
        for cplx in (False, True):
            for rows, columns, rank in ((4, 4, 4), (7, 3, 3), (3, 7, 2), (6, 5, 1)):
                a = rng.standard_normal((rows, rank)) @ rng.standard_normal((rank, columns))
                if cplx:
                    a = a * (1 + 0.5j)
                x = sigmax.pinv(a)
                for left, right in ((a @ x @ a, a), (x @ a @ x, x), ((a @ x).conj().T, a @ x), ((x @ a).conj().T, x @ a)):
                    np.testing.assert_allclose(left, right, atol=1e-12 * max(1, np.abs(right).max()))


if __name__ == "__main__":
    unittest.main()
