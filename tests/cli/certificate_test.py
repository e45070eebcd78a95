"""Certificates of matrices: what the audit writes is accepted by tools/check-certificate, what is false is not."""

import ast
import base64
import hashlib
import io
import json
import math
import random
import struct
import subprocess
import sys
import tokenize
import unittest

import jsonschema
import numpy

import checkpoints
from certificate_case import (ACCEPTED, CHECKER, REFUSED, UNCHECKED, CertificateTest, at, leaves, other_values, sealed,
                              with_leaf, without)
from command import REPOSITORY, main

MODELS = REPOSITORY / "examples/models"


def gaussian(rows, columns, seed=1, scale=1.0):
    return (numpy.random.default_rng(seed).standard_normal((rows, columns)) * scale).tolist()


def narrow(rows, kind):
    """A tensor of 16-bit values, as U8 bytes under another type's name."""
    a = numpy.array(rows)
    if kind == "F16":
        return a.astype("<f2")
    return (a.astype("<f4").view("<u4") >> 16).astype("<u2")


def safetensors_of_bits(name, kind, array):
    header = {name: {"dtype": kind, "shape": list(array.shape), "data_offsets": [0, array.nbytes]}}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + array.tobytes()


def with_vector(document, path, values):
    return with_leaf(document, path, base64.b64encode(numpy.asarray(values, "<f8").tobytes()).decode())


class MatrixCertificates(CertificateTest):

    def audited(self, name, content, *options):
        self.write(name, content)
        return self.certificate("audit", name, "-q", *options)

    def truth(self, claim):
        """The largest singular value that a claim is about, by NumPy."""
        tensors, _ = CHECKER.model_of(self.folder / "w.safetensors", *self.identity("w.safetensors"))
        values = CHECKER.values_of(tensors, claim["tensor"])
        for view, axes in claim["layout"]:
            values = values.reshape(view).transpose(axes)
        return max(numpy.linalg.norm(each, 2) for each in values.reshape(claim["shape"]))

    def identity(self, name):
        content = (self.folder / name).read_bytes()
        return len(content), hashlib.sha256(content).hexdigest()

    def small(self):
        tensors = {"a.weight": checkpoints.matrix(gaussian(6, 4)),
                   "b.weight": checkpoints.matrix(gaussian(3, 5, 2), "F32")}
        return self.audited("w.safetensors", checkpoints.safetensors(tensors))

    def test_the_schema_describes_it(self):
        schema = json.loads((REPOSITORY / "docs/schema/certificate-1.schema.json").read_text())
        validator = jsonschema.validators.validator_for(schema)
        validator.check_schema(schema)
        validator(schema).validate(self.small())

    def test_matrices_of_all_kinds_are_accepted(self):
        matrices = {
            "square": gaussian(40, 40), "tall": gaussian(90, 20), "wide": gaussian(7, 64), "row": gaussian(1, 9),
            "column": gaussian(9, 1), "one": [[0.1]], "zero": [[0.0] * 3] * 2, "large": gaussian(5, 4, 3, 1e300),
            "small": gaussian(5, 4, 3, 1e-300), "denormal": [[5e-324, 1e-310], [0.0, 3e-320]],
            "wide range": [[1e200, 1e-200], [1e-250, 1.0]], "identity": numpy.eye(33).tolist(),
            "rank one": numpy.outer(*gaussian(2, 30)).tolist(), "hadamard": checkpoints.hadamard(16),
            "ones": [[1.0] * 12] * 5, "repeated": numpy.kron(numpy.eye(2), gaussian(8, 8)).tolist()}
        for name, rows in matrices.items():
            for form in ("safetensors", "npy"):
                with self.subTest(name=name, form=form):
                    content = checkpoints.npy(rows) if form == "npy" else checkpoints.safetensors(
                        {"w": checkpoints.matrix(rows)})
                    document = self.audited(f"m.{form}", content)
                    text = self.expect_checked(ACCEPTED, document)
                    self.assertEqual(text, self.expect_checked(ACCEPTED, document, "--exact"))
                    self.assertEqual(text.count("claim: sigma_max of "), 1)

    def test_the_claims_enclose_what_numpy_finds(self):
        for claim in self.small()["claims"]:
            sigma = self.truth(claim)
            self.assertLessEqual(float.fromhex(claim["lower"]), sigma * (1 + 1e-14))
            self.assertGreaterEqual(float.fromhex(claim["upper"]), sigma * (1 - 1e-14))
            self.assertLess(float.fromhex(claim["upper"]) / float.fromhex(claim["lower"]), 1 + 1e-12)

    def test_every_storage_type_that_has_a_matrix(self):
        rows = gaussian(24, 17)
        for kind in ("F16", "BF16"):
            with self.subTest(kind=kind):
                content = safetensors_of_bits("w", kind, narrow(rows, kind))
                self.expect_checked(ACCEPTED, self.audited("m.safetensors", content))
        self.expect_checked(ACCEPTED, self.audited("f.npy", checkpoints.npy(rows, "<f4")))
        self.expect_checked(ACCEPTED, self.audited("all.npz", checkpoints.npz({"a": rows, "b": gaussian(3, 3)})))
        model = checkpoints.onnx_graph([("MatMul", ["x", "w"], ["y"], {})], {"w": ("F32", [24, 17], sum(rows, []))})
        self.expect_checked(ACCEPTED, self.audited("m.onnx", model))

    def test_stacks_and_groups_are_laid_out_as_the_audit_reads_them(self):
        kernel = numpy.random.default_rng(3).standard_normal((8, 3, 3, 3))
        model = checkpoints.onnx_graph([("Conv", ["x", "k"], ["y"], {"group": 2, "kernel_shape": [3, 3]})],
                                       {"k": ("F32", kernel.shape, kernel.ravel().tolist())})
        document = self.audited("grouped.onnx", model)
        self.assertEqual(document["claims"][0]["shape"], [2, 4, 27])
        self.expect_checked(ACCEPTED, document)
        experts = numpy.random.default_rng(4).standard_normal((3, 5, 4))
        tensors = {"experts.weight": ("F64", experts.shape, experts.ravel().tolist())}
        document = self.audited("w.safetensors", checkpoints.safetensors(tensors))
        self.assertEqual(document["claims"][0]["shape"][0], 3)
        self.expect_checked(ACCEPTED, document)
        upper = float.fromhex(document["claims"][0]["upper"])
        self.assertAlmostEqual(upper, max(numpy.linalg.norm(each, 2) for each in experts), delta=1e-9)

    def test_the_example_models(self):
        for name in ("fashion_mnist.safetensors", "fashion_mnist.onnx"):
            with self.subTest(name=name):
                document = self.certificate("audit", MODELS / name, "-q")
                self.expect_checked(ACCEPTED, document, "--model", MODELS / name)

    def test_what_the_checker_cannot_read_is_not_accepted(self):
        document = self.audited("m.pt", checkpoints.torch_zip({"w": gaussian(4, 3)}))
        text = self.expect_checked(UNCHECKED, document)
        self.assertIn("not checked: sigma_max of w, in a format that the checker does not read", text)
        document = self.audited("w.safetensors", checkpoints.safetensors({"w": checkpoints.matrix(gaussian(8, 8))}),
                                "--certify", "none")
        self.assertEqual(document["claims"], [])
        self.assertNotEqual(self.checked(document)[0], ACCEPTED)

    def test_every_changed_leaf_is_refused_by_the_seal(self):
        document = self.small()
        text = sealed(document)
        for path in leaves(document):
            for value in other_values(at(document, path))[:4]:
                changed = json.dumps(with_leaf(document, path, value), indent=1).encode()
                self.expect_checked(REFUSED, changed)
        for position in range(0, len(text), 37):
            flipped = bytearray(text)
            flipped[position] ^= 1 << position % 8
            self.expect_checked(REFUSED, bytes(flipped))
            self.expect_checked(REFUSED, text[:position])

    # A forger can seal again. What is then accepted must be true, and can only be one of these: a claim that is weaker,
    # another vector that shows the lower end, another order of rows or columns, the version.
    MAY_DIFFER = {"version", "lower", "upper", "witness", "layout", "shape", "unchecked", "assumed"}

    def expect_no_false_claim(self, document, path):
        code, text = self.checked(document)
        if code == ACCEPTED:
            self.assertTrue(self.MAY_DIFFER & set(map(str, path)), (path, text))
            for claim in document["claims"]:
                sigma = self.truth(claim)
                self.assertLessEqual(float.fromhex(claim["lower"]), sigma * (1 + 1e-14), path)
                self.assertGreaterEqual(float.fromhex(claim["upper"]), sigma * (1 - 1e-14), path)
        return code

    def test_no_changed_leaf_makes_a_false_claim_accepted_even_with_a_new_seal(self):
        document = self.small()
        self.expect_checked(ACCEPTED, document)
        refused = 0
        for path in leaves(document):
            if path == ("seal",):
                continue
            for value in other_values(at(document, path)):
                refused += self.expect_no_false_claim(with_leaf(document, path, value), path) != ACCEPTED
            self.assertNotEqual(self.expect_no_false_claim(without(document, path), path), ACCEPTED)
        self.assertGreater(refused, 300)
        for path in [p[:k] for p in leaves(document) for k in range(1, len(p))]:
            for value in (None, [], {}, "x", -1, [[]], [{}]):
                code = self.expect_no_false_claim(with_leaf(document, path, value), path)
                if not {"unchecked", "assumed", "layout"} & set(path):
                    self.assertNotEqual(code, ACCEPTED, path)

    def test_a_stronger_claim_is_refused(self):
        document = self.small()
        for k in range(2):
            upper, lower = (float.fromhex(document["claims"][k][end]) for end in ("upper", "lower"))
            stronger = [("upper", lower * (1 - 1e-14)), ("upper", upper * 0.999), ("upper", 0.0), ("upper", -upper),
                        ("upper", math.nan), ("lower", upper * (1 + 1e-14)), ("lower", upper * 1.001),
                        ("lower", math.inf)]
            for end, value in stronger:
                self.expect_checked(REFUSED, with_leaf(document, ("claims", k, end), float(value).hex()))

    def test_a_known_norm_is_enclosed_to_the_last_digit_or_refused(self):
        # H^T H = 16 I: the norm is 4. One unit in the last place below is false.
        tensors = {"w": checkpoints.matrix(checkpoints.hadamard(16))}
        document = self.audited("w.safetensors", checkpoints.safetensors(tensors))
        path = ("claims", 0, "upper")
        self.expect_checked(REFUSED, with_leaf(document, path, numpy.nextafter(4.0, 0).hex()))
        self.expect_checked(ACCEPTED, with_leaf(document, path, (4 * (1 + 2**-44)).hex()))
        self.expect_checked(ACCEPTED, with_leaf(document, ("claims", 0, "lower"), (4.0).hex()))
        self.expect_checked(REFUSED, with_leaf(document, ("claims", 0, "lower"), numpy.nextafter(4.0, 5).hex()))
        # (3, 4): the Frobenius norm is 5, exactly.
        row = self.audited("r.npy", checkpoints.npy([[3.0, 4.0]]))
        self.expect_checked(ACCEPTED, with_leaf(row, path, (5.0).hex()))
        self.expect_checked(REFUSED, with_leaf(row, path, numpy.nextafter(5.0, 0).hex()))

    def test_a_vector_that_does_not_show_the_lower_end_is_refused(self):
        document = self.small()
        for vector in ([0.0] * 4, [1.0, 0, 0, 0], [math.nan] * 4, [math.inf, 0, 0, 0], [1.0] * 3, []):
            self.expect_checked(REFUSED, with_vector(document, ("claims", 0, "witness"), vector))
        for block in ([0], [0, 0], [], None, True, 0.0, -1, "0", {}):
            self.expect_checked(REFUSED, with_leaf(document, ("claims", 0, "block"), block))

    def test_several_blocks_do_not_show_a_lower_end_together(self):
        experts = numpy.random.default_rng(4).standard_normal((3, 5, 4))
        tensors = {"experts.weight": ("F64", experts.shape, experts.ravel().tolist())}
        document = self.audited("w.safetensors", checkpoints.safetensors(tensors))
        largest = max(numpy.linalg.norm(each, 2) for each in experts)
        forged = document
        for end in ("lower", "upper"):
            forged = with_leaf(forged, ("claims", 0, end), float(largest * 1.2).hex())
        for block in (None, [0, 1, 2], True, [[0, 1, 2]], 0):
            self.expect_checked(REFUSED, with_leaf(forged, ("claims", 0, "block"), block))

    def test_what_is_printed_is_one_line_for_each_statement(self):
        name = "w\naccepted\x1b[2J"
        document = self.audited("w.safetensors", checkpoints.safetensors({name: checkpoints.matrix(gaussian(3, 3))}))
        changes = {("version",): "1", ("assumed",): [name], ("unchecked",): [name], ("claims", 0, "sha256"): "0",
                   ("claims", 0, "tensor"): "\n"}
        for path, value in changes.items():
            _, text = self.checked(with_leaf(document, path, value))
            self.assertFalse(any(line.startswith("accepted") for line in text.splitlines()[:-1]), text)
            self.assertTrue(text.replace("\n", "").isprintable(), text)

    def test_a_changed_model_is_refused(self):
        document = self.small()
        content = (self.folder / "w.safetensors").read_bytes()
        for position in random.Random(1).sample(range(len(content)), 60) + [0, 8, len(content) - 1]:
            changed = bytearray(content)
            changed[position] ^= 1 << position % 8
            self.write("w.safetensors", bytes(changed))
            self.expect_checked(REFUSED, document)
        self.write("w.safetensors", content[:-1])
        self.expect_checked(REFUSED, document)
        (self.folder / "w.safetensors").unlink()
        self.expect_checked(REFUSED, document)

    def test_a_larger_model_behind_fitting_hashes_is_refused(self):
        document = self.small()
        rows = numpy.array(gaussian(6, 4))
        rows[2] *= 1.001
        self.write("w.safetensors", checkpoints.safetensors({
            "a.weight": checkpoints.matrix(rows.tolist()), "b.weight": checkpoints.matrix(gaussian(3, 5, 2), "F32")}))
        size, digest = self.identity("w.safetensors")
        forged = with_leaf(with_leaf(document, ("files", 0, "bytes"), size), ("files", 0, "sha256"), digest)
        forged = with_leaf(forged, ("claims", 0, "file"), digest)
        self.expect_checked(REFUSED, forged)
        forged = with_leaf(forged, ("claims", 0, "sha256"), hashlib.sha256(rows.tobytes()).hexdigest())
        self.assertIn("end is not shown", self.expect_checked(REFUSED, forged))

    def test_malformed_files_are_refused_in_words(self):
        good = sealed(self.small())
        deep = b'{"a":' * 100000
        for content in (b"", b"\x00" * 200, b"[]", b"null", b"{}", deep, b"[" * 200000, good * 2,
                        good.replace(b"{", b"[", 1), good.decode().encode("utf-16"), good[:-1], good + b"\n"):
            self.assertIn("refused: ", self.expect_checked(REFUSED, content))
        document = self.small()
        for shape in ([1 << 39, 1 << 39, 1], [0, 0, 0], [1, 6, -4], [1, 4, 6, 1], [24]):
            self.assertNotEqual(self.checked(with_leaf(document, ("claims", 0, "shape"), shape))[0], ACCEPTED)
        twice = good.replace(b'"version"', b'"schema"', 1)
        body = twice[:-76]
        self.expect_checked(REFUSED, body + b'"seal": "%s"}\n' % hashlib.sha256(body).hexdigest().encode())

    def test_the_program_is_short_and_needs_only_numpy(self):
        path = REPOSITORY / "tools/check-certificate"
        content = path.read_text()
        self.assertLessEqual(len(content.splitlines()), 300)
        self.assertLessEqual(max(map(len, content.splitlines())), 120)
        imported = set()
        for node in ast.walk(ast.parse(content)):
            if isinstance(node, ast.Import):
                imported |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.partition(".")[0])
        self.assertIn("numpy", imported)
        self.assertLessEqual(imported - {"numpy"}, sys.stdlib_module_names)
        self.assertNotIn("importlib", imported)
        self.assertNotIn(";", [each.string for each in tokenize.generate_tokens(io.StringIO(content).readline)])

    def test_the_program_itself(self):
        document = self.small()
        path = self.write("c.json", sealed(document))

        def run(*arguments):
            return subprocess.run([sys.executable, str(REPOSITORY / "tools/check-certificate"), *map(str, arguments)],
                                  capture_output=True, text=True, check=False)

        finished = run(path)
        self.assertEqual((finished.returncode, finished.stdout.splitlines()[-1]), (ACCEPTED, "accepted"))
        path.write_bytes(sealed(with_leaf(document, ("claims", 0, "upper"), "0x1p+0")))
        finished = run(path, "--exact")
        self.assertEqual(finished.returncode, REFUSED)
        self.assertIn("refused: ValueError: 'a.weight': the upper end is not shown", finished.stdout)
        self.assertEqual(run().returncode, 2)

    def test_the_option_refuses_paths_that_cannot_be_written(self):
        path = self.write("w.npy", checkpoints.npy([[1.0]]))
        before = path.read_bytes()
        self.assertIn("certificate", self.expect(2, "audit", path, "--certificate", "-").err)
        self.assertIn("certificate", self.expect(2, "audit", path, "--json", "a", "--certificate", "a").err)
        self.expect(3, "audit", path, "--certificate", path)
        self.expect(3, "audit", path, "--certificate", self.folder / "absent" / "c.json")
        self.assertEqual(path.read_bytes(), before)
        self.assertEqual(sorted(each.name for each in self.folder.iterdir()), ["w.npy"])


if __name__ == "__main__":
    main()
