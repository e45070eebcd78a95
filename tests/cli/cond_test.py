"""sigmax cond: condition numbers with their ends, of matrices whose inverses are known by hand."""

import math
import struct
import unittest

import checkpoints
from command import main
from schema_case import SchemaTest

# Its inverse is [[4, -2], [3, 1]] / 10.
MATRIX = [[1.0, 2.0], [-3.0, 4.0]]


class Condition(SchemaTest):

    COMMAND = "cond"
    SCHEMA = "cond-1.schema.json"

    def test_the_schema_is_a_schema(self):
        self.expect_a_schema()

    def test_every_norm_has_its_condition_number_between_proven_ends(self):
        path = self.write("m.npy", checkpoints.npy(MATRIX))
        for order, condition, distance in [("1", 4.2, 10 / 7), ("inf", 4.2, 5 / 3), ("fro", 3, 1.95439507584854796),
                                           ("2", 2.61803398874989485, 1.95439507584854796)]:
            with self.subTest(order=order):
                found = self.json(path, "--ord", order)
                self.assertEqual(found["condition"]["kind"], "proven")
                self.assertLessEqual(found["condition"]["lower"], condition * (1 + 1e-15))
                self.assertGreaterEqual(found["condition"]["upper"], condition * (1 - 1e-15))
                self.assertAlmostEqual(found["value"], condition, delta=1e-9)
                self.assertAlmostEqual(found["distance_to_singularity"], distance, delta=1e-9)
                for end in ("lower", "upper"):
                    self.assertAlmostEqual(found["digits_lost"][end], math.log10(condition), delta=1e-9)
                    self.assertAlmostEqual(found["digits_kept"][end], 53 * math.log10(2) - math.log10(condition),
                                           delta=1e-9)
                self.assertEqual(found["digits_kept"], found["digits_kept_f64"])
                self.assertAlmostEqual(found["sigma_min"]["upper"], 1.95439507584854796, delta=1e-9)

    def test_the_2_norm_is_the_default(self):
        path = self.write("m.npy", checkpoints.npy(MATRIX))
        self.assertEqual(self.json(path)["ord"], "2")
        value = float(self.expect(0, "cond", path, "--format", "value").out)
        self.assertAlmostEqual(value, 2.61803398874989485, delta=1e-9)

    def test_the_text_says_how_each_figure_is_known(self):
        path = self.write("m.npy", checkpoints.npy(MATRIX))
        out = self.expect(0, "cond", path, "--ord", "1").out
        for wanted in ("condition number, 1-norm: 4.2", "proven, rounding included", "sigma_min:   1.954395 ✓",
                       "distance:    1.428571 ✓ to a matrix of lower rank, 1-norm",
                       "digits lost: 0.6\n", "digits kept: 15.3 of the 16.0 that f64 holds\n",
                       "numerical radius: 4.081139 ✓"):
            self.assertIn(wanted, out)
        single = self.write("m.safetensors", checkpoints.safetensors({"w": ("F32", (2, 2), sum(MATRIX, []))}))
        self.assertIn("digits kept: 6.6 of the 7.2 that f32 holds, 15.3 of double's 16.0\n",
                      self.expect(0, "cond", single, "--ord", "1").out)
        self.expect(0, "cond", path, LC_ALL="C").out.encode("ascii")

    def test_an_ill_conditioned_matrix_is_proven_where_its_gram_matrix_is_singular_to_rounding(self):
        # A Hilbert matrix of order 8 times 360360: integers, kappa_1 = 33872791095 (its inverse has integer entries).
        rows = [[360360.0 / (i + j + 1) for j in range(8)] for i in range(8)]
        found = self.json(self.write("h.npy", checkpoints.npy(rows)), "--ord", "1")
        self.assertEqual(found["condition"]["kind"], "proven")
        self.assertLessEqual(found["condition"]["lower"], 33872791095 * (1 + 1e-12))
        self.assertGreaterEqual(found["condition"]["upper"], 33872791095 * (1 - 1e-12))
        self.assertLess(found["condition"]["upper"] / found["condition"]["lower"], 1 + 1e-5)

    def test_a_singular_matrix_is_infinite_where_it_is_seen_and_open_where_it_is_not(self):
        seen = self.json(self.write("seen.npy", checkpoints.npy([[1.0, 2.0], [1.0, 2.0]])))
        self.assertTrue(seen["singular"])
        self.assertIsNone(seen["value"])
        infinite = {"lower": None, "upper": None, "kind": "proven", "failure_probability": 0}
        self.assertEqual(seen["condition"], infinite)
        for order in ("1", "inf", "fro"):
            self.assertEqual(self.json(self.folder / "seen.npy", "--ord", order)["condition"], infinite)
        zero_row = self.write("row.npy", checkpoints.npy([[1.0, 2.0], [0.0, 0.0]]))
        self.assertEqual(self.json(zero_row)["condition"], infinite)
        self.assertEqual(seen["digits_lost"], {"lower": None, "upper": None})
        self.assertEqual(seen["digits_kept"], {"lower": 0, "upper": 0})
        self.assertEqual(seen["distance_to_singularity"], 0)
        self.assertIn("infinite", self.expect(0, "cond", self.folder / "seen.npy").out)
        hidden = self.json(self.write("hidden.npy", checkpoints.npy([[1.0, 2.0], [3.0, 6.0]])))
        self.assertFalse(hidden["singular"])
        self.assertEqual((hidden["condition"]["kind"], hidden["condition"]["upper"]), ("lower_only", None))
        self.assertGreater(hidden["condition"]["lower"], 1e14)
        self.assertAlmostEqual(hidden["digits_lost"]["lower"], math.log10(hidden["condition"]["lower"]), delta=1e-9)
        self.assertIsNone(hidden["digits_lost"]["upper"])
        self.assertEqual(hidden["digits_kept"]["lower"], 0)
        self.assertIn("may be singular", self.expect(0, "cond", self.folder / "hidden.npy").out)
        self.assertEqual(float(self.expect(0, "cond", self.folder / "seen.npy", "--format", "value").out), math.inf)

    def test_a_rectangle_has_no_upper_end_of_the_distance_in_the_1_norm(self):
        found = self.json(self.write("m.npy", checkpoints.npy([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])), "--ord", "1")
        self.assertAlmostEqual(found["value"], 2, delta=1e-9)
        self.assertIsNone(found["distance"]["upper"])
        self.assertIsNone(found["distance_to_singularity"])

    def test_the_powers_of_a_square_matrix_are_bounded(self):
        # Kreiss constant 5.05, sup |A^k| = 10.02, Henrici's departure 10.
        path = self.write("jordan.npy", checkpoints.npy([[0.5, 10.0], [0.0, 0.5]]))
        found = self.json(path)["non_normality"]
        self.assertAlmostEqual(found["spectral_radius"], 0.5, delta=1e-6)
        self.assertAlmostEqual(found["departure"], 10, delta=1e-6)
        self.assertLessEqual(found["departure_bounds"]["lower"], 10)
        self.assertGreaterEqual(found["departure_bounds"]["upper"], 10)
        # rho_eps = 0.5 + sqrt(eps^2 + 10 eps), and the numerical radius is 0.5 + 10 / 2.
        change = found["pseudospectral_radius"]["change"]
        self.assertAlmostEqual(change, 0.1002, delta=1e-4)  # |A|_2 = 10.025
        radius = 0.5 + math.sqrt(change**2 + 10 * change)
        self.assertAlmostEqual(found["pseudospectral_radius"]["value"], radius, delta=1e-8)
        self.assertLessEqual(found["pseudospectral_radius"]["lower"], radius * (1 + 1e-14))
        self.assertTrue(found["pseudospectral_radius"]["converged"])
        self.assertLessEqual(found["numerical_radius"]["lower"], 5.5)
        self.assertGreaterEqual(found["numerical_radius"]["upper"], 5.5)
        self.assertLessEqual(found["kreiss_lower"], 5.05)
        self.assertGreater(found["kreiss_lower"], 5)
        self.assertIsNone(found["eigenvector_condition"]["upper"])
        self.assertGreaterEqual(found["growth"]["constant"], 10.0249378105604 * (1 - 1e-14))
        for k in range(60):  # A^k has 0.5^k on its diagonal and 10 k 0.5^(k-1) in its corner
            diagonal, corner = 0.5**k, k * 10 * 0.5**(k - 1)
            frobenius = math.sqrt(2 * diagonal**2 + corner**2)
            self.assertLessEqual(frobenius / math.sqrt(2), found["decay"]["constant"] * found["decay"]["rate"]**k)
        out = self.expect(0, "cond", path).out
        self.assertIn("no basis of them could be shown", out)
        self.assertIn("for every k ✓", out)
        # The search for the Kreiss constant must not fail where the entries are far from 1.
        for scale in (1e-300, 1e-200, 1e200, 1e300):
            for n in (5, 6, 7):
                values = [[scale * (0.05 + abs(math.sin(9.7 * i + 3.1 * j * j + n))) for j in range(n)] for i in range(n)]
                self.expect(0, "cond", self.write("scaled.npy", checkpoints.npy(values)))
        growing = self.write("growing.npy", checkpoints.npy([[1.5, 0.0], [0.0, 0.5]]))
        self.assertIn("not shown to stay bounded", self.expect(0, "cond", growing).out)
        self.assertIsNone(self.json(growing)["non_normality"]["growth"]["constant"])
        # Bounded, but a Lyapunov matrix needs a spectral radius below 1.
        identity = self.write("identity.npy", checkpoints.npy([[1.0, 0.0], [0.0, 1.0]]))
        self.assertIn("powers:           no bound could be proven\n", self.expect(0, "cond", identity).out)
        self.assertIsNone(self.json(self.write("wide.npy", checkpoints.npy([[1.0, 2.0]])))["non_normality"])

    def test_certify_says_how_the_ends_are_known(self):
        spectrum = [3.0] + [2.0] * 38 + [1.0]
        large = self.write("large.npy", checkpoints.npy(checkpoints.with_spectrum(spectrum, 50, 40)))
        probabilistic = self.json(large, "--certify", "probabilistic")
        self.assertEqual(probabilistic["condition"]["kind"], "probabilistic")
        self.assertAlmostEqual(probabilistic["value"], 3, delta=0.1)
        # Up to order 32 the proof is cheaper.
        path = self.write("m.npy", checkpoints.npy(checkpoints.with_spectrum([3.0, 2.0, 1.5, 1.0], 9, 4)))
        two = self.write("two.npy", checkpoints.npy([[1.0, 2.0], [3.0, 4.0]]))
        for order in ("1", "2", "inf", "fro"):
            for small in (path, two):
                found = self.json(small, "--certify", "probabilistic", "--ord", order)
                self.assertEqual(found["condition"]["kind"], "proven")
        # [[1, 2], [3, 4]] by hand: kappa_1 = 6 * 3.5, kappa_2 = (15 + sqrt(221)) / 2.
        self.assertAlmostEqual(self.json(two, "--certify", "probabilistic", "--ord", "1")["value"], 21, delta=1e-9)
        two_norm = self.json(two, "--certify", "probabilistic")["value"]
        self.assertAlmostEqual(two_norm, (15 + math.sqrt(221)) / 2, delta=1e-9)
        self.assertEqual(self.json(path, "--certify", "none")["condition"]["kind"], "lower_only")
        # Hager and Higham's vector, and random ones: kappa_1 = kappa_inf = 4.2, kappa_F = 3.
        square = self.write("square.npy", checkpoints.npy(MATRIX))
        for order, condition in (("1", 4.2), ("inf", 4.2), ("fro", 3)):
            found = self.json(square, "--certify", "none", "--ord", order)
            self.assertEqual((found["condition"]["kind"], found["condition"]["upper"]), ("lower_only", None))
            self.assertGreater(found["condition"]["lower"], 0.5 * condition)
            self.assertLessEqual(found["condition"]["lower"], condition)
            self.assertIsNone(found["digits_lost"]["upper"])
        # |A^+|_1 >= 1 / (sqrt(9) sigma_min) = 1/3, |A^+|_inf >= 1/2, |A^+|_F >= 1, from the singular value alone.
        for order, inverse in (("1", 1 / 3), ("inf", 1 / 2), ("fro", 1)):
            found = self.json(path, "--certify", "none", "--ord", order)
            self.assertAlmostEqual(found["condition"]["lower"], found["norm"]["lower"] * inverse, delta=1e-6)
        self.assertEqual(self.json(path, "--certify", "proven:2")["condition"]["kind"], "probabilistic")
        # Exit status 4: a proof was demanded, and the matrix is singular as far as is known.
        singular = self.write("s.npy", checkpoints.npy([[1.0, 2.0], [3.0, 6.0]]))
        self.assertIn("no proven upper end", self.expect(4, "cond", singular, "--certify", "proven").err)

    def test_one_matrix_of_a_stack_is_named(self):
        path = self.write("m.safetensors", checkpoints.safetensors(
            {"experts.w1": ("F64", (2, 2, 2), [1.0, 2.0, -3.0, 4.0, 1.0, 0.0, 0.0, 1.0])}))
        self.assertAlmostEqual(self.json(f"{path}:experts.w1[1]")["value"], 1, delta=1e-9)
        self.assertIn("[0]", self.expect(2, "cond", f"{path}:experts.w1").err)

    def test_a_matrix_with_nan_has_no_condition_number(self):
        path = self.write("m.npy", checkpoints.npy([[1.0, math.nan], [0.0, 1.0]]))
        for order in ("1", "2", "inf", "fro"):
            err = self.expect(3, "cond", path, "--ord", order).err
            self.assertIn("has 1 NaN entry, the first at [0, 1]; it has no condition number", err)

    def test_what_makes_no_sense_is_refused(self):
        path = self.write("m.npy", checkpoints.npy(MATRIX))
        self.assertIn("takes one of 1, 2, fro, inf", self.expect(2, "cond", path, "--ord", "nuc").err)
        self.assertIn("takes one of", self.expect(2, "cond", path, "--format", "csv").err)
        self.expect(3, "cond", "missing.npy")

    def test_every_storage_type_and_scale_is_read(self):
        numbers = sum(MATRIX, [])
        half = struct.pack("<4e", *numbers)
        brain = b"".join(struct.pack("<f", number)[2:] for number in numbers)
        for dtype, values in (("F16", half), ("BF16", brain), ("F32", numbers), ("F64", numbers)):
            path = self.write("m.safetensors", checkpoints.safetensors({"w": (dtype, (2, 2), values)}))
            self.assertAlmostEqual(self.json(path, "--ord", "1")["value"], 4.2, delta=1e-9)
        for scale in (2.0**-1000, 2.0**1000):
            path = self.write("m.npy", checkpoints.npy([[scale * x for x in row] for row in MATRIX]))
            found = self.json(path)
            self.assertAlmostEqual(found["value"], 2.61803398874989485, delta=1e-9)
            self.assertAlmostEqual(found["distance_to_singularity"] / scale, 1.95439507584854796, delta=1e-9)


if __name__ == "__main__":
    main()
