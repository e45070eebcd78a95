"""svds against whole decompositions: stored, sparse and known through products; certificates; errors."""

import unittest

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

import sigmax


def kinds(a):
    yield "array", a
    yield "csr", scipy.sparse.csr_array(a)
    yield "coo matrix", scipy.sparse.coo_matrix(a)
    yield "operator", scipy.sparse.linalg.aslinearoperator(a)
    yield "matvec alone", Products(a)


class Products:
    def __init__(self, a):
        self.shape, self.dtype, self.a = a.shape, a.dtype, a

    def matvec(self, x):
        return self.a @ x

    def rmatvec(self, y):
        return self.a.T @ y


class Triplets(unittest.TestCase):
    def test_every_kind_gives_the_triplets(self):
        rng = np.random.default_rng(1)
        for shape in ((60, 40), (40, 60), (30, 30)):
            a = rng.standard_normal(shape)
            values = sigmax.svdvals(a)
            for name, given in kinds(a):
                for which, expected in (("LM", values[:5][::-1]), ("SM", values[-5:][::-1][::-1])):
                    with self.subTest(kind=name, shape=shape, which=which):
                        u, s, vh = sigmax.svds(given, 5, which=which)
                        expected = np.sort(expected)
                        np.testing.assert_allclose(s, expected, atol=1e-9 * values[0])
                        self.assertEqual((u.shape, vh.shape), ((shape[0], 5), (5, shape[1])))
                        np.testing.assert_allclose(u.T @ u, np.eye(5), atol=1e-10)
                        np.testing.assert_allclose(vh @ vh.T, np.eye(5), atol=1e-10)
                        np.testing.assert_allclose(a @ vh.T, u * s, atol=1e-6 * values[0])

    def test_zeros_multiple_values_and_all_values(self):
        a = np.diag([3.0, 3.0, 1.0, 0.0, 0.0])
        np.testing.assert_allclose(sigmax.svds(a, 5, return_singular_vectors=False), [0, 0, 1, 3, 3], atol=1e-14)
        np.testing.assert_allclose(sigmax.svds(np.zeros((4, 3)), 2, return_singular_vectors=False), [0, 0])
        self.assertEqual(sigmax.svds(np.array([[2.0]]), 1)[1], 2)

    def test_enclosures_contain_the_values(self):
        rng = np.random.default_rng(2)
        a = rng.standard_normal((50, 35))
        values = np.sort(sigmax.svdvals(a)[:4])
        for name, given in kinds(a):
            u, s, vh, known = sigmax.svds(given, 4, certify=True)
            self.assertEqual(len(known), 4)
            for e, value, exact in zip(known, s, values):
                self.assertLessEqual(e.lower, exact * (1 + 1e-13), name)
                self.assertGreaterEqual(e.upper, exact * (1 - 1e-13), name)
                self.assertEqual(e.kind, "proven" if name == "array" else e.kind)
        self.assertIn(float(s[-1]), sigmax.Enclosure(known[-1].lower * (1 - 1e-12), known[-1].upper, "proven", ""))

    def test_returned_parts_types_and_seeds(self):
        a = np.random.default_rng(3).standard_normal((20, 30)).astype(np.float32)
        u, s, vh = sigmax.svds(a, 2)
        self.assertEqual((u.dtype, s.dtype, vh.dtype), (np.float32,) * 3)
        self.assertIsNone(sigmax.svds(a, 2, return_singular_vectors="u")[2])
        self.assertIsNone(sigmax.svds(a, 2, return_singular_vectors="vh")[0])
        first, second = (sigmax.svds(a, 2, rng=7) for _ in range(2))
        for x, y in zip(first, second):
            np.testing.assert_array_equal(x, y)
        for v0 in (np.ones(20), None):
            np.testing.assert_allclose(sigmax.svds(a, 1, v0=v0)[1], sigmax.svdvals(a)[:1], rtol=1e-6)

    def test_exceptions_of_products_pass_through(self):
        class Broken(Products):
            def matvec(self, x):
                raise ZeroDivisionError("from the product")

        with self.assertRaisesRegex(ZeroDivisionError, "from the product"):
            sigmax.svds(Broken(np.eye(9)), 2)

        class Misshapen(Products):
            def matvec(self, x):
                return np.ones(4)

        with self.assertRaisesRegex(ValueError, "another shape"):
            sigmax.svds(Misshapen(np.eye(9)), 2)

    def test_arguments_out_of_range(self):
        a = np.eye(4)
        for options in (
            {"k": 0},
            {"k": 5},
            {"k": 1.5},
            {"tol": -1},
            {"tol": np.nan},
            {"which": "LA"},
            {"v0": np.ones(3)},
            {"v0": np.ones(4, int)},
            {"maxiter": 0},
            {"return_singular_vectors": "v"},
        ):
            with self.subTest(options), self.assertRaises(ValueError):
                sigmax.svds(a, **{"k": 2, **options})
        for bad in (np.empty((0, 3)), np.array([[np.nan]]), np.ones(3)):
            with self.assertRaises(ValueError):
                sigmax.svds(bad, 1)
        with self.assertRaises(TypeError):
            sigmax.svds(a * 1j, 2)


if __name__ == "__main__":
    unittest.main()
