"""sigmax lipschitz: single outputs, pairs, given inputs and constant inputs, of models known by hand."""

import math
import struct

import checkpoints
from command import main
from schema_case import SchemaTest

# y = W x: outputs 3 x1, 4 x2, and 3 x1 + 4 x2.
LINEAR = checkpoints.onnx_graph([("MatMul", ["x", "w"], ["y"], {})], {"w": ("F32", [2, 3], [3, 0, 3, 0, 4, 4])})
# y = relu(3 x1) + relu(4 x2).
CHAIN = checkpoints.onnx_graph([("MatMul", ["x", "w1"], ["a"], {}), ("Relu", ["a"], ["b"], {}),
                                ("MatMul", ["b", "w2"], ["y"], {})],
                               {"w1": ("F32", [2, 2], [3, 0, 0, 4]), "w2": ("F32", [2, 1], [1, 1])})


def npy(values, shape, code="d"):
    """An array of any number of axes."""
    descr = {"d": "<f8", "f": "<f4", "q": "<i8", "B": "|u1"}[code]
    axes = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({axes}), }}"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack(
        f"<{len(values)}{code}", *values)


class Bounds(SchemaTest):

    COMMAND = "lipschitz"
    SCHEMA = "lipschitz-1.schema.json"

    def bounds(self, path, *arguments, code=0, shape=("--input-shape", "x=1x2")):
        return self.json(path, *shape, "--seed", "1", *arguments, code=code)


class Rows(Bounds):

    def test_outputs_of_a_linear_map_are_norms_of_rows(self):
        path = self.write("linear.onnx", LINEAR)
        found = self.bounds(path, "--per-output", "all")["outputs"]
        self.assertEqual([each["output"] for each in found], [0, 1, 2])
        for each, expected in zip(found, (3, 4, 5)):
            self.assertGreaterEqual(each["upper"], expected * (1 - 1e-12))
            self.assertAlmostEqual(each["upper"], expected, delta=1e-9)
        chosen = self.bounds(path, "--per-output", "2,0", "--per-output", "0-1")["outputs"]
        self.assertEqual(chosen, found)
        self.assertEqual(self.bounds(path)["outputs"], [])

    def test_pairs_of_a_linear_map_are_distances_of_rows(self):
        path = self.write("linear.onnx", LINEAR)
        found = self.bounds(path, "--per-pair", "all")["pairs"]
        self.assertEqual([(each["first"], each["second"]) for each in found], [(0, 1), (0, 2), (1, 2)])
        for each, expected in zip(found, (5, 4, 3)):
            self.assertAlmostEqual(each["upper"], expected, delta=1e-9)
        self.assertEqual(self.bounds(path, "--per-pair", "2")["pairs"], found[1:])
        self.assertEqual(self.bounds(path, "--per-pair", "2:0")["pairs"], found[1:2])

    def test_an_output_is_never_worse_than_all_of_them(self):
        path = self.write("chain.onnx", CHAIN)
        found = self.bounds(path, "--per-output", "0")
        self.assertLessEqual(found["outputs"][0]["upper"], found["bound"]["upper"])
        self.assertGreaterEqual(found["outputs"][0]["upper"], 5 * (1 - 1e-9))

    def test_without_a_bound_they_have_none(self):
        path = self.write("square.onnx", checkpoints.onnx_graph([("Mul", ["x", "x"], ["y"], {})], {}))
        found = self.bounds(path, "--per-output", "all", "--per-pair", "all", code=4)
        self.assertEqual([each["upper"] for each in found["outputs"] + found["pairs"]], [None] * 3)

    def test_ten_classes_fit_80_columns(self):
        weights = [math.sin(17 * i) for i in range(40)]
        path = self.write("ten.onnx", checkpoints.onnx_graph([("MatMul", ["x", "w"], ["y"], {})],
                                                             {"w": ("F32", [4, 10], weights)}))
        arguments = ("lipschitz", path, "--input-shape", "x=1x4", "--per-output", "all", "--per-pair", "all")
        out = self.expect(0, *arguments, COLUMNS="80").out
        self.assertLessEqual(max(map(len, out.splitlines())), 80)
        table = out.split("Differences of two outputs")[1]
        self.assertRegex(table, r"\noutput +1 +2 +3 +4 +5 +6 +7 +8 +9\n +0  ")
        markdown = self.expect(0, *arguments, "--format", "markdown").out
        self.assertIn("## Single outputs", markdown)

    def test_a_thousand_classes_show_the_largest_and_refuse_all_pairs(self):
        weights = [1 + i % 7 for i in range(2000)]
        path = self.write("many.onnx", checkpoints.onnx_graph([("MatMul", ["x", "w"], ["y"], {})],
                                                              {"w": ("F32", [2, 1000], weights)}))
        shape = ("--input-shape", "x=1x2", "--no-lower")
        err = self.expect(2, "lipschitz", path, *shape, "--per-pair", "all").err
        self.assertIn("--per-pair asks for 499500 bounds of a network with 1000 outputs, more than 2000", err)
        out = self.expect(0, "lipschitz", path, *shape, "--per-output", "0-99").out
        self.assertIn("10 of 100 outputs", out)
        verbose = self.expect(0, "lipschitz", path, *shape, "--per-output", "0-99", "-v").out
        self.assertGreater(len(verbose.splitlines()), 100)

    def test_wrong_choices_are_named(self):
        path = self.write("linear.onnx", LINEAR)
        for arguments, message in [(("--per-output", "3"), "there is no output 3; the network has 3, counted from 0"),
                                   (("--per-output", "2-1"), "--per-output takes all, or numbers from 0"),
                                   (("--per-output", "x"), "got 'x'"), (("--per-output", "0,"), "got ''"),
                                   (("--per-pair", "1:1"), "--per-pair takes all"), (("--per-pair", "0:3"), "no output 3"),
                                   (("--per-pair", "0-1"), "--per-pair takes all"), (("--per-pair", "7"), "no output 7")]:
            with self.subTest(arguments=arguments):
                self.assertIn(message, self.expect(2, "lipschitz", path, "--input-shape", "x=1x2", *arguments).err)


class Around(Bounds):

    def local(self, values, shape, *arguments, code=0, eps="0.5", kind="d"):
        model = self.write("chain.onnx", CHAIN)
        self.write("inputs.npy", npy(values, shape, kind))
        return self.bounds(model, "--around", "inputs.npy", "--eps", eps, *arguments, code=code)

    def test_near_an_input_the_neurons_that_are_off_do_not_count(self):
        # Both on: |(3, 4)|; one on: 3, 4; none: 0.
        found = self.local([1, 1, 1, -1, -1, 1, -1, -1], [4, 2])
        self.assertEqual(found["around"], {"file": "inputs.npy", "radius": 0.5})
        for each, expected in zip(found["local"], (5, 3, 4, 0)):
            self.assertGreaterEqual(each["upper"], expected * (1 - 1e-9))
            self.assertLessEqual(each["upper"], expected * (1 + 1e-4) + 1e-9)
            self.assertLessEqual(each["lower"], each["upper"])
            self.assertGreaterEqual(each["lower"], expected * (1 - 1e-3) - 1e-9)
            self.assertLessEqual(each["upper"], found["bound"]["upper"])
        self.assertEqual([each["input"] for each in found["local"]], [0, 1, 2, 3])

    def test_one_input_or_an_axis_of_them(self):
        for shape, count in [([2], 1), ([1, 2], 1), ([2, 1], 1), ([1, 1, 2], 1), ([3, 2], 3), ([3, 1, 2], 3)]:
            with self.subTest(shape=shape):
                found = self.local([1, 1] * count, shape, "--no-lower")
                self.assertEqual(len(found["local"]), count)
                self.assertIsNone(found["local"][0]["lower"])
        self.assertEqual(len(self.local([3, 200], [2], "--no-lower", kind="B")["local"]), 1)

    def test_a_network_without_a_bound_everywhere_may_have_one_near_inputs(self):
        square = self.write("square.onnx", checkpoints.onnx_graph([("Mul", ["x", "x"], ["y"], {})], {}))
        self.write("inputs.npy", npy([3, 0], [2]))
        found = self.bounds(square, "--around", "inputs.npy", "--eps", "1")
        self.assertIsNone(found["bound"]["upper"])
        # The derivative of x^2 is at most 8 on the ball.
        self.assertGreaterEqual(found["local"][0]["upper"], 8 * (1 - 1e-9))
        arguments = ("lipschitz", square, "--input-shape", "x=1x2", "--around", "inputs.npy", "--eps", "1")
        self.expect(1, *arguments, "--fail-if", "local > 7")
        self.expect(0, *arguments, "--fail-if", "local > 100")
        self.expect(4, *arguments, "--fail-if", "upper > 100")

    def test_an_input_without_a_bound_is_named(self):
        step = self.write("step.onnx", checkpoints.onnx_graph([("Sign", ["x"], ["y"], {})], {}))
        self.write("inputs.npy", npy([1, 1, 1, 1], [2, 2]))
        found = self.bounds(step, "--around", "inputs.npy", "--eps", "0.1", code=4)
        self.assertIn("Sign", found["local"][1]["why"])
        run = self.expect(4, "lipschitz", step, "--input-shape", "x=1x2", "--around", "inputs.npy", "--eps", "0.1", "-q")
        self.assertIn("no bound: near 2 of 2 inputs; input 0: Sign", run.err)

    def test_files_that_do_not_fit_are_named(self):
        model = self.write("chain.onnx", CHAIN)
        for name, content, message in [("a.npy", npy([1, 2, 3], [3]), "has the shape [3], which is neither one input of 2"),
                                       ("b.npy", npy([1, math.nan], [2]), "entry 1 is not finite"),
                                       ("c.npy", npy([], [0, 2]), "has the shape [0, 2]"),
                                       ("d.npy", npy([1, 2], [2], "q"), "holds i64"),
                                       ("e.npy", b"no array", "e.npy"), ("chain.onnx", CHAIN, "is not a NumPy file")]:
            with self.subTest(name=name):
                self.write(name, content)
                run = self.expect(3, "lipschitz", model, "--input-shape", "x=1x2", "--around", name, "--eps", "1")
                self.assertIn(message, run.err)
                self.assertEqual(run.out, "")

    def test_around_and_eps_come_together(self):
        model = self.write("chain.onnx", CHAIN)
        self.write("x.npy", npy([1, 1], [2]))
        self.assertIn("--eps", self.expect(2, "lipschitz", model, "--around", "x.npy").err)
        self.assertIn("--around", self.expect(2, "lipschitz", model, "--eps", "1").err)
        for bad in ("-1", "x", "inf", "nan"):
            self.assertIn("--eps takes a number", self.expect(2, "lipschitz", model, "--around", "x.npy",
                                                              "--eps", bad).err)


class Constants(Bounds):

    # y = x * rate, with a rate that is an integer in one and real in the other; `state` has an axis that is left open.
    REAL = checkpoints.onnx_graph([("Mul", ["x", "rate"], ["y"], {})], {},
                                  inputs=("x", ("rate", "F32", [2])))
    WHOLE = checkpoints.onnx_graph([("Cast", ["rate"], ["real"], {"to": 1}), ("Mul", ["x", "real"], ["y"], {})], {},
                                   inputs=("x", ("rate", "I64", [])))
    OPEN = checkpoints.onnx_graph([("Add", ["x", "state"], ["y"], {})], {}, inputs=("x", ("state", "F32", [1, None])))

    def test_a_number_makes_an_input_a_constant(self):
        for name, model in (("real", self.REAL), ("whole", self.WHOLE)):
            found = self.bounds(self.write(f"{name}.onnx", model), "--input-value", "rate=-3")
            self.assertAlmostEqual(found["bound"]["upper"], 3, delta=1e-9)
            self.assertIn("the input 'rate' is -3", found["assumptions"])

    def test_an_array_makes_an_input_a_constant(self):
        path = self.write("real.onnx", self.REAL)
        self.write("rate.npy", npy([2, -7], [2], "f"))
        self.assertAlmostEqual(self.bounds(path, "--input-value", "rate=rate.npy")["bound"]["upper"], 7, delta=1e-9)

    def test_an_integer_input_without_a_value_says_which_option_gives_one(self):
        path = self.write("whole.onnx", self.WHOLE)
        found = self.bounds(path, code=4)
        self.assertIn("--input-value NAME=VALUE does that", found["refused"][0]["way_out"])

    def test_an_integer_input_without_a_value_is_no_constant_either(self):
        model = checkpoints.onnx_graph([("Cast", ["rate"], ["real"], {"to": 1}), ("Add", ["x", "real"], ["y"], {})], {},
                                       inputs=("x", ("rate", "I64", [])))
        path = self.write("sum.onnx", model)
        found = self.bounds(path, code=4)
        self.assertIsNone(found["bound"]["upper"])
        self.assertIn("Input 'rate'", found["refused"][0]["node"])
        self.assertAlmostEqual(self.bounds(path, "--input-value", "rate=5")["bound"]["upper"], 1, delta=1e-9)

    def test_open_sizes_are_asked_for(self):
        path = self.write("open.onnx", self.OPEN)
        err = self.expect(2, "lipschitz", path, "--input-shape", "x=1x2", "--input-value", "state=0").err
        self.assertIn("the input has the shape [1, ?] in the file: set its sizes", err)
        found = self.bounds(path, "--input-value", "state=0", "--input-shape", "state=1x2")
        self.assertAlmostEqual(found["bound"]["upper"], 1, delta=1e-9)
        err = self.expect(2, "lipschitz", path, "--input-shape", "x=1x2", "--input-value", "state=0", "--input-shape",
                          "state=2x2").err
        self.assertIn("does not fit", err)

    def test_values_that_do_not_fit_are_named(self):
        real, whole = self.write("real.onnx", self.REAL), self.write("whole.onnx", self.WHOLE)
        for name, content in [("three.npy", npy([1, 2, 3], [3])), ("whole.npy", npy([1, 2], [2], "q")),
                              ("nan.npy", npy([1, math.nan], [2]))]:
            self.write(name, content)
        for model, value, code, message in [(real, "rate", 2, "--input-value takes NAME=NUMBER or NAME=FILE.npy"),
                                            (real, "rate=", 2, "--input-value takes NAME=NUMBER"),
                                            (real, "other=1", 2, "has no input 'other'; it has 'x', 'rate'"),
                                            (real, "rate=inf", 2, "is not a finite number"),
                                            (whole, "rate=1.5", 2, "'1.5' is not of its type, i64"),
                                            (real, "rate=absent.npy", 3, "absent.npy"),
                                            (real, "rate=three.npy", 3, "has the shape [3]"),
                                            (real, "rate=whole.npy", 3, "holds i64, but the input 'rate' is of type f32"),
                                            (real, "rate=nan.npy", 3, "entry 1 is not finite")]:
            with self.subTest(value=value):
                run = self.expect(code, "lipschitz", model, "--input-shape", "x=1x2", "--input-value", value)
                self.assertIn(message, run.err)
        self.assertIn("twice", self.expect(2, "lipschitz", real, "--input-value", "rate=1", "--input-value", "rate=2").err)


if __name__ == "__main__":
    main()
