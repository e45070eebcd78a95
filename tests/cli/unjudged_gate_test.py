"""Gates over weights that were not read or have no figure: they do not pass."""

import json
import math
import os
import re

import checkpoints
from command import GENERATED, REPOSITORY, CommandTest, main


class WhatCannotBeJudged(CommandTest):
    """A gate fails closed, names everything that it could not judge, even if quiet, and ignores it only if allowed."""

    GOOD = checkpoints.matrix(checkpoints.diagonal([3.0, 2.0]))

    def check(self, files, expression, reason, named, *arguments):
        for name, content in files.items():
            self.write(name, content)
        command = ("audit", *files, "--fail-if", expression, *arguments)
        for quiet in ((), ("-q",)):
            err = self.expect(4, *command, *quiet).err
            self.assertIn(f"gate not judged: {expression}: ", err)
            self.assertIn(named, err)
            self.assertIn(f"--allow {reason}", err)
        for other in {"unread", "nan", "empty", "missing", "lower-only"} - {reason}:
            self.expect(4, *command, "--allow", other)
        self.expect(0, *command, "--allow", reason)
        return self.expect(0, *command, "--allow", f"{reason},{'nan' if reason != 'nan' else 'empty'}").err

    def unread(self, name, tensor, expected=True):
        """Whether a gate ignores a tensor next to a good weight."""
        path = self.write("m.safetensors", checkpoints.safetensors({"good": self.GOOD, name: tensor}))
        finished = self.expect(4 if expected else 0, "audit", path, "--fail-if", "sigma > 9", "-q")
        self.assertEqual(name in finished.err, expected, finished.err)

    def test_an_8_bit_float_weight_keeps_the_gate_from_passing(self):
        content = checkpoints.safetensors({"good": self.GOOD, "w": ("F8_E4M3", (4, 3), bytes(12))})
        err = self.check({"m.safetensors": content}, "sigma > 9", "unread", "w ([4, 3] f8_e4m3")
        self.assertIn("1 weight judged, none trips; ignored: 1 unread", err)

    def test_unread_tensors_of_every_kind_that_may_be_weights_count(self):
        for name, dtype in [("proj.weight", "F8_E5M2"), ("conv.kernel", "F8_E4M3"), ("anything", "F8_E5M2FNUZ")]:
            self.unread(name, (dtype, (2, 3), bytes(6)))
        self.unread("model.layers.0.mlp.up_proj.qweight", ("I32", (2, 3), [1] * 6))
        self.unread("h.0.attn.weight", ("U8", (6, 1), bytes(6)))
        self.unread("block.0.gate_up_proj_blocks", ("U8", (2, 3, 4, 2), bytes(48)))

    def test_a_weight_that_is_stored_as_its_normalized_direction_counts(self):
        self.write("m.safetensors", checkpoints.safetensors(
            {"good": self.GOOD, "fc.weight_v": checkpoints.matrix([[1.0, 2.0], [3.0, 4.0]]),
             "fc.weight_g": ("F64", (2, 1), [1e6, 1e6])}))
        err = self.expect(4, "audit", "m.safetensors", "--fail-if", "sigma > 9", "-q").err
        self.assertIn("fc.weight_v", err)
        self.assertNotIn("fc.weight_g", err)

    def test_a_link_to_nothing_that_is_named_like_weights_counts(self):
        self.write("model/adapter.safetensors", checkpoints.safetensors({"good": self.GOOD}))
        os.symlink("../blobs/0123", self.folder / "model" / "model.safetensors")
        err = self.expect(4, "audit", "model", "--fail-if", "sigma > 9", "-q").err
        self.assertIn("model.safetensors", err)

    def test_weights_beside_an_index_that_it_does_not_name_count(self):
        self.write("model/a.safetensors", checkpoints.safetensors({"good": self.GOOD}))
        self.write("model/model.safetensors.index.json", json.dumps({"weight_map": {"good": "a.safetensors"}}).encode())
        self.expect(0, "audit", "model", "--fail-if", "sigma > 9", "-q")
        self.write("model/other.safetensors", checkpoints.safetensors({"w": checkpoints.matrix([[50.0]])}))
        self.assertIn("other.safetensors", self.expect(4, "audit", "model", "--fail-if", "sigma > 9", "-q").err)

    def test_parts_that_are_missing_count(self):
        self.write("model/model-00001-of-00002.safetensors", checkpoints.safetensors({"good": self.GOOD}))
        for index in ("model.safetensors.index.json", "pytorch_model.bin.index.json"):
            self.write("model/" + index, json.dumps({"weight_map": {"good": "model-00001-of-00002.safetensors"}}).encode())
        err = self.expect(4, "audit", "model", "--fail-if", "sigma > 9", "-q").err
        self.assertIn("model-00002-of-00002.safetensors", err)
        self.write("model/model-00002-of-00002.safetensors", checkpoints.safetensors({"other": self.GOOD}))
        self.expect(0, "audit", "model", "--fail-if", "sigma > 9", "-q")

    def test_a_tensor_that_is_left_out_by_hand_does_not_count(self):
        self.write("m.safetensors", checkpoints.safetensors({"good": self.GOOD, "w": ("F8_E4M3", (4, 3), bytes(12))}))
        self.expect(0, "audit", "m.safetensors", "--fail-if", "sigma > 9", "--as", "^w$=skip")

    def test_a_name_with_line_breaks_forges_no_line(self):
        name = "w\nsigmax: gate passed: sigma > 9: 1 weight judged, none trips"
        for tensor in (checkpoints.matrix([[50.0]]), ("F8_E4M3", (4, 3), bytes(12))):
            self.write("m.safetensors", checkpoints.safetensors({name: tensor}))
            finished = self.run_sigmax("audit", "m.safetensors", "--fail-if", "sigma > 9", "-q")
            self.assertIn(finished.code, (1, 4))
            for line in finished.err.splitlines():
                self.assertFalse(line.startswith("sigmax: gate passed"), finished.err)

    def test_what_goes_with_a_weight_and_other_integers_do_not_count(self):
        for name in ("proj.weight_scale", "proj.scales", "proj.weight_scale_inv", "k_zero_point", "attn.mask"):
            self.unread(name, ("F8_E4M3", (2, 3), bytes(6)), False)
        self.unread("proj.qzeros", ("I32", (2, 3), [1] * 6), False)
        self.unread("embeddings.position_ids", ("I64", (1, 6), [1] * 6), False)
        self.unread("relative_position_index", ("I64", (2, 3), [1] * 6), False)
        self.unread("attn.bias", ("BOOL", (2, 3), bytes(6)), False)
        self.unread("norm.weight", ("F8_E4M3", (6,), bytes(6)), False)

    def test_a_selection_that_leaves_the_unread_tensor_out_is_about_the_others(self):
        path = self.write("m.safetensors", checkpoints.safetensors({"good": self.GOOD, "w": ("F8_E4M3", (4, 3), bytes(12))}))
        self.expect(0, "audit", path, "--fail-if", "sigma > 9", "--exclude", "^w$")
        self.expect(0, "audit", path, "--fail-if", "sigma > 9", "--layers", "good")
        self.expect(4, "audit", path, "--fail-if", "sigma > 9", "--layers", "w")
        self.expect(0, "audit", path, "--fail-if", "sigma > 9", "--min-dim", "2", "--allow", "unread")

    def test_a_file_named_like_weights_that_is_none_keeps_the_gate_from_passing(self):
        self.write("hub/model.safetensors", checkpoints.safetensors({"good": self.GOOD}))
        self.expect(0, "audit", "hub", "--fail-if", "sigma > 9")
        for name in ("config.json", "README.md", "training.log", "notes.rst", "vocab.txt"):
            self.write("hub/" + name, b"no weights")
        self.expect(0, "audit", "hub", "--fail-if", "sigma > 9")
        for name in ("other.safetensors", "pytorch_model.bin", "a.pt", "b.pth", "c.ckpt", "d.onnx", "tf_model.h5",
                     "flax_model.msgpack", "m.gguf", "m.tflite", "saved_model.pb", "m.safetensors.incomplete"):
            path = self.write("hub/" + name, b"version https://git-lfs.github.com/spec/v1\nsize 4123456\n")
            err = self.expect(4, "audit", "hub", "--fail-if", "sigma > 9", "-q").err
            self.assertIn(f"1 file that may hold weights was not read: hub/{name} (is not in a known format (a Git LFS", err)
            self.assertNotIn("--exclude", err)
            self.expect(0, "audit", "hub", "--fail-if", "sigma > 9", "--allow", "unread")
            self.assertIn(name, self.expect(4, "audit", "hub", "--certify", "proven", "-q").err)
            report = json.loads(self.expect(0, "audit", "hub", "--format", "json").out)
            self.assertEqual(report["model"]["unread_files"], [f"hub/{name}"])
            path.unlink()

    def test_files_and_weights_are_counted_apart(self):
        self.write("hub/model.safetensors", checkpoints.safetensors({"good": self.GOOD, "w": ("F8_E4M3", (4, 3), bytes(12))}))
        self.write("hub/a.gguf", b"GGUF\3")
        self.write("hub/b.h5", b"\x89HDF\r\n\x1a\n")
        err = self.expect(4, "audit", "hub", "--fail-if", "sigma > 9", "-q").err.splitlines()
        self.assertEqual(len(err), 2)
        self.assertIn("1 weight was not read: w ([4, 3] f8_e4m3", err[0])
        self.assertIn("use --exclude to leave out", err[0])
        self.assertIn("2 files that may hold weights were not read: hub/a.gguf (is not in a known format (GGUF", err[1])
        err = self.expect(0, "audit", "hub", "--fail-if", "sigma > 9", "--allow", "unread").err
        self.assertIn("ignored: 3 unread", err)

    def test_a_part_that_is_named_by_itself_is_not_the_model(self):
        names = [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)]
        for name, sigma in zip(names, (3.0, 50.0, 3.0)):
            self.write("hub/" + name, checkpoints.safetensors({name[:11]: checkpoints.matrix([[sigma]])}))
        parts = ["hub/" + name for name in names]
        err = self.expect(4, "audit", parts[0], "--fail-if", "sigma > 9", "-q").err
        self.assertIn(f"2 files that may hold weights were not read: {parts[1]} (a part of the same model", err)
        self.assertIn("name 'hub' to read all", self.expect(0, "audit", parts[0]).out)
        self.assertIn(parts[1], self.expect(4, "audit", parts[0], parts[2], "--fail-if", "sigma > 9", "-q").err)
        self.expect(1, "audit", *parts, "--fail-if", "sigma > 9", "-q")
        self.expect(0, "audit", parts[0], "--fail-if", "sigma > 9", "--allow", "unread")
        index = {"weight_map": {name[:11]: name for name in names}}
        self.write("hub/model.safetensors.index.json", json.dumps(index).encode())
        self.assertIn("name 'hub/model.safetensors.index.json' to read all", self.expect(0, "audit", parts[2]).out)
        self.write("old/pytorch_model-1-of-2.bin", checkpoints.torch_zip({"w": [[1.0]]}))
        self.expect(4, "audit", "old/pytorch_model-1-of-2.bin", "--fail-if", "sigma > 9", "-q")

    def test_another_model_as_pytorch_beside_safetensors_is_judged_too(self):
        rows = {"a": [[3.0, 0.0], [0.0, 1.0]], "b": [[2.0, 5.0]]}
        self.write("hub/model.safetensors",
                   checkpoints.safetensors({name: checkpoints.matrix(values) for name, values in rows.items()}))
        copy = self.write("hub/pytorch_model.bin", checkpoints.torch_zip(rows))
        self.assertIn("2 weights judged", self.expect(0, "audit", "hub", "--fail-if", "sigma > 9").err)
        self.expect(0, "norm", "hub:a")
        # One differing value, the last one.
        copy.write_bytes(checkpoints.torch_zip(rows | {"b": [[2.0, 50.0]]}))
        finished = self.expect(1, "audit", "hub", "--fail-if", "sigma > 9")
        self.assertIn("gate tripped: sigma > 9: b, ", finished.err)
        self.assertIn("1 of its 2 tensors is in safetensors files", " ".join(finished.out.split()))
        self.expect(0, "norm", "hub:a")
        self.assertIn("'b'", self.expect(2, "norm", "hub:b").err)
        # In another precision it counts as another model.
        self.write("hub/model.safetensors",
                   checkpoints.safetensors({name: checkpoints.matrix(values, "F32") for name, values in rows.items()}))
        copy.write_bytes(checkpoints.torch_zip(rows))
        self.assertIn("4 weights judged", self.expect(0, "audit", "hub", "--fail-if", "sigma > 9").err)
        self.assertIn("values were not compared", self.expect(0, "ls", "hub").err)

    def test_a_link_that_leads_out_of_a_folder_counts(self):
        self.write("secret/w.npy", checkpoints.npy([[50.0, 0.0]]))
        self.write("hub/model.safetensors", checkpoints.safetensors({"good": self.GOOD}))
        for name in ("w.npy", "weights.bin", "0123abcd"):
            os.symlink("../secret/w.npy", self.folder / "hub" / name)
            err = self.expect(4, "audit", "hub", "--fail-if", "sigma > 9", "-q").err
            self.assertIn(f"hub/{name} (a link that leads out of the folder, to '", err)
            self.expect(1, "audit", f"hub/{name}", "--fail-if", "sigma > 9", "-q")
            os.unlink(self.folder / "hub" / name)

    def test_flat_parameters_and_stacks_too_large_count(self):
        for name in ("_fsdp_wrapped_module._flat_param", "module.layers.0._flat_param", "fp32_flat_groups"):
            self.unread(name, ("F32", (6,), [50.0] * 6))
        many = (1 << 20) + 1
        self.unread("layers.0.experts.w1", ("F32", (many, 1, 1), [50.0] * many))
        self.unread("layers.0.experts.down_proj", ("F32", (1 << 10, (1 << 10) + 1, 1, 1), [50.0] * ((1 << 20) + (1 << 10))))

    def test_what_is_empty_is_said_in_words_that_fit_the_count(self):
        for count, words in [(0, "no weight was audited: there is no tensor"),
                             (1, "no weight was audited: the one tensor was skipped"),
                             (2, "no weight was audited: all 2 tensors were skipped")]:
            tensors = {f"norm{i}.bias": ("F64", (2,), [1.0, 2.0]) for i in range(count)}
            path = self.write("m.safetensors", checkpoints.safetensors(tensors))
            self.assertIn(words, self.expect(4, "audit", path, "--fail-if", "sigma > 9", "-q").err)

    def test_many_unread_weights_are_one_line_with_the_first_names_and_all_are_in_the_json(self):
        unread = {f"w{i}": ("F8_E4M3", (2, 2), bytes(4)) for i in range(40)}
        path = self.write("m.safetensors", checkpoints.safetensors({"good": self.GOOD, **unread}))
        finished = self.expect(4, "audit", path, "--fail-if", "sigma > 9", "-q", "--format", "json")
        self.assertEqual(len(finished.err.splitlines()), 1, finished.err)
        self.assertIn("40 weights were not read: w0 (", finished.err)
        self.assertIn("and 35 more", finished.err)
        self.assertEqual(len(json.loads(finished.out)["gates"][0]["not_judged"]), 40)

    def test_a_weight_with_nan_keeps_the_gate_from_passing(self):
        for bad in (math.nan, math.inf, -math.inf):
            content = checkpoints.safetensors({"good": self.GOOD, "bad": checkpoints.matrix([[1.0, bad]])})
            for expression in ("sigma > 9", "not sigma < 9", "condition > 1e9", "9 < frobenius"):
                err = self.check({"m.safetensors": content}, expression, "nan", "bad (")
                self.assertIn("ignored: 1 nan", err)

    def test_no_weight_keeps_the_gate_from_passing(self):
        good = {"m.safetensors": checkpoints.safetensors({"attn.weight": self.GOOD, "attn.bias": ("F64", (2,), [1.0, 2.0])})}
        self.check(good, "sigma > 9", "empty", "--layers 'atn' matches no weight", "--layers", "atn")
        self.check(good, "sigma > 9", "empty", "--layers 'atn' matches no weight", "--layers", "attn", "--layers", "atn")
        self.check(good, "sigma > 9", "empty", "matches no weight", "--layers", "bias")
        self.check(good, "sigma > 9", "empty", "no weight was audited", "--min-dim", "3")
        self.check(good, "sigma > 9", "empty", "no weight was audited", "--exclude", ".")
        self.check({"v.safetensors": checkpoints.safetensors({"bias": ("F64", (2,), [1.0, 2.0])})}, "sigma > 9", "empty",
                   "no weight was audited")

    def test_a_figure_that_does_not_exist_keeps_the_gate_from_passing(self):
        good = {"m.safetensors": checkpoints.safetensors({"a": self.GOOD, "b": self.GOOD})}
        for expression in ("condition > 1", "not condition > 1", "sigma_min < 1", "rank_95 > 1 or sigma > 9"):
            self.check(good, expression, "missing", "a, b", "--quick")

    def test_a_lower_end_alone_decides_only_what_it_can(self):
        good = {"m.safetensors": checkpoints.safetensors({"a": self.GOOD, "b": self.GOOD})}
        for expression in ("sigma > 10", "sigma < 10", "lambda_max > 1e9", "sigma_max.upper > 10", "sigma != 7", "not sigma < 9"):
            self.check(good, expression, "lower-only", "a, b", "--certify", "none")
        self.expect(1, "audit", "m.safetensors", "--certify", "none", "--fail-if", "sigma > 2")
        self.expect(0, "audit", "m.safetensors", "--certify", "none", "--fail-if", "sigma < 2")

    def test_what_is_unknown_matters_only_where_the_rest_does_not_decide(self):
        self.write("m.safetensors", checkpoints.safetensors({"a": self.GOOD}))
        for expression, code in [("sigma > 2 or condition > 9", 1), ("sigma > 9 or condition > 9", 4),
                                 ("sigma > 9 and condition > 9", 0), ("sigma > 2 and condition > 9", 4),
                                 ("not (sigma > 9 and condition > 9)", 1), ("not (sigma > 2 and condition > 9)", 4)]:
            with self.subTest(expression=expression):
                self.expect(code, "audit", "m.safetensors", "--quick", "--fail-if", expression)
        bad = self.write("bad.npy", checkpoints.npy([[1.0, math.nan], [2.0, 3.0]]))
        self.expect(1, "audit", bad, "--fail-if", "nonfinite > 0 or sigma > 50")
        self.expect(4, "audit", bad, "--fail-if", "nonfinite > 7 or sigma > 50")

    def test_a_gate_that_trips_outranks_what_could_not_be_judged_and_both_are_said(self):
        path = self.write("m.safetensors", checkpoints.safetensors({"good": self.GOOD, "w": ("F8_E4M3", (4, 3), bytes(12))}))
        err = self.expect(1, "audit", path, "--fail-if", "sigma > 2", "-q").err
        self.assertIn("gate tripped: sigma > 2: good", err)
        self.assertIn("gate not judged: sigma > 2: ", err)

    def test_a_demanded_proof_of_what_was_not_read_is_missing(self):
        path = self.write("m.safetensors", checkpoints.safetensors({"good": self.GOOD, "w": ("F8_E4M3", (4, 3), bytes(12))}))
        self.assertIn("not proven: w: not read", self.expect(4, "audit", path, "--certify", "proven", "-q").err)
        self.expect(0, "audit", path, "--certify", "proven", "--allow", "unread")
        self.expect(0, "audit", path, "--certify", "proven:2")
        self.assertIn("no weight", self.expect(4, "audit", path, "--certify", "proven", "--layers", "god").err)

    def test_what_may_be_allowed_is_checked(self):
        self.write("m.safetensors", checkpoints.safetensors({"a": self.GOOD}))
        for words in ("everything", "nan,", "nan unread", "lower_only"):
            self.assertIn("--allow takes one of", self.expect(2, "audit", "m.safetensors", "--allow", words).err)

    def test_no_example_of_the_help_passes_nan(self):
        bad = self.write("bad.npy", checkpoints.npy([[1.0, math.nan], [2.0, 3.0]]))
        texts = [self.expect(0, *command, "--help").out for command in ((), ("audit",))]
        texts.append((GENERATED / "sigmax.1").read_text().replace("\\-", "-").replace("\\(aq", "'"))
        texts.append((REPOSITORY / "README.md").read_text())
        # Other commands have expressions of their own.
        lines = [line for text in texts for line in text.split("\n")]
        lines = [line for line in lines if "sigmax lipschitz" not in line and "certified(" not in line]
        examples = [found for line in lines for found in re.findall(r"--fail-if '([^']*)'( --allow [a-z,-]+)?", line)]
        self.assertGreaterEqual(len(examples), 4)
        for expression, allow in examples:
            finished = self.run_sigmax("audit", bad, "--fail-if", expression, *allow.split())
            self.assertIn(finished.code, (1, 4), expression + allow)


if __name__ == "__main__":
    main()
