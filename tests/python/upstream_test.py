"""NumPy's own tests of norm, cond, matrix_rank, svd, svdvals, pinv, matrix_norm and vector_norm, from the NumPy that is
installed, with sigmax's functions in NumPy's place.

They are NumPy's files as they are; the functions are replaced in numpy.linalg before the files are imported, and their
calls are counted, so that a test which reaches NumPy's own functions would show.
"""

import collections
import functools
import pathlib
import sys
import unittest

import numpy
import pytest

import sigmax

REPLACED = ("norm", "cond", "matrix_rank", "svd", "svdvals", "pinv", "matrix_norm", "vector_norm")
FILES = ("linalg/tests/test_linalg.py", "matrixlib/tests/test_matrix_linalg.py")
# Parts of the names of tests that are about these functions. The rest of the files is about others.
ABOUT = ("SVD", "Cond", "Pinv", "pinv", "Norm", "norm", "Rank", "rank", "byteorder")

calls = collections.Counter()


def counted(name):
    function = getattr(sigmax, name)

    @functools.wraps(function)
    def replacement(*args, **keywords):
        calls[name] += 1
        return function(*args, **keywords)

    return replacement


class Outcomes:
    """A plugin of pytest that keeps what happened to each test."""

    def __init__(self):
        self.passed, self.failed, self.other = [], [], []

    def pytest_collection_modifyitems(self, items):
        items[:] = [item for item in items if any(word in item.nodeid.partition("::")[2] for word in ABOUT)]

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            kind = "other" if report.outcome == "skipped" or hasattr(report, "wasxfail") else report.outcome
            getattr(self, kind).append(report.nodeid)


class Upstream(unittest.TestCase):
    def test_numpys_own_tests_pass(self):
        for name in REPLACED:
            setattr(numpy.linalg, name, counted(name))
        outcomes = Outcomes()
        folder = pathlib.Path(numpy.__file__).parent
        pytest.main(
            ["-q", "-p", "no:cacheprovider", "-c", "/dev/null", *(str(folder / file) for file in FILES)],
            plugins=[outcomes],
        )
        print(f"{len(outcomes.passed)} passed, {len(outcomes.failed)} failed, {len(outcomes.other)} skipped or expected "
              f"to fail by NumPy; calls of sigmax: {dict(calls)}")
        self.assertEqual(outcomes.failed, [])
        self.assertGreater(len(outcomes.passed), 50)
        for name in REPLACED:
            self.assertGreater(calls[name], 0, name)


if __name__ == "__main__":
    sys.exit(unittest.main())
