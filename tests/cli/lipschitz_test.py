"""sigmax lipschitz: bounds of whole networks, of models whose constants are known by hand."""

import math
import unittest

import checkpoints
from command import REPOSITORY, main
from schema_case import SchemaTest

EXAMPLE = str(REPOSITORY / "examples/models/fashion_mnist.onnx")

# y = W2 relu(W1 x): each row of W1 is a coordinate times 3 or 4, W2 the sum.
CHAIN = checkpoints.onnx_graph([("MatMul", ["x", "w1"], ["a"], {}), ("Relu", ["a"], ["b"], {}),
                                ("MatMul", ["b", "w2"], ["y"], {})],
                               {"w1": ("F32", [2, 2], [3, 0, 0, 4]), "w2": ("F32", [2, 1], [1, 1])})


class Lipschitz(SchemaTest):

    COMMAND = "lipschitz"
    SCHEMA = "lipschitz-1.schema.json"

    def test_the_schema_is_a_schema(self):
        self.expect_a_schema()

    def test_a_chain_of_two_maps_is_bounded_from_both_sides(self):
        path = self.write("chain.onnx", CHAIN)
        found = self.json(path, "--input-shape", "x=1x2", "--seed", "1")
        # All neurons are active for positive x: |(3, 4)| = 5. The product is 4 sqrt 2.
        self.assertAlmostEqual(found["product"], 4 * math.sqrt(2), delta=1e-9)
        self.assertGreaterEqual(found["bound"]["upper"], 5)
        self.assertLessEqual(found["bound"]["upper"], 5 * (1 + 1e-4))
        self.assertEqual(found["bound"]["method"], "inequality")
        self.assertEqual(found["bound"]["kind"], "proven")
        self.assertLessEqual(found["lower"], 5)
        self.assertGreaterEqual(found["lower"], 5 * (1 - 1e-6))
        self.assertEqual([layer["operation"] for layer in found["layers"]], ["Affine", "Relu", "Affine"])
        value = float(self.expect(0, "lipschitz", path, "--input-shape", "x=1x2", "--format", "value").out)
        self.assertEqual(value, found["bound"]["upper"])

    def test_a_box_where_neurons_are_off_has_a_smaller_bound(self):
        path = self.write("chain.onnx", CHAIN)
        found = self.json(path, "--input-shape", "x=1x2", "--input-box=-2,-1", "--seed", "1")
        self.assertEqual(found["bound"]["domain"], "inputs in [-2, -1]")
        self.assertLessEqual(found["bound"]["upper"], 1e-6)

    def test_no_lower_looks_for_none(self):
        path = self.write("chain.onnx", CHAIN)
        self.assertIsNone(self.json(path, "--input-shape", "x=1x2", "--no-lower")["lower"])

    def test_a_node_that_is_not_lipschitz_is_named(self):
        model = checkpoints.onnx_graph([("Sign", ["x"], ["a"], {}), ("MatMul", ["a", "w"], ["y"], {})],
                                       {"w": ("F32", [2, 1], [1, 1])})
        path = self.write("step.onnx", model)
        found = self.json(path, "--input-shape", "x=1x2", code=4)
        self.assertIsNone(found["bound"]["upper"])
        self.assertEqual(len(found["refused"]), 1)
        self.assertIn("Sign", found["refused"][0]["node"])
        run = self.expect(4, "lipschitz", path, "--input-shape", "x=1x2")
        self.assertIn("no bound", run.out)
        self.assertIn("sigmax: no bound: Sign", run.err)
        # Once: on standard error; a report in a file has it too.
        self.assertEqual((run.out + run.err).count("is not Lipschitz: it jumps"), 1)
        self.expect(4, "lipschitz", path, "--input-shape", "x=1x2", "-q", "--markdown", self.folder / "report.md")
        self.assertIn("it jumps", (self.folder / "report.md").read_text())

    def test_an_unknown_operator_is_never_counted_as_one(self):
        model = checkpoints.onnx_graph([("Mystery", ["x"], ["y"], {})], {})
        found = self.json(self.write("mystery.onnx", model), "--input-shape", "x=1x2", code=4)
        self.assertIsNone(found["bound"]["upper"])

    def test_a_product_of_data_needs_a_box(self):
        model = checkpoints.onnx_graph([("Mul", ["x", "x"], ["y"], {})], {})
        path = self.write("square.onnx", model)
        found = self.json(path, "--input-shape", "x=1x2", code=4)
        self.assertTrue(found["refused"][0]["needs_bounded_inputs"])
        boxed = self.json(path, "--input-shape", "x=1x2", "--input-box", "0,3", "--seed", "1")
        # The derivative of x^2 is at most 6.
        self.assertGreaterEqual(boxed["bound"]["upper"], 6 * (1 - 1e-6))

    def test_the_example_is_bounded_below_the_product_of_its_layers(self):
        found = self.json(EXAMPLE, "--effort", "fast", "--no-lower")
        self.assertLess(found["bound"]["upper"], found["product"])
        self.assertEqual(found["assumptions"], ["batch size 1 (axis 0 of the input 'images')"])
        self.assertEqual(found["refused"], [])

    def test_the_text_fits_80_columns(self):
        out = self.expect(0, "lipschitz", EXAMPLE, "--effort", "fast", "--no-lower").out
        self.assertLessEqual(max(map(len, out.splitlines())), 80)
        for wanted in ("Conv 'conv1'", "at most:", "product:", "walk:", "inequality:", "note: assumed: batch size 1"):
            self.assertIn(wanted, out)

    def test_markdown_has_the_table(self):
        out = self.expect(0, "lipschitz", EXAMPLE, "--effort", "fast", "--no-lower", "--format", "markdown").out
        self.assertIn("| node |", out.replace("|  ", "| "))

    def test_wrong_options_are_named(self):
        path = self.write("chain.onnx", CHAIN)
        for arguments, message in [(("--input-shape", "x"), "--input-shape takes NAME=1x3x224x224, got 'x'"),
                                   (("--input-shape", "x=1x0"), "--input-shape takes NAME=1x3x224x224, got 'x=1x0'"),
                                   (("--input-box", "1"), "--input-box takes LO,HI"),
                                   (("--input-box", "2,1"), "--input-box takes LO,HI"),
                                   (("--input-norm", "-1"), "--input-norm takes a number"),
                                   (("--effort", "much"), "--effort takes one of default, fast, high, got 'much'"),
                                   (("--input-box", "0,1", "--input-norm", "1"), "--input-norm")]:
            with self.subTest(arguments=arguments):
                self.assertIn(message, self.expect(2, "lipschitz", path, *arguments).err)
        self.assertIn("z", self.expect(2, "lipschitz", path, "--input-shape", "x=1x2", "--input-shape", "z=1").err)

    def test_a_file_that_is_not_onnx_is_named(self):
        path = self.write("m.npy", checkpoints.npy([[1.0]]))
        self.assertIn("m.npy", self.expect(3, "lipschitz", path).err)
        self.expect(3, "lipschitz", f"{path}.absent")


if __name__ == "__main__":
    main()
