"""sigmax lipschitz: the page with the drawn graph, the other files, refused nodes with their ways out."""

import html.parser
import re
import xml.etree.ElementTree

import checkpoints
from command import CommandTest, main
from lipschitz_gate_test import CHAIN

# y = relu(A x) + x, and a node whose name is hostile.
RESIDUAL = checkpoints.onnx_graph([("MatMul", ["x", "w"], ["a"], {}), ("Relu", ["a"], ["<b>&\x1b[31m"], {}),
                                   ("Add", ["<b>&\x1b[31m", "x"], ["y"], {})], {"w": ("F32", [2, 2], [30, 0, 0, 0.5])})


def deep(layers):
    """A chain of maps and ReLUs with long names."""
    nodes, tensors, last = [], {}, "x"
    for i in range(layers):
        name = f"/model/backbone/layer{i}/block.0/conv1/MatMul_output_0"
        nodes += [("MatMul", [last, f"w{i}"], [name], {}), ("Relu", [name], [f"r{i}"], {})]
        tensors[f"w{i}"] = ("F32", [2, 2], [1, 0, 0.5, 1])
        last = f"r{i}"
    nodes.append(("MatMul", [last, "w0"], ["y"], {}))
    return checkpoints.onnx_graph(nodes, tensors)


class References(html.parser.HTMLParser):
    """Everything that the page would load or go to."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found += [value for key, value in attributes if key in ("src", "href", "xlink:href", "data")]


class Page(CommandTest):

    def page(self, model, *arguments, code=0):
        path = self.write("model.onnx", model)
        self.expect(code, "lipschitz", path, "--input-shape", "x=1x2", "--no-lower", "--effort", "fast", "-q", "--html",
                    "page.html", *arguments)
        return (self.folder / "page.html").read_text()

    @staticmethod
    def drawings(page):
        """The strips of the graph, as trees: well-formed on their own."""
        figure = re.search(r'<div class="strips">(.*?)</div>', page, re.DOTALL).group(1)
        return [xml.etree.ElementTree.fromstring(each) for each in re.findall(r"<svg.*?</svg>", figure, re.DOTALL)]

    def test_the_graph_has_a_box_for_each_node_and_a_line_for_each_edge(self):
        [drawing] = self.drawings(self.page(RESIDUAL))
        self.assertEqual(len(drawing.findall("g")), 4)
        lines = [each for each in drawing.findall("path") if each.get("class") == "flow"]
        self.assertEqual(len(lines), 4)
        self.assertEqual(sum("C" in each.get("d") for each in lines), 1, "the skip alone curves")
        self.assertTrue(drawing.get("aria-label"))
        for each in [*lines, *drawing.findall("g")]:
            self.assertTrue(each.find("title").text)

    def test_lines_are_thicker_behind_a_node_that_stretches(self):
        [drawing] = self.drawings(self.page(CHAIN))
        widths = [float(each.get("stroke-width")) for each in drawing.findall("path")]
        self.assertEqual(len(widths), 3)
        self.assertLess(widths[0], widths[1])
        self.assertEqual(widths[1], widths[2], "a ReLU stretches nothing")

    def test_a_deep_graph_is_cut_into_strips_that_hold_every_node_once(self):
        drawings = self.drawings(self.page(deep(60)))
        self.assertGreater(len(drawings), 2)
        self.assertEqual(sum(len(each.findall("g")) for each in drawings), 122)
        names = [text.text for each in drawings for text in each.iter("text") if text.get("class") == "name"]
        self.assertTrue(all(len(name) <= 60 for name in names))
        self.assertTrue(any(re.match(r"MatMul .*…", name) for name in names), "the operator stays")
        self.assertLess(max(float(each.get("height")) for each in drawings), 1000)

    def test_the_page_loads_nothing_and_obeys_nothing(self):
        page = self.page(RESIDUAL)
        self.assertIn("default-src 'none'", page)
        self.assertNotIn("\x1b", page)
        self.assertNotIn("<b>&", page)
        references = References()
        references.feed(page)
        self.assertEqual(references.found, [])

    def test_a_node_without_a_bound_is_drawn_with_its_reason(self):
        step = checkpoints.onnx_graph([("Sign", ["x"], ["a"], {}), ("MatMul", ["a", "w"], ["y"], {})],
                                      {"w": ("F32", [2, 1], [1, 1])})
        page = self.page(step, code=4)
        self.assertIn("Without a bound", page)
        [drawing] = self.drawings(page)
        self.assertIn("box none", [each.get("class") for each in drawing.iter("rect")])
        self.assertIn("it jumps", "".join(drawing.itertext()))

    def test_rows_and_inputs_are_on_the_page(self):
        self.write("around.npy", checkpoints.npy([[1.0, 1.0]]))
        page = self.page(RESIDUAL, "--per-output", "all", "--per-pair", "all", "--around", "around.npy", "--eps", "0.1")
        for heading in ("Single outputs", "Differences of two outputs", "Within 0.1 of the inputs of the file", "Methods"):
            self.assertIn(heading, page)


class Files(CommandTest):

    def test_every_format_is_written_and_quiet_prints_nothing(self):
        path = self.write("chain.onnx", CHAIN)
        names = {"--json": "a.json", "--html": "a.html", "--csv": "a.csv", "--markdown": "a.md"}
        arguments = [each for pair in names.items() for each in pair]
        run = self.expect(0, "lipschitz", path, "--input-shape", "x=1x2", "-q", *arguments)
        self.assertEqual((run.out, run.err), ("", ""))
        for name in names.values():
            self.assertIn("MatMul", (self.folder / name).read_text())
        csv = self.expect(0, "lipschitz", path, "--input-shape", "x=1x2", "--format", "csv").out
        self.assertEqual(csv, (self.folder / "a.csv").read_bytes().decode())
        self.assertTrue(csv.startswith("node,operation,shape,bound,running\r\n"))

    def test_a_report_never_replaces_an_input_or_a_folder_that_is_missing(self):
        path = self.write("chain.onnx", CHAIN)
        for target in (path, self.folder / "absent" / "a.html"):
            self.expect(3, "lipschitz", path, "--input-shape", "x=1x2", "--html", target)
        self.assertEqual(path.read_bytes(), CHAIN)


class WaysOut(CommandTest):

    def refused(self, model, *arguments):
        path = self.write("model.onnx", model)
        return self.expect(4, "lipschitz", path, "--input-shape", "x=1x2", "-q", *arguments).err.splitlines()

    def test_each_node_has_its_reason_and_a_way_out(self):
        nodes = [("Sign", ["x"], ["a"], {}), ("Mul", ["x", "x"], ["b"], {}), ("Mystery", ["x"], ["c"], {}),
                 ("Sqrt", ["x"], ["d"], {}), ("Identity", ["x"], ["e"], {})]
        outputs = ("a", "b", "c", "d", "e")
        model = checkpoints.onnx_graph(nodes, {}, outputs=outputs)
        lines = self.refused(model)
        self.assertEqual(len(lines), 4)
        for line, start in zip(lines, ("Sign 'a' ", "Mul 'b' ", "Mystery 'c' ", "Sqrt 'd' ")):
            self.assertTrue(line.startswith(f"sigmax: no bound: {start}"), line)
        self.assertIn("--output b --output c --output d --output e leaves it out", lines[0])
        self.assertIn("it may have one for bounded inputs: --input-box LO,HI", lines[1])
        # With an output left, there is nothing to leave out.
        self.assertIn("it jumps; no option gives it one", self.refused(model, "--output", "a")[0])

    def test_an_output_that_has_a_bound_can_be_asked_for_alone(self):
        nodes = [("MatMul", ["x", "w"], ["scores"], {}), ("ArgMax", ["scores"], ["label"], {"axis": 1})]
        model = checkpoints.onnx_graph(nodes, {"w": ("F32", [2, 2], [3, 0, 0, 4])}, outputs=("scores", "label"))
        lines = self.refused(model)
        self.assertIn("--output scores leaves it out", lines[0])
        out = self.expect(0, "lipschitz", self.folder / "model.onnx", "--input-shape", "x=1x2", "--output", "scores",
                          "--format", "value").out
        self.assertAlmostEqual(float(out), 4, delta=1e-9)
        self.assertIn("has no output 'other'", self.expect(2, "lipschitz", self.folder / "model.onnx", "--input-shape",
                                                           "x=1x2", "--output", "other").err)

    def test_on_a_box_a_smaller_one_may_help(self):
        model = checkpoints.onnx_graph([("Sqrt", ["x"], ["y"], {})], {})
        self.assertIn("it may have one on fewer inputs", self.refused(model, "--input-box", "0,1")[0])
        self.expect(0, "lipschitz", self.folder / "model.onnx", "--input-shape", "x=1x2", "--input-box", "1,2")


if __name__ == "__main__":
    main()
