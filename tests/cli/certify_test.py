"""sigmax certify: classifiers whose certified radii are known by hand."""

import math
import unittest

import checkpoints
from command import REPOSITORY, main
from schema_case import SchemaTest

EXAMPLE = str(REPOSITORY / "examples/models/fashion_mnist.onnx")

# Logits 3 x_0 and 4 x_1: the distance from the boundary is |3 x_0 - 4 x_1| / 5.
LINEAR = checkpoints.onnx_graph([("MatMul", ["x", "w"], ["y"], {})], {"w": ("F32", [2, 2], [3, 0, 0, 4])})
DATA = [2, 0.5, 0, 1, 1, 0.75]  # distances 0.8, 0.8 and 0: a tie
SHAPE = ("--input-shape", "x=1x2")


def arrays(**named):
    return checkpoints.safetensors(named)


def labeled(data=DATA, labels=(0, 1, 0), shape=(3, 2), dtype="F64"):
    return arrays(x=(dtype, shape, data), y=("I64", (len(labels),), labels))


class Certify(SchemaTest):

    COMMAND = "certify"
    SCHEMA = "certify-1.schema.json"

    def setUp(self):
        super().setUp()
        self.model = self.write("linear.onnx", LINEAR)
        self.data = self.write("set.safetensors", labeled())

    def certified(self, *arguments, code=0, data=None):
        return self.json(self.model, "--data", data or self.data, *SHAPE, "--seed", "1", *arguments, code=code)

    def refused(self, code, *arguments, data=None):
        return self.expect(code, "certify", self.model, "--data", data or self.data, *SHAPE, *arguments).err

    def test_the_schema_is_a_schema(self):
        self.expect_a_schema()

    def test_a_linear_classifier_is_certified_up_to_the_hyperplane(self):
        found = self.certified("--eps", "0.81,0.79", "--per-sample")
        self.assertEqual([at["eps"] for at in found["radii"]], [0.79, 0.81])
        self.assertEqual([at["network"] for at in found["radii"]], [2, 0])
        self.assertEqual([at["broken"] for at in found["radii"]], [1, 3])
        clean = found["clean"]
        self.assertEqual((clean["accuracy"], clean["correct"], clean["wrong"] + clean["undecided"]), (2 / 3, 2, 1))
        for sample in found["samples"][:2]:
            self.assertAlmostEqual(sample["radius"], 0.8, delta=1e-9)
            self.assertLessEqual(sample["radius"], 0.8)
            self.assertEqual(sample["at"], ["certified", "broken"])
        self.assertEqual(found["samples"][2]["radius"], 0)
        self.assertIsNone(found["samples"][2]["predicted"])
        self.assertEqual(found["bounds"]["kind"], "proven")
        self.assertGreaterEqual(found["bounds"]["pairs"][0]["upper"], 5)

    def test_certified_is_never_more_than_attacked(self):
        for eps in ("0.1", "0.5", "0.79", "2"):
            at = self.certified("--eps", eps)["radii"][0]
            self.assertLessEqual(at["certified_accuracy"], at["attacked_accuracy"])

    def test_the_radius_is_in_units_of_the_scaled_data_before_the_normalization(self):
        # Stored 2 as large, and normalized by (x - 0.5) / 0.25: the same points after both.
        stored = [2 * (0.25 * each + 0.5) for each in DATA]
        path = self.write("scaled.safetensors", labeled(stored))
        found = self.certified("--eps", "0.199,0.201", "--scale", "1/2", "--mean", "0.5", "--std", "0.25", data=path)
        self.assertEqual([at["network"] for at in found["radii"]], [2, 0])
        self.assertIn("normalized", found["changes"][0])

    def test_bytes_are_numbers_from_0_to_255(self):
        path = self.write("bytes.safetensors", labeled([200, 50, 0, 100, 100, 0], dtype="U8"))
        found = self.certified("--eps", "0.79,0.81", "--scale", "1/100", data=path)
        self.assertEqual([at["network"] for at in found["radii"]], [2 + (3 / 5 > 0.79), 0])
        run = self.expect(0, "certify", self.model, "--data", path, *SHAPE, "--eps", "1")
        self.assertIn("enter as they are", run.err)

    def test_labels_are_integers_floats_or_rows_with_one_1(self):
        x = ("F32", (2, 2), [2, 0.5, 0, 1])
        for labels in [("I64", (2,), [0, 1]), ("I64", (2, 1), [0, 1]), ("F32", (2,), [0, 1]), ("U8", (2,), [0, 1]),
                       ("F64", (2, 2), [1, 0, 0, 1]), ("U8", (2, 2), [1, 0, 0, 1])]:
            with self.subTest(labels=labels):
                path = self.write("set.safetensors", arrays(x=x, y=labels))
                self.assertEqual(self.certified("--eps", "0.5", data=path)["radii"][0]["network"], 2)

    def test_labels_may_lie_in_a_file_of_their_own(self):
        data = self.write("x.npy", checkpoints.npy([[2, 0.5], [0, 1]], "<f4"))
        labels = self.write("y.npy", checkpoints.npy([[0], [1]]))
        found = self.certified("--labels", labels, "--eps", "0.5", data=data)
        self.assertEqual(found["radii"][0]["network"], 2)
        self.assertEqual(found["labels"], str(labels))
        self.assertIn("--labels is missing", self.refused(2, "--eps", "0.5", data=data))

    def test_one_sample_needs_no_axis_of_its_own(self):
        path = self.write("one.safetensors", arrays(x=("F32", (2,), [2, 0.5]), y=("I64", (1,), [0])))
        self.assertEqual(self.certified("--eps", "0.5", data=path)["count"], 1)

    def test_bad_data_are_named(self):
        cases = [
            (labeled(labels=(0, 1, 2)), "the label of sample 2 is 2; the network has 2 classes, 0 to 1"),
            (labeled(labels=(0, 1, -1)), "the label of sample 2 is -1"),
            (labeled(labels=(0, 1)), "for 3 samples and 2 classes it should be [3]"),
            (labeled([2, 0.5, 0, math.nan, 1, 1]), "entry 1 of sample 1 is nan"),
            (labeled([2, 0.5, 0, math.inf, 1, 1]), "entry 1 of sample 1 is inf"),
            (labeled(shape=(2, 3)), "no batch of the network's input [1, 2]"),
            (labeled([], (), (0, 2)), "no samples"),
            (arrays(x=("F32", (1, 2), [2, 0.5]), y=("F32", (1,), [0.5])), "the label of sample 0 is 0.5"),
            (arrays(x=("F32", (1, 2), [2, 0.5]), y=("U8", (1, 2), [1, 1])), "row 0 is not one 1 among zeros"),
            (arrays(x=("F32", (1, 2), [2, 0.5]), y=("U8", (1, 2), [0, 0])), "row 0 is not one 1 among zeros"),
        ]
        for content, message in cases:
            with self.subTest(message=message):
                path = self.write("bad.safetensors", content)
                self.assertIn(message, self.refused(3, "--eps", "0.1", data=path))
        self.assertIn("name one", self.refused(2, "--eps", "0.1", data=self.write(
            "a.safetensors", arrays(p=("F32", (1, 2), [2, 0.5]), q=("I64", (1,), [0])))))
        self.refused(3, "--eps", "0.1", data="absent.npy")

    def test_wrong_options_are_named(self):
        for arguments, message in [(("--eps", "x"), "--eps takes positive numbers"), (("--eps", "-1"), "--eps takes"),
                                   (("--eps", "0.1,,1"), "--eps takes"), ((), "--eps"),
                                   (("--eps", "1", "--scale", "0"), "--scale takes a positive number"),
                                   (("--eps", "1", "--scale", "1/0"), "--scale takes a positive number"),
                                   (("--eps", "1", "--std", "0"), "--std takes positive numbers"),
                                   (("--eps", "1", "--mean", "1,2,3"), "the mean has 3 entries"),
                                   (("--eps", "1", "--effort", "much"), "--effort takes one of"),
                                   (("--eps", "1", "--input-box", "0,1"), "which is not in [0, 1]"),
                                   (("--eps", "1", "--fail-if", "sigma > 1"), "--fail-if takes certified(EPS)"),
                                   (("--eps", "1", "--fail-if", "certified(2) < 1"), "is not one of the radii")]:
            with self.subTest(arguments=arguments):
                self.assertIn(message, self.refused(2, *arguments))

    def test_a_gate_trips_with_exit_code_1(self):
        gates = ("--eps", "0.5", "--fail-if", "certified(0.5) < 0.9", "--fail-if", "clean<0.5")
        found = self.certified(*gates, code=1)
        self.assertEqual([(gate["expression"], gate["tripped"]) for gate in found["gates"]],
                         [("certified(0.5) < 0.9", True), ("clean<0.5", False)])
        run = self.expect(1, "certify", self.model, "--data", self.data, *SHAPE, *gates)
        self.assertIn("check failed: certified(0.5) < 0.9: it is 0.666667", run.err)
        self.assertIn("check passed: clean<0.5", run.err)
        self.certified("--eps", "0.5", "--fail-if", "attacked(0.5) > 0.9")

    def test_samples_are_drawn_by_the_seed(self):
        chosen = [[each["sample"] for each in self.certified("--eps", "1", "--samples", "2", "--per-sample")["samples"]]
                  for _ in range(2)]
        self.assertEqual(chosen[0], chosen[1])
        self.assertEqual(len(set(chosen[0])), 2)
        self.assertEqual(self.certified("--eps", "1", "--samples", "9")["count"], 3)

    def test_csv_has_a_line_for_each_radius_or_sample(self):
        arguments = ("certify", self.model, "--data", self.data, *SHAPE, "--eps", "0.1,0.9", "--format", "csv")
        lines = self.expect(0, *arguments).out.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertTrue(lines[0].startswith("eps,certified_accuracy,attacked_accuracy,network,ball,broken,open,untried"))
        lines = self.expect(0, *arguments, "--per-sample").out.splitlines()
        self.assertEqual(lines[0], "sample,label,predicted,radius,logit_error,at_0.1,at_0.9")
        self.assertEqual(len(lines), 4)

    def test_the_text_fits_80_columns_and_markdown_has_the_table(self):
        arguments = ("certify", self.model, "--data", self.data, *SHAPE, "--eps", "0.1,0.9")
        out = self.expect(0, *arguments, COLUMNS="80").out
        self.assertLessEqual(max(map(len, out.splitlines())), 80)
        for wanted in ("certified", "attacked", "clean:", "bounds:", "rounding:"):
            self.assertIn(wanted, out)
        self.assertIn("certified", self.expect(0, *arguments, "--format", "markdown").out)

    def test_a_softmax_at_the_end_changes_nothing(self):
        model = self.write("softmax.onnx", checkpoints.onnx_graph(
            [("MatMul", ["x", "w"], ["z"], {}), ("Softmax", ["z"], ["y"], {})], {"w": ("F32", [2, 2], [3, 0, 0, 4])}))
        found = self.json(model, "--data", self.data, *SHAPE, "--eps", "0.79", "--seed", "1")
        self.assertEqual(found["radii"][0]["network"], 2)
        self.assertIn("keeps the order", found["changes"][0])

    def test_one_logit_decides_by_its_sign_and_a_positive_output_is_refused(self):
        nodes = [("MatMul", ["x", "w"], ["y"], {})]
        weight = {"w": ("F32", [2, 1], [-3, 4])}
        model = self.write("sign.onnx", checkpoints.onnx_graph(nodes, weight))
        found = self.json(model, "--data", self.data, *SHAPE, "--eps", "0.79,0.81", "--seed", "1")
        self.assertEqual([at["network"] for at in found["radii"]], [2, 0])
        nodes = [("MatMul", ["x", "w"], ["z"], {}), ("Relu", ["z"], ["y"], {})]
        model = self.write("positive.onnx", checkpoints.onnx_graph(nodes, weight))
        self.assertIn("never below 0", self.expect(2, "certify", model, "--data", self.data, *SHAPE, "--eps", "1").err)

    def test_an_unknown_node_is_named_and_nothing_is_certified(self):
        model = self.write("mystery.onnx", checkpoints.onnx_graph([("Mystery", ["x"], ["y"], {})], {}))
        run = self.expect(4, "certify", model, "--data", self.data, *SHAPE, "--eps", "1")
        self.assertIn("not certified: Mystery", run.err)
        self.assertEqual(run.out, "")

    def test_a_product_of_data_has_a_bound_on_a_box(self):
        model = self.write("square.onnx", checkpoints.onnx_graph(
            [("Mul", ["x", "x"], ["z"], {}), ("MatMul", ["z", "w"], ["y"], {})], {"w": ("F32", [2, 2], [3, 0, 0, 4])}))
        arguments = (model, "--data", self.data, *SHAPE, "--eps", "0.01", "--seed", "1", "--local-limit", "0")
        found = self.json(*arguments)
        self.assertTrue(found["refused"][0]["needs_bounded_inputs"])
        self.assertIsNone(found["bounds"]["kind"])
        self.assertEqual(found["radii"][0]["network"], 0)
        boxed = self.json(*arguments, "--input-box", "0,2")
        self.assertEqual(boxed["refused"], [])
        self.assertGreaterEqual(boxed["radii"][0]["network"], 1)
        # Without a box, the ball around each sample is bounded all the same.
        self.assertGreaterEqual(self.json(*arguments[:-1], "10")["radii"][0]["ball"], 1)

    def test_the_example_takes_images_flat_or_with_their_axes(self):
        pixels = [(37 * k) % 256 for k in range(2 * 784)]
        for shape in [(2, 784), (2, 28, 28), (2, 1, 28, 28)]:
            path = self.write("images.safetensors", arrays(x=("U8", shape, pixels), y=("I64", (2,), [0, 1])))
            found = self.json(EXAMPLE, "--data", path, "--scale", "1/255", "--eps", "0.01", "--effort", "fast",
                              "--no-attack", "--seed", "1")
            self.assertEqual((found["count"], found["classes"], found["attack"]), (2, 10, False))
        path = self.write("images.safetensors", arrays(x=("U8", (2, 56, 14), pixels), y=("I64", (2,), [0, 1])))
        self.assertIn("no batch", self.expect(3, "certify", EXAMPLE, "--data", path, "--eps", "1").err)


if __name__ == "__main__":
    main()
