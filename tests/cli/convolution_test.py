"""Operator norms of convolutions in sigmax audit and sigmax norm."""

import csv
import io
import json
import math

import checkpoints
from checkpoints import block, number
from command import REPOSITORY, CommandTest, main

EXAMPLE = REPOSITORY / "examples/models/fashion_mnist.onnx"
# The largest eigenvalues of A^T A, A formed column by column with torch's conv2d in f64 (numpy.linalg.eigvalsh 2.4.6).
EXAMPLE_NORMS = {"conv1.weight": 5.316156268908, "conv2.weight": 10.680538430152, "conv3.weight": 7.767833709111}
# The suprema over all image sizes, to eight digits: the largest |F(t)| on the torus, by a search in NumPy.
EXAMPLE_SUPREMA = {"conv1.weight": 5.3265976, "conv2.weight": 10.8675144, "conv3.weight": 8.1052889}


def ones(*shape):
    return "F64", shape, [1.0] * math.prod(shape)


def with_size(content, size):
    """The model of checkpoints.onnx_graph() with the shape [1, channels, *size] of its input x."""
    shape = b"".join(block(1, number(1, extent)) for extent in size)
    stated = block(1, "x") + block(2, block(1, number(1, 1) + block(2, shape)))
    plain = block(11, block(1, "x"))
    graph_end = content.rindex(plain)
    begin = content.index(b"\x3a")
    old = content[begin:content.rindex(block(8, block(1, "") + number(2, 17)))]
    graph = old[1:]
    while graph[0] & 0x80:
        graph = graph[1:]
    graph = graph[1:].replace(plain, block(11, stated))
    assert graph_end > begin
    return number(1, 8) + block(7, graph) + block(8, block(1, "") + number(2, 17))


def ones_norm(taps, size):
    """Of a kernel of ones on a zero-padded image of that many entries, one axis: 1 + 2 cos(pi / (n + 1)) for three taps."""
    assert taps == 3
    return 1 + 2 * math.cos(math.pi / (size + 1))


class ConvolutionTest(CommandTest):

    def tensors(self, content, *arguments, name="model"):
        path = content if hasattr(content, "exists") else self.write(name, content)
        report = json.loads(self.expect(0, "audit", path, "--format", "json", *arguments).out)
        return {tensor["name"]: tensor for tensor in report["tensors"]}

    def norm(self, content, *arguments, name="model"):
        return next(iter(self.tensors(content, *arguments, name=name).values()))["operator_norm"]

    def assert_encloses(self, norm, value, width, known_to=1e-9):
        self.assertEqual(norm["kind"], "proven")
        self.assertLessEqual(norm["lower"], value * (1 + known_to))
        self.assertGreaterEqual(norm["upper"], value * (1 - known_to))
        self.assertLessEqual(norm["lower"], norm["estimate"])
        self.assertLessEqual(norm["estimate"], norm["upper"])
        self.assertLessEqual(norm["upper"] - norm["lower"], width * norm["upper"])


class AuditOfConvolutions(ConvolutionTest):

    def test_the_example_model_has_the_norms_of_its_convolutions(self):
        tensors = self.tensors(EXAMPLE)
        for (name, norm), size in zip(EXAMPLE_NORMS.items(), (28, 14, 7)):
            found = tensors[name]["operator_norm"]
            self.assert_encloses(found, norm, 0.05)
            self.assertEqual((found["question"], found["input_size"], found["padding"]),
                             ("input_size", [size, size], [[1, 1], [1, 1]]))
            self.assertEqual(found["assumed"], [])
            self.assertLess(tensors[name]["sigma_max"]["upper"], found["lower"])
        self.assertIsNone(tensors["dense1.weight"]["operator_norm"])

    def test_a_file_without_settings_is_asked_at_every_size_with_assumptions(self):
        tensors = self.tensors(REPOSITORY / "examples/models/fashion_mnist.safetensors")
        for name, supremum in EXAMPLE_SUPREMA.items():
            norm = tensors[name]["operator_norm"]
            self.assert_encloses(norm, supremum, 1e-3, known_to=2e-8)
            self.assertEqual((norm["question"], norm["input_size"], norm["padding"]), ("every_size", None, None))
            self.assertEqual(norm["assumed"], ["stride", "dilation", "padding"])
            self.assertEqual((norm["stride"], norm["dilation"], norm["padding_mode"]), ([1, 1], [1, 1], "zeros"))

    def test_the_attributes_and_the_size_of_an_onnx_graph_are_used(self):
        graph = checkpoints.onnx_graph([("Conv", ["x", "k"], ["y"], {"pads": [1, 1, 1, 1]})], {"k": ones(1, 1, 3, 3)})
        norm = self.norm(with_size(graph, (1, 1, 5, 9)), "--norm-width", "1e-3")
        self.assertEqual((norm["question"], norm["input_size"]), ("input_size", [5, 9]))
        self.assert_encloses(norm, ones_norm(3, 5) * ones_norm(3, 9), 1e-3)
        norm = self.norm(graph)
        self.assertEqual((norm["question"], norm["input_size"], norm["assumed"]), ("every_size", None, []))
        self.assert_encloses(norm, 9, 1e-3)

    def test_a_pad_in_front_counts_as_the_convolutions_own(self):
        def padded(mode, more={}):
            nodes = [("Pad", ["x"], ["h"], {"mode": mode, "pads": [0, 0, 1, 1, 0, 0, 1, 1]}),
                     ("Conv", ["h", "k"], ["y"], more)]
            return with_size(checkpoints.onnx_graph(nodes, {"k": ones(1, 1, 3, 3)}), (1, 1, 5, 9))

        norm = self.norm(padded("constant"), "--norm-width", "1e-3")
        self.assertEqual((norm["question"], norm["input_size"], norm["padding"]),
                         ("input_size", [5, 9], [[1, 1], [1, 1]]))
        self.assert_encloses(norm, ones_norm(3, 5) * ones_norm(3, 9), 1e-3)
        norm = self.norm(padded("wrap"))
        self.assertEqual((norm["question"], norm["padding_mode"], norm["assumed"]), ("circular", "circular", []))
        self.assert_encloses(norm, 9, 1e-3)
        norm = self.norm(padded("reflect"))
        self.assertEqual((norm["padding_mode"], norm["assumed"]), ("reflect", []))
        # Zeros around a reflected border are not the padding of one convolution.
        norm = self.norm(padded("reflect", {"pads": [1, 1, 1, 1]}))
        self.assertEqual((norm["question"], norm["padding"], norm["assumed"]), ("every_size", None, ["padding"]))

    def test_a_stride_makes_the_norm_smaller_and_is_reported(self):
        kernel = {"k": ones(1, 1, 3)}
        plain = self.norm(checkpoints.onnx_graph([("Conv", ["x", "k"], ["y"], {})], kernel))
        strided = self.norm(checkpoints.onnx_graph([("Conv", ["x", "k"], ["y"], {"strides": [2]})], kernel))
        self.assert_encloses(plain, 3, 1e-3)
        # [1, 1, 1] at every second entry: the polyphase symbol (1 + e^it, 1) has the norm sqrt(5) at t = 0.
        self.assert_encloses(strided, math.sqrt(5), 1e-3)
        self.assertEqual((strided["stride"], strided["assumed"]), ([2], []))

    def test_windows_that_do_not_overlap_have_the_norm_of_the_matrix(self):
        kernel = {"k": ("F64", (2, 1, 2), [3.0, 0, 0, 4.0])}
        tensor = self.tensors(checkpoints.onnx_graph([("Conv", ["x", "k"], ["y"], {"strides": [2]})], kernel))["k"]
        self.assertEqual((tensor["operator_norm"]["lower"], tensor["operator_norm"]["upper"]),
                         (tensor["sigma_max"]["lower"], tensor["sigma_max"]["upper"]))
        self.assert_encloses(tensor["operator_norm"], 4, 1e-6)

    def test_groups_and_transposed_convolutions_are_told_apart(self):
        kernel = {"k": ("F64", (4, 1, 3), [1.0] * 3 + [2.0] * 3 + [0.0] * 6)}
        grouped = self.norm(checkpoints.onnx_graph([("Conv", ["x", "k"], ["y"], {"group": 4})], kernel))
        self.assert_encloses(grouped, 6, 1e-3)
        self.assertEqual((grouped["groups"], grouped["transposed"], grouped["output_padding"]), (4, False, None))
        transposed = self.norm(checkpoints.onnx_graph([("ConvTranspose", ["x", "k"], ["y"], {})], kernel))
        self.assertEqual((transposed["groups"], transposed["transposed"], transposed["output_padding"]), (1, True, [0]))
        # Of four inputs, two are used: sqrt(1 + 4) times three ones.
        self.assert_encloses(transposed, 3 * math.sqrt(5), 1e-3)

    def test_a_kernel_of_two_sizes_is_asked_at_every_size(self):
        graph = checkpoints.onnx_graph([("Conv", ["x", "k"], ["h"], {}), ("Conv", ["h", "k"], ["y"], {})],
                                       {"k": ones(1, 1, 3)})
        norm = self.norm(with_size(graph, (1, 1, 12)))
        self.assertEqual((norm["question"], norm["input_size"], norm["padding"]), ("every_size", None, [[0, 0]]))

    def test_options_say_what_the_file_does_not(self):
        content = checkpoints.safetensors({"up.conv.weight": ones(1, 1, 3), "down.conv.weight": ones(1, 1, 3)})
        tensors = self.tensors(content, "--stride", "down=2", "--dilation", "conv=1", "--padding", "conv=0:1",
                               "--stride", "conv=1", "--input-size", "up=7", "--norm-width", "1e-3")
        up, down = tensors["up.conv.weight"]["operator_norm"], tensors["down.conv.weight"]["operator_norm"]
        self.assertEqual((up["stride"], up["padding"], up["input_size"]), ([1], [[0, 1]], [7]))
        self.assertEqual((up["assumed"], down["assumed"]), ([], []))
        self.assertEqual((down["stride"], down["question"]), ([2], "every_size"))
        self.assert_encloses(down, math.sqrt(5), 1e-3)
        # Six outputs: [1, 1, 1] from the first to the last entry, and one that reads two entries and a zero.
        self.assert_encloses(up, self.largest_singular_value(7, 6), 1e-3)

    @staticmethod
    def largest_singular_value(columns, rows):
        """Of the matrix with ones at (i, i), (i, i + 1), (i, i + 2): power iteration, whose error is far below 1e-9."""
        x = [1.0] * columns
        for _ in range(2000):
            y = [sum(x[i:i + 3]) for i in range(rows)]
            x = [sum(y[i] for i in range(rows) if i <= j <= i + 2) for j in range(columns)]
            length = math.sqrt(sum(each * each for each in x))
            x = [each / length for each in x]
        return math.sqrt(length)

    def test_an_input_size_counts_only_where_all_else_is_known(self):
        content = checkpoints.safetensors({"conv.weight": ones(1, 1, 3)})
        said = ["--input-size", "conv=7"]
        for option in ("--stride", "--dilation", "--padding"):
            norm = self.norm(content, *said)
            self.assertEqual((norm["question"], norm["input_size"]), ("every_size", None))
            said += [option, "conv=1"]
        self.assertEqual(self.norm(content, *said)["input_size"], [7])

    def test_circular_padding_is_a_question_of_its_own(self):
        content = checkpoints.safetensors({"conv.weight": ones(1, 1, 3)})
        norm = self.norm(content, "--padding", "conv=1", "--padding-mode", "conv=circular", "--input-size", "conv=7",
                         "--stride", "conv=1", "--dilation", "conv=1")
        self.assertEqual((norm["question"], norm["padding_mode"]), ("circular", "circular"))
        self.assert_encloses(norm, 3, 1e-3)

    def test_a_sidecar_says_the_same_as_options(self):
        content = checkpoints.safetensors({"conv.weight": ones(1, 1, 3)})
        sidecar = self.write("geometry.json", json.dumps(
            {"conv": {"stride": 1, "padding": [[0, 1]], "dilation": [1], "input_size": [7], "padding_mode": None}}).encode())
        by_file = self.norm(content, "--geometry", sidecar)
        by_options = self.norm(content, "--stride", "conv=1", "--padding", "conv=0:1", "--dilation", "conv=1",
                               "--input-size", "conv=7")
        self.assertEqual(by_file, by_options)
        self.assertEqual(self.norm(content, "--geometry", sidecar, "--stride", "conv=3")["stride"], [3], "options first")

    def test_a_report_can_be_fed_back_as_a_sidecar(self):
        norm = self.tensors(EXAMPLE, "--norm-width", "0.05")["conv1.weight"]["operator_norm"]
        sidecar = self.write("geometry.json", json.dumps({"^conv1": norm}).encode())
        again = self.tensors(REPOSITORY / "examples/models/fashion_mnist.safetensors", "--geometry", sidecar,
                             "--norm-width", "0.05", "--layers", "conv1")["conv1.weight"]["operator_norm"]
        self.assertEqual({key: again[key] for key in ("question", "input_size", "padding", "stride", "assumed")},
                         {key: norm[key] for key in ("question", "input_size", "padding", "stride", "assumed")})

    def test_a_sidecar_that_is_wrong_is_refused_with_the_place(self):
        path = self.write("m.safetensors", checkpoints.safetensors({"conv.weight": ones(1, 1, 3)}))
        for text, wanted in [("[]", "object"), ("{\"a\": 3}", "object"), ("{\"a\": {\"strides\": 2}}", "no member 'strides'"),
                             ("{\"a\": {\"stride\": 0}}", "at least 1"), ("{\"a\": {\"stride\": -1}}", "whole numbers"),
                             ("{\"a\": {\"stride\": [1, 1, 1, 1]}}", "three axes"), ("{\"a\": {\"stride\": {}}}", "object"),
                             ("{\"a\": {\"padding\": [[1]]}}", "pair"), ("{\"a\": {\"padding\": \"most\"}}", "'same'"),
                             ("{\"a\": {\"padding_mode\": \"no\"}}", "circular"), ("{\"a\": {}, \"a\": {}}", "twice"),
                             ("{\"a\": {\"stride\": 1, \"stride\": 1}}", "twice"), ("{\"a\": {\"groups\": [1]}}", "list"),
                             ("{\"a\": {\"transposed\": 1}}", "true or false"), ("{", "JSON")]:
            sidecar = self.write("geometry.json", text.encode())
            error = self.expect(3, "audit", path, "--geometry", sidecar).err
            self.assertIn(wanted, error, text)
            self.assertIn("geometry.json", error, text)
        self.expect(3, "audit", path, "--geometry", "nowhere.json")
        sidecar = self.write("geometry.json", b"{\"(\": {\"stride\": 1}}")
        self.expect(2, "audit", path, "--geometry", sidecar)

    def test_options_that_are_wrong_are_refused(self):
        path = self.write("m.safetensors", checkpoints.safetensors({"conv.weight": ones(1, 1, 3)}))
        for option, value in [("--stride", "conv"), ("--stride", "=2"), ("--stride", "conv=0"), ("--stride", "conv=2x"),
                              ("--stride", "conv=1x1x1x1"), ("--padding", "conv=-1"), ("--padding", "conv=1:2:3"),
                              ("--padding", "conv=full"), ("--padding-mode", "conv=mirror"), ("--dilation", "conv=a"),
                              ("--input-size", "conv=0x3"), ("--norm-width", "0"), ("--norm-width", "wide"),
                              ("--stride", "(=2")]:
            self.assertIn(option, self.expect(2, "audit", path, option, value).err)
        self.assertIn("no tensor's name matches 'cnv'", self.expect(0, "audit", path, "--stride", "cnv=2").err)
        sidecar = self.write("g.json", b'{"conv": {"stride": 2}, "cnv": {"stride": 2}}')
        error = self.expect(0, "audit", path, "--geometry", sidecar).err
        self.assertIn(f"--geometry {sidecar}: no tensor's name matches 'cnv'", error)
        self.assertNotIn("'conv'", error)

    def test_values_for_other_axes_than_a_kernel_has_are_refused(self):
        path = self.write("m.safetensors", checkpoints.safetensors(
            {"conv.weight": ones(1, 1, 3, 3), "line.weight": ones(1, 1, 3), "conv.bias": ones(1)}))
        kernel = "3 values for 'conv.weight', which has 2 spatial axes and matches 'conv'"
        for option, value in [("--stride", "2x2x2"), ("--dilation", "1x2x1"), ("--padding", "1x1x1"),
                              ("--padding", "0:1x1x1"), ("--input-size", "9x9x9")]:
            self.assertIn(f"{option}: {kernel}", self.expect(2, "audit", path, option, f"conv={value}").err)
        for member, value in [("stride", [2, 2, 2]), ("dilation", [1, 2, 1]), ("padding", [[1, 1], [1, 1], [1, 1]]),
                              ("input_size", [9, 9, 9]), ("output_padding", [1, 0, 0])]:
            sidecar = self.write("g.json", json.dumps({"conv": {member: value}}).encode())
            error = self.expect(2, "audit", path, "--geometry", sidecar).err
            self.assertIn(f"--geometry {sidecar}, {member}: {kernel}", error)
        # One of the kernels that a pattern matches is enough.
        error = self.expect(2, "audit", path, "--stride", "weight=2x1").err
        self.assertIn("--stride: 2 values for 'line.weight', which has 1 spatial axis", error)
        self.assertIn("a pattern that matches only kernels with 2 spatial axes", error)

    def test_only_what_counts_must_fit_a_kernel(self):
        path = self.write("m.safetensors", checkpoints.safetensors(
            {"conv.weight": ones(1, 1, 3, 3), "line.weight": ones(1, 1, 3), "conv.bias": ones(1)}))
        strides = {name: tensor["operator_norm"]["stride"] for name, tensor in self.tensors(
            path, "--stride", "line=2", "--stride", ".*=2x1", "--padding", "line=same", "--padding", ".*=1x1").items()}
        self.assertEqual(strides, {"conv.weight": [2, 1], "line.weight": [2]})
        self.tensors(path, "--stride", "weight=2x1", "--exclude", "line")
        self.expect(2, "audit", path, "--stride", "weight=2x1", "--stride", "line=2")

    def test_quick_leaves_the_operator_norm_out(self):
        content = checkpoints.safetensors({"conv.weight": ones(1, 1, 3)})
        for arguments in (("--quick",), ("--certify", "none"), ("--norm-width", "none")):
            self.assertIsNone(self.norm(content, *arguments))
        self.assert_encloses(self.norm(content, "--quick", "--norm-width", "1e-2"), 3, 1e-2)

    def test_gates_keep_the_meaning_of_sigma_max(self):
        content = checkpoints.safetensors({"conv.weight": ones(1, 1, 3, 3), "fc.weight": checkpoints.matrix([[2.0]])})
        path = self.write("m.safetensors", content)
        self.expect(0, "audit", path, "--fail-if", "sigma_max > 3.1")
        error = self.expect(1, "audit", path, "--fail-if", "operator_norm > 3.1").err
        self.assertRegex(error, r"conv.weight, operator_norm in \[8\.9.*, 9\.0")
        self.assertNotIn("fc.weight", error)
        self.expect(0, "audit", path, "--fail-if", "operator_norm > 9.1")
        self.assertIn("fc.weight", self.expect(1, "audit", path, "--fail-if", "operator_norm < 2.5").err)
        self.expect(1, "audit", path, "--fail-if", "operator_norm.upper > 8")
        error = self.expect(4, "audit", path, "--quick", "--fail-if", "operator_norm > 9.1").err
        self.assertIn("conv.weight", error)
        self.expect(0, "audit", path, "--quick", "--fail-if", "operator_norm > 9.1", "--allow", "missing")

    def test_weights_can_be_sorted_by_their_operator_norm(self):
        content = checkpoints.safetensors({"conv.weight": ones(1, 1, 3, 3), "fc.weight": checkpoints.matrix([[5.0]])})
        path = self.write("m.safetensors", content)
        order = lambda key: [tensor["name"] for tensor in json.loads(
            self.expect(0, "audit", path, "--format", "json", "--sort", key).out)["tensors"]]
        self.assertEqual(order("operator_norm"), ["conv.weight", "fc.weight"])
        self.assertEqual(order("sigma_max"), ["fc.weight", "conv.weight"])

    def test_the_table_shows_the_operator_norm_in_eighty_columns(self):
        text = self.expect(0, "audit", EXAMPLE, COLUMNS="80").out
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        self.assertRegex(text, r"operator +stable")
        self.assertNotIn("\N{DAGGER}", text)
        self.assertRegex(" ".join(text.split()), "The operator norm of a convolution is its own")
        self.assertRegex(" ".join(text.split()), r"Largest operator norm \S+ ✓ in conv2.weight")
        text = self.expect(0, "audit", EXAMPLE, "--quick", COLUMNS="80").out
        self.assertIn("\N{DAGGER}32x144", text)
        self.assertNotIn("operator norm of a convolution", text)

    def test_the_table_marks_what_is_assumed(self):
        path = self.write("m.safetensors", checkpoints.safetensors({"conv.weight": ones(1, 1, 3, 3)}))
        text = self.expect(0, "audit", path, COLUMNS="80").out
        self.assertRegex(text, "conv.weight.* ✓°")
        self.assertRegex(" ".join(text.split()), "° assumed, because nothing states it: stride 1, dilation 1, zero "
                         r"padding \(--stride, --dilation, --padding\)")
        text = self.expect(0, "audit", path, "--stride", "conv=1", "--dilation", "conv=1", COLUMNS="80").out
        self.assertIn("° assumed, because nothing states it: zero padding (--padding)", " ".join(text.split()))
        text = self.expect(0, "audit", path, "--stride", "conv=1", "--dilation", "conv=1", "--padding", "conv=1").out
        self.assertNotIn("°", text)
        text = self.expect(0, "audit", path, LC_ALL="C").out
        self.assertRegex(text, r"conv.weight.* \*\?")

    def test_a_model_without_convolutions_has_the_table_that_it_had(self):
        path = self.write("m.safetensors", checkpoints.safetensors({"fc.weight": checkpoints.matrix([[2.0]])}))
        text = self.expect(0, "audit", path, COLUMNS="200").out
        self.assertNotIn("operator", text)
        self.assertIn("sigma_max", text)

    def test_a_file_with_impossible_settings_is_measured_all_the_same(self):
        kernel = {"k": ones(1, 1, 3)}
        for attributes, size in [({"strides": [0]}, 8), ({"dilations": [2**64 - 1]}, 8), ({"pads": [2**64 - 1, 0]}, 8),
                                 ({"dilations": [2**40]}, 8), ({"pads": [2**40, 0]}, 8), ({}, 2), ({}, 2**40),
                                 ({"strides": [2**29], "pads": [2**29, 2**29]}, 2**29)]:
            graph = checkpoints.onnx_graph([("Conv", ["x", "k"], ["y"], attributes)], kernel)
            norm = self.norm(with_size(graph, (1, 1, size)))
            self.assertEqual(norm["question"], "every_size", (attributes, size))
            self.assertGreaterEqual(norm["upper"], math.sqrt(3))

    def test_nan_leaves_no_operator_norm(self):
        content = checkpoints.safetensors({"conv.weight": ("F64", (1, 1, 3), [1.0, math.nan, 0.0])})
        self.assertIsNone(self.norm(content))

    def test_csv_has_the_operator_norm(self):
        first = next(csv.DictReader(io.StringIO(self.expect(0, "audit", EXAMPLE, "--format", "csv").out)))
        self.assertGreater(float(first["operator_norm_lower"]), 5.2)
        self.assertEqual((first["operator_norm_question"], first["convolution"], first["operator_norm_assumed"]),
                         ("input_size", "28x28", ""))


class NormOfConvolutions(ConvolutionTest):

    def measure(self, content, settings, *arguments, code=0, name="m.safetensors"):
        path = content if hasattr(content, "exists") else self.write(name, content)
        finished = self.expect(code, "norm", path, "--conv", settings, "--format", "json", *arguments)
        return json.loads(finished.out) if code == 0 else finished.err

    def test_the_norm_at_a_size(self):
        report = self.measure(checkpoints.safetensors({"k": ones(1, 1, 3)}), "padding=1,input=9,width=1e-4")
        self.assertEqual((report["schema"], report["ord"], report["matrix"]), ("sigmax.norm/1", "2", [9, 9]))
        self.assert_encloses(report["operator_norm"], ones_norm(3, 9), 1e-4)
        self.assertEqual([report[key] for key in ("lower", "upper", "kind")],
                         [report["operator_norm"][key] for key in ("lower", "upper", "kind")])
        self.assertEqual(report["operator_norm"]["assumed"], ["stride", "dilation"])

    def test_every_size_is_asked_without_one(self):
        report = self.measure(checkpoints.safetensors({"k": ones(1, 1, 3, 3)}), "stride=1")
        self.assertEqual((report["operator_norm"]["question"], report["matrix"]), ("every_size", None))
        self.assert_encloses(report["operator_norm"], 9, 1e-6)

    def test_the_settings_change_the_norm_as_they_should(self):
        kernel = checkpoints.safetensors({"k": ones(1, 1, 3)})
        for settings, value in [("stride=2", math.sqrt(5)), ("dilation=2", 3), ("transposed=true,stride=2", math.sqrt(5)),
                                ("stride=3", math.sqrt(3)), ("mode=circular,padding=1,input=5", 3),
                                ("padding=1,input=5,dilation=1", ones_norm(3, 5)),
                                ("stride=3,padding=0,input=9", math.sqrt(3)), ("question=every_size,padding=1,input=5", 3)]:
            norm = self.measure(kernel, settings)["operator_norm"]
            self.assert_encloses(norm, value, 0.02)

    def test_groups_split_the_kernel(self):
        kernel = checkpoints.safetensors({"k": ("F64", (4, 1, 3), [1.0] * 3 + [2.0] * 3 + [0.0] * 6)})
        self.assert_encloses(self.measure(kernel, "groups=4")["operator_norm"], 6, 1e-5)
        self.assert_encloses(self.measure(kernel, "stride=1")["operator_norm"], 3 * math.sqrt(5), 1e-5)

    def test_the_file_says_what_is_not_said(self):
        report = self.measure(EXAMPLE, "file", "--as", "x=skip", code=2)
        self.assertIn("name one", report)
        path = f"{EXAMPLE}:conv3.weight"
        for settings in ("file", "width=0.03", "file,width=0.03"):
            report = json.loads(self.expect(0, "norm", path, "--conv", settings, "--format", "json").out)
            norm = report["operator_norm"]
            self.assertEqual((norm["input_size"], norm["padding"], norm["assumed"]), ([7, 7], [[1, 1], [1, 1]], []))
            self.assert_encloses(norm, EXAMPLE_NORMS["conv3.weight"], 0.03)
        report = json.loads(self.expect(0, "norm", path, "--conv", "input=9x9,width=0.05", "--format", "json").out)
        self.assertEqual(report["operator_norm"]["input_size"], [9, 9])

    def test_the_text_names_the_convolution_and_both_ends(self):
        path = self.write("m.safetensors", checkpoints.safetensors({"k": ones(1, 1, 3)}))
        text = self.expect(0, "norm", path, "--conv", "padding=1,input=9").out
        self.assertIn("padding 1, images of 9", " ".join(text.split()))
        self.assertIn("assumed: stride, dilation", " ".join(text.split()))
        self.assertRegex(text, "operator norm at this image size: 2.9")
        self.assertRegex(text, r"at least 2\.9\d*\n +at most  2\.9\d*  \(proven, rounding included\)")
        value = float(self.expect(0, "norm", path, "--conv", "padding=1,input=9", "--format", "value").out)
        self.assertAlmostEqual(value, ones_norm(3, 9), delta=0.06)

    def test_values_for_other_axes_than_the_kernel_has_are_refused(self):
        path = self.write("m.safetensors", checkpoints.safetensors({"k": ones(1, 1, 3, 3)}))
        for key, value in [("stride", "2x2x2"), ("dilation", "1x2x1"), ("padding", "1x1x1"), ("input", "9x9x9"),
                           ("output_padding", "1x0x0")]:
            error = self.expect(2, "norm", f"{path}:k", "--conv", f"{key}={value}").err
            self.assertIn(f"--conv {key}: 3 values for 'k', which has 2 spatial axes", error)

    def test_padding_with_the_image_itself_is_taken_to_keep_its_size(self):
        path = self.write("m.safetensors", checkpoints.safetensors({"k": ones(1, 1, 3)}))
        known = ("stride=1", "dilation=1", "mode=replicate")
        measured = [json.loads(self.expect(0, "norm", path, "--conv", ",".join([*known, *more]), "--format", "json").out)
                    for more in ([], ["padding=1"])]
        assumed, stated = (report["operator_norm"] for report in measured)
        self.assertEqual((assumed["assumed"], stated["assumed"]), (["padding"], []))
        for member in ("lower", "upper", "padding", "question"):
            self.assertEqual(assumed[member], stated[member])

    def test_requests_that_make_no_sense_are_refused(self):
        path = self.write("m.safetensors", checkpoints.safetensors({"k": ones(1, 1, 3)}))
        for settings, wanted in [("", "KEY=VALUE"), ("stride", "KEY=VALUE"), ("stride=1,", "KEY=VALUE"),
                                 ("file,", "KEY=VALUE"), ("stride=1,file", "or file,width=1e-4 for what the file says"),
                                 ("output_padding=1,stride=2", "transposed=true"), ("stride= 2", "from 1 up"),
                                 ("dilation=1.5", "from 1 up"), ("padding=-1", "amounts such as"),
                                 ("stride=0", "from 1 up"), ("strides=2", "no key 'strides'"),
                                 ("stride=1,stride=2", "twice"), ("mode=mirror", "reflect"), ("groups=2x2", "one number"),
                                 ("transposed=1", "true or false"), ("question=any", "every_size"), ("width=2", "width"),
                                 ("question=input_size", "needs a size"), ("question=circular,input=9", "mode=circular"),
                                 ("question=circular,mode=circular", "needs a size"), ("groups=2", "groups"),
                                 ("question=input_size,mode=circular,input=9", "circular"), ("input=2", "output"),
                                 ("input=9x9", "2 values for 'k', which has 1 spatial axis"), ("input=1000000000", "too much memory")]:
            self.assertIn(wanted, self.expect(2, "norm", path, "--conv", settings).err, settings)
        for more in (("--ord", "fro"), ("--all",), ("--enclose",)):
            self.expect(2, "norm", path, "--conv", "stride=1", *more)
        matrix = self.write("w.npy", checkpoints.npy([[1.0]]))
        self.assertIn("three axes or more", self.expect(2, "norm", matrix, "--conv", "stride=1").err)


if __name__ == "__main__":
    main()
