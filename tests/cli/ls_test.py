"""sigmax ls: the contents of a file."""

import csv
import io
import json

import checkpoints
from command import CommandTest, main


class Listing(CommandTest):

    def setUp(self):
        super().setUp()
        self.content = checkpoints.network()
        self.model = self.write("model.safetensors", self.content)

    def listing(self, *arguments):
        return json.loads(self.expect(0, "ls", self.model, "--format", "json", *arguments).out)

    def test_every_tensor_has_its_name_shape_type_and_bytes(self):
        listing = self.listing()
        self.assertEqual(listing["schema"], "sigmax.ls/1")
        found = [(t["name"], t["shape"], t["dtype"], t["elements"], t["bytes"]) for t in listing["tensors"]]
        self.assertEqual(found, [("encoder.fc1.weight", [4, 6], "f64", 24, 192), ("encoder.fc1.bias", [4], "f64", 4, 32),
                                 ("encoder.conv.weight", [2, 1, 2, 2], "f32", 8, 32),
                                 ("head.weight", [8, 8], "f64", 64, 512), ("steps", [], "i64", 1, 8)])

    def test_the_byte_offset_is_where_the_values_lie(self):
        tensor = self.listing()["tensors"][3]
        start = tensor["offset"]
        rows = checkpoints.npy(checkpoints.hadamard(8))
        self.assertEqual(self.content[start:start + tensor["bytes"]], rows[-512:])

    def test_the_table_shows_offsets_with_v_alone(self):
        self.assertNotIn("offset", self.expect(0, "ls", self.model).out)
        self.assertIn("offset", self.expect(0, "ls", self.model, "-v").out)

    def test_the_table_ends_with_what_was_counted(self):
        self.assertTrue(self.expect(0, "ls", self.model).out.endswith("\n5 tensors, 776 B, in 1 file (safetensors)\n"))
        self.assertIn("2 of 5 tensors", self.expect(0, "ls", self.model, "--layers", "fc1").out)

    def test_filters_sort_and_top_choose_the_tensors(self):
        def names(*arguments):
            return [tensor["name"] for tensor in self.listing(*arguments)["tensors"]]

        self.assertEqual(names("--exclude", "encoder"), ["head.weight", "steps"])
        self.assertEqual(names("--min-dim", "3"), ["encoder.fc1.weight", "head.weight"])
        self.assertEqual(names("--sort", "bytes", "--top", "2"), ["head.weight", "encoder.fc1.weight"])
        self.assertEqual(names("--sort", "name")[0], "encoder.conv.weight")
        self.assertEqual(names("--sort", "elements")[-1], "steps")
        self.assertEqual(names("--sort", "elements:asc")[0], "steps")
        self.assertEqual(names("--sort", "bytes:desc"), names("--sort", "bytes"))
        self.assertEqual(names("--sort", "name:desc"), sorted(names(), reverse=True))
        self.assertIn("KEY:asc", self.expect(2, "ls", self.model, "--sort", "bytes:up").err)

    def test_csv_reads_back(self):
        rows = list(csv.DictReader(io.StringIO(self.expect(0, "ls", self.model, "--format", "csv").out)))
        self.assertEqual(rows[0]["name"], "encoder.fc1.weight")
        self.assertEqual(rows[0]["shape"], "[4, 6]")
        self.assertEqual(rows[0]["bytes"], "192")

    def test_markdown_is_a_table(self):
        lines = self.expect(0, "ls", self.model, "--format", "markdown").out.splitlines()
        self.assertEqual(len(lines), 2 + 5)
        self.assertTrue(all(line.startswith("| ") and line.endswith(" |") for line in lines))

    def test_a_type_that_cannot_be_read_is_listed_with_the_reason(self):
        path = self.write("odd.safetensors", self.content.replace(b'"F32"', b'"U32"').replace(b'"I64"', b'"Q99"'))
        finished = self.run_sigmax("ls", path)
        if finished.code == 0:
            self.assertIn("Cannot be read", finished.out)
            self.assertIn("steps", finished.out)
        else:
            self.assertEqual(finished.code, 3)

    def test_the_table_fits_80_columns(self):
        path = self.write("long.safetensors", checkpoints.safetensors(
            {"block." * 30 + "weight": checkpoints.matrix([[1.0]]), "w" * 300: checkpoints.matrix([[1.0]])}))
        out = self.expect(0, "ls", path, "-v", COLUMNS="80").out
        self.assertLessEqual(max(map(len, out.splitlines())), 80)


if __name__ == "__main__":
    main()
