"""Command lines that are refused, and the messages."""

import struct

import checkpoints
from command import CommandTest, main


class Usage(CommandTest):

    def refused(self, *arguments):
        finished = self.expect(2, *arguments)
        self.assertEqual(finished.out, "")
        self.assertTrue(finished.err.startswith("sigmax: "), finished.err)
        return finished.err

    def setUp(self):
        super().setUp()
        self.model = self.write("model.safetensors", checkpoints.network())

    def test_no_command_is_a_usage_error(self):
        self.assertIn("--help", self.refused())

    def test_an_unknown_command_is_a_usage_error_with_or_without_help(self):
        for more in ((), ("--help",), ("-h",), (self.model,)):
            self.assertIn("audit, ls, norm, cond, svd, lipschitz and certify", self.refused("frobnicate", *more))
        for typed, meant in [("aduit", "audit"), ("nrom", "norm"), ("svds", "svd"), ("sl", "ls")]:
            self.assertIn(f"did you mean {meant}?", self.refused(typed, self.model))
        self.assertIn("frobnicate", self.refused("--help", "frobnicate"))

    def test_an_unknown_option_is_answered_with_the_closest_one(self):
        for command, typed, meant in [("audit", "--quite", "--quiet"), ("audit", "--layer=x", "--layers"),
                                      ("audit", "--fail-fi", "--fail-if"), ("ls", "--formt", "--format"),
                                      ("norm", "--odr", "--ord"), ("svd", "--smalest", "--smallest")]:
            for arguments in ((command, self.model, typed), (command, typed)):
                err = self.refused(*arguments)
                self.assertIn(f"there is no option '{typed.split('=')[0]}'; did you mean {meant}?", err)
                self.assertIn(f"See sigmax {command} --help.", err)
        self.assertNotIn("did you mean", self.refused("audit", self.model, "--frobnicate"))
        self.assertIn("unexpected argument 'more'", self.refused("norm", self.model, "more"))

    def test_a_missing_path_or_a_dash_is_a_usage_error(self):
        for command in ("audit", "ls", "norm", "svd"):
            self.refused(command)
            self.refused(command, "-")
            self.refused(command, "")

    def test_values_out_of_range_are_usage_errors(self):
        for option, value in [("--min-dim", "0"), ("--top", "-1"), ("--top", "x"), ("-j", "0"), ("-j", "99999"),
                              ("--failure-probability", "0"), ("--failure-probability", "1"),
                              ("--failure-probability", "1e-16"), ("--seed", "1:"), ("--seed", ":1"), ("--seed", "1:2:3"),
                              ("--seed", "0x7"), ("--seed", "99999999999999999999"), ("--format", "xml"),
                              ("--failure-probability", "nan"), ("--certify", "maybe"), ("--certify", "proven:"),
                              ("--certify", "proven:0"), ("--certify", "proven:9x"), ("--color", "red")]:
            with self.subTest(option=option, value=value):
                self.refused("audit", self.model, option, value)

    def test_an_empty_value_is_not_an_option_left_out(self):
        for command, options in [("audit", ("--json", "--layers", "--fail-if", "--sort", "--format", "--stride")),
                                 ("ls", ("--sort", "--layers")), ("norm", ("--ord", "--by", "--conv", "--as")),
                                 ("cond", ("--ord",)), ("svd", ("--output",))]:
            for option in options:
                with self.subTest(command=command, option=option):
                    self.assertIn(f"{option} ", self.refused(command, self.model, option, ""))
                    self.assertIn("has an empty value", self.refused(command, self.model, option, ""))

    def test_an_unknown_sort_key_names_those_that_exist(self):
        self.assertIn("stable_rank", self.refused("audit", self.model, "--sort", "size"))
        self.assertIn("elements", self.refused("ls", self.model, "--sort", "size"))

    def test_a_malformed_regular_expression_is_pointed_at(self):
        for source, character in [("a(b", 2), ("x[a", 2), ("*a", 1), ("fc)", 3), ("(a)(b", 4)]:
            with self.subTest(source=source):
                self.assertIn(f"--layers, character {character}:", self.refused("audit", self.model, "--layers", source))
        self.refused("ls", self.model, "--exclude", "(")

    def test_what_re2_does_not_have_is_refused_with_the_place(self):
        for source, character in [("w(?=x)", 3), ("(?!bias)", 3), ("(a)\\1", 5), ("a{2000}", 7), ("[z-a]", 5), ("a\\", 2)]:
            with self.subTest(source=source):
                self.assertRegex(self.refused("ls", self.model, "--layers", source), rf"--layers, character \d+:")

    def test_a_whole_number_is_asked_for_without_a_range_that_nobody_needs(self):
        for command, option in [("audit", "--top"), ("ls", "--top"), ("audit", "--min-dim"), ("svd", "--max-products")]:
            for value in ("0", "-3", "x", "1.5", "99999999999999999999"):
                err = self.refused(command, self.model, option, value)
                self.assertIn("takes a whole number from 1 up", err)
                self.assertNotIn("4611686018427387904", err)

    def test_any_length_of_a_name_is_matched(self):
        weight = checkpoints.matrix([[3.0, 0.0], [0.0, 1.0]])
        for length in (3000, 40000, 200000):
            path = self.write("long.safetensors", checkpoints.safetensors({"a" * length: weight}))
            self.assertIn("aaa", self.expect(0, "ls", path, "--layers", "(a|b)*a$", "--format", "csv").out)
            self.expect(0, "ls", path, "--layers", "(a*)*c", "--exclude", "a{2,30}b")


class BadInput(CommandTest):

    def unreadable(self, content, name="bad.safetensors"):
        path = self.write(name, content)
        for command in ("audit", "ls", "norm", "svd"):
            finished = self.expect(3, command, path)
            self.assertEqual(finished.out, "")
            self.assertIn(name, finished.err)
        return finished.err

    def test_a_file_that_does_not_exist_exits_with_3(self):
        for command in ("audit", "ls", "norm", "svd"):
            self.assertIn("nowhere.npy", self.expect(3, command, "nowhere.npy").err)

    def test_an_unknown_format_exits_with_3(self):
        self.unreadable(b"this is no checkpoint\n" * 10)
        self.unreadable(b"")

    def test_malformed_safetensors_exit_with_3(self):
        good = checkpoints.network()
        header = struct.unpack("<Q", good[:8])[0]
        self.unreadable(good[:-1])
        self.unreadable(good + b"\0")
        self.unreadable(struct.pack("<Q", header + 64) + good[8:])
        self.unreadable(good.replace(b'"dtype"', b'"dtipe"'))

    def test_a_truncated_npy_exits_with_3(self):
        self.unreadable(checkpoints.npy([[1.0, 2.0]])[:-4], "cut.npy")

    def test_a_folder_without_checkpoints_exits_with_3(self):
        self.write("empty/readme.txt", b"nothing here")
        self.expect(3, "audit", "empty")

    def test_hostile_names_reach_the_terminal_without_their_escape_sequences(self):
        hostile = "\x1b[31mred\x07\n\u202e"
        path = self.write("m.safetensors", checkpoints.safetensors(
            {hostile: checkpoints.matrix([[1.0, 2.0]]), hostile + "bias": ("F64", (1,), [1.0])}))
        for arguments in (("audit", path), ("audit", path, "-v"), ("ls", path), ("norm", path), ("svd", path), ("ls", path, "--format", "csv"),
                          ("svd", path, "--format", "json"),
                          ("ls", path, "--format", "json"), ("audit", path, "--format", "markdown"),
                          ("audit", path, "--fail-if", "sigma>1"), ("norm", f"{path}:\x1b[31mre"),
                          ("svd", f"{path}:\x1b[31mre"), ("svd", path, "-k", "9")):
            with self.subTest(arguments=arguments):
                finished = self.run_sigmax(*arguments)
                for text in (finished.out, finished.err):
                    self.assertNotIn("\x1b", text)
                    self.assertNotIn("\x07", text)
                    self.assertNotIn("\u202e", text)


class Help(CommandTest):

    def test_help_goes_to_standard_output_and_fits_80_columns(self):
        for arguments in (("--help",), ("audit", "--help"), ("ls", "-h"), ("norm", "--help"), ("svd", "--help")):
            finished = self.expect(0, *arguments)
            self.assertEqual(finished.err, "")
            self.assertIn("Exit status:", finished.out)
            self.assertLessEqual(max(map(len, finished.out.splitlines())), 80, arguments)

    def test_version_names_blas_simd_and_formats(self):
        out = self.expect(0, "--version").out
        self.assertRegex(out, r"^sigmax \d+\.\d+\.\d+\n")
        for word in ("BLAS", "OpenBLAS", "SIMD", "safetensors", "onnx", "pytorch", "npz"):
            self.assertIn(word, out)


if __name__ == "__main__":
    main()
