"""--fail-if and --certify proven: exit codes that a build can rely on."""

import json
import math

import checkpoints
from command import CommandTest, main


class Gates(CommandTest):

    def setUp(self):
        super().setUp()
        self.model = self.write("model.safetensors", checkpoints.network())

    def gate(self, expression, code, *arguments):
        return self.expect(code, "audit", self.model, "--fail-if", expression, *arguments)

    def test_a_gate_that_no_weight_meets_passes_and_says_what_it_judged(self):
        self.assertEqual(self.gate("sigma > 10", 0).err, "sigmax: gate passed: sigma > 10: 3 weights judged, none trips\n")
        self.assertEqual(self.gate("sigma > 10", 0, "-q").err, "")

    def test_a_gate_that_a_weight_meets_fails_and_names_it_with_its_value(self):
        err = self.gate("sigma_max > 4", 1).err
        self.assertRegex(err, r"gate tripped: sigma_max > 4: encoder\.fc1\.weight, sigma_max (= 5|in \[[45]\.)")
        self.assertNotIn("head.weight", err)

    def test_the_report_is_printed_though_a_gate_trips(self):
        self.assertIn("head.weight", self.gate("sigma > 4", 1).out)

    def test_quiet_still_names_the_weight_that_trips(self):
        self.assertIn("encoder.fc1.weight", self.gate("sigma > 4", 1, "-q").err)

    def test_every_operator_compares(self):
        for expression, code in [("rank_95 >= 8", 1), ("rank_95 > 8", 0), ("max_abs <= 1", 1), ("max_abs < 1", 0),
                                 ("norm_1 == 8", 1), ("norm_1 == 9", 0), ("max_abs != 1", 1), ("8 < norm_1", 0),
                                 ("8 <= norm_1", 1), ("frobenius > 1e1", 0), ("frobenius>7.9", 1)]:
            with self.subTest(expression=expression):
                self.gate(expression, code)

    def test_and_binds_tighter_than_or_and_not_tightest(self):
        for expression, code in [("sigma > 4 and condition < 2", 0), ("sigma > 4 or condition < 2", 1),
                                 ("sigma > 9 && sigma > 1 || sigma > 4", 1), ("sigma > 9 and (sigma > 1 or sigma > 4)", 0),
                                 ("not sigma > 1.5", 0), ("!(sigma > 2.5)", 1), ("not not sigma > 9", 0)]:
            with self.subTest(expression=expression):
                self.gate(expression, code)

    def test_an_enclosure_trips_unless_it_rules_the_expression_out(self):
        # sqrt(8) is not a double, so the two ends of its enclosure differ.
        sigma = math.sqrt(8.0)
        layers = ("--layers", "head")
        self.gate(f"sigma > {sigma * (1 - 1e-6)!r}", 1, *layers)
        self.gate(f"sigma > {sigma * (1 + 1e-6)!r}", 0, *layers)
        self.gate(f"sigma < {sigma * (1 + 1e-6)!r}", 1, *layers)
        self.gate(f"sigma < {sigma * (1 - 1e-6)!r}", 0, *layers)
        self.gate("sigma_max.lower > sigma_max.upper", 2)
        self.gate("sigma_max.upper < 2.9 and sigma_max.lower > 2.8", 1, *layers)

    def test_several_gates_are_judged_together(self):
        finished = self.expect(1, "audit", self.model, "--fail-if", "sigma > 10", "--fail-if", "rank_90 > 7")
        self.assertIn("rank_90 > 7", finished.err)
        self.assertIn("gate passed: sigma > 10", finished.err)

    def test_gates_see_the_weights_that_top_leaves_out(self):
        self.gate("rank_90 > 7", 1, "--top", "1")

    def test_nonfinite_entries_can_be_a_gate(self):
        self.gate("nonfinite > 0", 0)
        bad = self.write("bad.npy", checkpoints.npy([[1.0, math.nan], [2.0, 3.0]]))
        self.assertIn("nonfinite = 1", self.expect(1, "audit", bad, "--fail-if", "nonfinite>0").err)

    def test_a_condition_number_beyond_the_stored_precision_is_known_from_below(self):
        # 2^8 in bf16, u = 2^-8 and sigma_1 = |A|_F.
        flat = self.write("flat.safetensors", checkpoints.safetensors({"w": ("BF16", (2, 2), [0x80, 0x3f] + [0] * 6)}))
        for expression, code in [("condition > 1e300", 1), ("condition < 300", 1), ("condition < 200", 0),
                                 ("not condition > 200", 0), ("not condition > 300", 1), ("condition == 1000", 1)]:
            with self.subTest(expression=expression):
                finished = self.expect(code, "audit", flat, "--fail-if", expression)
                self.assertEqual("condition in [256, inf]" in finished.err, code == 1)
        zero = self.write("zero.npy", checkpoints.npy([[0.0, 0.0]]))
        self.assertIn("condition = inf", self.expect(1, "audit", zero, "--fail-if", "condition > 1e300").err)

    def test_a_gate_on_the_condition_number_goes_by_the_worst_rounding(self):
        # diag(1, 2^-9) in bf16: 512 as stored, and anything from 2^8 up before it was rounded.
        path = self.write("m.safetensors", checkpoints.safetensors(
            {"w": ("BF16", (2, 2), [0x80, 0x3f, 0, 0, 0, 0, 0, 0x3b])}))
        for expression, code in [("condition > 600", 1), ("condition < 300", 1), ("condition < 200", 0),
                                 ("condition_from_rounding == 1", 1), ("condition_beyond_precision == 0", 0)]:
            with self.subTest(expression=expression):
                self.expect(code, "audit", path, "--fail-if", expression)
        exact = self.write("m.npy", checkpoints.npy(checkpoints.diagonal([1.0, 2.0**-9])))
        for expression, code in [("condition > 600", 0), ("condition > 500", 1)]:
            with self.subTest(expression=expression):
                self.expect(code, "audit", exact, "--fail-if", expression)

    def test_a_malformed_expression_is_a_usage_error_that_points_at_the_place(self):
        for expression, character in [("sigma >> 10", 8), ("sigma > ", 9), ("sigmaa > 1", 1), ("sigma 10", 7),
                                      ("(sigma > 1", 11), ("sigma > 1 sigma", 11), ("sigma > 1.5x", 12),
                                      ("role > 1", 1), ("sigma > nan", 9), ("sigma > 1 and", 14), ("§ > 1", 1)]:
            with self.subTest(expression=expression):
                finished = self.gate(expression, 2)
                self.assertIn(f"--fail-if, character {character}:", finished.err)
                self.assertEqual(finished.out, "")

    def test_an_expression_nested_too_deeply_is_refused(self):
        self.assertIn("nested", self.gate("(" * 5000 + "sigma>1" + ")" * 5000, 2).err)

    def test_a_demanded_proof_that_does_not_exist_exits_with_4(self):
        bad = self.write("bad.npy", checkpoints.npy([[1.0, math.nan], [2.0, 3.0]]))
        self.assertIn("no proven upper end", self.expect(4, "audit", bad, "--certify", "proven").err)
        self.expect(0, "audit", bad)
        self.expect(0, "audit", bad, "--certify", "proven:1")
        self.expect(0, "audit", bad, "--certify", "proven", "--allow", "nan")
        self.expect(0, "audit", self.model, "--certify", "proven")

    def test_a_tripped_gate_outranks_a_missing_proof(self):
        bad = self.write("bad.npy", checkpoints.npy([[1.0, math.nan], [2.0, 3.0]]))
        self.expect(1, "audit", bad, "--certify", "proven", "--fail-if", "nonfinite > 0")


class Outcomes(CommandTest):
    """The outcome of each gate in the reports."""

    def setUp(self):
        super().setUp()
        self.path = self.write("m.safetensors", checkpoints.safetensors({
            "good": checkpoints.matrix(checkpoints.diagonal([3.0, 2.0])), "w": ("F8_E4M3", (4, 3), bytes(12)),
            "bad": checkpoints.matrix([[1.0, math.nan]])}))
        self.gates = ("--fail-if", "sigma > 2", "--fail-if", "sigma > 9", "--fail-if", "nonfinite > 5")

    def test_json_has_each_gate_with_what_it_judged_and_what_not(self):
        document = json.loads(self.expect(1, "audit", self.path, *self.gates, "--allow", "unread", "--format", "json").out)
        tripped, not_judged, passed = document["gates"]
        self.assertEqual([gate["expression"] for gate in document["gates"]], ["sigma > 2", "sigma > 9", "nonfinite > 5"])
        self.assertEqual([gate["outcome"] for gate in document["gates"]], ["tripped", "not_judged", "passed"])
        self.assertEqual([gate["judged"] for gate in document["gates"]], [1, 1, 2])
        self.assertEqual([(each["name"], each["readings"][0]["figure"]) for each in tripped["tripped"]],
                         [("good", "sigma_max")])
        found = {(each["name"], each["reason"], each["allowed"]) for each in not_judged["not_judged"]}
        self.assertEqual(found, {("w", "unread", True), ("bad", "nan", False)})
        self.assertEqual([each["name"] for each in passed["not_judged"]], ["w"])
        self.assertEqual(document["summary"]["unread"], 1)
        self.assertEqual([each["unread_weight"] for each in document["skipped"]], [True])

    def test_an_audit_without_gates_has_an_empty_list(self):
        self.assertEqual(json.loads(self.expect(0, "audit", self.path, "--format", "json").out)["gates"], [])

    def test_markdown_and_html_have_them_too(self):
        self.expect(1, "audit", self.path, *self.gates, "--markdown", "a.md", "--html", "a.html", "-q")
        markdown, page = (self.folder / "a.md").read_text(), (self.folder / "a.html").read_text()
        self.assertIn("## Gates", markdown)
        self.assertRegex(markdown, r"\| `sigma > 2` \| \*\*TRIPPED\*\* \| 1 \| `good` tripped: sigma_max")
        self.assertRegex(markdown, r"\| `sigma > 9` \| \*\*NOT JUDGED\*\* \| 1 \|.*`w` not judged \(unread\)")
        self.assertIn("<h2>Gates</h2>", page)
        self.assertRegex(page, r"<code>sigma &gt; 9</code></td><td>NOT JUDGED</td>")
        self.assertRegex(page, r"<code>bad</code> not judged \(nan\)")

    def test_the_summary_says_what_was_not_read_without_a_gate(self):
        self.assertIn("1 of which may be a weight and was NOT READ", self.expect(0, "audit", self.path).out)


if __name__ == "__main__":
    main()
