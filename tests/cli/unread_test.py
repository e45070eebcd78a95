"""What a gate must not pass over: weights that a graph computes, parts of a model, files next to it, mistyped patterns."""

import io
import json
import math
import os
import pickle
import zipfile

import checkpoints
from command import CommandTest, main

GATE = ("--fail-if", "sigma > 50", "-q")
GOOD = checkpoints.matrix(checkpoints.diagonal([3.0, 2.0]))


def values(count, scale=1000.0):
    return [scale * (1.0 + math.sin(7.0 * i)) for i in range(count)]


def archive(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, b"content")
    return buffer.getvalue()


def patched(data, changes):
    """The last member of an archive with other bytes in its directory record and in its local header."""
    data = bytearray(data)
    for in_directory, in_header, value in changes:
        data[data.rfind(b"PK\x01\x02") + in_directory] = value
        data[data.rfind(b"PK\x03\x04") + in_header] = value
    return bytes(data)


class ArraysThatNobodyCouldLookInto(CommandTest):
    GOOD = checkpoints.diagonal([3.0, 2.0])

    def test_members_of_an_archive(self):
        arrays = checkpoints.npz({"v": self.GOOD, "fc": self.GOOD})
        for name, data in [("encrypted", patched(arrays, [(8, 6, 1)])), ("zstd", patched(arrays, [(10, 8, 93)])),
                           ("xz", patched(arrays, [(10, 8, 95)]))]:
            with self.subTest(name):
                self.write("m.npz", data)
                self.assertIn("1 weight was not read: fc (", self.expect(4, "audit", "m.npz", *GATE).err)
                self.expect(0, "audit", "m.npz", *GATE, "--exclude", "fc")

    def test_objects_of_python(self):
        def objects(shape, descr="'|O'"):
            header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
            return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + pickle.dumps({"fc": [1.0]})

        self.write("model.safetensors", checkpoints.safetensors({"v": GOOD}))
        for shape, descr in [("()", "'|O'"), ("(3,)", "'|O'"), ("(1,)", "[('w', '<f4', (8, 8))]")]:
            self.write("params.npy", objects(shape, descr))
            self.assertIn("params", self.expect(4, "audit", ".", *GATE).err)
            self.expect(0, "audit", ".", *GATE, "--allow", "unread")
        self.write("params.npy", objects("(3,)", "[('step', '<i4'), ('loss', '<f4')]"))
        self.expect(0, "audit", ".", *GATE)

    def test_a_checksum_that_does_not_match(self):
        data = checkpoints.npz({"w": self.GOOD})
        self.write("w.npz", data.replace(b"\x08@", b"\x10@", 1))
        for command in (["norm", "w.npz"], ["svd", "w.npz"], ["audit", "w.npz"]):
            self.assertIn("checksum does not match", self.expect(3, *command).err)
        self.expect(0, "ls", "w.npz")


class WeightsOfAGraph(CommandTest):
    PRODUCT = ("MatMul", ["x", "a"], ["y"], {})

    def graph(self, nodes, tensors):
        other = ("MatMul", ["x", "good"], ["z"], {})
        return self.write("m.onnx", checkpoints.onnx_graph([*nodes, other], {"good": GOOD, **tensors}))

    def test_what_reaches_a_product_through_an_operator_that_changes_it_counts(self):
        w = ("F64", (6, 4), values(24))
        scale = ("F64", (1,), [2.0])
        column = ("F64", (6, 1), values(6))
        kernel = ("F64", (6, 2, 3, 3), values(108))
        conv = ("Conv", ["x", "a"], ["y"], {})
        for nodes, tensors in [
            ([("Mul", ["w", "s"], ["a"], {}), self.PRODUCT], {"w": w, "s": column}),
            ([("Add", ["d", "w"], ["a"], {}), self.PRODUCT], {"w": w, "d": ("F64", (4,), values(4))}),
            ([("Div", ["w", "s"], ["a"], {}), conv], {"w": kernel, "s": scale}),
            ([("Softmax", ["w"], ["a"], {}), self.PRODUCT], {"w": w}),
            ([("Pad", ["w", "p"], ["a"], {}), conv], {"w": kernel, "p": ("I64", (8,), [0] * 8)}),
            ([("Gather", ["w", "i"], ["a"], {}), self.PRODUCT], {"w": w, "i": ("I64", (6,), [0] * 6)}),
            ([("Cast", ["w"], ["b"], {"to": 1}), ("Mul", ["b", "s"], ["a"], {}), self.PRODUCT],
             {"w": ("I8", (6, 4), [100] * 24), "s": scale}),
            ([("Mul", ["w", "x"], ["a"], {}), conv], {"w": kernel}),
            ([("Sqrt", ["w"], ["a"], {}), ("Einsum", ["x", "a"], ["y"], {"equation": "bi,io->bo"})], {"w": w}),
        ]:
            with self.subTest(nodes=nodes):
                err = self.expect(4, "audit", self.graph(nodes, tensors), *GATE).err
                self.assertIn("not read: w ([6,", err)
                self.expect(0, "audit", "m.onnx", *GATE, "--allow", "unread")

    def test_what_is_added_to_activations_does_not(self):
        nodes = [("Mul", ["x", "w"], ["a"], {}), ("MatMul", ["a", "good"], ["y"], {})]
        self.expect(0, "audit", self.graph(nodes, {"w": ("F64", (2, 2), values(4))}), *GATE)

    def test_a_reshape_is_measured_as_the_matrix_of_the_graph(self):
        # The columns of [8, 2] repeat, so that its norm is 60 and that of [4, 4] is 60 sqrt(2).
        w = ("F64", (8, 2), [30.0, 0.0, 0.0, 30.0] * 4)
        nodes = [("Reshape", ["w", "s"], ["a"], {}), self.PRODUCT]
        path = self.graph(nodes, {"w": w, "s": ("I64", (2,), [4, 4])})
        self.expect(1, "audit", path, "--fail-if", "sigma > 61", "-q")
        weight = json.loads(self.expect(0, "audit", path, "--format", "json").out)["tensors"][1]
        self.assertEqual(weight["layout"], "[4, 4] as [in, out]")
        self.assertAlmostEqual(weight["sigma_max_estimate"], 60 * math.sqrt(2), places=9)
        self.assertAlmostEqual(float(self.expect(0, "norm", f"{path}:w", "--format", "value").out), 60 * math.sqrt(2), 9)
        path = self.graph(nodes, {"w": ("F64", (16,), w[2]), "s": ("I64", (2,), [4, 4])})
        self.expect(1, "audit", path, "--fail-if", "sigma > 61", "-q")
        # Dimensions that are computed at run time.
        nodes = [("Shape", ["x"], ["s"], {}), *nodes]
        self.assertIn("rearranges", self.expect(4, "audit", self.graph(nodes, {"w": w}), *GATE).err)

    def test_what_is_computed_from_vectors_counts(self):
        w, shape = ("F32", (64,), values(64)), ("I64", (2,), [8, 8])
        integers = ("I8", (64,), [100] * 64)
        view = ("Reshape", ["w", "s"], ["b"], {})
        for nodes, tensors in [
            ([view, ("Mul", ["b", "q"], ["a"], {}), self.PRODUCT], {"w": w, "q": ("F32", (1,), [2.0])}),
            ([("Neg", ["w"], ["c"], {}), ("Reshape", ["c", "s"], ["a"], {}), self.PRODUCT], {"w": w}),
            ([view, ("Tanh", ["b"], ["a"], {}), ("MatMul", ["a", "x"], ["y"], {})], {"w": w}),
            ([view, ("Mul", ["b", "x"], ["a"], {}), ("LSTM", ["x", "a", "r"], ["y"], {})], {"w": w}),
            ([("Gather", ["w", "i"], ["a"], {}), self.PRODUCT], {"w": w, "i": ("I64", (8, 8), list(range(64)))}),
            ([("Unsqueeze", ["w", "one"], ["b"], {}), ("Mul", ["b", "v"], ["a"], {}), self.PRODUCT],
             {"w": w, "v": ("F32", (8,), values(8)), "one": ("I64", (1,), [1])}),
            ([("Reshape", ["w", "s"], ["a"], {}), ("MatMulInteger", ["x", "a"], ["y"], {})], {"w": integers}),
            ([("Cast", ["w"], ["c"], {"to": 1}), ("Reshape", ["c", "s"], ["a"], {}), self.PRODUCT], {"w": integers}),
        ]:
            with self.subTest(nodes=nodes):
                err = self.expect(4, "audit", self.graph(nodes, {"s": shape, **tensors}), *GATE).err
                self.assertIn("w ([64]", err)
        # The scale of a matrix is one of its rows.
        nodes = [("Reshape", ["v", "column"], ["c"], {}), ("Mul", ["w", "c"], ["a"], {}), self.PRODUCT]
        path = self.graph(nodes, {"w": ("F32", (4, 4), values(16)), "v": ("F32", (4,), values(4)),
                                  "column": ("I64", (2,), [4, 1])})
        err = self.expect(4, "audit", path, *GATE).err
        self.assertIn("1 weight was not read: w ([4, 4]", err)

    def test_a_weight_is_measured_as_the_graph_rounds_it(self):
        # 0.51 becomes 1: the norm is 8, not 4.08.
        w = ("F32", (8, 8), [0.51] * 64)
        pair = [("QuantizeLinear", ["w", "s"], ["q"], {}), ("DequantizeLinear", ["q", "s"], ["a"], {}), self.PRODUCT]
        path = self.graph(pair, {"w": w, "s": ("F32", (), [1.0])})
        self.expect(1, "audit", path, "--fail-if", "sigma > 7.9", "-q")
        self.assertAlmostEqual(float(self.expect(0, "norm", f"{path}:w", "--format", "value").out), 8, 9)
        self.assertIn("rounded to u8 and back by QuantizeLinear", self.expect(0, "ls", path).out)
        for nodes in [[("DynamicQuantizeLinear", ["w"], ["q", "s", "z"], {}),
                       ("DequantizeLinear", ["q", "s", "z"], ["a"], {}), self.PRODUCT],
                      [("Cast", ["w"], ["q"], {"to": 3}), ("Cast", ["q"], ["a"], {"to": 1}), self.PRODUCT],
                      [("QuantizeLinear", ["w", "t"], ["q"], {}), ("DequantizeLinear", ["q", "u"], ["a"], {}),
                       self.PRODUCT]]:
            path = self.graph(nodes, {"w": w, "t": ("F32", (), [1.0]), "u": ("F32", (), [2.0])})
            self.assertIn("not read: w ([8, 8]", self.expect(4, "audit", path, *GATE).err)

    def test_groups_of_a_reshaped_kernel_are_those_of_the_graph(self):
        rows = [[float(10 * (i < 3)) if j == i else 0.0 for j in range(18)] for i in range(6)]
        nodes = [("Reshape", ["w", "s"], ["a"], {}), ("Conv", ["x", "a"], ["y"], {"group": 2})]
        path = self.graph(nodes, {"w": checkpoints.matrix(rows), "s": ("I64", (4,), [6, 2, 3, 3])})
        weight = json.loads(self.expect(0, "audit", path, "--format", "json").out)["tensors"][1]
        self.assertEqual([weight["batch"], weight["matrix"]], [2, [3, 18]])
        self.assertEqual([part["sigma_max_estimate"] for part in weight["parts"]], [10, 0])

    def test_an_entry_that_is_not_finite_is_found_in_the_stored_tensor(self):
        w = ("F64", (8, 2), [1.0] * 13 + [math.nan] + [1.0] * 2)
        path = self.graph([("Reshape", ["w", "s"], ["a"], {}), self.PRODUCT], {"w": w, "s": ("I64", (2,), [4, 4])})
        self.assertIn("first at [6, 1]", self.expect(0, "audit", path).err)


class PartsOfAModel(CommandTest):

    def shard(self, name, weight):
        return self.write(name, checkpoints.safetensors({weight: GOOD}))

    def index(self, folder, names, name="model.safetensors.index.json"):
        self.write(f"{folder}/{name}", json.dumps({"weight_map": dict(names)}).encode())

    def test_a_file_that_an_index_beside_it_names_is_a_part(self):
        for first, second in (("a.safetensors", "b.safetensors"), ("model.safetensors", "extra.safetensors"),
                              ("vae.safetensors", "unet.safetensors"), ("a.dat", "b.dat")):
            with self.subTest(first=first):
                one, two = self.shard(f"m/{first}", "w"), self.shard(f"m/{second}", "v")
                self.index("m", {"w": first, "v": second})
                finished = self.expect(4, "audit", f"m/{first}", "--fail-if", "sigma > 50")
                self.assertIn(f"not read: m/{second} (a part of the same model", finished.err)
                self.assertIn("name 'm/model.safetensors.index.json' to read all", " ".join(finished.out.split()))
                self.assertIn(second, self.expect(4, "audit", f"m/{first}", *GATE).err)
                self.expect(0, "audit", f"m/{first}", *GATE, "--allow", "unread")
                for whole in (("m",), ("m/model.safetensors.index.json",), (f"m/{first}", f"m/{second}")):
                    self.expect(0, "audit", *whole, *GATE)
                two.unlink()
                self.assertIn("a part that is missing", self.expect(4, "audit", f"m/{first}", *GATE).err)
                one.unlink()

    def test_an_index_in_the_folder_above_counts_too(self):
        self.shard("m/parts/a.safetensors", "w")
        self.shard("m/parts/b.safetensors", "v")
        self.index("m", {"w": "parts/a.safetensors", "v": "parts/b.safetensors"})
        self.assertIn("m/parts/b.safetensors", self.expect(4, "audit", "m/parts/a.safetensors", *GATE).err)
        self.expect(0, "audit", "m/parts", *GATE)
        (self.folder / "m/parts/b.safetensors").unlink()
        self.expect(4, "audit", "m/parts", *GATE)

    def test_a_link_stands_for_what_it_leads_to(self):
        self.shard("m/model-1-of-2.safetensors", "w")
        os.symlink("model-1-of-2.safetensors", self.folder / "m/latest.safetensors")
        os.symlink("m/latest.safetensors", self.folder / "newest.safetensors")
        for name in ("m/latest.safetensors", "newest.safetensors"):
            self.assertIn("m/model-2-of-2.safetensors", self.expect(4, "audit", name, *GATE).err)

    def test_other_ways_to_number_parts(self):
        for name, missing in (("model_part_1_of_2.safetensors", "model_part_2_of_2.safetensors"),
                              ("model-2-of-10.safetensors", "model-1-of-10.safetensors")):
            self.shard(name, "w")
            self.assertIn(missing, self.expect(4, "audit", name, *GATE).err)

    def test_an_index_of_other_files_says_nothing(self):
        self.shard("m/a.safetensors", "w")
        self.index("m", {"v": "b.safetensors"})
        self.write("m/broken.index.json", b"{\"weight_map\": [")
        self.expect(0, "audit", "m/a.safetensors", *GATE)


class FilesBeside(CommandTest):

    def setUp(self):
        super().setUp()
        self.write("hub/model.safetensors", checkpoints.safetensors({"good": GOOD}))

    def judged(self, name, content, code):
        path = self.write(f"hub/{name}", content)
        err = self.expect(code, "audit", "hub", *GATE).err
        self.assertEqual(name in err, code != 0, err)
        index = self.write("hub/model.safetensors.index.json",
                           json.dumps({"weight_map": {"good": "model.safetensors"}}).encode())
        err = self.expect(code, "audit", "hub", *GATE).err
        self.assertEqual(name in err, code != 0, err)
        index.unlink()
        path.unlink()

    def test_weights_of_other_frameworks_count_by_their_names(self):
        for name in ("variables.data-00000-of-00001", "model.ckpt-1000.index", "yolov3.weights", "net.rknn",
                     "llava.llamafile", "net.ptl", "model.tar.gz", "net.joblib", "model.ort", "net.eqx",
                     "model.onnx_data_1"):
            self.judged(name, b"\x01\x02\x03 not a format that is read", 4)

    def test_a_file_without_an_extension_counts_if_it_is_called_as_a_model_and_is_no_text(self):
        for name in ("weights", "checkpoint-500", "Model", "my_params"):
            self.judged(name, b"\x01\x00\x02 not a format that is read", 4)
        self.judged("Modelfile", b"FROM ./model.gguf\n", 0)
        self.judged("checkpoint", b'model_checkpoint_path: "model.ckpt-1000"\n', 0)
        self.judged("blob", b"\x01\x00\x02 not a format that is read", 0)

    def test_states_of_a_training_are_called_exactly_so(self):
        for name in ("optimizer_student.bin", "scheduler_net.pt", "optimizer.gguf"):
            self.judged(name, b"\x01\x02\x03 not a format that is read" if name.endswith("gguf") else
                        pickle.dumps({"w": [50.0]}, protocol=4), 4)

    def test_checkpoints_count_by_their_content(self):
        for name in ("net.pkl", "state", "ema.dat", "old.backup"):
            self.judged(name, pickle.dumps({"w": [50.0]}, protocol=4), 4)
        for content in (b"\x08\0\0\0ORTM" + b"0" * 99, b"tjgg\3\0\0\0" + b"0" * 99, b"lmgg" + b"0" * 99):
            self.judged("net.dat", content, 4)
        whole = checkpoints.safetensors({"w": checkpoints.matrix([[90.0]])})
        self.judged("copy.dat", whole[1:], 4)
        self.judged("copy.backup", checkpoints.torch_zip({"w": [[90.0]]})[:-30], 4)
        self.judged("everything.zip", archive("sub/model.safetensors", "config.json"), 4)

    def test_a_checkpoint_under_another_name_beside_an_index_counts(self):
        self.write("hub/model.safetensors.index.json",
                   json.dumps({"weight_map": {"good": "model.safetensors"}}).encode())
        self.expect(0, "audit", "hub", *GATE)
        for content in (checkpoints.safetensors({"w": checkpoints.matrix([[90.0]])}),
                        checkpoints.torch_zip({"w": [[90.0]]})):
            self.write("hub/other.dat", content)
            self.assertIn("other.dat", self.expect(4, "audit", "hub", *GATE).err)

    def test_what_is_no_checkpoint_does_not(self):
        self.judged("photos.zip", archive("a.png", "b.jpg"), 0)
        self.judged("model.zip", archive("a.png", "sub/", "sub/b.jpg"), 0)
        self.judged("samples.tar.gz", b"\x1f\x8b", 0)
        self.judged("random_states_0.pkl", pickle.dumps([1, 2]), 0)
        self.judged("notes.dat", b"plain text", 0)

    def test_a_folder_of_core_ml_counts(self):
        self.write("hub/Model.mlpackage/Data/weights/weight.bin", b"x")
        self.assertIn("hub/Model.mlpackage", self.expect(4, "audit", "hub", *GATE).err)


class TensorsOfAFile(CommandTest):
    """Tensors that a gate must judge or name: each file has a weight that passes next to them."""

    def gate(self, tensors, code, name="m.safetensors"):
        path = self.write(name, checkpoints.safetensors({"good.weight": GOOD, **tensors}))
        return self.expect(code, "audit", path, *GATE).err

    def test_the_name_of_a_file_proves_no_state(self):
        big = ("F64", (4, 4), values(16))
        for name in ("best-optimizer-adamw", "model_optim_best", "optimizer_student", "scheduler", "scaler",
                     "random_states_0", "optimizer"):
            with self.subTest(name):
                self.assertIn("fc.weight", self.gate({"fc.weight": big}, 1, name + ".safetensors"))
                self.assertIn("fc.weight", self.gate({"fc.weight": ("I8", (4, 4), [1] * 16)}, 4, name + ".safetensors"))
        state = {"state.0.exp_avg": big, "state.0.step": ("F64", (), [1.0]), "fc.weight.m": big}
        self.assertEqual(self.gate(state, 0, "optimizer.safetensors"), "")

    def test_slots_and_gradients_of_weights_trip_no_gate(self):
        big = ("F64", (4, 4), values(16))
        small = checkpoints.matrix(checkpoints.diagonal([1.0] * 4))
        for slot in ("fc/kernel/adam_m", "fc/kernel/Adam_1", "fc/kernel/grad", "adam_v.0"):
            with self.subTest(slot):
                self.gate({"fc/kernel": small, slot: big}, 0)

    def test_packed_codes_count_under_any_type(self):
        for weight, companion in (("q.weight", "q.weight.quant_map"), ("q.W_q", "q.scale"), ("q.qweight", "q.scales")):
            with self.subTest(weight):
                packed = {weight: ("F64", (16, 1), values(16, 1.0)), companion: ("F64", (16,), values(16, 1.0))}
                self.assertIn(f"not read: {weight} ([16, 1] f64: packed codes", self.gate(packed, 4))
                self.expect(1, "audit", "m.safetensors", *GATE, "--as", "q.*[wW]=dense", "--fail-if", "sigma > 0")

    def test_indices_of_a_codebook_count(self):
        for codes, book in (("q.indices", "q.centroids.weight"), ("q.cluster_ids", "q.centroids"), ("q.idx", "q.lut")):
            with self.subTest(codes):
                err = self.gate({codes: ("I32", (4, 4), [1] * 16), book: ("F64", (4, 4), values(16))}, 4)
                self.assertIn(f"not read: {codes}", err)
                self.assertNotIn(book, err)

    def test_a_bias_excludes_layouts(self):
        # One for each row of a window: 2.83 as [kernel, kernel, in, out], 1 as [out, in, kernel, kernel].
        kernel = [0.0] * 768
        for i in range(8):
            kernel[(9 * i) * 12] = 20.0
        for name, bias in (("conv2_d/w", "conv2_d/b"), ("conv.weight", "conv.bias"), ("c/kernel", "c/bias")):
            with self.subTest(name):
                tensors = {name: ("F64", (8, 8, 3, 4), kernel), bias: ("F64", (4,), [0.0] * 4)}
                self.assertIn(name, self.gate(tensors, 1))
        doubt = {"g.weight": ("F64", (4, 4, 3, 8), values(384)), "g.bias": ("F64", (8,), [0.0] * 8)}
        self.assertIn("fits the layouts [in, out / 2, kernel, kernel] and [kernel, kernel, in, out]", self.gate(doubt, 4))
        self.expect(1, "audit", "m.safetensors", *GATE, "--as", "g.w=channels_last")

    def test_one_entry_along_the_first_axis_is_judged_or_counts(self):
        for name, shape, code in (("attn.w_q", (1, 4, 4), 1), ("lora_A", (1, 2, 8), 1), ("caps.W", (1, 2, 2, 2, 2), 4),
                                  ("caps.W", (1, 4, 2, 2), 4), ("pos_embed", (1, 4, 4), 0), ("cls_token", (1, 1, 16), 0),
                                  ("temperature", (16, 1, 1), 0)):
            with self.subTest(name):
                err = self.gate({name: ("F64", shape, values(16))}, code)
                self.assertEqual(name in err, code != 0, err)


class Patterns(CommandTest):

    def setUp(self):
        super().setUp()
        self.path = self.write("m.safetensors", checkpoints.safetensors({"attn.weight": GOOD}))

    def test_an_override_that_matches_nothing_keeps_a_gate_from_passing(self):
        for more in ((), ("--as", "attn=dense")):
            err = self.expect(4, "audit", self.path, *GATE, "--as", "atn=skip", *more).err
            self.assertIn("gate not judged: sigma > 50: --as: no tensor's name matches 'atn'; --allow empty", err)
            self.expect(0, "audit", self.path, *GATE, "--as", "atn=skip", *more, "--allow", "empty")
        self.expect(0, "audit", self.path, *GATE, "--as", "attn=dense")
        self.expect(4, "audit", self.path, "--certify", "proven", "-q", "--as", "atn=dense")

    def test_mistyped_patterns_are_said_even_if_quiet(self):
        for option, pattern in (("--as", "atn=dense"), ("--layers", "atn")):
            self.assertIn("atn", self.expect(0, "audit", self.path, "-q", option, pattern).err)
        self.assertIn("--exclude: no tensor's name matches 'atn'",
                      self.expect(0, "audit", self.path, "--exclude", "atn", "--fail-if", "sigma > 50").err)
        self.assertEqual(self.expect(0, "audit", self.path, "-q", "--exclude", "atn").err, "")

    def test_an_unknown_character_class_is_called_so(self):
        for pattern in ("[[:foo:]]", "attn[[:Alpha:]]", "[a[:word1:]]"):
            err = self.expect(2, "audit", self.path, "--layers", pattern).err
            self.assertIn("an unknown character class", err)
            column = len(err.splitlines()[2]) - 1
            self.assertEqual(err.splitlines()[1][column - 1:column + 2].count("[:"), 1, err)
        self.assertIn("runs backwards", self.expect(2, "audit", self.path, "--layers", "[z-a]").err)
        self.expect(0, "audit", self.path, "--layers", "[[:alpha:]]")


if __name__ == "__main__":
    main()
