"""Certificates that a forger makes by hand, for models that a forger may have made too."""

import hashlib
import math
import struct
import unittest

import numpy

import checkpoints
from certificate_case import ACCEPTED, CHECKER, REFUSED, UNCHECKED, CertificateTest, with_leaf
from certificate_networks import (FUNCTIONS, chain, encoded, exactly, gemm, largest_quotient, matrices, smallest_rho,
                                  weights)
from command import main


class Forgeries(CertificateTest):

    LAYERS = ("claims", 0, "layers")

    def by_hand(self, model, upper, layers, shape=(1, 4)):
        """A certificate of m.onnx whose claim is the forger's; layers: (least, most, multipliers)."""
        self.write("m.onnx", model)
        digest = hashlib.sha256(model).hexdigest()
        records = [{"least": exactly(least), "most": exactly(most), "multipliers": encoded(mu), "exponent": 0}
                   for least, most, mu in layers]
        claim = {"kind": "lipschitz", "upper": exactly(upper), "file": digest, "input_shapes": {"x": list(shape)},
                 "layers": records}
        return {"schema": "sigmax.certificate/1", "version": "0", "claims": [claim], "assumed": [], "unchecked": [],
                "files": [{"name": "m.onnx", "bytes": len(model), "sha256": digest}]}

    def linear(self, node, tensors, bound, **graph):
        return self.by_hand(checkpoints.onnx_graph([node], tensors, **graph), bound, [])

    def test_attributes_change_what_is_shown_or_end_it(self):
        tensors = weights([4, 4])
        w = numpy.array(tensors["w0"][2]).reshape(4, 4)
        norm = numpy.linalg.norm(w, 2)
        node = lambda op, *attributes: (op, ["x", "w0"], ["y"], dict(attributes))
        self.expect_checked(ACCEPTED, self.linear(node("Gemm", ("transB", 1)), tensors, norm * 1.01))
        self.expect_checked(REFUSED, self.linear(node("Gemm", ("transB", 1)), tensors, norm * 0.99))
        self.expect_checked(ACCEPTED, self.linear(node("Gemm", ("transB", 0)), tensors, norm * 1.01))
        for attributes in ([("transA", 1)], [("transB", "1")], [("transB", [1])], [("broadcast", 1)], [("alpha", 1)]):
            document = self.linear(node("Gemm", *attributes), tensors, norm * 1.01)
            self.assertEqual(self.checked(document)[0], ACCEPTED if attributes == [("alpha", 1)] else UNCHECKED)
        for attributes in ([("transB", 1)], [("alpha", 1)]):
            self.expect_checked(UNCHECKED, self.linear(node("MatMul", *attributes), tensors, norm * 1.01))

    def test_alpha_is_read_as_the_file_has_it(self):
        block, number = checkpoints.block, checkpoints.number
        tensors = weights([4, 4])
        alpha = lambda value: checkpoints.varint(2 * 8 + 5) + struct.pack("<f", value)
        norm = numpy.linalg.norm(numpy.array(tensors["w0"][2]).reshape(4, 4), 2)

        def model(op, inputs, *fields):
            attribute = block(5, block(1, "alpha") + b"".join(fields))
            plain = checkpoints.onnx_graph([(op, inputs, ["y"], {})], tensors)
            node = b"".join(block(1, each) for each in inputs) + block(2, "y") + block(4, op)
            graph = block(1, node + attribute) + b"".join(
                block(field, bytes(each)) for field in (5, 11, 12)
                for each in CHECKER.inner(CHECKER.message(memoryview(plain)), 7)[field])
            return number(1, 8) + block(7, graph)

        kind = number(20, 1)
        for fields, code in (([alpha(1), kind], ACCEPTED), ([alpha(0.5), kind], UNCHECKED),
                             ([alpha(2), kind], UNCHECKED), ([alpha(math.nan), kind], UNCHECKED),
                             ([alpha(1), alpha(1), kind], REFUSED),
                             ([kind], UNCHECKED), ([alpha(1)], UNCHECKED), ([alpha(1), number(20, 2)], UNCHECKED),
                             ([block(2, struct.pack("<f", 1)), kind], REFUSED), ([alpha(1), kind, kind], REFUSED)):
            with self.subTest(fields=fields):
                self.expect_checked(code, self.by_hand(model("Gemm", ["x", "w0"], *fields), norm * 1.01, []))
        for value, slopes, code in ((0.5, (0.5, 1), ACCEPTED), (0.25, (0.5, 1), REFUSED), (-0.5, (0, 1), REFUSED),
                                    (2, (0.5, 1), REFUSED), (2, (1, 2), ACCEPTED), (math.nan, (0, 1), REFUSED),
                                    (math.inf, (0, 1), REFUSED), (-math.inf, (0, 1), REFUSED)):
            with self.subTest(value=value):
                document = self.by_hand(model("LeakyRelu", ["x"], alpha(value), kind), 2.1, [(*slopes, [0.3] * 4)])
                self.expect_checked(code, document)

    def test_forged_models_and_claims(self):
        tensors = weights([4, 4])
        norm = numpy.linalg.norm(numpy.array(tensors["w0"][2]).reshape(4, 4), 2)
        node = ("MatMul", ["x", "w0"], ["y"], {})
        good = self.linear(node, tensors, norm * 1.01)
        self.expect_checked(ACCEPTED, good)
        upper = ("claims", 0, "upper")
        for text in ("0x1p-1074", "0x0p+0", "-0x1p+3", "0x1p+2000", "inf", "nan", "0x1.8", "8", "0X1P+3", "0x1p+3 ",
                     "0x1.00000000000000p+3", "0x8p+0", "0x1p+99999999", 8, 8.0, None, True, [8]):
            self.expect_checked(REFUSED, with_leaf(good, upper, text))
        # An input that the file gives values for is one of the model's weights, and the certificate says so.
        both = self.linear(node, tensors, norm * 1.01, inputs=("x", "w0"))
        self.assertIn("assumed: the input 'w0' has the values", self.expect_checked(ACCEPTED, both))
        self.expect_checked(REFUSED, self.linear(node, tensors, norm * 0.99, inputs=("x", "w0")))
        # Nodes that no output depends on change nothing; nodes after the output neither.
        model = checkpoints.onnx_graph([node, ("MatMul", ["y", "w0"], ["z"], {})], tensors)
        self.expect_checked(REFUSED, self.by_hand(model, norm * 0.99, []))
        least = min(1, numpy.linalg.norm(numpy.linalg.matrix_power(matrices([4, 4])[0], 2), 2))
        for outputs, code in ((("z",), REFUSED), (("y", "z"), REFUSED), (("x",), REFUSED), ((), REFUSED)):
            model = checkpoints.onnx_graph([node, ("MatMul", ["y", "w0"], ["z"], {})], tensors, outputs=outputs)
            self.expect_checked(code, self.by_hand(model, least * 0.99, []))
        for shape in ((4,), (1, 1, 4), (1, 2, 2), (4, 1), (0, 4), (1, 0), (), (-1, -4), (1, 1 << 30), (1 << 40, 4)):
            code = self.checked(self.by_hand(checkpoints.onnx_graph([node], tensors), norm * 1.01, [], shape))[0]
            self.assertEqual(code == ACCEPTED, shape in ((4,), (1, 1, 4)), shape)
        stated = [("x", "F64", (1, 4))]
        for shape, code in (((1, 4), ACCEPTED), ((4,), REFUSED), ((1, 1, 4), REFUSED)):
            model = checkpoints.onnx_graph([node], tensors, inputs=stated)
            self.expect_checked(code, self.by_hand(model, norm * 1.01, [], shape))
        # Two values of one name; a value that is a weight; a name twice among weights or inputs.
        for nodes in ([node, node], [("Identity", ["x"], ["w0"], {}), node], [("Identity", ["x"], ["x"], {}), node]):
            self.expect_checked(REFUSED, self.by_hand(checkpoints.onnx_graph(nodes, tensors), norm * 1.01, []))
        self.expect_checked(REFUSED, self.linear(node, tensors, norm * 1.01, inputs=("x", "x")))
        self.expect_checked(UNCHECKED, self.linear(node, tensors, norm * 1.01, inputs=("x", "v")))
        for values in ([math.nan] + tensors["w0"][2][1:], [math.inf] * 16, tensors["w0"][2][1:], []):
            self.expect_checked(REFUSED, self.linear(node, {"w0": ("F32", [4, 4], values)}, norm * 1.01))
        self.expect_checked(UNCHECKED, self.linear(node, {"w0": ("I64", [4, 4], [1] * 16)}, 99))
        for dims in ([0, 4], [4, 0], [2, 8], [16], [4, 4, 1], [2**64 - 1, 4], [2**64 - 4, 2**64 - 4]):
            self.expect_checked(REFUSED, self.linear(node, {"w0": ("F32", dims, tensors["w0"][2])}, norm * 1.01))

    def test_slopes_and_multipliers_of_a_forger(self):
        tensors = weights([4, 4])
        model = checkpoints.onnx_graph([("Relu", ["x"], ["r"], {}), ("MatMul", ["r", "w0"], ["y"], {})], tensors)
        norm = numpy.linalg.norm(numpy.array(tensors["w0"][2]).reshape(4, 4), 2)
        layer = (0, 1, [norm**2] * 4)
        good = self.by_hand(model, norm * 1.01, [layer])
        self.expect_checked(ACCEPTED, good)
        self.expect_checked(ACCEPTED, self.by_hand(model, norm * 1.5, [(-0.125, 1, [norm**2] * 4)]))
        for least, most in ((0.5, 1), (0, 0.5), (1, 0), (0.25, 0.25), (-1, -0.5), (2, 3)):
            self.expect_checked(REFUSED, self.by_hand(model, norm * 1.01, [(least, most, [norm**2] * 4)]))
        for mu in ([norm**2] * 3, [norm**2] * 5, [norm**2], [], [-1.0] * 4, [norm**2] * 3 + [math.nan], [0.0] * 4,
                   [norm**2] * 3 + [-norm**2], [norm**2] * 3 + [0.0], [math.inf] * 4, [5e-324] * 4, [1.7e308] * 4):
            self.expect_checked(REFUSED, self.by_hand(model, norm * 1.01, [(0, 1, mu)]))
        for layers in ([], [layer] * 2, [(0, 1, [norm**2] * 4), (0, 1, [])]):
            self.expect_checked(REFUSED, self.by_hand(model, norm * 1.01, layers))
        for exponent in (1, -1, 0.0, "0", None, True, 10**9, -10**9, 1 << 70, []):
            self.expect_checked(REFUSED, with_leaf(good, (*self.LAYERS, 0, "exponent"), exponent))
        for text in ("", "AA==", "AAAAAAAA", layer, None, "\n" + encoded(layer[2]), encoded(layer[2]) + "A"):
            self.expect_checked(REFUSED, with_leaf(good, (*self.LAYERS, 0, "multipliers"), text))

    def test_what_two_readers_may_understand_differently_is_refused(self):
        block, number = checkpoints.block, checkpoints.number
        content = numpy.arange(4.0).tobytes()
        tensor, raw, typed = number(1, 4) + number(2, 11) + block(8, "w"), block(9, content), block(10, content)
        read = lambda data: CHECKER.onnx_tensor(memoryview(data), self.folder)
        for data in (raw, typed):
            self.assertEqual(read(tensor + data), ("w", ("F64", [4], content)))
        place = block(13, block(1, "location") + block(2, "w.bin")) + block(13, block(1, "length") + block(2, "32"))
        for data in (raw + typed, raw + raw, block(4, content), place + raw, place, number(14, 1) + raw,
                     number(14, 1) + place + raw, number(2, 1) + raw, number(9, 1), block(8, "v") + raw,
                     checkpoints.varint(9 * 8 + 5) + content[:4], number(3, 1) + raw, raw[:-1]):
            with self.subTest(data=data), self.assertRaises(ValueError):
                read(tensor + data)
        for record in ({2: [0.25, 50.0]}, {2: [memoryview(b"0.25")]}, {2: [1]}):
            with self.assertRaises(ValueError):
                CHECKER.single(record, 2, float, 0.0)
        for data in (b"\x08" + b"\xff" * 9 + b"\x7f", b"\x08" + b"\x80" * 10 + b"\x02", b"\x0b", b"\x09" + b"\0" * 8):
            with self.subTest(data=data), self.assertRaises((ValueError, IndexError, struct.error)):
                CHECKER.message(memoryview(data))

    def test_an_axis_counts_from_the_end_too(self):
        for axis in (1, 2**64 - 1):
            nodes = [("Flatten", ["x"], ["f"], {"axis": axis}), gemm("f", "w0", "y")]
            norm = numpy.linalg.norm(matrices([4, 3])[0], 2)
            self.expect_checked(ACCEPTED, self.by_hand(checkpoints.onnx_graph(nodes, weights([4, 3])), norm * 1.01, []))
        # [4, 1] + [1, 4] is broadcast: no sum of two identities.
        nodes = [("Flatten", ["x"], ["a"], {"axis": 2**64 - 1}), ("Flatten", ["x"], ["b"], {"axis": 2}),
                 ("Add", ["a", "b"], ["y"], {})]
        document = self.by_hand(checkpoints.onnx_graph(nodes, {}), 100, [])
        self.assertIn("not followed", self.expect_checked(UNCHECKED, document))

    def test_no_random_certificate_is_below_what_inputs_show(self):
        """Networks, multipliers and claims drawn at random; the claims lie around what the inequality gives."""
        rng = numpy.random.default_rng(11)
        found = {ACCEPTED: 0, REFUSED: 0}
        for case in range(150):
            widths = [int(each) for each in rng.integers(1, 6, 3 + case % 2)]
            op, (low, high), f, derivative = FUNCTIONS[case % len(FUNCTIONS)]
            model = chain(widths, op, case)
            w = matrices(widths, case)
            layers = [(low, high, 2.0 ** rng.uniform(-2, 2) * numpy.exp(rng.standard_normal(n) / 4))
                      for n in widths[1:-1]]
            rho = smallest_rho(w, layers)
            upper = math.sqrt(rho) * rng.choice([0.7, 1 - 1e-7, 1 + 1e-7, 1.5]) if rho else rng.uniform(0, 3)
            code, text = self.checked(self.by_hand(model, upper, layers, (1, widths[0])))
            found[code] += 1
            shown = largest_quotient(w, f, derivative, rng)
            if code == ACCEPTED:
                self.assertGreaterEqual(upper * (1 + 1e-9), shown, text)
                self.assertGreaterEqual(upper**2, rho * (1 - 1e-9))
                below = self.by_hand(model, shown * (1 - 1e-6), layers, (1, widths[0]))
                self.expect_checked(REFUSED, below)
            else:
                self.assertFalse(rho and upper**2 > rho * (1 + 1e-9), text)
        self.assertGreater(min(found.values()), 20)


if __name__ == "__main__":
    main()
