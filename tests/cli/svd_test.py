"""sigmax svd: triplets of matrices with known singular values, refusals, and the output of results."""

import csv
import io
import math

import checkpoints
from command import REPOSITORY, main
from svd_case import CLOSE, SIGMA, SvdTest


class Triplets(SvdTest):

    def test_the_largest_singular_values_come_in_order(self):
        self.assert_values(self.values(self.matrix(), "-k", "3"), SIGMA[:3])

    def test_the_largest_singular_value_alone(self):
        self.assert_values(self.values(self.matrix(), "--count", "1"), SIGMA[:1])

    def test_all_of_them(self):
        self.assert_values(self.values(self.matrix(), "-k", "all"), SIGMA)

    def test_by_default_there_are_ten_or_as_many_as_the_matrix_has(self):
        self.assert_values(self.values(self.matrix()), SIGMA)
        sigma = [2.0**-i for i in range(12)]
        self.assert_values(self.values(self.matrix(sigma, 12, 14)), sigma[:10])

    def test_the_smallest_keep_their_numbers_and_their_relation_to_the_largest(self):
        report = self.report(self.matrix(), "--smallest", "-k", "2")
        self.assertEqual(report["which"], "smallest")
        self.assertEqual([each["index"] for each in report["triplets"]], [6, 7])
        self.assert_values([each["sigma"] for each in report["triplets"]], SIGMA[-2:])
        self.assertAlmostEqual(report["triplets"][1]["relative"], 0.25 / 9, delta=CLOSE)
        energy = sum(s * s for s in SIGMA)
        self.assertAlmostEqual(report["triplets"][0]["energy"], (1 + 0.25**2) / energy, delta=CLOSE)
        self.assertAlmostEqual(report["triplets"][1]["energy"], 0.25**2 / energy, delta=CLOSE)
        self.assertLessEqual(report["sigma_max"]["lower"], 9 * (1 + CLOSE))
        self.assertGreaterEqual(report["sigma_max"]["upper"], 9 * (1 - 1e-14))

    def test_the_energy_adds_up_to_the_whole(self):
        report = self.report(self.matrix(), "-k", "all")
        energy = sum(s * s for s in SIGMA)
        self.assertAlmostEqual(report["frobenius"], math.sqrt(energy), delta=CLOSE)
        for i, each in enumerate(report["triplets"]):
            self.assertAlmostEqual(each["energy"], sum(s * s for s in SIGMA[:i + 1]) / energy, delta=CLOSE)
            self.assertAlmostEqual(each["relative"], SIGMA[i] / 9, delta=CLOSE)

    def test_residuals_are_within_the_tolerance_where_it_speaks_of_vectors(self):
        report = self.report(self.matrix(), "-k", "3", "--accuracy", "vectors", "--tolerance", "1e-8")
        self.assertEqual((report["accuracy"], report["tolerance"]), ("vectors", 1e-8))
        for each in report["triplets"]:
            self.assertLessEqual(each["residual"], 1e-8)

    def test_each_value_is_enclosed_with_its_index(self):
        for which in ((), ("--smallest",)):
            report = self.report(self.matrix(), "-k", "3", *which)
            for each in report["triplets"]:
                self.assertEqual((each["known"], each["failure_probability"]), ("proven", 0))
                self.assertLessEqual(each["lower"], SIGMA[each["index"] - 1] * (1 + 1e-14))
                self.assertGreaterEqual(each["upper"], SIGMA[each["index"] - 1] * (1 - 1e-14))
                self.assertLess(each["upper"] - each["lower"], 1e-9)

    def test_without_a_proof_values_say_that_they_are_estimates(self):
        for each in self.report(self.matrix(), "-k", "3", "--certify", "none")["triplets"]:
            self.assertEqual((each["known"], each["lower"], each["upper"]), ("estimate", None, None))

    def test_a_start_that_was_drawn_gives_probabilistic_ends_and_a_given_one_none(self):
        path = self.matrix([1.0] * 3 + [0.9 - 0.005 * i for i in range(77)], 90, 80)
        for each in self.report(path, "-k", "5", "--certify", "probabilistic")["triplets"][1:]:
            self.assertEqual((each["known"], each["failure_probability"]), ("probabilistic", 1e-9))
        repeated = self.report(path, "-k", "5", "--certify", "probabilistic", "--seed", "7")
        for each in repeated["triplets"]:
            self.assertNotEqual(each["known"], "probabilistic")

    def test_the_largest_is_enclosed_with_proof(self):
        sigma_max = self.report(self.matrix(), "-k", "1")["sigma_max"]
        self.assertEqual((sigma_max["kind"], sigma_max["failure_probability"]), ("proven", 0))
        self.assertLessEqual(sigma_max["lower"], 9 * (1 + 1e-14))
        self.assertGreaterEqual(sigma_max["upper"], 9 * (1 - 1e-14))
        self.assertLess(sigma_max["upper"] - sigma_max["lower"], 1e-6)

    def test_the_enclosure_can_be_probabilistic_or_left_out(self):
        path = self.matrix([1 + 1 / (i + 1) for i in range(40)], 40, 45)
        self.assertIn(self.report(path, "-k", "1", "--certify", "probabilistic")["sigma_max"]["kind"],
                      ("probabilistic", "proven"))
        self.assertIsNone(self.report(path, "-k", "1", "--certify", "none")["sigma_max"])
        self.assertEqual(self.report(path, "-k", "1", "--certify", "proven")["sigma_max"]["kind"], "proven")

    def test_every_method_finds_them(self):
        path = self.matrix()
        for method, count in [("auto", 3), ("power", 1), ("deflation", 3), ("lanczos", 3), ("block-krylov", 3),
                              ("randomized", 3), ("dense", 3)]:
            with self.subTest(method=method):
                report = self.report(path, "--method", method, "-k", count)
                self.assert_values([each["sigma"] for each in report["triplets"]], SIGMA[:count], 1e-7)
                if method != "auto":
                    self.assertEqual(report["method"], method)
        for method in ("auto", "dense", "inverse"):
            with self.subTest(method=method):
                self.assert_values(self.values(path, "--method", method, "--smallest", "-k", "2"), SIGMA[-2:], 1e-7)

    def test_a_method_of_fixed_steps_says_that_it_completed(self):
        self.assertEqual(self.report(self.matrix(), "--method", "randomized", "-k", "2")["outcome"], "completed")

    def test_a_row_and_a_column_have_one_singular_value(self):
        for rows in ([[3.0, 0.0, 4.0]], [[3.0], [0.0], [4.0]]):
            self.assert_values(self.values(self.write("m.npy", checkpoints.npy(rows))), [5.0])

    def test_the_zero_matrix_has_zeros_and_no_energy(self):
        report = self.report(self.write("m.npy", checkpoints.npy(checkpoints.diagonal([0.0, 0.0], 3))))
        self.assertEqual([(each["sigma"], each["relative"], each["energy"]) for each in report["triplets"]],
                         [(0, 0, 0)] * 2)

    def test_entries_near_the_ends_of_the_range_are_no_obstacle(self):
        for scale in (1e300, 1e-300):
            with self.subTest(scale=scale):
                rows = [[scale * x for x in row] for row in checkpoints.with_spectrum(SIGMA, 9, 7)]
                report = self.report(self.write("m.npy", checkpoints.npy(rows)), "-k", "2")
                self.assert_values([each["sigma"] / scale for each in report["triplets"]], SIGMA[:2])
                energy = sum(s * s for s in SIGMA)
                self.assertAlmostEqual(report["triplets"][0]["energy"], 81 / energy, delta=CLOSE)

    def test_the_same_seed_gives_the_same_digits_for_any_number_of_threads(self):
        path = self.matrix([1 + 1 / (i + 1) for i in range(40)], 40, 45)
        runs = [self.values(path, "-k", "3", "--seed", "7", "-j", threads) for threads in (1, 3, 3)]
        self.assertEqual(runs[0], runs[1])
        self.assertEqual(runs[1], runs[2])
        self.assertEqual(self.report(path, "--seed", "7")["seed"], 7)


class Named(SvdTest):
    """The choice of the matrix."""

    def test_a_tensor_is_chosen_by_its_name(self):
        path = self.write("model.safetensors", checkpoints.network())
        report = self.report(f"{path}:encoder.fc1.weight", "-k", "all")
        self.assertEqual((report["tensor"], report["matrix"]), ("encoder.fc1.weight", [4, 6]))
        self.assert_values([each["sigma"] for each in report["triplets"]], [5, 3, 2, 1])

    def test_without_a_name_a_file_of_several_matrices_lists_them(self):
        self.assertIn("head.weight", self.refused(self.write("model.safetensors", checkpoints.network())))

    def test_a_mistyped_name_is_answered_with_the_close_ones(self):
        path = self.write("model.safetensors", checkpoints.network())
        self.assertIn("encoder.fc1.weight", self.refused(f"{path}:encoder.fc2.weight"))

    def test_a_convolution_is_taken_for_a_matrix_and_it_says_so(self):
        path = self.write("model.safetensors", checkpoints.network())
        finished = self.expect(0, "svd", f"{path}:encoder.conv.weight")
        self.assertIn("read as the matrix [2, 4]", finished.err)
        self.assertIn("[2, 4] f32 of shape [2, 1, 2, 2]", finished.out)
        report = self.report(f"{path}:encoder.conv.weight")
        self.assertEqual((report["shape"], report["matrix"]), ([2, 1, 2, 2], [2, 4]))

    def test_a_matrix_of_a_stack_is_named_by_its_index(self):
        first, second = checkpoints.diagonal([1.0, 2.0], 3), checkpoints.diagonal([4.0, 3.0], 3)
        flat = [value for rows in (first, second) for row in rows for value in row]
        path = self.write("model.safetensors", checkpoints.safetensors({"experts.w1": ("F64", (2, 2, 3), flat)}))
        self.assertIn("stacks 2 matrices [2, 3]; name one, as in", self.refused(path))
        self.assertIn("experts.w1[0]", self.refused(f"{path}:experts.w1"))
        self.assert_values(self.values(f"{path}:experts.w1[0]"), [2, 1])
        report = self.report(f"{path}:experts.w1[1]")
        self.assertEqual((report["tensor"], report["shape"], report["matrix"]), ("experts.w1[1]", [2, 2, 3], [2, 3]))
        self.assert_values([each["sigma"] for each in report["triplets"]], [4, 3])
        for index in ("[2]", "[0, 0]", "[0,1]"):
            self.assertIn("is a stack of [2] matrices", self.refused(f"{path}:experts.w1{index}"))
        for index in ("[-1]", "[x]", "[]"):
            self.assertIn("did you mean", self.refused(f"{path}:experts.w1{index}"))
        # norm uses the same names; without an index it reads the stack as a block-diagonal matrix.
        self.assertEqual(self.expect(0, "norm", f"{path}:experts.w1", "--ord", "nuc", "--format", "value").out, "10\n")
        self.assertEqual(self.expect(0, "norm", f"{path}:experts.w1[1]", "--ord", "nuc", "--format", "value").out, "7\n")

    def test_an_index_into_a_single_matrix_is_refused(self):
        self.assertIn("not a stack", self.refused(f"{self.matrix()}:m[0]"))

    def test_what_is_no_matrix_is_refused(self):
        path = self.write("model.safetensors", checkpoints.network())
        self.assertIn("two dimensions", self.refused(f"{path}:encoder.fc1.bias"))
        self.refused(f"{path}:steps")
        counts = checkpoints.safetensors({"counts": ("I64", (2, 2), [1, 2, 3, 4])})
        self.assertIn("i64", self.refused(str(self.write("c.safetensors", counts)) + ":counts"))

    def test_entries_that_are_not_finite_are_counted_and_the_first_is_named(self):
        rows = [[1.0, 2.0], [3.0, math.nan], [-math.inf, math.nan]]
        path = self.write("m.npy", checkpoints.npy(rows))
        self.assertIn("'m': has 2 NaN and 1 infinite entries, the first at [1, 1]", self.refused(path, code=3))


class Refusals(SvdTest):

    def test_more_than_there_are_is_an_error_that_names_the_largest_number(self):
        error = self.refused(self.matrix(), "-k", "8")
        self.assertIn("has 7 singular values", error)
        self.assertIn("-k all", error)

    def test_values_that_make_no_sense_are_usage_errors(self):
        path = self.matrix()
        for option, value in [("-k", "0"), ("-k", "x"), ("-k", "1.5"), ("--tolerance", "0"), ("--tolerance", "1"),
                              ("--tolerance", "nan"), ("--tolerance", "-1"), ("--accuracy", "both"),
                              ("--method", "qr"), ("--max-products", "0"), ("--seed", "-1"), ("--format", "table2"),
                              ("--certify", "maybe"), ("-j", "0"), ("-o", "top.pt"), ("-o", "-"), ("-o", "top")]:
            with self.subTest(option=option, value=value):
                self.assertTrue(self.refused(path, option, value))

    def test_methods_that_do_not_fit_are_refused_with_the_way_out(self):
        path = self.matrix()
        for arguments, way_out in [(("--method", "power", "-k", "2"), "deflation"),
                                   (("--method", "power", "-k", "all"), "deflation"),
                                   (("--method", "lanczos", "--smallest"), "inverse"),
                                   (("--method", "power", "--smallest"), "inverse"),
                                   (("--method", "inverse"), "--smallest"),
                                   (("--method", "randomized", "--tolerance", "1e-3"), "block-krylov"),
                                   (("--method", "randomized", "--accuracy", "values"), "block-krylov")]:
            with self.subTest(arguments=arguments):
                self.assertIn(way_out, self.refused(path, *arguments))

    def test_stopping_short_of_the_tolerance_exits_with_4_and_shows_what_there_is(self):
        path = self.matrix([1 + 1e-3 * i for i in range(60, 0, -1)], 60, 60)
        finished = self.expect(4, "svd", path, "-k", "1", "--method", "lanczos", "--max-products", "3", "-q", "-o", "top.npz",
                               "--format", "table")
        self.assertIn("not converged", finished.err)
        self.assertIn("--max-products", finished.err)
        self.assertIn("sigma_i", finished.out)
        self.assertIn("not converged", finished.out)
        self.assertIn("s", checkpoints.read_npz((self.folder / "top.npz").read_bytes()))
        report = self.report(path, "-k", "1", "--method", "lanczos", "--max-products", "3", code=4)
        self.assertEqual(report["outcome"], "out_of_products")
        self.assertLessEqual(report["triplets"][0]["sigma"], 1.06 * (1 + 1e-14))


class Multiple(SvdTest):
    """Repeated values: a Krylov space from one vector finds only one copy."""

    def diagonal(self, sigma):
        n = len(sigma)
        return self.write("d.npy", checkpoints.npy([[sigma[i] if i == j else 0.0 for j in range(n)] for i in range(n)]))

    def test_no_copy_is_missed_with_a_certificate(self):
        sigma = [1.0] * 3 + [0.9 - 0.8 * i / 156 for i in range(157)]
        path = self.diagonal(sigma)
        for certify in ((), ("--certify", "proven"), ("--certify", "probabilistic")):
            for seed in range(8):
                found = self.values(path, "-k", "3", *certify, "--seed", str(seed))
                self.assert_values(found, [1, 1, 1])

    def test_a_look_finds_copies_where_nothing_is_certified(self):
        path = self.diagonal([1.0] * 3 + [0.9 - 0.8 * i / 156 for i in range(157)])
        right = 0
        for seed in range(24):
            report = self.report(path, "-k", "3", "--certify", "none", "--seed", str(seed))
            self.assertEqual({each["known"] for each in report["triplets"]}, {"estimate"})
            right += abs(report["triplets"][2]["sigma"] - 1) < 1e-6
        self.assertGreaterEqual(right, 23)

    def test_a_value_outside_its_own_ends_is_reported(self):
        path = self.diagonal([1.0] * 3 + [0.999 - 0.1 * i / 156 for i in range(157)])
        report = self.report(path, "-k", "2", "--method", "randomized", code=4)
        self.assertEqual(report["outcome"], "unconfirmed")
        self.assertLess(report["triplets"][0]["sigma"], report["triplets"][0]["lower"])

    def test_no_method_misses_a_copy(self):
        sigma = [2.0] * 12 + [1.5] * 12 + [0.1 + 0.01 * i for i in range(60)][::-1]
        path = self.diagonal(sigma)
        for method in ("lanczos", "block-krylov", "dense", "deflation"):
            report = self.report(path, "-k", "14", "--method", method)
            self.assertEqual(report["outcome"], "converged")
            self.assert_values([each["sigma"] for each in report["triplets"]], sigma[:14])
            self.assertEqual({each["known"] for each in report["triplets"]}, {"proven"})

    def test_copies_of_the_smallest_are_found(self):
        sigma = [3.0 - 0.02 * i for i in range(100)] + [0.25] * 6
        report = self.report(self.diagonal(sigma), "--smallest", "-k", "6")
        self.assert_values([each["sigma"] for each in report["triplets"]], [0.25] * 6)

    def test_what_a_method_stopped_short_of_is_mended(self):
        sigma = [1.0] + [0.9999] * 40
        report = self.report(self.diagonal(sigma), "--method", "power", "--tolerance", "1e-3")
        self.assertEqual(report["outcome"], "converged")
        self.assertAlmostEqual(report["triplets"][0]["sigma"], 1, delta=1e-3)
        self.assertLessEqual(report["triplets"][0]["lower"], 1)
        self.assertGreaterEqual(report["triplets"][0]["upper"], 1)

    def test_zeros_have_proven_ends_too(self):
        report = self.report(self.diagonal([2.0, 1.0] + [0.0] * 40), "-k", "5")
        self.assertEqual(report["outcome"], "converged")
        for each in report["triplets"][2:]:
            self.assertEqual(each["lower"], 0)
            self.assertLess(each["upper"], 1e-5)


class Shown(SvdTest):

    def test_the_table_fits_80_columns(self):
        sigma = [1e-4 * 10.0**-i for i in range(9)]
        rows = checkpoints.with_spectrum(sigma, 12, 9)
        name = "model.encoder.layers.11.attention.self.query_key_value.projection.weight"
        path = self.write("model.safetensors", checkpoints.safetensors({name: checkpoints.matrix(rows)}))
        for arguments in (("-k", "all"), ("-k", "3"), ("--smallest", "-k", "2"), ("--values-only",),
                          ("--method", "lanczos", "-k", "1"), ("--certify", "probabilistic", "-k", "1")):
            out = self.expect(0, "svd", path, *arguments, COLUMNS="80").out
            self.assertLessEqual(max(map(len, out.splitlines())), 80, out)
            self.assertIn("sigma_i", out)

    def test_the_table_tells_method_outcome_and_certainty(self):
        out = self.expect(0, "svd", self.matrix(), "-k", "3").out
        self.assertIn("the 3 largest of 7 singular triplets", out)
        for word in ("converged", "of the matrix", "at least", "at most", "proven, rounding included", "Frobenius"):
            self.assertIn(word, out)
        self.assertRegex(out, r"\n +1 +9\.0+ +1\.000000 +[\d.]+ %  +[\d.e+-]+  ✓ \de-\d\d\n")
        self.assertIn("all 7 singular triplets", self.expect(0, "svd", self.matrix(), "-k", "all").out)
        self.assertIn("the largest of 7 singular triplets", self.expect(0, "svd", self.matrix(), "-k", "1").out)

    def test_values_below_the_storage_precision_are_marked(self):
        flat = [value for row in checkpoints.with_spectrum([1.0, 1e-3, 1e-9], 5, 3) for value in row]
        path = self.write("model.safetensors", checkpoints.safetensors({"w": ("F32", (5, 3), flat)}))
        self.assertIn("from sigma_3 on, values are no larger than what rounding to f32 can add (6.0e-8)",
                      self.expect(0, "svd", path).out)
        self.assertNotIn("precision", self.expect(0, "svd", path, "-k", "2").out)
        self.assertAlmostEqual(self.report(path)["storage_rounding"], 2.0**-24, delta=1e-12)

    def test_csv_has_a_line_a_triplet(self):
        out = self.expect(0, "svd", self.matrix(), "-k", "3", "--format", "csv").out
        lines = list(csv.DictReader(io.StringIO(out)))
        self.assertEqual(list(lines[0]), ["index", "sigma", "relative", "energy", "residual", "lower", "upper", "known"])
        self.assert_values([float(line["sigma"]) for line in lines], SIGMA[:3])
        for line, sigma in zip(lines, SIGMA):
            self.assertLessEqual(float(line["lower"]), sigma * (1 + 1e-14))
            self.assertGreaterEqual(float(line["upper"]), sigma * (1 - 1e-14))
            self.assertEqual(line["known"], "proven")

    def test_the_file_and_standard_output_hold_the_same_json(self):
        out = self.expect(0, "svd", self.matrix(), "-k", "3", "--format", "json", "--json", "a.json").out
        self.assertEqual(out, (self.folder / "a.json").read_text())

    def test_a_pipe_gets_neither_color_nor_progress(self):
        finished = self.expect(0, "svd", self.matrix())
        self.assertNotIn("\x1b", finished.out + finished.err)
        self.assertNotIn("\r", finished.out + finished.err)
        self.assertIn("\x1b[", self.expect(0, "svd", self.matrix(), "--color", "always").out)

    def test_a_locale_without_utf8_gets_ascii(self):
        rows = checkpoints.matrix([[1.0]])
        path = self.write("m.safetensors", checkpoints.safetensors({"naïve": rows}))
        self.assertTrue(self.expect(0, "svd", path, LC_ALL="C").out.isascii())

    def test_a_closed_pipe_is_no_crash_and_the_file_is_still_written(self):
        self.expect_written_despite_a_closed_pipe("top.npz", "svd", self.matrix(), "-o", "top.npz")

    def test_the_example_model_is_read(self):
        model = REPOSITORY / "examples/models/fashion_mnist.safetensors"
        report = self.report(f"{model}:dense1.weight", "-k", "5")
        self.assertEqual((report["matrix"], report["sigma_max"]["kind"]), ([64, 1568], "proven"))
        sigma = [each["sigma"] for each in report["triplets"]]
        self.assertEqual(sigma, sorted(sigma, reverse=True))


if __name__ == "__main__":
    main()
