"""Certificates of networks: `sigmax lipschitz --certificate`, checked by tools/check-certificate."""

import base64
import copy
import hashlib
import itertools
import json
import math
import unittest

import jsonschema
import numpy

import checkpoints
from certificate_case import (ACCEPTED, CHECKER, REFUSED, UNCHECKED, CertificateTest, at, leaves, other_values,
                              with_leaf, without)
from command import REPOSITORY, main

MODELS = CHECKER.sys.modules["certificate_models"]
EXAMPLE = REPOSITORY / "examples/models/fashion_mnist.onnx"


def gemm(source, weight, target):
    return ("Gemm", [source, weight], [target], {"transB": 1})


def weights(widths, seed=1):
    """Tensors w0, w1, ... of [out, in], as float values in lists."""
    rng = numpy.random.default_rng(seed)
    return {f"w{k}": ("F32", [m, n], numpy.float32(rng.standard_normal((m, n)) / math.sqrt(n)).ravel().tolist())
            for k, (n, m) in enumerate(zip(widths, widths[1:]))}


def chain(widths, op="Relu", seed=1, attributes=()):
    nodes, source = [], "x"
    for k in range(len(widths) - 1):
        last = k == len(widths) - 2
        nodes.append(gemm(source, f"w{k}", "y" if last else f"a{k}"))
        if not last:
            nodes.append((op, [f"a{k}"], [f"h{k}"], dict(attributes)))
        source = f"h{k}"
    return checkpoints.onnx_graph(nodes, weights(widths, seed))


def doubles(record):
    return numpy.frombuffer(base64.b64decode(record["data"]), "<f8")


def array(values):
    content = numpy.asarray(values, "<f8").tobytes()
    return {"shape": list(numpy.shape(values)), "sha256": hashlib.sha256(content).hexdigest(),
            "data": base64.b64encode(content).decode()}


class NetworkCertificates(CertificateTest):

    NETWORK = ("claims", 0, "parts", 0, "network")

    def bounded(self, model, *options, shape="x=1x4", name="m.onnx"):
        self.write(name, model)
        return self.certificate("lipschitz", name, "--input-shape", shape, "--no-lower", "-q", *options)

    def small(self):
        return self.bounded(chain([4, 6, 5, 3]))

    def largest_slope(self, widths, seed=1):
        """For ReLU networks: the largest norm of W3 D2 W2 D1 W1 over all patterns that random inputs have."""
        rng = numpy.random.default_rng(7)
        w = [numpy.array(v).reshape(s) for _, s, v in weights(widths, seed).values()]
        most = 0
        for _ in range(2000):
            x = rng.standard_normal(widths[0])
            jacobian = numpy.eye(widths[0])
            for k, each in enumerate(w):
                x, jacobian = each @ x, each @ jacobian
                if k + 1 < len(w):
                    jacobian = (x > 0)[:, None] * jacobian
                    x = numpy.maximum(x, 0)
            most = max(most, numpy.linalg.norm(jacobian, 2))
        return most

    def test_chains_of_several_functions_are_accepted(self):
        for op in ("Relu", "Tanh", "Sigmoid", "LeakyRelu", "Softplus", "Softsign", "Abs", "Identity"):
            for effort in ("fast", "high"):
                with self.subTest(op=op, effort=effort):
                    document = self.bounded(chain([4, 6, 5, 3], op), "--effort", effort)
                    text = self.expect_checked(ACCEPTED, document)
                    self.assertIn("claim: Lipschitz constant at most", text)
                    self.assertEqual(text, self.expect_checked(ACCEPTED, document, "--exact"))

    def test_the_schema_describes_it(self):
        schema = json.loads((REPOSITORY / "docs/schema/certificate-1.schema.json").read_text())
        validator = jsonschema.validators.validator_for(schema)(schema)
        validator.validate(self.small())
        validator.validate(self.certificate("lipschitz", EXAMPLE, "--effort", "fast", "--no-lower", "-q"))

    def test_the_claim_is_above_what_sampling_finds(self):
        document = self.small()
        upper = float.fromhex(document["claims"][0]["upper"])
        self.assertGreaterEqual(upper, self.largest_slope([4, 6, 5, 3]))
        norms = [numpy.linalg.norm(numpy.array(v).reshape(s), 2) for _, s, v in weights([4, 6, 5, 3]).values()]
        self.assertLess(upper, math.prod(norms))

    def test_a_residual_network_is_accepted(self):
        tensors = weights([4, 4, 4, 4])
        model = checkpoints.onnx_graph([gemm("x", "w0", "a"), ("Relu", ["a"], ["b"], {}), gemm("b", "w1", "c"),
                                        ("Add", ["c", "b"], ["d"], {}), ("Relu", ["d"], ["e"], {}),
                                        gemm("e", "w2", "y")], tensors)
        document = self.bounded(model)
        self.expect_checked(ACCEPTED, document)
        # Without the file's graph, the identity that the residual reads would be the certificate's own.
        other = checkpoints.onnx_graph([gemm("x", "w0", "a"), ("Relu", ["a"], ["b"], {}), gemm("b", "w1", "c"),
                                        ("Relu", ["c"], ["e"], {}), gemm("e", "w2", "y")], tensors)
        self.write("m.onnx", other)
        self.expect_checked(UNCHECKED, self.with_files(document))

    def with_files(self, document):
        content = (self.folder / "m.onnx").read_bytes()
        return with_leaf(document, ("files", 0), {"name": "m.onnx", "bytes": len(content),
                                                  "sha256": hashlib.sha256(content).hexdigest()})

    def test_a_linear_map_alone_is_accepted(self):
        document = self.bounded(checkpoints.onnx_graph([gemm("x", "w0", "y")], weights([4, 3])))
        self.assertEqual(document["claims"][0]["parts"][0]["method"], "norms")
        self.expect_checked(ACCEPTED, document)
        norm = numpy.linalg.norm(numpy.array(weights([4, 3])["w0"][2]).reshape(3, 4), 2)
        self.assertAlmostEqual(float.fromhex(document["claims"][0]["upper"]), norm, delta=1e-9)

    def test_scales_far_from_one(self):
        for scale in (1e30, 1e-30):
            tensors = {name: (kind, shape, [each * scale for each in values])
                       for name, (kind, shape, values) in weights([4, 6, 3]).items()}
            nodes = [gemm("x", "w0", "a"), ("Relu", ["a"], ["b"], {}), gemm("b", "w1", "y")]
            model = checkpoints.onnx_graph(nodes, tensors)
            self.expect_checked(ACCEPTED, self.bounded(model))

    def test_neurons_that_do_not_move_or_are_not_read(self):
        tensors = weights([4, 6, 5, 3])
        tensors["w0"][2][4:8] = [0.0] * 4  # neuron 1 reads nothing
        for row in range(5):
            tensors["w1"][2][6 * row + 2] = 0.0  # neuron 2 is not read
        nodes = [gemm("x", "w0", "a"), ("Relu", ["a"], ["b"], {}), gemm("b", "w1", "c"), ("Relu", ["c"], ["d"], {}),
                 gemm("d", "w2", "y")]
        self.expect_checked(ACCEPTED, self.bounded(checkpoints.onnx_graph(nodes, tensors)))

    def test_what_two_readers_may_understand_differently_is_refused(self):
        block, number = checkpoints.block, checkpoints.number
        content = numpy.arange(4.0).tobytes()
        tensor, raw, typed = number(1, 4) + number(2, 11) + block(8, "w"), block(9, content), block(10, content)
        for data in (raw, typed):
            self.assertEqual(MODELS.onnx_tensor(tensor + data, self.folder), ("w", ("F64", (4,), content)))
        place = block(13, block(1, "location") + block(2, "w.bin")) + block(13, block(1, "length") + block(2, "32"))
        for data in (raw + typed, raw + raw, block(4, content), place + raw, place, number(14, 1) + raw,
                     number(14, 1) + place + raw, number(2, 1) + raw):
            with self.subTest(data=data), self.assertRaises(MODELS.Refused):
                MODELS.onnx_tensor(tensor + data, self.folder)
        with self.assertRaises(MODELS.Refused):
            MODELS.single({2: [b"0.25", b"50"]}, 2)

    def test_an_axis_counts_from_the_end_too(self):
        for axis in (1, 2**64 - 1):
            nodes = [("Flatten", ["x"], ["f"], {"axis": axis}), gemm("f", "w0", "y")]
            self.expect_checked(ACCEPTED, self.bounded(checkpoints.onnx_graph(nodes, weights([4, 3]))))
        # [4, 1] + [1, 4] is broadcast: no sum of two identities.
        nodes = [("Flatten", ["x"], ["a"], {"axis": 2**64 - 1}), ("Flatten", ["x"], ["b"], {"axis": 2}),
                 ("Add", ["a", "b"], ["y"], {})]
        model = checkpoints.onnx_graph(nodes, {})
        with self.assertRaises(MODELS.Unchecked):
            path = self.write("sum.onnx", model)
            read = MODELS.Model(self.folder / path, len(model), hashlib.sha256(model).hexdigest())
            MODELS.network_in(read, {"x": [1, 4]})

    def test_what_is_not_followed_is_not_accepted(self):
        model = checkpoints.onnx_graph([gemm("x", "w0", "a"), ("Relu", ["a"], ["b"], {}), gemm("b", "w1", "c"),
                                        ("Softmax", ["c"], ["y"], {})], weights([4, 6, 3]))
        text = self.expect_checked(UNCHECKED, self.bounded(model))
        self.assertIn("not checked: the bound of the part up to Softmax", text)
        self.expect_checked(UNCHECKED, self.bounded(chain([4, 6, 3]), "--input-box", "0,1"))
        document = self.certificate("lipschitz", EXAMPLE, "--effort", "fast", "--no-lower", "-q")
        self.assertIn("not checked", self.expect_checked(UNCHECKED, document, "--model", EXAMPLE))

    def test_no_bound_writes_nothing(self):
        model = checkpoints.onnx_graph([("Sign", ["x"], ["y"], {})], {})
        path = self.write("m.onnx", model)
        self.expect(4, "lipschitz", path, "--input-shape", "x=1x2", "--certificate", "c.json")
        self.assertFalse((self.folder / "c.json").exists())

    def test_every_leaf_changed_under_a_new_seal_makes_no_false_claim(self):
        document = self.small()
        self.expect_checked(ACCEPTED, document)
        truth = float.fromhex(document["claims"][0]["upper"]) * (1 - 1e-6)  # the inequality's smallest bound is near it
        accepted = []
        for path in leaves(document):
            if path == ("seal",):
                continue
            for value in other_values(at(document, path)):
                changed = with_leaf(document, path, value)
                code, text = self.checked(changed)
                if code == ACCEPTED:
                    accepted.append(path)
                    self.assertGreaterEqual(float.fromhex(changed["claims"][0]["upper"]), truth, path)
            if "input_shapes" not in path:
                self.assertNotEqual(self.checked(without(document, path))[0], ACCEPTED, path)
        # A weaker claim; texts that claim nothing; another shape of as many entries, where the file states none.
        self.assertLessEqual({"x" if "x" in path else path[-1] for path in accepted},
                             {"upper", "version", "to", "bound", "row_error", "x"})

    def test_changed_multipliers_prove_nothing_better(self):
        document = self.small()
        for layer, factor in itertools.product(range(2), (0.5, 2, -1, 0, math.nan)):
            path = (*self.NETWORK, "layers", layer, "multipliers")
            changed = with_leaf(document, path, array(doubles(at(document, path)) * factor))
            self.assertEqual(self.checked(changed)[0], REFUSED, (layer, factor))
        for layer in range(2):
            path = (*self.NETWORK, "layers", layer, "exponent")
            for change in (1, -1, 100):
                self.expect_checked(REFUSED, with_leaf(document, path, at(document, path) + change))

    def test_a_smaller_bound_is_refused(self):
        document = self.small()
        upper = float.fromhex(document["claims"][0]["upper"])
        for factor in (1 - 1e-9, 0.99, 0.5, 0.0):
            forged = document
            for path in (("claims", 0, "upper"), ("claims", 0, "parts", 0, "bound"), (*self.NETWORK, "bound")):
                forged = with_leaf(forged, path, float(upper * factor).hex())
            self.expect_checked(REFUSED, forged)

    def test_other_slopes_or_wiring_are_not_accepted(self):
        document = self.small()
        layer = (*self.NETWORK, "layers", 0)
        narrow = with_leaf(document, (*layer, "most"), array([0.5] * 6))
        self.assertNotEqual(self.checked(narrow)[0], ACCEPTED)
        # A chain without its second layer, whose matrices are all the file's.
        shorter = copy.deepcopy(document)
        network = at(shorter, self.NETWORK)
        network["layers"].pop()
        self.assertNotEqual(self.checked(shorter)[0], ACCEPTED)
        square = self.bounded(chain([4, 4, 4, 4]))
        swapped = copy.deepcopy(square)
        layers = at(swapped, self.NETWORK)["layers"]
        layers[0]["terms"], layers[1]["terms"] = ([{**layers[1]["terms"][0], "source": 0}],
                                                  [{**layers[0]["terms"][0], "source": 1}])
        self.assertNotEqual(self.checked(swapped)[0], ACCEPTED)
        backward = copy.deepcopy(square)
        at(backward, self.NETWORK)["layers"][0]["terms"][0]["source"] = 1
        self.expect_checked(REFUSED, backward)

    def test_another_function_or_attribute_in_the_file_is_not_accepted(self):
        document = self.bounded(chain([4, 6, 5, 3], "Sigmoid"))
        for op in ("Relu", "Abs", "Exp"):
            self.write("m.onnx", chain([4, 6, 5, 3], op))
            self.assertNotEqual(self.checked(self.with_files(document))[0], ACCEPTED, op)
        document = self.small()
        self.write("m.onnx", chain([4, 6, 5, 3], seed=2))
        self.expect_checked(REFUSED, self.with_files(document))

    def test_a_bit_of_the_model_is_refused(self):
        document = self.small()
        content = (self.folder / "m.onnx").read_bytes()
        for position in range(0, len(content), 11):
            changed = bytearray(content)
            changed[position] ^= 1 << position % 8
            self.write("m.onnx", bytes(changed))
            self.expect_checked(REFUSED, document)
            self.assertNotEqual(self.checked(self.with_files(document))[0] == ACCEPTED and
                                not self.is_the_same_function(content, bytes(changed)), True)

    @staticmethod
    def is_the_same_function(before, after):
        """Bits that mean nothing to the function, such as names of values: where the tensors are equal."""
        tensors = [MODELS.grouped(MODELS.grouped(each)[7][0]).get(5) for each in (before, after)]
        return tensors[0] == tensors[1]

    def test_the_inequality_agrees_with_its_definition(self):
        """P and C formed in double from docs/lipschitz.md, and the largest eigenvalue of C P^-1 C^T."""
        w = [numpy.array(v).reshape(s) for _, s, v in weights([4, 6, 5, 3]).values()]
        network = at(self.small(), self.NETWORK)
        mu = [doubles(each["multipliers"]) * 4.0 ** -each["exponent"] for each in network["layers"]]
        p = numpy.zeros((15, 15))
        p[:4, :4] = numpy.eye(4)
        p[4:10, 4:10], p[10:, 10:] = 2 * numpy.diag(mu[0]), 2 * numpy.diag(mu[1])
        p[4:10, :4], p[10:, 4:10] = -mu[0][:, None] * w[0], -mu[1][:, None] * w[1]
        p = numpy.tril(p) + numpy.tril(p, -1).T
        rho = numpy.linalg.eigvalsh(w[2] @ numpy.linalg.inv(p)[10:, 10:] @ w[2].T)[-1]
        own = float.fromhex(network["bound"])
        self.assertLess(abs(math.sqrt(rho) / own - 1), 1e-9)
        weights_of = [({0: w[0]}, numpy.zeros(6), numpy.ones(6)), ({1: w[1]}, numpy.zeros(5), numpy.ones(5))]
        multipliers = [(each, 0) for each in mu]
        for factor, holds in ((1 + 1e-9, True), (1 - 1e-9, False)):
            bound = CHECKER.Fraction(math.sqrt(rho) * factor)
            self.assertEqual(CHECKER.inequality_holds((4, weights_of, {2: w[2]}), multipliers, [], bound), holds)


if __name__ == "__main__":
    main()
