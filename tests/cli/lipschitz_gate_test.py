"""sigmax lipschitz --fail-if: exit codes that a build can rely on."""

import checkpoints
from command import CommandTest, main

# y = relu(3 x1) + relu(4 x2): the constant is 5, the product of the layers 4 sqrt 2.
CHAIN = checkpoints.onnx_graph([("MatMul", ["x", "w1"], ["a"], {}), ("Relu", ["a"], ["b"], {}),
                                ("MatMul", ["b", "w2"], ["y"], {})],
                               {"w1": ("F32", [2, 2], [3, 0, 0, 4]), "w2": ("F32", [2, 1], [1, 1])})
SQUARE = checkpoints.onnx_graph([("Mul", ["x", "x"], ["y"], {})], {})


class Gates(CommandTest):

    def setUp(self):
        super().setUp()
        self.model = self.write("chain.onnx", CHAIN)
        self.square = self.write("square.onnx", SQUARE)

    def gate(self, expression, code, *arguments, model=None):
        return self.expect(code, "lipschitz", model or self.model, "--input-shape", "x=1x2", "--seed", "1", "--fail-if",
                           expression, *arguments)

    def test_figures_are_compared(self):
        for expression, code in [("upper > 5.1", 0), ("upper > 4.9", 1), ("product > 5.5", 1), ("product > 5.7", 0),
                                 ("walk > 5.1", 1), ("inequality > 5.1", 0), ("lower < 4.9", 0), ("lower < 5.1", 1), ("ratio > 1.01", 0),
                                 ("refused > 0", 0), ("refused == 0", 1), ("not upper < 5.1", 0), ("6 < product", 0),
                                 ("upper > 4.9 and product > 6", 0), ("upper > 9 or product > 5.5", 1)]:
            with self.subTest(expression=expression):
                self.gate(expression, code)

    def test_the_constant_itself_trips_unless_both_ends_rule_it_out(self):
        for expression, code in [("lipschitz > 4.9", 1), ("lipschitz > 5.1", 0), ("lipschitz < 5.1", 1),
                                 ("lipschitz < 4.9", 0)]:
            with self.subTest(expression=expression):
                self.gate(expression, code)
        self.assertIn("lipschitz in [", self.gate("lipschitz > 4.9", 1).err)
        # Without a lower bound it may be anything from 0 up.
        self.gate("lipschitz < 4.9", 1, "--no-lower")

    def test_messages_have_the_figures(self):
        self.assertRegex(self.gate("upper > 4.9", 1, "-q").err,
                         r"^sigmax: gate tripped: upper > 4\.9: \S*chain\.onnx, upper = 5\.0?\d*\n$")
        self.assertRegex(self.gate("upper > 9", 0).err, r"^sigmax: gate passed: upper > 9: upper = 5\.0?\d*\n$")
        self.assertEqual(self.gate("upper > 9", 0, "-q").err, "")

    def test_a_missing_bound_passes_no_gate(self):
        for expression in ("upper > 1e300", "upper < 1", "not upper > 1", "lipschitz > 1e300", "ratio > 1e300",
                           "product > 1e300", "upper > 1 or refused > 9", "upper == 0 and refused > 0"):
            with self.subTest(expression=expression):
                err = self.gate(expression, 4, "-q", model=self.square).err
                self.assertIn(f"gate not judged: {expression}: ", err)
                self.assertIn("the network has no bound", err)
                self.assertIn("no bound: Mul", err)

    def test_what_is_known_decides_without_a_bound(self):
        self.gate("refused > 0", 1, model=self.square)
        self.gate("refused > 0 or upper > 5", 1, model=self.square)

    def test_figures_that_nobody_asked_for_are_named_with_their_option(self):
        for expression, option in [("output > 1", "--per-output"), ("pair > 1", "--per-pair"), ("local > 1", "--around")]:
            self.assertIn(f"has no value without {option}", self.gate(expression, 4).err)
        self.assertIn("ratio has no value with --no-lower", self.gate("ratio > 1e9", 4, "--no-lower").err)
        self.gate("output > 5.1", 0, "--per-output", "all")
        self.gate("output > 4.9", 1, "--per-output", "all")

    def test_a_tripped_gate_outranks_one_that_is_not_judged(self):
        self.gate("upper > 4.9", 1, "--fail-if", "pair > 1")

    def test_a_malformed_expression_is_a_usage_error_that_points_at_the_place(self):
        for expression, character in [("upper >> 10", 8), ("upper > ", 9), ("sigma > 1", 1), ("upper 10", 7),
                                      ("upper > nan", 9), ("walk >= inequality", 9)]:
            with self.subTest(expression=expression):
                finished = self.gate(expression, 2)
                self.assertIn(f"--fail-if, character {character}:", finished.err)
                self.assertEqual(finished.out, "")
        self.assertIn("the figures are lipschitz, upper, lower", self.gate("sigma > 1", 2).err)

    def test_markdown_and_the_page_have_the_outcomes(self):
        self.gate("upper > 4.9", 1, "--fail-if", "pair > 1", "--markdown", "a.md", "--html", "a.html", "-q")
        for name in ("a.md", "a.html"):
            text = (self.folder / name).read_text()
            self.assertIn("TRIPPED", text)
            self.assertIn("NOT JUDGED", text)


if __name__ == "__main__":
    main()
