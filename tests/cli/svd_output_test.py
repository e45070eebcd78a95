"""sigmax svd: the files that it writes."""

import re
import resource
import stat
import subprocess
import unittest

import checkpoints
from command import BINARY, main
from svd_case import CLOSE, SIGMA, SvdTest

try:
    import numpy
    import safetensors.numpy
except ImportError:
    numpy = None


class Output(SvdTest):

    def product(self, u, s, vt):
        """u diag(s) vt as rows; each factor is given as (type, shape, flat values)."""
        (_, (rows, k), left), (_, _, sigma), (_, (_, columns), right) = u, s, vt
        return [[sum(left[i * k + r] * sigma[r] * right[r * columns + j] for r in range(k)) for j in range(columns)]
                for i in range(rows)]

    def assert_is_the_matrix(self, tensors, sigma=SIGMA, rows=9, columns=7):
        k = len(sigma)
        self.assertEqual([tensors[name][1] for name in ("u", "s", "vt")], [(rows, k), (k,), (k, columns)])
        for got, true in zip(self.product(*(tensors[name] for name in ("u", "s", "vt"))),
                             checkpoints.with_spectrum(sigma, rows, columns)):
            for a, b in zip(got, true):
                self.assertAlmostEqual(a, b, delta=1e-12 * max(sigma))

    def test_npz_holds_u_s_and_vt(self):
        finished = self.expect(0, "svd", self.matrix(), "-k", "all", "-o", "top.npz")
        self.assertIn("sigma_i", finished.out)
        tensors = checkpoints.read_npz((self.folder / "top.npz").read_bytes())
        self.assertEqual(list(tensors), ["u", "s", "vt"])
        self.assertEqual({each[0] for each in tensors.values()}, {"<f8"})
        self.assert_is_the_matrix(tensors)

    def test_safetensors_holds_the_same_and_says_where_it_comes_from(self):
        self.expect(0, "svd", self.matrix(), "-k", "all", "--output", "top.safetensors", "--seed", "1")
        tensors, metadata = checkpoints.read_safetensors((self.folder / "top.safetensors").read_bytes())
        self.assert_is_the_matrix(tensors)
        self.assertEqual((metadata["tensor"], metadata["which"]), ("m", "largest"))
        self.expect(0, "svd", self.matrix(), "-k", "all", "-o", "top.npz", "--seed", "1")
        self.assertEqual({name: each[1:] for name, each in tensors.items()},
                         {name: each[1:] for name, each in
                          checkpoints.read_npz((self.folder / "top.npz").read_bytes()).items()})

    def test_some_triplets_are_the_vectors_of_the_matrix(self):
        self.expect(0, "svd", self.matrix(), "-k", "2", "-o", "top.npz", "--accuracy", "vectors")
        tensors = checkpoints.read_npz((self.folder / "top.npz").read_bytes())
        u, vt = tensors["u"][2], tensors["vt"][2]
        for r in range(2):
            left = [row[r] for row in checkpoints.reflection(9, 1)]
            right = [row[r] for row in checkpoints.reflection(7, 2)]
            self.assertAlmostEqual(abs(sum(u[i * 2 + r] * left[i] for i in range(9))), 1, delta=CLOSE)
            self.assertAlmostEqual(abs(sum(vt[r * 7 + j] * right[j] for j in range(7))), 1, delta=CLOSE)

    def test_vectors_that_are_saved_are_good_and_the_report_says_how_good(self):
        # Close neighbors: with values to 1e-10 the vectors would be accurate to only 1e-5.
        path = self.matrix([1 + 1e-3 * i for i in range(60, 0, -1)], 70, 60)
        finished = self.expect(0, "svd", path, "-k", "3", "-o", "top.npz", "--method", "lanczos")
        said = float(re.search(r"output +u, s and vt in top\.npz, with residuals of at most (\S+)", finished.out)[1])
        self.assertLessEqual(said, 1e-10)
        tensors = checkpoints.read_npz((self.folder / "top.npz").read_bytes())
        rows = checkpoints.with_spectrum([1 + 1e-3 * i for i in range(60, 0, -1)], 70, 60)
        u, s, vt = (tensors[name][2] for name in ("u", "s", "vt"))
        for r in range(3):
            image = [sum(rows[i][j] * u[i * 3 + r] for i in range(70)) - s[r] * vt[r * 60 + j] for j in range(60)]
            self.assertLessEqual(checkpoints.length(image), 2e-10)

    def test_the_accuracy_that_was_asked_for_is_kept_and_its_residual_said(self):
        report = self.report(self.matrix(), "-k", "2", "-o", "top.npz")
        self.assertEqual(report["accuracy"], "vectors")
        for arguments in (("-o", "a.npz", "--accuracy", "values"), ("-o", "s.npy"), ("-o", "b.npz", "--values-only"), ()):
            self.assertEqual(self.report(self.matrix(), "-k", "2", *arguments)["accuracy"], "values")
        path = self.matrix([1 + 1e-3 * i for i in range(60, 0, -1)], 70, 60)
        out = self.expect(0, "svd", path, "-k", "3", "-o", "a.npz", "--accuracy", "values").out
        self.assertIn("--accuracy vectors makes them smaller", " ".join(out.split()))
        self.expect(0, "svd", path, "-k", "2", "-o", "a.safetensors")
        metadata = checkpoints.read_safetensors((self.folder / "a.safetensors").read_bytes())[1]
        self.assertLessEqual(float(metadata["residual"]), 1e-10)
        self.expect(0, "svd", path, "-k", "2", "-o", "r.npz", "--method", "randomized")

    def test_quiet_writes_the_file_and_prints_nothing(self):
        finished = self.expect(0, "svd", self.matrix(), "-k", "2", "-o", "top.npz", "-q")
        self.assertEqual((finished.out, finished.err), ("", ""))
        self.assertTrue((self.folder / "top.npz").exists())
        self.assert_values(self.values(self.matrix(), "-k", "2", "-q"), SIGMA[:2])
        self.assertIn("sigma_i", self.expect(0, "svd", self.matrix(), "-k", "2", "-q").out)
        self.assertIn("sigma_i", self.expect(0, "svd", self.matrix(), "-k", "2", "-q", "-o", "top.npz", "--format", "table").out)

    def test_the_smallest_are_written_alike(self):
        self.expect(0, "svd", self.matrix(), "--smallest", "-k", "2", "-o", "low.npz")
        tensors = checkpoints.read_npz((self.folder / "low.npz").read_bytes())
        self.assert_values(tensors["s"][2], SIGMA[-2:])
        self.assertEqual((tensors["u"][1], tensors["vt"][1]), ((9, 2), (2, 7)))

    def test_npy_holds_the_singular_values_alone(self):
        self.expect(0, "svd", self.matrix(), "-k", "3", "-o", "s.npy")
        kind, shape, values = checkpoints.read_npy((self.folder / "s.npy").read_bytes())
        self.assertEqual((kind, shape), ("<f8", (3,)))
        self.assert_values(values, SIGMA[:3])

    def test_values_only_leaves_out_the_vectors_and_their_residuals(self):
        finished = self.expect(0, "svd", self.matrix(), "-k", "3", "-o", "s.npz", "--values-only")
        self.assertNotIn("residual", finished.out)
        self.assertEqual(list(checkpoints.read_npz((self.folder / "s.npz").read_bytes())), ["s"])
        self.expect(0, "svd", self.matrix(), "-k", "3", "-o", "s.safetensors", "--values-only")
        self.assertEqual(list(checkpoints.read_safetensors((self.folder / "s.safetensors").read_bytes())[0]), ["s"])

    def test_what_is_written_can_be_read_again(self):
        self.expect(0, "svd", self.matrix(), "-k", "3", "-o", "top.npz")
        self.assertIn("[3, 7]", self.expect(0, "ls", "top.npz").out)
        self.assert_values(self.values("top.npz:vt"), [1, 1, 1])

    @unittest.skipUnless(numpy, "numpy and safetensors are not installed")
    def test_numpy_and_safetensors_read_what_is_written(self):
        matrix = numpy.array(checkpoints.with_spectrum(SIGMA, 9, 7))
        self.expect(0, "svd", self.matrix(), "-k", "all", "-o", "top.npz")
        self.expect(0, "svd", self.matrix(), "-k", "all", "-o", "top.safetensors")
        self.expect(0, "svd", self.matrix(), "-k", "all", "-o", "s.npy")
        with numpy.load(self.folder / "top.npz", allow_pickle=False) as archive:
            files = [dict(archive), safetensors.numpy.load_file(self.folder / "top.safetensors")]
        for file in files:
            numpy.testing.assert_allclose(file["u"] * file["s"] @ file["vt"], matrix, atol=1e-12)
            numpy.testing.assert_allclose(file["s"], numpy.linalg.svd(matrix, compute_uv=False), rtol=1e-9)
        numpy.testing.assert_allclose(numpy.load(self.folder / "s.npy"), SIGMA, rtol=1e-9)

    def test_an_existing_file_is_replaced_and_a_link_followed(self):
        target = self.write("real/top.npz", b"old")
        target.chmod(0o640)
        (self.folder / "top.npz").symlink_to(target)
        self.expect(0, "svd", self.matrix(), "-k", "1", "-o", "top.npz")
        self.assertTrue((self.folder / "top.npz").is_symlink())
        self.assertEqual(stat.S_IMODE(target.stat().st_mode), 0o640)
        self.assertIn("vt", checkpoints.read_npz(target.read_bytes()))

    def test_a_new_file_has_the_mode_that_the_umask_leaves(self):
        path = self.matrix()
        subprocess.run([BINARY, "svd", path, "-k", "1", "-o", "top.npz"], cwd=self.folder, env=self.environment(),
                       check=True, capture_output=True, umask=0o027)
        self.assertEqual(stat.S_IMODE((self.folder / "top.npz").stat().st_mode), 0o640)

    def test_a_place_that_cannot_be_written_is_told_before_the_work(self):
        path = self.matrix()
        (self.folder / "folder.npz").mkdir()
        for place in ("nowhere/top.npz", "folder.npz"):
            self.assertIn(place, self.refused(path, "-k", "1", "-o", place, code=3))
        for file in ("nowhere/a.json", "folder.npz"):
            self.assertIn(file, self.refused(path, "-k", "1", "--json", file, code=3))

    def test_the_checkpoint_is_never_overwritten(self):
        path = self.matrix()
        before = path.read_bytes()
        self.assertIn("overwrite", self.refused(path, "-k", "1", "-o", path, code=3))
        self.assertIn("overwrite", self.refused(path, "-k", "1", "--json", path, code=3))
        self.assertEqual(path.read_bytes(), before)

    def test_two_files_of_one_name_are_a_usage_error(self):
        self.refused(self.matrix(), "-k", "1", "-o", "a.npz", "--json", "a.npz")

    def test_a_full_disk_is_an_error_and_leaves_nothing_half_written(self):
        path = self.matrix()
        (self.folder / "full.npz").symlink_to("/dev/full")
        self.assertIn("No space", self.refused(path, "-k", "1", "-o", "full.npz", code=3))
        self.write("top.npz", b"old")
        before = sorted(self.folder.iterdir())
        process = subprocess.run([BINARY, "svd", path, "-k", "all", "-o", "top.npz"], cwd=self.folder,
                                 env=self.environment(), check=False, capture_output=True,
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300)))
        self.assertEqual((process.returncode, process.stdout), (3, b""))
        self.assertIn(b"top.npz: cannot write", process.stderr)
        self.assertEqual(sorted(self.folder.iterdir()), before)
        self.assertEqual((self.folder / "top.npz").read_bytes(), b"old")


if __name__ == "__main__":
    main()
