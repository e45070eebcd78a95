"""Certificates of networks: `sigmax lipschitz --certificate`, checked by tools/check-certificate."""

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
from certificate_networks import (FUNCTIONS, chain, doubles, encoded, exactly, gemm, largest_quotient, matrices,
                                  smallest_rho, weights)
from command import REPOSITORY, main

EXAMPLE = REPOSITORY / "examples/models/fashion_mnist.onnx"


class NetworkCertificates(CertificateTest):

    LAYERS = ("claims", 0, "layers")

    def bounded(self, model, *options, shape="x=1x4", name="m.onnx"):
        self.write(name, model)
        return self.certificate("lipschitz", name, "--input-shape", shape, "--no-lower", "-q", *options)

    def small(self):
        return self.bounded(chain([4, 6, 5, 3]))

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
        w = matrices([4, 6, 5, 3])
        self.assertGreaterEqual(upper, largest_quotient(w, *FUNCTIONS[0][2:], numpy.random.default_rng(7)))
        norms = [numpy.linalg.norm(each, 2) for each in w]
        self.assertLess(upper, math.prod(norms))

    def test_a_residual_network_is_accepted(self):
        tensors = weights([4, 4, 4, 4])
        model = checkpoints.onnx_graph([gemm("x", "w0", "a"), ("Relu", ["a"], ["b"], {}), gemm("b", "w1", "c"),
                                        ("Add", ["c", "b"], ["d"], {}), ("Relu", ["d"], ["e"], {}),
                                        gemm("e", "w2", "y")], tensors)
        document = self.bounded(model)
        self.expect_checked(ACCEPTED, document)
        # The same matrices and layers, put together in another way.
        other = checkpoints.onnx_graph([gemm("x", "w0", "a"), ("Relu", ["a"], ["b"], {}), gemm("b", "w1", "c"),
                                        ("Add", ["c", "b"], ["d"], {}), ("Add", ["d", "d"], ["twice"], {}),
                                        ("Relu", ["twice"], ["e"], {}), gemm("e", "w2", "y")], tensors)
        self.write("m.onnx", other)
        self.expect_checked(REFUSED, self.with_files(document))

    def with_files(self, document):
        content = (self.folder / "m.onnx").read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        document = with_leaf(document, ("claims", 0, "file"), digest)
        return with_leaf(document, ("files", 0), {"name": "m.onnx", "bytes": len(content), "sha256": digest})

    def test_a_linear_map_alone_is_accepted(self):
        document = self.bounded(checkpoints.onnx_graph([gemm("x", "w0", "y")], weights([4, 3])))
        self.assertEqual(document["claims"][0]["layers"], [])
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

    def test_random_networks_are_accepted_and_nothing_below_their_constant(self):
        rng = numpy.random.default_rng(12)
        for case in range(24):
            widths = [int(each) for each in rng.integers(1, 9, 2 + case % 4)]
            op, _, f, derivative = FUNCTIONS[case % len(FUNCTIONS)]
            document = self.bounded(chain(widths, op, case), "--effort", "fast", shape=f"x=1x{widths[0]}")
            w = matrices(widths, case)
            shown = largest_quotient(w, f, derivative, rng)
            with self.subTest(op=op, widths=widths):
                self.expect_checked(ACCEPTED, document)
                self.assertGreaterEqual(float.fromhex(document["claims"][0]["upper"]), shown * (1 - 1e-9))
                self.expect_checked(REFUSED, with_leaf(document, ("claims", 0, "upper"), exactly(shown * (1 - 1e-6))))

    def test_what_is_not_followed_is_not_accepted(self):
        model = checkpoints.onnx_graph([gemm("x", "w0", "a"), ("Relu", ["a"], ["b"], {}), gemm("b", "w1", "c"),
                                        ("Softmax", ["c"], ["y"], {})], weights([4, 6, 3]))
        text = self.expect_checked(UNCHECKED, self.bounded(model))
        self.assertIn("not checked: the bound of the network: ", text)
        self.expect_checked(UNCHECKED, self.bounded(chain([4, 6, 3]), "--input-box", "0,1"))
        document = self.certificate("lipschitz", EXAMPLE, "--effort", "fast", "--no-lower", "-q")
        self.assertEqual(document["claims"], [])
        self.assertIn("not checked", self.expect_checked(UNCHECKED, document))

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
        # A weaker claim; wider slopes; the version; another shape of as many entries, where the file states none.
        self.assertLessEqual({"x" if "x" in path else path[-1] for path in accepted},
                             {"upper", "version", "x", "least", "most"})

    def test_changed_multipliers_prove_nothing_better(self):
        document = self.small()
        for layer, factor in itertools.product(range(2), (0.5, 2, -1, 0, math.nan)):
            path = (*self.LAYERS, layer, "multipliers")
            changed = with_leaf(document, path, encoded(doubles(at(document, path)) * factor))
            self.assertEqual(self.checked(changed)[0], REFUSED, (layer, factor))
        for layer in range(2):
            path = (*self.LAYERS, layer, "exponent")
            for change in (1, -1, 100):
                self.expect_checked(REFUSED, with_leaf(document, path, at(document, path) + change))

    def test_a_smaller_bound_is_refused(self):
        document = self.small()
        upper = float.fromhex(document["claims"][0]["upper"])
        for factor in (1 - 1e-9, 0.99, 0.5, 0.0):
            self.expect_checked(REFUSED, with_leaf(document, ("claims", 0, "upper"), exactly(upper * factor)))

    def test_other_layers_are_not_accepted(self):
        document = self.small()
        shorter, swapped = copy.deepcopy(document), copy.deepcopy(self.bounded(chain([4, 4, 4, 4])))
        at(shorter, self.LAYERS).pop()
        self.expect_checked(REFUSED, shorter)
        at(swapped, self.LAYERS).reverse()
        self.expect_checked(REFUSED, swapped)

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
            forged = self.with_files(document)
            if self.checked(forged)[0] != ACCEPTED:
                continue
            identity = forged["files"][0]["bytes"], forged["files"][0]["sha256"]
            tensors, _ = CHECKER.model_of(self.folder / "m.onnx", *identity)
            w = [CHECKER.values_of(tensors, f"w{k}") for k in range(3)]
            shown = largest_quotient(w, *FUNCTIONS[0][2:], numpy.random.default_rng(7))
            self.assertGreaterEqual(float.fromhex(document["claims"][0]["upper"]), shown, position)

    def test_the_inequality_agrees_with_its_definition(self):
        """P and C formed in double from docs/lipschitz.md, and the largest eigenvalue of C P^-1 C^T."""
        w = matrices([4, 6, 5, 3])
        document = self.small()
        mu = [doubles(each["multipliers"]) * 4.0 ** -each["exponent"] for each in at(document, self.LAYERS)]
        rho = smallest_rho(w, [(0, 1, each) for each in mu])
        upper = float.fromhex(document["claims"][0]["upper"])
        self.assertLess(abs(math.sqrt(rho) / upper - 1), 1e-9)
        for factor, code in ((1 + 1e-9, ACCEPTED), (1 - 1e-9, REFUSED)):
            bound = exactly(math.sqrt(rho) * factor)
            self.expect_checked(code, with_leaf(document, ("claims", 0, "upper"), bound))


if __name__ == "__main__":
    main()
