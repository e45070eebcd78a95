#!/usr/bin/env python3
"""Runs `sigmax audit` on real models and compares every figure with an independent reading and LAPACK in double.

    [SIGMAX=path/to/sigmax] python tests/real_models/real_models_test.py [unittest options]

The models are fetched by fetch.py; exit code 77 if they cannot be had. tools/requirements-models.txt lists what Python
needs.
"""

import collections
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np

import checkpoints
import fetch
from reference import EPS, in_blocks, reference

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "models"
BUILT = (ROOT / "build" / "release" / "cli" / "sigmax", ROOT / "build" / "release" / "sigmax")
TIMEOUT = 600
RELATIVE = 1e-10
# LAPACK's own rounding error in sigma_max, and the widest enclosure that still says something.
LAPACK_ERROR = 8 * EPS
WIDEST = 1e-6


@functools.cache
def sigmax():
    candidates = [pathlib.Path(os.environ["SIGMAX"])] if "SIGMAX" in os.environ else BUILT
    for path in candidates:
        if path.is_file():
            return str(path.resolve())
    raise FileNotFoundError(f"no sigmax at {', '.join(map(str, candidates))}: build it, or set SIGMAX")


@functools.cache
def models():
    return fetch.fetch()


@functools.cache
def audit(path, *options):
    command = [sigmax(), "audit", str(path), "--format", "json", "-q", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def figures_alone(tensor, *more):
    """What must not depend on the file: not its path, nor the place in it, nor the time, nor how the role is known."""
    left_out = ("file", "provenance", "seconds", "role_evidence", *more)
    return {key: value for key, value in tensor.items() if key not in left_out}


def close(found, expected, tolerance=RELATIVE):
    return found is not None and abs(found - expected) <= tolerance * abs(expected)


class Models(unittest.TestCase):
    """One test a model: nothing is left out, and every figure is right."""

    def check_figures(self, figures, blocks):
        known = reference(blocks)
        sigma = figures["sigma_max"]
        truth, slack = known.sigma_max, LAPACK_ERROR * known.sigma_max
        self.assertLessEqual(sigma["lower"], truth + slack)
        self.assertIn(sigma["kind"], ("proven", "probabilistic"))
        self.assertGreaterEqual(sigma["upper"], truth - slack)
        self.assertLessEqual(sigma["lower"], sigma["upper"])
        self.assertLessEqual(sigma["upper"] - sigma["lower"], WIDEST * truth, "the enclosure is too wide to be of use")
        self.assertTrue(close(figures["lambda_max"], truth**2), ("lambda_max", figures["lambda_max"], truth**2))
        for name in ("frobenius", "norm_1", "norm_inf", "max_abs", "nuclear", "stable_rank", "effective_rank"):
            expected = getattr(known, name)
            self.assertTrue(close(figures[name], expected), (name, figures[name], expected))
        for name, share in (("rank_90", 0.90), ("rank_95", 0.95), ("rank_99", 0.99)):
            self.assertIn(figures[name], known.energy_ranks(share), name)
        if "numerical_rank" in figures:
            self.assertIn(figures["numerical_rank"], known.numerical_ranks())
        self.check_smallest(figures, known)
        return sigma["kind"]

    def check_smallest(self, figures, known):
        """sigma_min and the condition number, to 1e-10 where the stored precision supports them."""
        if figures["condition_beyond_precision"]:
            self.assertLessEqual(known.sigma_min, known.rounding * (1 + RELATIVE), "marked without need")
        else:
            self.assertTrue(known.precision_supports_sigma_min, "the condition number is below storage precision")
            self.assertTrue(close(figures["sigma_min"], known.sigma_min),
                            ("sigma_min", figures["sigma_min"], known.sigma_min))
            expected = known.sigma_max / known.sigma_min
            self.assertTrue(close(figures["condition"], expected), ("condition", figures["condition"], expected))

    def check_parts(self, tensor, blocks):
        """The parts follow one another as rows of the blocks, whole blocks among them before their own gates."""
        batch, rows, columns = blocks.shape
        filled = [0] * batch
        block = -1
        for part in tensor["parts"]:
            part_rows, part_columns = part["matrix"]
            self.assertEqual(part_columns, columns)
            if block < 0 or part_rows == rows or filled[block] == rows:
                block += 1
            if part_rows == rows:
                array = blocks[block]
            else:
                array = blocks[block][filled[block]:filled[block] + part_rows]
                filled[block] += part_rows
            with self.subTest(part=part["name"]):
                self.check_figures(part, array[None])
        self.assertLessEqual(max(filled), rows)

    def check_tensor(self, tensor, array):
        rows, columns = tensor["matrix"]
        self.assertEqual(tensor["shape"], list(array.shape))
        self.assertEqual(tensor["batch"] * rows * columns, array.size)
        blocks = in_blocks(array, tensor["layout"])
        self.assertEqual(blocks.shape, (tensor["batch"], rows, columns))
        kind = self.check_figures(tensor, blocks)
        self.check_parts(tensor, blocks)
        return kind

    def check_model(self, name, at_least):
        """Every weight that the independent reading finds is audited, or skipped with a reason."""
        path = models()[name]
        found = checkpoints.read(path)
        result = audit(path)
        self.assertEqual(result["schema"], "sigmax.audit/1")
        listed = collections.Counter(entry["name"] for entry in result["tensors"] + result["skipped"])
        for weight in found:
            self.assertEqual(listed[weight], 1, f"{weight} is listed {listed[weight]} times")
        for entry in result["skipped"]:
            self.assertTrue(entry["reason"], f"{entry['name']} is skipped without a reason")
        kinds = collections.Counter()
        for tensor in result["tensors"]:
            with self.subTest(tensor=tensor["name"]):
                self.assertIn(tensor["name"], found)
                kinds[self.check_tensor(tensor, found[tensor["name"]])] += 1
        self.assertGreaterEqual(len(result["tensors"]), at_least)
        summary = result["summary"]
        self.assertEqual(summary["audited"], len(result["tensors"]))
        self.assertEqual(summary["skipped"], len(result["skipped"]))
        self.assertEqual((summary["proven"], summary["probabilistic"]), (kinds["proven"], kinds["probabilistic"]))
        self.assertEqual(summary["proven"], summary["audited"], "all of these are small enough to be proven")
        return result

    def by_name(self, result):
        return {tensor["name"]: tensor for tensor in result["tensors"]}

    def test_silero_vad_weights_in_constants_of_if_branches(self):
        result = self.check_model("silero_vad.onnx", at_least=16)
        audited = self.by_name(result)
        for branch in ("then", "else"):
            for weight in ("decoder.rnn.weight_ih", "decoder.rnn.weight_hh"):
                tensor = audited[f"If_0_{branch}_branch__Inline_0__{weight}"]
                self.assertEqual(tensor["matrix"], [512, 128])
                self.assertIn("If", tensor["provenance"] or "")

    def test_silero_vad_weights_in_initializers(self):
        audited = self.by_name(self.check_model("silero_vad_16k_op15.onnx", at_least=8))
        tensor = audited["model.decoder.rnn.weight_ih"]
        self.assertEqual(tensor["role"], "recurrent")
        self.assertEqual([part["name"] for part in tensor["parts"]],
                         ["input gate", "forget gate", "cell gate", "output gate"])
        self.assertTrue(close(tensor["sigma_max"]["lower"], 19.427193, 1e-7))

    def test_silero_vad_both_rates_without_branches(self):
        self.check_model("silero_vad_op18_ifless.onnx", at_least=16)

    def test_silero_vad_with_an_lstm_node(self):
        audited = self.by_name(self.check_model("silero_vad_16k_sequence.onnx", at_least=8))
        tensor = audited["onnx::LSTM_209"]
        self.assertEqual((tensor["role"], len(tensor["parts"])), ("recurrent", 4))

    def test_silero_vad_half(self):
        self.check_model("silero_vad_half.onnx", at_least=8)

    def test_silero_vad_torchscript(self):
        self.check_model("silero_vad.jit", at_least=16)

    def test_silero_vad_safetensors(self):
        self.check_model("silero_vad_16k.safetensors", at_least=7)

    def test_pp_ocr_detection(self):
        self.check_model("ch_PP-OCRv4_det_infer.onnx", at_least=64)

    def test_pp_ocr_recognition(self):
        self.check_model("ch_PP-OCRv4_rec_infer.onnx", at_least=47)

    def test_pp_ocr_direction(self):
        self.check_model("ch_ppocr_mobile_v2.0_cls_infer.onnx", at_least=53)

    def test_minilm_transformer(self):
        result = self.check_model("all_minilm_l6_v2.safetensors", at_least=39)
        word = self.by_name(result)["embeddings.word_embeddings.weight"]
        self.assertEqual((word["role"], word["matrix"]), ("embedding", [30522, 384]))


class Formats(unittest.TestCase):
    """One model in several storage formats gives the same numbers, to the last bit."""

    def same_figures(self, results, *leave_out):
        (first_name, first), *others = results.items()
        expected = {tensor["name"]: figures_alone(tensor, *leave_out) for tensor in first["tensors"]}
        self.assertTrue(expected)
        for name, result in others:
            found = {tensor["name"]: figures_alone(tensor, *leave_out) for tensor in result["tensors"]}
            self.assertEqual(sorted(found), sorted(expected), f"{name} and {first_name} differ in their weights")
            for weight, figures in expected.items():
                self.assertEqual(found[weight], figures, f"{weight}: {name} and {first_name}")

    def audited_in_each_format(self, tensors, folder):
        import torch

        state = collections.OrderedDict((name, torch.from_numpy(array)) for name, array in tensors.items())
        torch.save(state, folder / "zip.pt")
        torch.save(state, folder / "legacy.pt", _use_new_zipfile_serialization=False)
        np.savez(folder / "stored.npz", **tensors)
        return {name: audit(folder / name) for name in ("zip.pt", "legacy.pt", "stored.npz")}

    def test_minilm_in_four_formats(self):
        path = models()["all_minilm_l6_v2.safetensors"]
        with tempfile.TemporaryDirectory() as folder:
            results = self.audited_in_each_format(checkpoints.read(path), pathlib.Path(folder))
        self.same_figures({"safetensors": audit(path), **results})

    def test_example_model_in_six_formats(self):
        path = EXAMPLE / "fashion_mnist.safetensors"
        tensors = checkpoints.read(path)
        with tempfile.TemporaryDirectory() as folder:
            results = self.audited_in_each_format(tensors, pathlib.Path(folder))
            np.savez_compressed(pathlib.Path(folder) / "deflated.npz", **tensors)
            results["deflated.npz"] = audit(pathlib.Path(folder) / "deflated.npz")
        results["onnx"] = audit(EXAMPLE / "fashion_mnist.onnx")
        self.same_figures({"safetensors": audit(path), **results})

    def test_silero_vad_in_torchscript_and_onnx(self):
        """The exported graph holds the weights of the TorchScript archive under other names."""
        scripted, exported = models()["silero_vad.jit"], models()["silero_vad.onnx"]

        def by_content(path):
            arrays = checkpoints.read(path)
            return {(arrays[tensor["name"]].tobytes(), arrays[tensor["name"]].shape, tensor["role"]):
                    figures_alone(tensor, "name") for tensor in audit(path)["tensors"]}

        first, second = by_content(scripted), by_content(exported)
        shared = first.keys() & second.keys()
        self.assertEqual(len(shared), 16)
        for key in shared:
            self.assertEqual(first[key], second[key])


class Threads(unittest.TestCase):
    def test_figures_do_not_depend_on_the_number_of_threads(self):
        for name in ("silero_vad.onnx", "ch_PP-OCRv4_rec_infer.onnx", "all_minilm_l6_v2.safetensors"):
            with self.subTest(model=name):
                one, two = audit(models()[name], "-j1"), audit(models()[name], "-j2")
                self.assertEqual((one["summary"]["threads"], two["summary"]["threads"]), (1, 2))
                self.assertEqual(len(one["tensors"]), len(two["tensors"]))
                for first, second in zip(one["tensors"], two["tensors"]):
                    self.assertEqual(figures_alone(first), figures_alone(second))
                self.assertEqual(one["skipped"], two["skipped"])


class Quick(unittest.TestCase):
    def test_quick_keeps_the_enclosure_and_leaves_the_spectrum_out(self):
        path = models()["ch_PP-OCRv4_rec_infer.onnx"]
        arrays = checkpoints.read(path)
        for options in (("--quick",), ("--quick", "--certify", "proven")):
            for tensor in audit(path, *options)["tensors"]:
                with self.subTest(options=options, tensor=tensor["name"]):
                    blocks = in_blocks(arrays[tensor["name"]].astype(np.float64), tensor["layout"])
                    truth = np.linalg.svd(blocks, compute_uv=False).max()
                    slack = LAPACK_ERROR * truth
                    sigma = tensor["sigma_max"]
                    self.assertLessEqual(sigma["lower"], truth + slack)
                    self.assertGreaterEqual(sigma["upper"], truth - slack)
                    self.assertIsNone(tensor["nuclear"])
                    self.assertIsNone(tensor["sigma_min"])


def main():
    try:
        sigmax()
        models()
    except fetch.NoRegistry as problem:
        fetch.say_skipped(problem)
        return fetch.SKIPPED
    except (FileNotFoundError, fetch.WrongContent) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0 if unittest.main(exit=False).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
