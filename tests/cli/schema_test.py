"""Real output against the published JSON Schemas."""

import json
import math

import jsonschema  # Debian: python3-jsonschema. Without it this test fails and must not be skipped.

import checkpoints
from command import REPOSITORY, CommandTest, main

SCHEMA = json.loads((REPOSITORY / "docs/schema/audit-1.schema.json").read_text())


class Schema(CommandTest):

    def check(self, content, *arguments, code=0):
        path = self.write("model", content)
        text = self.expect(code, "audit", path, "--format", "json", *arguments).out
        document = json.loads(text, parse_constant=lambda constant: self.fail(f"{constant} is no JSON"))
        jsonschema.validators.validator_for(SCHEMA)(SCHEMA).validate(document)
        return document

    def test_the_schema_is_a_schema(self):
        jsonschema.validators.validator_for(SCHEMA).check_schema(SCHEMA)

    def test_a_schema_that_is_not_met_is_noticed(self):
        document = self.check(checkpoints.network())
        document["schema"] = "something else"
        with self.assertRaises(jsonschema.ValidationError):
            jsonschema.validate(document, SCHEMA)

    def test_a_full_audit_conforms(self):
        document = self.check(checkpoints.network())
        self.assertEqual(document["schema"], "sigmax.audit/1")
        names = {"name", "shape", "dtype", "role", "matrix", "sigma_max", "lambda_max", "sigma_min", "condition",
                 "frobenius", "nuclear", "stable_rank", "effective_rank", "norm_1", "norm_inf", "max_abs", "rank_90",
                 "rank_95", "rank_99"}
        for tensor in document["tensors"]:
            self.assertLessEqual(names, set(tensor))
            self.assertLessEqual({"lower", "upper", "kind", "failure_probability"}, set(tensor["sigma_max"]))
        self.assertEqual(document["model"]["format"], "safetensors")

    def test_a_quick_audit_conforms(self):
        self.check(checkpoints.network(), "--quick", "--certify", "none")

    def test_weights_with_nan_conform(self):
        self.check(checkpoints.npy([[1.0, math.nan], [-math.inf, 0.0]]))

    def test_convolutions_conform_whatever_is_known_of_them(self):
        document = self.check((REPOSITORY / "examples/models/fashion_mnist.onnx").read_bytes())
        self.assertEqual([tensor["operator_norm"] is None for tensor in document["tensors"]], [False] * 3 + [True] * 2)
        kernel = checkpoints.safetensors({"k": ("F64", (2, 1, 3), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])})
        self.check(kernel)
        self.check(kernel, "--padding-mode", "k=reflect", "--padding", "k=0:1")
        self.check(kernel, "--as", "k=transposed_convolution", "--stride", "k=2", "--dilation", "k=1", "--padding", "k=1",
                   "--input-size", "k=9")

    def test_singular_weights_conform(self):
        self.check(checkpoints.npy([[0.0, 0.0], [0.0, 0.0]]))
        self.check(checkpoints.npy(checkpoints.rank_one([1.0, 2.0], [3.0, 4.0])))

    def test_a_recurrent_weight_with_its_gates_conforms(self):
        hidden = [[math.sin(i * 3 + j) for j in range(2)] for i in range(8)]
        inputs = [[math.cos(i * 3 + j) for j in range(3)] for i in range(8)]
        document = self.check(checkpoints.safetensors({
            "lstm.weight_ih_l0": checkpoints.matrix(inputs),
            "lstm.weight_hh_l0": checkpoints.matrix(hidden),
        }))
        self.assertEqual({tensor["role"] for tensor in document["tensors"]}, {"recurrent"})
        self.assertEqual([len(tensor["parts"]) for tensor in document["tensors"]], [4, 4])

    def test_every_outcome_of_a_gate_conforms(self):
        content = checkpoints.safetensors({"a": checkpoints.matrix([[3.0]]), "b": checkpoints.matrix([[math.nan]]),
                                           "c": ("F8_E4M3", (2, 2), bytes(4))})
        for expression, code, more in [("sigma > 9", 4, ()), ("sigma > 2", 1, ()), ("condition > 2", 4, ("--quick",)),
                                       ("sigma > 9", 4, ("--certify", "none")), ("sigma > 9", 4, ("--layers", "x")),
                                       ("sigma > 9", 0, ("--allow", "nan,unread"))]:
            document = self.check(content, "--fail-if", expression, *more, code=code)
            self.assertEqual(document["gates"][0]["outcome"], {0: "passed", 1: "tripped", 4: "not_judged"}[code])

    def test_names_that_are_not_plain_text_conform(self):
        document = self.check(checkpoints.safetensors({"naïve \u202e\n": checkpoints.matrix([[1.0]])}))
        self.assertEqual(document["tensors"][0]["name"], "naïve \u202e\n")


class SvdSchema(CommandTest):
    SCHEMA = json.loads((REPOSITORY / "docs/schema/svd-1.schema.json").read_text())

    def check(self, content, *arguments, code=0):
        path = self.write("model", content)
        text = self.expect(code, "svd", path, "--format", "json", *arguments).out
        document = json.loads(text, parse_constant=lambda constant: self.fail(f"{constant} is no JSON"))
        jsonschema.validators.validator_for(self.SCHEMA)(self.SCHEMA).validate(document)
        # Every member that is written is described, and every described member is written.
        self.assertEqual(set(document), set(self.SCHEMA["properties"]))
        self.assertEqual(set(document["triplets"][0]), set(self.SCHEMA["properties"]["triplets"]["items"]["properties"]))

    def test_the_schema_is_a_schema(self):
        jsonschema.validators.validator_for(self.SCHEMA).check_schema(self.SCHEMA)

    def test_triplets_conform(self):
        matrix = checkpoints.npy(checkpoints.with_spectrum([3.0, 2.0, 1.0], 4, 3))
        for arguments in ((), ("-k", "1"), ("--smallest", "-k", "2"), ("--certify", "none"), ("--values-only",),
                          ("--certify", "probabilistic"), ("--accuracy", "vectors"), ("--method", "dense")):
            self.check(matrix, *arguments)
        self.check(checkpoints.npy([[0.0, 0.0]]))
        self.check(checkpoints.npy(checkpoints.with_spectrum([1 + 1e-3 * i for i in range(60)], 60, 60)), "-k", "1",
                   "--method", "lanczos", "--max-products", "3", code=4)


if __name__ == "__main__":
    main()
