"""--fail-if and --certify proven: exit codes that a build can rely on."""

import math

import checkpoints
from command import CommandTest, main


class Gates(CommandTest):

    def setUp(self):
        super().setUp()
        self.model = self.write("model.safetensors", checkpoints.network())

    def gate(self, expression, code, *arguments):
        return self.expect(code, "audit", self.model, "--fail-if", expression, *arguments)

    def test_a_gate_that_no_weight_meets_passes(self):
        self.assertNotIn("tripped", self.gate("sigma > 10", 0).err)

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
        # sqrt(8) is no double, so that its enclosure has two ends around it.
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
        self.assertNotIn("sigma > 10", finished.err)

    def test_gates_see_the_weights_that_top_leaves_out(self):
        self.gate("rank_90 > 7", 1, "--top", "1")

    def test_nonfinite_entries_can_be_a_gate(self):
        self.gate("nonfinite > 0", 0)
        bad = self.write("bad.npy", checkpoints.npy([[1.0, math.nan], [2.0, 3.0]]))
        self.assertIn("nonfinite = 1", self.expect(1, "audit", bad, "--fail-if", "nonfinite>0").err)

    def test_a_figure_that_does_not_exist_is_false_and_warned_of(self):
        finished = self.gate("condition > 1", 0, "--quick")
        self.assertRegex(finished.err, r"warning: condition > 1: condition has no value for 3 of 3 weights")

    def test_a_condition_number_beyond_the_stored_precision_is_infinite(self):
        flat = self.write("flat.npy", checkpoints.npy(checkpoints.rank_one([1.0, 2.0], [3.0, 4.0])))
        self.assertIn("condition = inf", self.expect(1, "audit", flat, "--fail-if", "condition > 1e300").err)

    def test_without_an_upper_end_the_lower_one_is_judged_and_a_warning_says_so(self):
        self.assertIn("lower end", self.gate("sigma > 10", 0, "--certify", "none").err)
        self.gate("sigma > 4", 1, "--certify", "none")

    def test_a_malformed_expression_is_a_usage_error_that_points_at_the_place(self):
        for expression, character in [("sigma >> 10", 8), ("sigma > ", 9), ("sigmaa > 1", 1), ("sigma 10", 7),
                                      ("(sigma > 1", 11), ("sigma > 1 sigma", 11), ("", 1), ("sigma > 1.5x", 12),
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
        self.expect(0, "audit", self.model, "--certify", "proven")

    def test_a_tripped_gate_outranks_a_missing_proof(self):
        bad = self.write("bad.npy", checkpoints.npy([[1.0, math.nan], [2.0, 3.0]]))
        self.expect(1, "audit", bad, "--certify", "proven", "--fail-if", "nonfinite > 0")


if __name__ == "__main__":
    main()
