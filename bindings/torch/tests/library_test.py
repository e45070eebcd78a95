"""The shared library in one process with torch's: which BLAS is called, what is exported, how threads and types are
handled."""

import pathlib
import re
import subprocess
import unittest

import torch

import sigmax.torch
from common import TestCase

LIBRARY = pathlib.Path(sigmax.torch.__file__).absolute().parent / "libsigmax_torch.so"


class Library(TestCase):
    def symbols(self, *flags):
        listed = subprocess.run(["nm", "-D", *flags, str(LIBRARY)], capture_output=True, text=True, check=True).stdout
        return {line.split()[-1].partition("@")[0] for line in listed.splitlines() if line.split()}

    def test_blas_and_lapack_are_its_own(self):
        """torch's library also exports dgemm_, dpotrf_ and the like; ours does not use those, and does not export its
        own."""
        routine = re.compile(r"^(cblas_)?[sdcz](gemm|gemv|syrk|trsm|potrf|gesdd|syevd|syevr|geqrf|orgqr|stevr)_?$|^openblas_")
        self.assertEqual({s for s in self.symbols("--undefined-only") if routine.match(s)}, set())
        self.assertEqual({s for s in self.symbols("--defined-only") if routine.match(s)}, set())

    def test_python_is_not_needed(self):
        self.assertEqual({s for s in self.symbols("--undefined-only") if s.startswith(("Py", "_Py"))}, set())

    def test_certify_and_torch_linalg_take_turns(self):
        """The proof factorizes with OpenBLAS, linalg with MKL; neither disturbs the other."""
        for _ in range(3):
            weight = torch.randn(120, 80, dtype=torch.float64)
            enclosure = sigmax.torch.certify(weight)
            truth = torch.linalg.svdvals(weight)[0].item()
            self.assertEqual(enclosure.certainty, "proven")
            self.assertLessEqual(enclosure.lower, truth * (1 + 1e-12))
            self.assertGreaterEqual(enclosure.upper, truth * (1 - 1e-12))
            factor = torch.linalg.cholesky(weight.t() @ weight + torch.eye(80, dtype=torch.float64))
            self.assertTrue(torch.isfinite(factor).all())

    def test_the_same_bits_for_any_number_of_threads(self):
        weight = torch.randn(900, 700)
        found = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            u, v = torch.ones(900), torch.ones(700)
            found.append((*torch.ops.sigmax.normalize(weight, u, v), u, v))
        for a, b in zip(*found):
            self.assertTrue(torch.equal(a, b))

    def test_torch_counts_the_change_of_the_state(self):
        weight, u, v = torch.randn(5, 4), torch.randn(5), torch.randn(4)
        before = (u._version, v._version)
        torch.ops.sigmax.normalize(weight, u, v, None, 0, 1, 0)
        self.assertEqual((u._version, v._version), before)
        torch.ops.sigmax.normalize(weight, u, v)
        self.assertGreater(u._version, before[0])
        self.assertGreater(v._version, before[1])

    def test_schemas_say_what_is_written(self):
        for name in ("normalize", "sigma", "scaled_linear", "scaled_convolution", "normalize_all"):
            written = [a.name for a in getattr(torch.ops.sigmax, name).default._schema.arguments
                       if a.alias_info is not None and a.alias_info.is_write]  # fmt: skip
            self.assertEqual(written, ["u", "v"])

    def test_inference_mode(self):
        with torch.inference_mode():
            layer = sigmax.torch.spectral_norm(torch.nn.Linear(5, 4))
            layer(torch.randn(2, 5))

    def test_strided_states(self):
        weight = torch.randn(5, 4)
        state = torch.nn.functional.normalize(torch.randn(9, 2), dim=0)
        u, v = state[:5, 0], state[:4, 1]
        expected_u, expected_v = u.clone(), v.clone()
        torch.ops.sigmax.normalize(weight, expected_u, expected_v)
        torch.ops.sigmax.normalize(weight, u, v)
        self.assertTrue(torch.equal(u, expected_u) and torch.equal(v, expected_v))

    def test_empty_weights(self):
        self.assertEqual(torch.ops.sigmax.normalize(torch.randn(0, 4), torch.randn(0), torch.randn(4))[0].shape, (0, 4))


if __name__ == "__main__":
    unittest.main()
