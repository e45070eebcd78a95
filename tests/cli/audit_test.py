"""sigmax audit: figures of matrices whose singular values are known."""

import csv
import io
import json
import math
import re

import checkpoints
from command import CommandTest, main


class AuditFigures(CommandTest):

    def audit(self, content, *arguments, name="model"):
        path = self.write(name, content)
        finished = self.expect(0, "audit", path, "--format", "json", *arguments)
        return json.loads(finished.out)

    def only_weight(self, rows, *arguments):
        tensors = self.audit(checkpoints.npy(rows), *arguments, name="m.npy")["tensors"]
        self.assertEqual(len(tensors), 1)
        return tensors[0]

    def assert_encloses(self, weight, sigma, kind="proven"):
        enclosure = weight["sigma_max"]
        self.assertEqual(enclosure["kind"], kind)
        self.assertLessEqual(enclosure["lower"], sigma * (1 + 1e-15))
        self.assertGreaterEqual(enclosure["upper"], sigma * (1 - 1e-15))
        self.assertLess(enclosure["upper"] - enclosure["lower"], 1e-6 * sigma)

    def test_probabilities_of_a_stack_that_add_up_to_one_leave_no_upper_end(self):
        # 20 of the 60 blocks with a probabilistic end are enough. Single blocks may fail at the given rate, or be
        # proven.
        entries = [math.sin(i * i) for i in range(60 * 20 * 15)]
        content = checkpoints.safetensors({"experts.w": ("F64", (60, 20, 15), entries)})
        stack = self.audit(content, "--quick", "--certify", "probabilistic", "--failure-probability", "0.05",
                           name="m.safetensors")["tensors"][0]
        self.assertEqual(stack["sigma_max"]["kind"], "lower_only")
        self.assertIsNone(stack["sigma_max"]["upper"])

    def test_a_diagonal_matrix_has_its_largest_entry_as_sigma_max(self):
        weight = self.only_weight(checkpoints.diagonal([1.0, 7.5, 3.0]))
        self.assert_encloses(weight, 7.5)
        self.assertAlmostEqual(weight["sigma_min"], 1.0, delta=1e-12)
        self.assertAlmostEqual(weight["condition"], 7.5, delta=1e-11)
        self.assertAlmostEqual(weight["nuclear"], 11.5, delta=1e-12)
        self.assertAlmostEqual(weight["frobenius"], math.sqrt(1 + 7.5**2 + 9), delta=1e-12)
        self.assertEqual(weight["matrix"], [3, 3])

    def test_a_permuted_diagonal_has_the_same_singular_values(self):
        rows = [[0, 0, 4.0, 0], [2.0, 0, 0, 0], [0, -9.0, 0, 0]]
        weight = self.only_weight(rows)
        self.assert_encloses(weight, 9.0)
        self.assertAlmostEqual(weight["sigma_min"], 2.0, delta=1e-12)
        self.assertEqual((weight["norm_1"], weight["norm_inf"], weight["max_abs"]), (9.0, 9.0, 9.0))

    def test_a_hadamard_matrix_stretches_every_direction_alike(self):
        weight = self.only_weight(checkpoints.hadamard(16))
        self.assert_encloses(weight, 4.0)
        self.assertAlmostEqual(weight["condition"], 1.0, delta=1e-12)
        self.assertAlmostEqual(weight["stable_rank"], 16.0, delta=1e-10)
        self.assertAlmostEqual(weight["effective_rank"], 16.0, delta=1e-10)
        self.assertEqual((weight["rank_90"], weight["rank_99"]), (15, 16))

    def test_a_rank_one_matrix_keeps_all_energy_in_rank_one_and_has_no_condition_number(self):
        u, v = [1.0, 2.0, 3.0, 4.0], [2.0, -1.0, 0.5]
        weight = self.only_weight(checkpoints.rank_one(u, v))
        self.assert_encloses(weight, checkpoints.length(u) * checkpoints.length(v))
        self.assertEqual((weight["rank_90"], weight["rank_99"], weight["numerical_rank"]), (1, 1, 1))
        self.assertIsNone(weight["condition"])
        self.assertTrue(weight["condition_beyond_precision"])

    def test_a_zero_matrix_is_measured_as_zero(self):
        weight = self.only_weight([[0.0, 0.0], [0.0, 0.0]])
        self.assertEqual((weight["sigma_max"]["lower"], weight["frobenius"]), (0, 0))
        self.assertIsNone(weight["condition"])

    def test_sigma_max_and_lambda_max_are_told_apart(self):
        weight = self.only_weight(checkpoints.diagonal([3.0, 1.0]))
        self.assertAlmostEqual(weight["lambda_max"], 9.0, delta=1e-11)

    def test_quick_leaves_out_the_spectrum_and_keeps_sigma_max(self):
        weight = self.only_weight(checkpoints.diagonal([3.0, 1.0]), "--quick")
        self.assertIsNone(weight["sigma_min"])
        self.assertIsNone(weight["condition"])
        self.assertAlmostEqual(weight["sigma_max"]["lower"], 3.0, delta=1e-6)

    def test_certify_decides_how_the_upper_end_is_known(self):
        rows = [[math.sin(3 * i + j * j) for j in range(24)] for i in range(30)]
        for arguments, kind in [((), "proven"), (("--quick",), "proven"),
                                (("--certify", "proven", "--quick"), "proven"), (("--certify", "proven:8"), "probabilistic"),
                                (("--certify", "probabilistic"), "probabilistic"), (("--certify", "none"), "lower_only")]:
            with self.subTest(arguments=arguments):
                enclosure = self.only_weight(rows, *arguments)["sigma_max"]
                self.assertEqual(enclosure["kind"], kind)
                self.assertEqual(enclosure["upper"] is None, kind == "lower_only")

    def test_the_failure_probability_is_the_one_asked_for(self):
        rows = [[math.sin(3 * i + j * j) for j in range(24)] for i in range(30)]
        enclosure = self.only_weight(rows, "--certify", "probabilistic", "--failure-probability", "1e-6")["sigma_max"]
        self.assertLessEqual(enclosure["failure_probability"], 1e-6)
        self.assertGreater(enclosure["failure_probability"], 0)

    def test_a_given_seed_repeats_the_run_and_gives_no_probabilistic_end(self):
        rows = [[math.sin(3 * i + j * j) for j in range(24)] for i in range(30)]
        content = checkpoints.npy(rows)
        first = self.audit(content, "--certify", "probabilistic", name="m.npy")
        self.assertNotEqual([first["seed"], first["stream"]], [0, 0])
        self.assertLess(max(first["seed"], first["stream"]), 2**53)
        seed = f"{first['seed']}:{first['stream']}"
        again = self.audit(content, "--certify", "probabilistic", "--seed", seed, name="m.npy")
        self.assertEqual([again["seed"], again["stream"]], [first["seed"], first["stream"]])
        ends = [report["tensors"][0]["sigma_max"] for report in (first, again)]
        self.assertEqual([end["kind"] for end in ends], ["probabilistic", "proven"])
        self.assertEqual(ends[0]["lower"], ends[1]["lower"])
        self.assertLess(ends[0]["upper"], ends[1]["upper"])

    def test_every_tensor_is_either_audited_or_listed_with_a_reason(self):
        report = self.audit(checkpoints.network())
        self.assertEqual([t["name"] for t in report["tensors"]],
                         ["encoder.fc1.weight", "encoder.conv.weight", "head.weight"])
        self.assertEqual({s["name"] for s in report["skipped"]}, {"encoder.fc1.bias", "steps"})
        for skipped in report["skipped"]:
            self.assertTrue(skipped["reason"])

    def test_a_convolution_is_measured_as_the_reshaped_matrix(self):
        weight = self.audit(checkpoints.network())["tensors"][1]
        self.assertEqual((weight["role"], weight["shape"], weight["matrix"]), ("convolution", [2, 1, 2, 2], [2, 4]))
        self.assert_encloses(weight, 2.0)

    def test_three_formats_of_one_matrix_give_the_same_figures(self):
        rows = [[math.cos(i + 2 * j) for j in range(9)] for i in range(5)]
        files = {"w.npy": checkpoints.npy(rows), "w.npz": checkpoints.npz({"w": rows}),
                 "w.safetensors": checkpoints.safetensors({"w": checkpoints.matrix(rows)})}
        figures = []
        for name, content in files.items():
            weight = self.audit(content, name=name)["tensors"][0]
            figures.append({key: weight[key] for key in ("sigma_max", "sigma_min", "nuclear", "frobenius", "rank_95")})
        self.assertEqual(figures[0], figures[1])
        self.assertEqual(figures[0], figures[2])

    def test_any_number_of_threads_gives_the_same_bits(self):
        rows = [[math.cos(i + 2 * j) + math.sin(i * j) for j in range(70)] for i in range(90)]
        path = self.write("w.npy", checkpoints.npy(rows))
        columns = [self.expect(0, "audit", path, "--format", "csv", "-j", jobs).out for jobs in (1, 3)]
        without_time = [[line[:-1] for line in csv.reader(io.StringIO(text))] for text in columns]
        self.assertEqual(without_time[0], without_time[1])

    def test_a_weight_with_nan_gets_no_spectrum_and_a_loud_mark(self):
        content = checkpoints.safetensors({
            "good": checkpoints.matrix(checkpoints.diagonal([1.0, 2.0])),
            "bad": checkpoints.matrix([[1.0, math.inf], [math.nan, math.nan]]),
        })
        path = self.write("m.safetensors", content)
        finished = self.expect(0, "audit", path, "--format", "json")
        bad = json.loads(finished.out)["tensors"][1]
        self.assertIsNone(bad["sigma_max"])
        self.assertIsNone(bad["frobenius"])
        self.assertRegex(finished.err, r"warning: bad: 2 NaN, 1 infinite, first at \[0, 1\]")
        self.assertRegex(self.expect(0, "audit", path).out, r"bad.*NaN")


class AuditSelection(CommandTest):

    def names(self, *arguments):
        path = self.write("model.safetensors", checkpoints.network())
        report = json.loads(self.expect(0, "audit", path, "--format", "json", *arguments).out)
        return [tensor["name"] for tensor in report["tensors"]], report

    def test_layers_keeps_the_names_that_match_and_lists_the_others(self):
        names, report = self.names("--layers", "^encoder")
        self.assertEqual(names, ["encoder.fc1.weight", "encoder.conv.weight"])
        self.assertIn("--layers", {s["name"]: s["reason"] for s in report["skipped"]}["head.weight"])

    def test_layers_may_be_given_twice_and_exclude_takes_away(self):
        names, _ = self.names("--layers", "fc1", "--layers", "head", "--exclude", "fc[0-9]")
        self.assertEqual(names, ["head.weight"])

    def test_min_dim_leaves_out_small_weights(self):
        names, _ = self.names("--min-dim", "5")
        self.assertEqual(names, ["head.weight"])

    def test_sort_and_top_show_the_largest_first(self):
        names, report = self.names("--sort", "sigma_max", "--top", "2")
        self.assertEqual(names, ["encoder.fc1.weight", "head.weight"])
        self.assertEqual(report["summary"]["audited"], 3)

    def test_sort_takes_a_direction(self):
        down = ["encoder.fc1.weight", "head.weight", "encoder.conv.weight"]
        for key in ("sigma_max", "sigma_max:desc"):
            self.assertEqual(self.names("--sort", key)[0], down)
        self.assertEqual(self.names("--sort", "sigma_max:asc")[0], down[::-1])
        self.assertEqual(self.names("--sort", "name:desc")[0], ["head.weight", "encoder.fc1.weight", "encoder.conv.weight"])
        self.assertEqual(self.names("--sort", "name")[0], self.names("--sort", "name:asc")[0])
        self.assertEqual(self.names("--sort", "sigma_max:asc", "--top", "1")[0], ["encoder.conv.weight"])
        path = self.write("model.safetensors", checkpoints.network())
        for text in ("name:up", "name:", ":asc", "size:asc"):
            self.expect(2, "audit", path, "--sort", text)

    def test_a_mistyped_column_is_told_its_nearest(self):
        path = self.write("model.safetensors", checkpoints.network())
        for typed, meant in [("sgima", "sigma"), ("sigma_mx:asc", "sigma_max"), ("conditon", "condition"),
                             ("rank_59", "rank_95")]:
            err = self.expect(2, "audit", path, "--sort", typed).err
            self.assertIn(f"--sort: there is no column '{typed.split(':')[0]}'; did you mean", err)
            self.assertIn(meant, err)
            self.assertNotIn("[report]", err)
        self.assertIn("the columns are name, ", self.expect(2, "audit", path, "--sort", "xyzzyx").err)

    def test_long_names_are_whole_in_json_and_short_in_messages(self):
        name = "layers." * 6000 + "weight"
        path = self.write("m.safetensors", checkpoints.safetensors({name: checkpoints.matrix([[3.0]]), "n" * 40000:
                                                                   checkpoints.matrix([[math.nan]])}))
        finished = self.expect(1, "audit", path, "--fail-if", "sigma > 1", "--json", "a.json")
        self.assertLess(len(finished.out) + len(finished.err), 5000)
        report = json.loads((self.folder / "a.json").read_text())
        self.assertEqual([len(tensor["name"]) for tensor in report["tensors"]], [len(name), 40000])

    def test_a_type_is_not_named_twice(self):
        for kind in ("I32", "I64", "U8"):
            path = self.write("q.safetensors", checkpoints.safetensors({
                "fc.qweight": (kind, (2, 2), [1] * 4), "w": checkpoints.matrix([[3.0]])}))
            err = self.expect(4, "audit", path, "--fail-if", "sigma > 9", "--certify", "proven", "-q").err
            self.assertIn(f"[2, 2] {kind.lower()}: integers, which may be a quantized weight", err)
            self.assertNotIn(f"{kind.lower()}: {kind.lower()}:", err)

    def test_quiet_prints_no_table_but_what_format_asks_for(self):
        path = self.write("model.safetensors", checkpoints.network())
        finished = self.expect(0, "audit", path, "-q", "--json", "a.json")
        self.assertEqual((finished.out, finished.err), ("", ""))
        self.assertTrue((self.folder / "a.json").exists())
        for kind in ("table", "json", "csv", "markdown"):
            self.assertIn("head.weight", self.expect(0, "audit", path, "-q", "--format", kind).out)

    def test_sigma_is_another_name_of_sigma_max(self):
        self.assertEqual(self.names("--sort", "sigma")[0], self.names("--sort", "sigma_max")[0])

    def test_a_selection_that_leaves_nothing_says_so(self):
        path = self.write("model.safetensors", checkpoints.network())
        self.assertIn("--layers 'nothing' matches no weight", self.expect(0, "audit", path, "--layers", "nothing").err)
        err = self.expect(0, "audit", path, "--layers", "fc1", "--layers", "hed").err
        self.assertEqual(err, "sigmax: warning: --layers 'hed' matches no weight\n")
        self.assertIn("no weight was audited", self.expect(0, "audit", path, "--min-dim", "99").err)

    def test_several_files_are_one_model(self):
        first = self.write("a.npy", checkpoints.npy([[1.0]]))
        second = self.write("b.npy", checkpoints.npy([[2.0]]))
        report = json.loads(self.expect(0, "audit", first, second, "--format", "json").out)
        self.assertEqual(len(report["model"]["files"]), 2)
        self.assertEqual(report["summary"]["audited"], 2)

    def test_a_model_that_is_there_as_safetensors_and_as_pytorch_counts_once(self):
        rows = {"a": [[3.0, 0.0], [0.0, 1.0]], "b": [[2.0, 5.0]]}
        self.write("hub/model.safetensors", checkpoints.safetensors({name: checkpoints.matrix(m) for name, m in rows.items()}))
        self.write("hub/pytorch_model.bin", checkpoints.torch_zip(rows))
        for name in ("config.json", "README.md", "tokenizer.json", "vocab.txt", ".gitattributes", "LICENSE"):
            self.write("hub/" + name, b"{}")
        report = json.loads(self.expect(0, "audit", "hub", "--format", "json").out)
        self.assertEqual([tensor["name"] for tensor in report["tensors"]], ["a", "b"])
        self.assertEqual(report["summary"]["parameters"], 6)
        self.assertEqual([file["path"] for file in report["model"]["files"]], ["hub/model.safetensors"])
        self.assertEqual(len(report["model"]["notes"]), 1)
        self.assertIn("pytorch_model.bin: its 2 tensors are in safetensors files here too, identical bit for bit", report["model"]["notes"][0])
        self.expect(0, "norm", "hub:a")
        self.assertEqual(json.loads(self.expect(0, "audit", "hub/pytorch_model.bin", "--format", "json").out)["summary"]["audited"], 2)

    def test_one_model_twice_in_one_format_is_counted_twice_and_said(self):
        for name in ("model", "model_b"):
            self.write(f"run/{name}.safetensors", checkpoints.safetensors({"w": checkpoints.matrix([[3.0, 1.0]])}))
        report = json.loads(self.expect(0, "audit", "run", "--format", "json").out)
        self.assertEqual(report["summary"]["audited"], 2)
        self.assertIn("'model.safetensors', 'model_b.safetensors'", report["model"]["notes"][0])

    def test_the_number_of_a_shard_stays_in_the_file_column(self):
        names = ["model-00001-of-00002.safetensors", "diffusion_pytorch_model-00002-of-00002.safetensors"]
        for i, name in enumerate(names):
            self.write(name, checkpoints.safetensors({f"w{i}": checkpoints.matrix([[3.0 + i]])}))
        out = self.expect(0, "audit", *names, "--sort", "sigma_max", COLUMNS="200").out
        self.assertIn("model-00001-of-00002", out)
        self.assertIn("-00002-of-00002", out)
        out = self.expect(0, "ls", *names, COLUMNS="60").out
        self.assertIn("00001-of-00002", out)
        self.assertIn("00002-of-00002", out)

    def test_the_largest_condition_of_the_summary_is_the_largest_of_the_table(self):
        # Singular matrices: what the computation can tell decreases with their size. Then a regular one.
        one, zero = [0x80, 0x3f], [0, 0]
        weights = {f"w{n}": ("BF16", (n, n), sum((one if i == j > 0 else zero for i in range(n) for j in range(n)), []))
                   for n in (40, 4, 9)}
        weights["regular"] = checkpoints.matrix(checkpoints.diagonal([1000.0, 1.0]))
        path = self.write("m.safetensors", checkpoints.safetensors(weights))
        out = re.sub(r"\s+", " ", self.expect(0, "audit", path, "--sort", "condition", COLUMNS="200").out)
        shown = [float(cell) for cell in re.findall(r" ‡> (\d+e\d+) ", out.split("Read 4 tensors")[0])]
        self.assertEqual(len(set(shown)), 3)
        self.assertEqual(shown, sorted(shown, reverse=True))
        largest = float(re.search(r"largest condition ‡> (\d+e\d+) in", out)[1])
        self.assertEqual(largest, max(shown))
        self.assertIn("‡ sigma_min is no larger than rounding to storage typically is", out)
        self.assertIn("> sigma_min cannot be told from 0", out)

    def test_the_condition_number_is_that_of_the_stored_matrix_and_marked_where_rounding_may_explain_it(self):
        # diag(1, 2^-9) in bf16, u = 2^-8: within the worst rounding, u |W|_F = 2^-8. Typical is 2^-8 / sqrt(3) 2 sqrt(2)
        # / sqrt(4), 0.8 of the worst. In f64 the same matrix has nothing to mark.
        bf16 = self.write("b.safetensors", checkpoints.safetensors({"w": ("BF16", (2, 2), [0x80, 0x3f, 0, 0, 0, 0, 0, 0x3b])}))
        f64 = self.write("f.npy", checkpoints.npy(checkpoints.diagonal([1.0, 2.0**-9])))
        for path, marked in ((bf16, True), (f64, False)):
            weight = json.loads(self.expect(0, "audit", path, "--format", "json").out)["tensors"][0]
            self.assertAlmostEqual(weight["condition"], 512, delta=1e-9)
            self.assertEqual((weight["condition_from_rounding"], weight["condition_beyond_precision"]), (marked, marked))
            self.assertEqual("‡512" in self.expect(0, "audit", path).out, marked)

    def test_the_summary_line_counts_what_was_read_and_proven(self):
        path = self.write("model.safetensors", checkpoints.network())
        out = self.expect(0, "audit", path).out
        self.assertRegex(re.sub(r"\s+", " ", out), r"Read 5 tensors: 3 weights audited .* 2 skipped")

    def test_every_line_of_the_table_fits_the_width(self):
        path = self.write("model.safetensors", checkpoints.network())
        for width in (80, 200):
            out = self.expect(0, "audit", path, COLUMNS=str(width)).out
            self.assertLessEqual(max(map(len, out.splitlines())), width)


if __name__ == "__main__":
    main()
