"""Files that are truncated while the command reads them: exit code 3 and a message that names the file."""

import io
import os
import re
import zipfile

import checkpoints
from command import CommandTest, main

SIDE = 96  # 73,728 bytes of data: enough pages to lose most


def contents():
    """One matrix in each form in which a reader gets its bytes: in place, copied, inflated."""
    rows = checkpoints.diagonal([float(i + 1) for i in range(SIDE)])
    deflated = io.BytesIO()
    with zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w.npy", checkpoints.npy(checkpoints.with_spectrum([1.0 + i for i in range(SIDE)], SIDE, SIDE)))
    return {
        "m.npy": checkpoints.npy(rows),
        "unaligned.npy": checkpoints.npy(rows).replace(b" \n", b"\n").replace(b"\x76\x00{", b"\x75\x00{"),
        "m.npz": checkpoints.npz({"w": rows}),
        "deflated.npz": deflated.getvalue(),
        "m.safetensors": checkpoints.safetensors({"w": checkpoints.matrix(rows)}),
        "m.pt": checkpoints.torch_archive(rows),
    }


def without_times(text):
    """The seconds are the last column of a CSV."""
    return re.sub(r",[0-9.e-]+\r?$", "", text, flags=re.MULTILINE) if text.startswith("name,") else text


def commands(name):
    return [("audit", name, "-q", "--format", "csv", "--seed", "1"),
            ("audit", name, "-q", "--quick", "-j", "4", "--format", "csv", "--seed", "1"),
            ("norm", name, "--ord", "nuc", "--format", "value"),
            ("norm", name, "--ord", "fro", "--format", "value"), ("svd", name, "-k", "2", "--format", "values", "--seed", "1")]


class TruncatedTest(CommandTest):

    def run_truncating(self, name, left, looks, *arguments):
        return self.run_sigmax(*arguments, LD_PRELOAD=os.environ["SIGMAX_TRUNCATING_MMAP"],
                               SIGMAX_TRUNCATE=f"{name}:{left}:{looks}")

    def expect_named(self, finished, name, had, left):
        self.assertEqual(finished.code, 3, finished.err)
        self.assertIn(f"{name}: was truncated while it was read: it had {had} bytes and has {left}", finished.err)
        self.assertEqual(finished.out, "")

    def test_truncated_as_soon_as_it_is_mapped(self):
        for name, content in contents().items():
            for command in commands(name) + [("norm", name), ("ls", name)]:
                for left in (0, 4096, 8192):
                    with self.subTest(command=command, left=left):
                        self.write(name, content)
                        self.expect_named(self.run_truncating(name, left, 0, *command), name, len(content), left)

    def test_truncated_at_any_later_moment(self):
        """Truncates after each check that the command makes of the file. If it still prints a result, it prints that of
        the whole file, because the last check came after the last read."""
        for name, content in contents().items():
            for command in commands(name):
                self.write(name, content)
                whole = self.expect(0, *command)
                refused = 0
                for looks in range(1, 20):
                    with self.subTest(command=command, looks=looks):
                        self.write(name, content)
                        finished = self.run_truncating(name, 4096, looks, *command)
                        if finished.code == 0:
                            self.assertEqual(without_times(finished.out), without_times(whole.out))
                            break
                        self.expect_named(finished, name, len(content), 4096)
                        refused += 1
                # After the header, after load(), and before the very last check.
                self.assertGreaterEqual(refused, 2, command)

    def test_no_report_is_left(self):
        content = contents()["m.npy"]
        for looks in (0, 2, 3):
            self.write("m.npy", content)
            finished = self.run_truncating("m.npy", 4096, looks, "audit", "m.npy", "--json", "report.json")
            self.expect_named(finished, "m.npy", len(content), 4096)
            self.assertFalse((self.folder / "report.json").exists())

    def test_a_shard_of_many_processes_is_named_itself(self):
        rows = checkpoints.diagonal([float(i + 1) for i in range(SIDE)])
        for looks in (0, 1, 2):
            for name, content in checkpoints.distributed({"w": rows}).items():
                self.write(f"dcp/{name}", content)
            had = (self.folder / "dcp/__1_0.distcp").stat().st_size
            finished = self.run_truncating("__1_0.distcp", 4096, looks, "norm", "dcp", "--ord", "fro")
            self.expect_named(finished, "dcp/__1_0.distcp", had, 4096)

    def test_a_shard_of_an_index_is_named_itself(self):
        rows = checkpoints.diagonal([float(i + 1) for i in range(SIDE)])
        shard = checkpoints.safetensors({"w": checkpoints.matrix(rows)})
        self.write("model.safetensors.index.json", b'{"weight_map": {"w": "parts/a.safetensors"}}')
        for looks in (0, 1, 2, 3):
            self.write("parts/a.safetensors", shard)
            finished = self.run_truncating("parts/a.safetensors", 4096, looks, "audit", ".", "-q")
            self.expect_named(finished, "./parts/a.safetensors", len(shard), 4096)


if __name__ == "__main__":
    main()
