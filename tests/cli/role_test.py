"""The role that a tensor gets, and how a user changes it."""

import csv
import io
import json
import math

import checkpoints
from command import CommandTest, main


def values(count, seed):
    return [math.sin(seed + 1.3 * i) + 0.2 * math.cos(7 * i) for i in range(count)]


def tensor(shape, seed=1):
    return "F64", shape, values(math.prod(shape), seed)


class Roles(CommandTest):

    def audit(self, path, *options):
        return json.loads(self.expect(0, "audit", path, "--format", "json", *options).out)

    def model(self, tensors, name="model.safetensors"):
        return self.write(name, checkpoints.safetensors(tensors))

    def test_the_report_says_what_decided_and_how_the_axes_lie(self):
        path = self.model({
            "h.0.attn.c_attn.weight": tensor((4, 12)),
            "h.0.attn.c_attn.bias": tensor((12,)),
            "Conv_0/kernel": tensor((3, 3, 2, 5)),
            "x.weight_scale": tensor((2, 2)),
            "x.weight": ("I64", (4, 4), [1] * 16),
            "fc.weight": tensor((3, 7)),
        })
        report = self.audit(path)
        told = {t["name"]: (t["role"], t["role_evidence"], t["layout"], t["matrix"]) for t in report["tensors"]}
        self.assertEqual(told, {
            "h.0.attn.c_attn.weight": ("dense", "companion", "[in, out]", [12, 4]),
            "Conv_0/kernel": ("convolution", "name", "[kernel, kernel, in, out]", [5, 18]),
            "fc.weight": ("dense", "shape", "[out, in]", [3, 7]),
        })
        skipped = {s["name"]: s["role_evidence"] for s in report["skipped"]}
        self.assertEqual(skipped, {"h.0.attn.c_attn.bias": None, "x.weight_scale": "companion", "x.weight": None})
        rows = list(csv.DictReader(io.StringIO(self.expect(0, "audit", path, "--format", "csv").out)))
        self.assertEqual([(row["role_evidence"], row["layout"]) for row in rows],
                         [(told[row["name"]][1], told[row["name"]][2]) for row in rows])

    def test_norm_and_svd_take_the_matrix_of_the_audit(self):
        path = self.model({
            "mlp.c_fc.weight": tensor((4, 16), 3),
            "Conv_0/kernel": tensor((3, 3, 2, 5), 4),
            "up.conv_transpose.weight": tensor((6, 2, 2, 2), 5),
        })
        for weight in self.audit(path)["tensors"]:
            with self.subTest(weight["name"]):
                target = f"{path}:{weight['name']}"
                finished = self.expect(0, "norm", target, "--format", "json")
                norm = json.loads(finished.out)
                self.assertEqual((norm["matrix"], norm["shape"]), (weight["matrix"], weight["shape"]))
                self.assertAlmostEqual(norm["value"], weight["sigma_max_estimate"], delta=1e-9)
                self.assertIn("read as", finished.err)
                one = self.expect(0, "norm", target, "--ord", "1", "--format", "value").out
                self.assertAlmostEqual(float(one), weight["norm_1"], delta=1e-12)
                svd = json.loads(self.expect(0, "svd", target, "-k", "1", "--format", "json").out)
                self.assertEqual(svd["matrix"], weight["matrix"])
                self.assertAlmostEqual(svd["triplets"][0]["sigma"], weight["sigma_max_estimate"], delta=1e-9)

    def test_norm_and_svd_take_the_matrix_of_an_audit_with_roles_of_the_user(self):
        path = self.model({
            "layer1.conv2.weight": tensor((8, 2, 3, 3), 3),
            "up.weight": tensor((4, 6, 2, 2), 4),
            "proj.weight": tensor((3, 5), 5),
            "dw.weight": tensor((3, 3, 4, 2), 6),
        })
        roles = ["--as", r"layer\d.conv2=convolution:4", "--as", "up=transposed_convolution:2",
                 "--as", "proj=dense_in_out", "--as", "dw=depthwise_channels_last"]
        orders = {"2": "sigma_max_estimate", "fro": "frobenius", "nuc": "nuclear", "1": "norm_1", "inf": "norm_inf",
                  "max": "max_abs", "-2": "sigma_min"}
        weights = self.audit(path, *roles)["tensors"]
        self.assertEqual([weight["batch"] for weight in weights], [4, 2, 1, 4])
        for weight in weights:
            target = f"{path}:{weight['name']}"
            for order, figure in orders.items():
                with self.subTest(weight["name"], order=order):
                    finished = self.expect(0, "norm", target, "--ord", order, "--format", "json", *roles)
                    norm = json.loads(finished.out)
                    self.assertAlmostEqual(norm["value"], weight[figure], delta=1e-12 * weight["frobenius"])
                    self.assertEqual((norm["matrix"], norm["batch"]), (weight["matrix"], weight["batch"]))
                    self.assertIn("read as", finished.err)
            if weight["batch"] == 1:
                svd = json.loads(self.expect(0, "svd", target, "-k", "1", "--format", "json", *roles).out)
                self.assertEqual(svd["matrix"], weight["matrix"])
            else:
                self.assertIn("name one, as in", self.expect(2, "svd", target, *roles).err)
                best = max(self.value_of_block(target, i, roles) for i in range(weight["batch"]))
                self.assertAlmostEqual(best, weight["sigma_max_estimate"], delta=1e-12 * weight["frobenius"])

    def value_of_block(self, target, index, roles):
        out = self.expect(0, "svd", f"{target}[{index}]", "-k", "1", "--format", "values", *roles).out
        return float(out)

    def test_norm_and_svd_take_a_vector_as_the_matrix_of_the_audit(self):
        product = ("MatMul", ["x", "m"], ["y"], {})
        for nodes, matrix in [([("Reshape", ["w", "s"], ["m"], {}), product], "4x6"),
                              ([("Reshape", ["w", "s"], ["t"], {}), ("Transpose", ["t"], ["m"], {}), product], "6x4"),
                              ([("Reshape", ["w", "s"], ["m"], {}), ("MatMul", ["m", "x"], ["y"], {})], "6x4")]:
            path = self.write("m.onnx", checkpoints.onnx_graph(
                nodes, {"w": ("F64", (24,), [float(i) for i in range(24)]), "s": ("I64", (2,), [6, 4])}))
            audited = json.loads(self.expect(0, "audit", path, "--format", "json").out)["tensors"][0]
            self.assertEqual(audited["matrix"], [int(extent) for extent in matrix.split("x")])
            for target in (f"{path}:w", path):
                norm = float(self.expect(0, "norm", target, "--format", "value").out)
                self.assertAlmostEqual(norm, audited["sigma_max_estimate"], places=9)
                svd = json.loads(self.expect(0, "svd", target, "-k", "1", "--format", "json").out)
                self.assertAlmostEqual(svd["sigma_max"]["upper"], norm, places=9)
        path = self.write("v.onnx", checkpoints.onnx_graph([("Add", ["x", "w"], ["y"], {})], {"w": ("F64", (3,), [1.0] * 3)}))
        self.assertIn("a matrix needs two dimensions", self.expect(2, "norm", f"{path}:w").err)

    def test_norm_of_groups_and_stacks_is_that_of_the_audit(self):
        path = self.model({
            "features.0.conv.weight": tensor((6, 3, 3, 3), 1),
            "features.1.conv_dw.weight": tensor((6, 1, 3, 3), 2),
            "experts.w1": tensor((3, 4, 5), 3),
        })
        for weight in self.audit(path)["tensors"][1:]:
            target = f"{path}:{weight['name']}"
            self.assertGreater(weight["batch"], 1)
            norm = json.loads(self.expect(0, "norm", target, "--format", "json").out)
            self.assertAlmostEqual(norm["value"], weight["sigma_max_estimate"], delta=1e-12 * weight["frobenius"])
            self.assertLessEqual(norm["lower"], weight["sigma_max"]["upper"])
            self.assertGreaterEqual(norm["upper"], weight["sigma_max"]["lower"])
            self.assertEqual(norm["kind"], "proven")
            text = self.expect(0, "norm", target, "--ord", "fro")
            self.assertIn(f"{weight['batch']} blocks", text.out)
            self.assertIn("block diagonal", text.err)
        for command in ("norm", "svd"):
            self.assertIn("no tensor's name matches 'conv9'",
                          self.expect(0, command, f"{path}:experts.w1[0]", "--as", "conv9=dense").err)

    def test_a_block_with_nan_is_named(self):
        path = self.model({"conv_dw.weight": ("F64", (2, 1, 1, 2), [1.0, 2.0, 3.0, math.nan])})
        err = self.expect(3, "norm", f"{path}:conv_dw.weight").err
        self.assertIn("1 NaN entry, the first at [0, 1] of block 1", err)

    def test_a_role_for_what_is_no_matrix_is_said_to_change_nothing(self):
        path = self.model({"fc.weight": tensor((3, 4)), "fc.bias": tensor((3,)), "step": ("I64", (2, 2), [1] * 4),
                           "temperature": tensor(())})
        for role, said in [("bias=dense", "'fc.bias' [3] is skipped: vector"), ("^step=embedding", "integers"),
                           ("temp=dense_in_out", "'temperature' [] is skipped: scalar")]:
            err = self.expect(0, "audit", path, "--as", role).err
            self.assertIn(f"--as '{role}' changes nothing", err)
            self.assertIn(said, err)
        # It is enough if --as changes one tensor, because patterns seldom tell a weight from its bias.
        self.assertNotIn("--as", self.expect(0, "audit", path, "--as", "fc=dense_in_out").err)
        self.assertNotIn("--as", self.expect(0, "audit", path, "--as", "bias=skip").err)
        shadowed = self.expect(0, "audit", path, "--as", "fc=dense", "--as", "fc.w=embedding").err
        self.assertIn("--as 'fc.w=embedding' changes nothing: an earlier --as", shadowed)

    def test_a_role_can_make_a_tensor_the_only_matrix_of_a_file(self):
        path = self.model({"w": tensor((3, 3)), "table": tensor((2, 4))})
        self.assertIn("holds 2 matrices", self.expect(2, "norm", path).err)
        for command in ("norm", "svd"):
            out = json.loads(self.expect(0, command, path, "--as", "table=skip", "--format", "json").out)
            self.assertEqual(out["tensor"], "w")
        self.assertIn("an audit would skip 'table': left out by --as",
                      self.expect(0, "norm", f"{path}:table", "--as", "table=skip").err)

    def test_the_config_of_a_hub_folder_is_evidence(self):
        self.model({"h.0.attn.c_proj.weight": tensor((6, 6), 3), "h.0.attn.c_proj.qscales": tensor((3, 6)),
                    "x.experts.mlp.w1": tensor((8, 3), 5)}, "hub/model.safetensors")
        self.write("hub/config.json", json.dumps({
            "model_type": "gpt2", "quantization_config": {"quant_method": "awq"},
            "ffn_config": {"moe_num_experts": 2}}).encode())
        report = self.audit(self.folder / "hub")
        told = {t["name"]: (t["role"], t["role_evidence"], t["layout"], t["batch"]) for t in report["tensors"]}
        self.assertEqual(told, {"h.0.attn.c_proj.weight": ("dense", "companion", "[in, out]", 1),
                                "x.experts.mlp.w1": ("expert_stack", "companion", "[stack x out, in]", 2)})
        self.assertEqual([(s["name"], s["role_evidence"]) for s in report["skipped"]],
                         [("h.0.attn.c_proj.qscales", "companion")])
        self.assertIn("(config.json: quant_method awq)", report["skipped"][0]["reason"])
        for weight in report["tensors"]:
            for order, figure in (("2", "sigma_max_estimate"), ("1", "norm_1")):
                value = self.expect(0, "norm", f"hub/model.safetensors:{weight['name']}", "--ord", order, "--format", "value")
                self.assertAlmostEqual(float(value.out), weight[figure], delta=1e-9)
        # Given only the file, the layout is the same. Without a valid config, names and shapes decide.
        self.assertEqual(self.audit("hub/model.safetensors")["tensors"][0]["layout"], "[in, out]")
        self.write("hub/config.json", b"{ nonsense")
        self.assertEqual([t["layout"] for t in self.audit(self.folder / "hub")["tensors"]], ["[out, in]"] * 3)
        self.assertEqual(self.expect(0, "audit", self.folder / "hub", "-q").err, "")

    def test_a_tensor_that_is_no_weight_does_not_hide_the_only_one(self):
        path = self.model({"w": tensor((3, 3)), "rotary.cos_cached": tensor((8, 4)), "attn.bias": tensor((1, 1, 3, 3))})
        self.assertEqual(json.loads(self.expect(0, "norm", path, "--format", "json").out)["tensor"], "w")
        finished = self.expect(0, "norm", f"{path}:rotary.cos_cached", "--format", "value")
        self.assertIn("an audit would skip 'rotary.cos_cached': rotary", finished.err)

    def test_optimizer_state_in_a_training_folder_trips_no_gate(self):
        self.model({"weight": checkpoints.matrix([[1.0, 0.0], [0.0, 2.0]])}, "run/model.safetensors")
        self.model({"state.0.exp_avg": checkpoints.matrix([[1.0, 0.0], [0.0, 1e-9]])}, "run/optimizer.safetensors")
        report = self.audit(self.folder / "run", "--fail-if", "condition > 1e6")
        self.assertEqual([t["name"] for t in report["tensors"]], ["weight"])
        self.assertEqual([s["role_evidence"] for s in report["skipped"]], ["container"])

    def test_the_user_overrides_a_role(self):
        path = self.model({"conv2.weight": tensor((8, 2, 3, 3)), "x.scales": tensor((3, 3)), "table": tensor((3, 4))})
        report = self.audit(path, "--as", "conv2=convolution:4", "--as", "scales$=dense_in_out", "--as", "^table=skip",
                            "--as", "conv=skip")
        told = {t["name"]: (t["role_evidence"], t["layout"], t["batch"]) for t in report["tensors"]}
        self.assertEqual(told, {"conv2.weight": ("user", "[out, in / 4, kernel, kernel]", 4),
                                "x.scales": ("user", "[in, out]", 1)})
        self.assertEqual([(s["name"], s["role_evidence"]) for s in report["skipped"]], [("table", "user")])

    def test_an_override_that_makes_no_sense_is_refused(self):
        path = self.model({"conv2.weight": tensor((8, 2, 3, 3)), "w": tensor((3, 3))})
        for value in ("conv2", "=dense", "conv2=", "conv2=cnn", "conv2=convolution:0", "(=dense"):
            with self.subTest(value):
                self.assertIn("--as" if "=" not in value or value.startswith(("=", "(")) else "role" if
                              ":" not in value else "groups", self.expect(2, "audit", path, "--as", value).err)
        self.assertIn("groups do not divide", self.expect(2, "audit", path, "--as", "conv2=convolution:3").err)
        self.assertIn("'w'", self.expect(2, "audit", path, "--as", "^w=convolution").err)
        self.assertIn("no tensor's name matches", self.expect(0, "audit", path, "--as", "none=skip").err)


if __name__ == "__main__":
    main()
