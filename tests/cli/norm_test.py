"""sigmax norm: every norm, of matrices with norms computed by hand."""

import json
import math
import os
import unittest

import checkpoints
from command import CommandTest, main


class Norms(CommandTest):

    def value(self, target, order):
        out = self.expect(0, "norm", target, "--ord", order, "--format", "value").out
        return float(out)

    def test_every_norm_has_its_value(self):
        # Singular values 5, 3 and 1, one entry per row and column.
        path = self.write("m.npy", checkpoints.npy([[0.0, -3.0, 0.0], [5.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
        expected = {"fro": math.sqrt(35), "nuc": 9, "2": 5, "-2": 1, "1": 5, "-1": 1, "inf": 5, "-inf": 1, "max": 5,
                    "schatten:1": 9, "schatten:4": (625 + 81 + 1)**0.25, "kyfan:2": 8, "entrywise:1": 9,
                    "entrywise:3": (125 + 27 + 1)**(1 / 3)}
        for order, value in expected.items():
            with self.subTest(order=order):
                self.assertAlmostEqual(self.value(path, order), value, delta=1e-12)

    def test_the_2_norm_is_the_default_and_comes_with_a_proven_enclosure(self):
        path = self.write("m.npy", checkpoints.npy(checkpoints.hadamard(8)))
        result = json.loads(self.expect(0, "norm", path, "--format", "json").out)
        self.assertEqual((result["schema"], result["ord"], result["kind"]), ("sigmax.norm/1", "2", "proven"))
        self.assertLessEqual(result["lower"]**2, 8 * (1 + 1e-15))
        self.assertGreaterEqual(result["upper"]**2, 8 * (1 - 1e-15))
        out = self.expect(0, "norm", path).out
        self.assertIn("proven, rounding included", out)

    def test_a_tensor_is_chosen_by_its_name(self):
        path = self.write("model.safetensors", checkpoints.network())
        self.assertAlmostEqual(self.value(f"{path}:encoder.fc1.weight", "nuc"), 11.0, delta=1e-12)

    def test_both_the_path_and_the_name_may_hold_colons(self):
        path = self.write("a:b.safetensors", checkpoints.safetensors(
            {"onnx::MatMul_1": checkpoints.matrix([[2.0]]), "x": checkpoints.matrix([[3.0]])}))
        self.assertEqual(self.value(f"{path}:onnx::MatMul_1", "fro"), 2)
        self.assertEqual(self.value(f"{path}:x", "fro"), 3)

    def test_the_name_may_be_left_out_if_there_is_one_matrix(self):
        path = self.write("m.safetensors", checkpoints.safetensors(
            {"bias": ("F64", (2,), [1.0, 2.0]), "weight": checkpoints.matrix([[4.0]])}))
        self.assertEqual(self.value(path, "max"), 4)

    def test_without_a_name_a_file_of_several_matrices_lists_them(self):
        path = self.write("model.safetensors", checkpoints.network())
        err = self.expect(2, "norm", path).err
        self.assertIn("3 matrices", err)
        self.assertIn("head.weight", err)

    def test_a_matrix_that_cannot_be_read_is_not_passed_over_for_another(self):
        path = self.write("m.safetensors", checkpoints.safetensors(
            {"small": checkpoints.matrix([[4.0]]), "large": ("F8_E4M3", (2, 2), bytes(4)), "large_scale": ("F8_E4M3", (2, 2), bytes(4))}))
        for command in ("norm", "svd"):
            self.assertIn("2 matrices", self.expect(2, command, path).err)
            self.assertIn("tensor 'large'", self.expect(3, command, f"{path}:large").err)

    def test_a_mistyped_name_is_answered_with_the_close_ones(self):
        path = self.write("model.safetensors", checkpoints.network())
        err = self.expect(2, "norm", f"{path}:encoder.fc2.weight").err
        self.assertIn("did you mean", err)
        self.assertIn("encoder.fc1.weight", err)

    def test_a_convolution_is_taken_for_a_matrix_and_it_says_so(self):
        path = self.write("model.safetensors", checkpoints.network())
        finished = self.expect(0, "norm", f"{path}:encoder.conv.weight", "--ord", "2", "--format", "value")
        self.assertAlmostEqual(float(finished.out), 2.0, delta=1e-9)
        self.assertIn("taken for the matrix [2, 4]", finished.err)
        self.assertEqual(self.expect(0, "norm", f"{path}:encoder.conv.weight", "-q").err, "")

    def test_what_is_no_matrix_is_refused(self):
        path = self.write("model.safetensors", checkpoints.network())
        self.assertIn("two dimensions", self.expect(2, "norm", f"{path}:encoder.fc1.bias").err)
        self.expect(2, "norm", f"{path}:steps")

    def test_an_unknown_norm_names_those_that_exist(self):
        path = self.write("m.npy", checkpoints.npy([[1.0]]))
        for order in ("frob", "3", "schatten:0.5", "schatten:x", "kyfan:0", "kyfan:2", "", "entrywise:"):
            with self.subTest(order=order):
                self.assertTrue(self.expect(2, "norm", path, "--ord", order).err)
        self.assertIn("schatten:P", self.expect(2, "norm", path, "--ord", "frob").err)

    def test_the_help_has_a_line_for_each_norm_that_the_refusal_names(self):
        path = self.write("m.npy", checkpoints.npy([[1.0]]))
        names = self.expect(2, "norm", path, "--ord", "frob").err.split("; use ")[1].split()
        names = [name.rstrip(",") for name in names if name != "or"]
        self.assertIn("kyfan:K", names)
        page = self.expect(0, "norm", "--help").out.split("Norms:\n")[1].split("\n\n")[0]
        self.assertEqual([line.split()[0] for line in page.splitlines()], names)
        for name in names:
            self.expect(0, "norm", path, "--ord", name.replace(":K", ":1").replace(":P", ":3").replace(",P", ",3").replace(",Q", ",2"),
                        "--format", "value")

    def test_the_catalogue_has_values_computed_by_hand(self):
        path = self.write("m.npy", checkpoints.npy([[1.0, 2.0], [-3.0, 4.0]]))
        expected = {"kyfan:2,2": math.sqrt(30), "mixed:2,1": math.sqrt(10) + math.sqrt(20), "mixed:1,inf": 6,
                    "induced:1,2": math.sqrt(20), "induced:2,inf": 5, "induced:2,2": 5.11667273601692729,
                    "induced:2,1": math.sqrt(40), "induced:inf,1": 8, "numerical-radius": 4.08113883008418967}
        for order, value in expected.items():
            with self.subTest(order=order):
                self.assertAlmostEqual(self.value(path, order), value, delta=1e-12)
                result = json.loads(self.expect(0, "norm", path, "--ord", order, "--format", "json").out)
                self.assertEqual((result["ord"], result["kind"]), (order, "proven"))
                self.assertLessEqual(result["lower"], value * (1 + 1e-15))
                self.assertGreaterEqual(result["upper"], value * (1 - 1e-15))
                self.assertTrue(result["method"])
        rows = self.expect(0, "norm", path, "--ord", "mixed:2,1", "--by", "rows", "--format", "json").out
        self.assertAlmostEqual(json.loads(rows)["value"], math.sqrt(5) + 5, delta=1e-12)
        self.assertEqual(json.loads(rows)["ord"], "mixed:2,1,rows")
        self.assertEqual(self.value(path, "mixed:2,1,rows"), json.loads(rows)["value"])

    def test_an_order_that_does_not_fit_is_refused(self):
        square = self.write("m.npy", checkpoints.npy([[1.0, 2.0], [-3.0, 4.0]]))
        wide = self.write("w.npy", checkpoints.npy([[1.0, 2.0, 3.0]]))
        self.assertIn("square", self.expect(2, "norm", wide, "--ord", "numerical-radius").err)
        for order in ("mixed:2", "mixed:0.5,1", "induced:2,x", "induced:2,0", "kyfan:2,0.5", "kyfan:3,2"):
            self.assertTrue(self.expect(2, "norm", square, "--ord", order).err)
        self.assertIn("mixed:P,Q", self.expect(2, "norm", square, "--ord", "fro", "--by", "rows").err)
        self.assertIn("columns, rows", self.expect(2, "norm", square, "--ord", "mixed:2,1", "--by", "x").err)

    def test_all_prints_a_table_that_fits_a_narrow_terminal(self):
        path = self.write("m.npy", checkpoints.npy([[math.sin(3 * i + j * j) for j in range(9)] for i in range(9)]))
        out = self.expect(0, "norm", path, "--all", COLUMNS="80").out
        self.assertTrue(all(len(line) <= 80 for line in out.splitlines()), out)
        for order in ("fro", "nuc", "schatten:4", "kyfan:2,2", "mixed:2,1,rows", "induced:inf,1", "numerical-radius"):
            self.assertIn(f"\n{order} ", out)
        self.assertIn("proven, rounding included", out)
        norms = json.loads(self.expect(0, "norm", path, "--all", "--format", "json").out)["norms"]
        self.assertEqual({"ord", "meaning", "value", "lower", "upper", "kind", "failure_probability", "method"},
                         set(norms[0]))
        for norm in norms:
            with self.subTest(ord=norm["ord"]):
                self.assertAlmostEqual(norm["value"], self.value(path, norm["ord"]), delta=1e-9)
                self.assertEqual(norm["kind"], "proven")
        self.assertNotIn("numerical", self.expect(0, "norm", self.write("w.npy", checkpoints.npy([[1.0, 2.0]])), "--all").out)
        self.assertTrue(self.expect(2, "norm", path, "--all", "--ord", "fro").err)
        self.assertTrue(self.expect(2, "norm", path, "--all", "--format", "value").err)

    def test_groups_have_norms_with_ends(self):
        path = self.write("m.safetensors", checkpoints.safetensors(
            {"experts.w1": ("F64", (2, 2, 2), [1.0, 2.0, -3.0, 4.0, 0.0, 5.0, 6.0, 0.0])}))
        for order, value in (("nuc", math.sqrt(50) + 11), ("kyfan:2", 11.11667273601692729), ("mixed:2,inf", 6), ("induced:1,1", 6)):
            result = json.loads(self.expect(0, "norm", path, "--ord", order, "--format", "json").out)
            self.assertAlmostEqual(result["value"], value, delta=1e-12)
            self.assertEqual((result["batch"], result["kind"]), (2, "proven"))
            self.assertLessEqual(result["lower"], value * (1 + 1e-15))
            self.assertGreaterEqual(result["upper"], value * (1 - 1e-15))

    def test_a_matrix_with_nan_has_no_norm(self):
        path = self.write("m.npz", checkpoints.npz({"good": [[1.0]], "bad": [[1.0, 2.0], [math.inf, math.nan]]}))
        for order in ("2", "fro", "max", "kyfan:1", "1"):
            err = self.expect(3, "norm", f"{path}:bad", "--ord", order).err
            self.assertIn("m.npz: 'bad': has 1 NaN and 1 infinite entries, the first at [1, 0]", err)
        self.expect(0, "norm", f"{path}:good")

    def test_several_tensors_of_one_name_are_told_apart_by_a_number(self):
        self.write("model/a.safetensors", checkpoints.safetensors({"w": checkpoints.matrix([[2.0]]), "x": checkpoints.matrix([[7.0]])}))
        self.write("model/b.safetensors", checkpoints.safetensors({"w": checkpoints.matrix([[3.0, 4.0]])}))
        self.write("model/c.safetensors", checkpoints.safetensors({"w": ("F64", (2, 1, 1), [5.0, 6.0])}))
        for command in ("norm", "svd"):
            err = self.expect(2, command, "model:w").err
            self.assertIn("model has 3 tensors called 'w'", err)
            self.assertIn("w@2  [1, 2] f64  b.safetensors", err)
            self.assertIn("name its file instead of the folder", err)
        self.assertEqual([self.value(f"model:{name}", "fro") for name in ("w@1", "w@2", "x", "x@1")], [2, 5, 7, 7])
        self.assertEqual(self.value("model/b.safetensors:w", "fro"), 5)
        result = json.loads(self.expect(0, "norm", "model:w@2", "--format", "json").out)
        self.assertEqual((result["tensor"], result["file"], result["source"]), ("w", "model", "model/b.safetensors"))
        for name, said in [("w@0", "no number 0"), ("w@4", "no number 4"), ("w@", "no tensor"), ("y@1", "no tensor")]:
            self.assertIn(said, self.expect(2, "norm", f"model:{name}").err)
        self.assertIn("w@1", self.expect(2, "norm", "model").err)

    def test_one_name_in_two_graphs_is_told_apart_alike(self):
        path = self.write("if.onnx", checkpoints.onnx_branches("w", [[3.0]], [[4.0, 0.0], [0.0, 3.0]]))
        for command in ("norm", "svd"):
            err = self.expect(2, command, f"{path}:w").err
            self.assertIn("2 tensors called 'w'", err)
            self.assertIn("then_branch", err)
            self.assertNotIn("folder", err)
        self.assertEqual(sorted(self.value(f"{path}:w@{i}", "fro") for i in (1, 2)), [3, 5])

    def test_a_name_with_a_number_of_its_own_goes_first(self):
        path = self.write("m.safetensors", checkpoints.safetensors({"w@2": checkpoints.matrix([[2.0]]), "w": checkpoints.matrix([[3.0]])}))
        self.assertEqual([self.value(f"{path}:{name}", "fro") for name in ("w@2", "w@1", "w", "w@2@1")], [2, 3, 3, 2])

    @unittest.skipIf("ASAN_OPTIONS" in os.environ, "the sanitizer wants to be loaded first")
    def test_a_blas_that_rounds_to_float_is_said_and_proves_nothing(self):
        path = self.write("m.npy", checkpoints.npy([[math.sin(3 * i + j * j) for j in range(24)] for i in range(30)]))
        usual = self.expect(0, "norm", path)
        self.assertNotIn("BLAS", usual.err)
        rounding = self.expect(0, "norm", path, LD_PRELOAD=os.environ["SIGMAX_ROUNDING_BLAS"])
        self.assertIn("proven ends are those of norms", rounding.err)
        ends = [[float(line.split()[2]) for line in run.out.splitlines() if "  at " in line] for run in (usual, rounding)]
        self.assertLessEqual(ends[1][0], ends[0][1])
        self.assertGreater(ends[1][1], 1.01 * ends[0][1])


if __name__ == "__main__":
    main()
