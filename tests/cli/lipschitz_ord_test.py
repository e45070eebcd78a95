"""sigmax lipschitz --ord: the norm of sums and that of the greatest entry, against dense Jacobians."""

import itertools
import math
import random

import checkpoints
from command import main
from lipschitz_gate_test import CHAIN
from lipschitz_rows_test import LINEAR, Bounds, npy

ORDERS = ("1", "2", "inf")
# y = relu(x1 + x2 - 1): from 0 the kink is 1 away in the norm of sums, sqrt(1/2) in the Euclidean one, 1/2 in the last.
CORNER = checkpoints.onnx_graph([("MatMul", ["x", "w"], ["a"], {}), ("Add", ["a", "b"], ["c"], {}), ("Relu", ["c"], ["y"], {})],
                                {"w": ("F32", [2, 1], [1, 1]), "b": ("F32", [1], [-1])})


def length(x, order):
    sizes = [abs(each) for each in x]
    return sum(sizes) if order == "1" else max(sizes) if order == "inf" else math.hypot(*sizes)


def norm(rows, order):
    """The induced norm of a matrix with two columns; for 2 the root of the greatest eigenvalue of A^T A."""
    if order == "1":
        return max(length([row[j] for row in rows], order) for j in range(2))
    if order == "inf":
        return max(length(row, "1") for row in rows)
    a, b, c = (sum(row[i] * row[j] for row in rows) for i, j in ((0, 0), (0, 1), (1, 1)))
    return math.sqrt((a + c + math.hypot(a - c, 2 * b)) / 2)


def product(a, b):
    return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]


def constant_of(weights, order):
    """Of a ReLU network without offsets on the plane: its Jacobian is constant on cones, which begin where a neuron of
    some layer is 0. The constant is the greatest norm of a Jacobian over the cones; this is that over those which a
    fine mesh of directions meets."""

    def jacobian(angle):
        value, matrix = [math.cos(angle), math.sin(angle)], [[1, 0], [0, 1]]
        for i, weight in enumerate(weights):
            value = [sum(w * x for w, x in zip(row, value)) for row in weight]
            matrix = product(weight, matrix)
            if i + 1 < len(weights):
                matrix = [row if x > 0 else [0, 0] for row, x in zip(matrix, value)]
                value = [max(x, 0) for x in value]
        return matrix

    angles = [2 * math.pi * k / 20000 for k in range(20000)]
    return max(norm(jacobian(angle), order) for angle in angles)


class Norms(Bounds):

    def test_a_linear_map_has_the_induced_norm_of_its_matrix(self):
        path = self.write("linear.onnx", LINEAR)
        # Rows (3, 0), (0, 4), (3, 4): the columns have the sums 6 and 8, the rows 3, 4 and 7.
        for order, expected in (("1", 8), ("inf", 7)):
            found = self.bounds(path, "--ord", order)
            self.assertEqual(found["norm"], order)
            self.assertGreaterEqual(found["bound"]["upper"], expected)
            self.assertAlmostEqual(found["bound"]["upper"], expected, delta=1e-9)
            self.assertLessEqual(found["lower"], expected)
            self.assertAlmostEqual(found["lower"], expected, delta=1e-6)
            self.assertEqual((found["bound"]["method"], found["inequality"], found["parts"]), ("walk", None, []))
        self.assertEqual(self.bounds(path)["norm"], "2")

    def test_rows_and_pairs_are_in_the_norm(self):
        path = self.write("linear.onnx", LINEAR)
        # Of one row the norm that is dual to it: the greatest entry, or the sum. Of a difference it is bounded by that of
        # the sum of the absolute values.
        for order, rows, pairs, sums in (("1", (3, 4, 4), (4, 4, 3), (4, 6, 8)), ("inf", (3, 4, 7), (7, 4, 3), (7, 10, 11))):
            found = self.bounds(path, "--ord", order, "--per-output", "all", "--per-pair", "all")
            for each, expected in zip(found["outputs"], rows):
                self.assertGreaterEqual(each["upper"], expected)
                self.assertAlmostEqual(each["upper"], expected, delta=1e-9)
            for each, least, most in zip(found["pairs"], pairs, sums):
                self.assertGreaterEqual(each["upper"], least)
                self.assertLessEqual(each["upper"], most + 1e-9)

    def test_networks_lie_between_the_ends(self):
        draw = random.Random(5)
        for widths in ((2, 6, 2), (2, 5, 4, 3), (2, 4, 4, 4, 1)):
            weights = [[[draw.gauss(0, 1) for _ in range(ins)] for _ in range(outs)]
                       for ins, outs in itertools.pairwise(widths)]
            nodes, tensors = [], {}
            for i, weight in enumerate(weights):
                read = f"z{i - 1}" if i else "x"
                last = i + 1 == len(weights)
                tensors[f"w{i}"] = ("F64", [len(weight[0]), len(weight)], [x for column in zip(*weight) for x in column])
                nodes.append(("MatMul", [read, f"w{i}"], ["y" if last else f"v{i}"], {}))
                if not last:
                    nodes.append(("Relu", [f"v{i}"], [f"z{i}"], {}))
            path = self.write("net.onnx", checkpoints.onnx_graph(nodes, tensors))
            for order in ORDERS:
                with self.subTest(widths=widths, order=order):
                    found, truth = self.bounds(path, "--ord", order), constant_of(weights, order)
                    self.assertGreaterEqual(found["bound"]["upper"], truth * (1 - 1e-12))
                    self.assertLessEqual(found["lower"], found["bound"]["upper"])
                    # A cone that is narrower than the mesh may be better than all on it.
                    self.assertGreaterEqual(found["lower"], truth * (1 - 1e-4))

    def test_balls_are_in_the_norm(self):
        path = self.write("corner.onnx", CORNER)
        self.write("zero.npy", npy([0, 0], [2]))
        # Whether a ball of the radius around 0 reaches the kink, and the norm of (1, 1) as a row beyond it.
        for order, radius, expected in (("inf", "0.4", 0), ("inf", "0.6", 2), ("2", "0.6", 0), ("2", "0.8", math.sqrt(2)),
                                        ("1", "0.8", 0), ("1", "1.2", 1)):
            with self.subTest(order=order, radius=radius):
                found = self.bounds(path, "--ord", order, "--around", "zero.npy", "--eps", radius)["local"][0]
                self.assertLessEqual(found["lower"], expected)
                self.assertGreaterEqual(found["lower"], expected * (1 - 1e-3))
                self.assertGreaterEqual(found["upper"], expected)
                self.assertLessEqual(found["upper"], expected * (1 + 1e-3) + 1e-9)
                inside = self.bounds(path, "--ord", order, "--input-norm", radius)
                self.assertAlmostEqual(inside["bound"]["upper"], found["upper"], delta=1e-3)
        self.assertEqual(self.bounds(path, "--ord", "1", "--input-norm", "2")["bound"]["domain"],
                         "inputs of 1-norm at most 2")

    def test_every_report_names_the_norm(self):
        path, shape = self.write("chain.onnx", CHAIN), ("--input-shape", "x=1x2", "--no-lower")
        for order, name in (("1", "1-norm"), ("2", "2-norm"), ("inf", "infinity-norm")):
            out = self.expect(0, "lipschitz", path, *shape, "--ord", order, "--html", "a.html", "--markdown", "a.md").out
            for text in (out, (self.folder / "a.html").read_text(), (self.folder / "a.md").read_text()):
                self.assertIn(name, text)
            self.assertLessEqual(max(map(len, out.splitlines())), 80)
            self.assertEqual("inequality:" in out, order == "2")

    def test_gates_are_about_it(self):
        path = self.write("linear.onnx", LINEAR)
        gate = ("lipschitz", path, "--input-shape", "x=1x2", "--seed", "1", "--ord", "1", "--fail-if")
        self.expect(1, *gate, "lower > 7.9")
        self.expect(0, *gate, "upper > 8.1")
        self.assertIn("inequality has no value with --ord 1: it is about the 2-norm", self.expect(4, *gate, "inequality > 1").err)

    def test_what_has_no_proof_in_it_is_refused(self):
        path = self.write("linear.onnx", LINEAR)
        err = self.expect(2, "lipschitz", path, "--input-shape", "x=1x2", "--ord", "inf", "--certificate", "c.json").err
        self.assertIn("a certificate is about --ord 2; leave --ord inf off, or --certificate", err)
        self.assertFalse((self.folder / "c.json").exists())
        self.assertIn("--ord takes one of 1, 2, inf, got '3'", self.expect(2, "lipschitz", path, "--ord", "3").err)


if __name__ == "__main__":
    main()
