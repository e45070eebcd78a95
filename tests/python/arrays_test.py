"""Arrays in every layout and from everywhere: right, or refused in words."""

import unittest

import numpy as np

import sigmax

FUNCTIONS = {
    "norm": sigmax.norm,
    "norm 1": lambda a: sigmax.norm(a, 1),
    "norm 2": lambda a: sigmax.norm(a, 2),
    "norm nuc": lambda a: sigmax.norm(a, "nuc"),
    "norm of rows": lambda a: sigmax.norm(a, 3, axis=1),
    "norm of columns": lambda a: sigmax.norm(a, np.inf, axis=0),
    "svdvals": sigmax.svdvals,
    "svd": lambda a: np.abs(sigmax.svd(a).Vh),
    "cond": sigmax.cond,
    "cond 1": lambda a: sigmax.cond(np.asarray(a)[:3, :3], 1),
    "pinv": sigmax.pinv,
    "matrix_rank": sigmax.matrix_rank,
    "enclose": lambda a: (sigmax.enclose(a).lower, sigmax.enclose(a).upper),
    "svds": lambda a: sigmax.svds(a, 2, return_singular_vectors=False, rng=1),
}


class Layouts(unittest.TestCase):
    def setUp(self):
        self.a = np.random.default_rng(1).standard_normal((4, 3))

    def layouts(self):
        a = self.a
        wide = np.zeros((4, 6))
        wide[:, ::2] = a
        unaligned = np.zeros(a.nbytes + 1, np.uint8)[1:].view(np.float64).reshape(a.shape)
        unaligned[...] = a
        self.assertFalse(unaligned.flags.aligned)
        packed = np.zeros(4, np.dtype({"names": ["x"], "formats": [(np.float64, 3)], "offsets": [0], "itemsize": 28}))
        packed["x"] = a
        read_only = a.copy()
        read_only.flags.writeable = False
        yield "column-major", np.asfortranarray(a)
        yield "strided", wide[:, ::2]
        yield "negative strides", a[::-1, ::-1][::-1, ::-1][::-1][::-1]
        yield "reversed copy", a[::-1].copy()[::-1]
        yield "unaligned", unaligned
        yield "strides that are no multiple of an entry", packed["x"]
        yield "read-only", read_only
        yield "foreign byte order", a.astype(a.dtype.newbyteorder("S"))
        yield "a matrix", np.asmatrix(a)
        yield "lists", a.tolist()
        yield "masked, nothing hidden", np.ma.masked_array(a, mask=False)
        yield "an object with __array__", Wrapped(a)

    def test_every_layout_gives_the_same(self):
        for name, given in self.layouts():
            for what, function in FUNCTIONS.items():
                with self.subTest(layout=name, function=what):
                    np.testing.assert_allclose(np.asarray(function(given)), np.asarray(function(self.a)), rtol=1e-13)

    def test_zero_strides(self):
        row = np.broadcast_to(np.arange(1.0, 4), (5, 3))
        stack = np.broadcast_to(self.a, (6, 4, 3))
        self.assertAlmostEqual(sigmax.norm(row, 2), np.sqrt(5 * 14))
        np.testing.assert_allclose(sigmax.svdvals(row), [np.sqrt(70), 0, 0], atol=1e-14)
        np.testing.assert_allclose(sigmax.norm(stack, "nuc", (1, 2)), sigmax.norm(self.a, "nuc"), rtol=1e-14)
        self.assertAlmostEqual(sigmax.norm(np.broadcast_to(2.0, 5000)), 2 * np.sqrt(5000))

    def test_arguments_stay_as_they_are(self):
        for what, function in FUNCTIONS.items():
            given = self.a.copy()
            function(given)
            np.testing.assert_array_equal(given, self.a, err_msg=what)

    def test_what_does_not_store_numbers_is_refused(self):
        for given in (
            np.array([[1, 2], [3, None]], dtype=object),
            np.array([["a", "b"], ["c", "d"]]),
            np.array([["2020-01-01"] * 2] * 2, dtype="datetime64[D]"),
            np.ma.masked_array(np.eye(2), mask=[[False, True], [False, False]]),
        ):
            for what, function in FUNCTIONS.items():
                if "cond 1" in what:
                    continue
                with self.subTest(dtype=given.dtype, function=what), self.assertRaises(TypeError):
                    function(given)


class Wrapped:
    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype=dtype, copy=copy)


class Copies(unittest.TestCase):
    def test_norms_and_values_read_the_array_where_it_lies(self):
        # 64 MB; a copy would show in what Python's allocator has seen, as NumPy reports its memory to it.
        import tracemalloc

        a = np.ones((1000, 8000))
        for what in ("norm", "norm 1", "norm 2", "norm of rows", "enclose"):
            tracemalloc.start()
            FUNCTIONS[what](a)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            self.assertLess(peak, a.nbytes / 10, what)


if __name__ == "__main__":
    unittest.main()
