"""Runs the real binary, named by the environment variable SIGMAX, in a temporary folder."""

import os
import pathlib
import subprocess
import tempfile
import unittest

BINARY = os.environ.get("SIGMAX", "")
GENERATED = pathlib.Path(os.environ.get("SIGMAX_GENERATED", ""))  # the manual page and the completions
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


class Finished:
    """The results of a run: exit code, standard output, standard error."""

    def __init__(self, process):
        self.code = process.returncode
        self.out = process.stdout.decode()
        self.err = process.stderr.decode()


class CommandTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if not os.access(BINARY, os.X_OK):
            raise RuntimeError(f"SIGMAX must name the binary to test, got '{BINARY}'")

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sigmax-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    @staticmethod
    def environment(**changes):
        kept = {key: os.environ[key] for key in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS") if key in os.environ}
        return {**kept, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", **changes}

    def run_sigmax(self, *arguments, **environment):
        process = subprocess.run([BINARY, *map(str, arguments)], cwd=self.folder, env=self.environment(**environment),
                                 stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
        return Finished(process)

    def expect(self, code, *arguments, **environment):
        """Runs and checks the exit code; a failure shows the command's messages."""
        finished = self.run_sigmax(*arguments, **environment)
        self.assertEqual(finished.code, code, f"{arguments}\n--- stdout\n{finished.out}\n--- stderr\n{finished.err}")
        return finished

    def expect_written_despite_a_closed_pipe(self, file, *arguments):
        """Nobody reads standard output: no crash, no message, and the file is there."""
        reader, writer = os.pipe()
        os.close(reader)
        process = subprocess.run([BINARY, *map(str, arguments)], stdout=writer, stderr=subprocess.PIPE,
                                 cwd=self.folder, env=self.environment(), check=False, timeout=120)
        os.close(writer)
        self.assertEqual((process.returncode, process.stderr), (0, b""))
        self.assertTrue((self.folder / file).exists())


def main():
    unittest.main(verbosity=1)
