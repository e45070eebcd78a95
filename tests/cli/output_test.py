"""Where output goes: report files, pipes, terminals, signals."""

import csv
import fcntl
import json
import os
import pty
import select
import signal
import stat
import struct
import subprocess
import termios
import time

import checkpoints
from command import BINARY, CommandTest, main


class ReportFiles(CommandTest):

    def setUp(self):
        super().setUp()
        self.model = self.write("model.safetensors", checkpoints.network())

    def test_several_reports_are_written_in_one_run(self):
        names = {"--json": "a.json", "--html": "a.html", "--csv": "a.csv", "--markdown": "a.md"}
        arguments = [word for pair in names.items() for word in pair]
        finished = self.expect(0, "audit", self.model, *arguments)
        self.assertIn("head.weight", finished.out)
        self.assertEqual(json.loads((self.folder / "a.json").read_text())["schema"], "sigmax.audit/1")
        self.assertIn("head.weight", (self.folder / "a.html").read_text())
        self.assertEqual(len(list(csv.DictReader((self.folder / "a.csv").open()))), 3)
        self.assertIn("`head.weight`", (self.folder / "a.md").read_text())
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()),
                         ["a.csv", "a.html", "a.json", "a.md", "model.safetensors"])

    def test_the_file_and_standard_output_hold_the_same_json(self):
        finished = self.expect(0, "audit", self.model, "--format", "json", "--json", "a.json")
        self.assertEqual(finished.out, (self.folder / "a.json").read_text())

    def test_a_report_remembers_the_command_line(self):
        self.expect(0, "audit", "model.safetensors", "--layers", "head|fc", "--json", "a.json")
        text = (self.folder / "a.json").read_text()
        self.assertIn("sigmax audit model.safetensors --layers 'head|fc' --json a.json", text)

    def test_an_existing_report_is_replaced_and_keeps_its_mode(self):
        path = self.write("a.json", b"old")
        path.chmod(0o640)
        self.expect(0, "audit", self.model, "--json", path)
        self.assertTrue(path.read_text().startswith("{"))
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o640)

    def test_a_link_stays_a_link(self):
        target = self.write("real/a.json", b"old")
        (self.folder / "a.json").symlink_to(target)
        self.expect(0, "audit", self.model, "--json", "a.json")
        self.assertTrue((self.folder / "a.json").is_symlink())
        self.assertTrue(target.read_text().startswith("{"))

    def test_a_device_is_written_to_and_not_replaced(self):
        self.expect(0, "audit", self.model, "--json", "/dev/null")
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))

    def test_a_place_that_cannot_be_written_is_told_before_the_work(self):
        for path in ("nowhere/a.json", self.folder):
            finished = self.expect(3, "audit", self.model, "--json", path)
            self.assertEqual(finished.out, "")

    def test_a_checkpoint_is_never_overwritten_by_a_report(self):
        before = self.model.read_bytes()
        self.assertIn("overwrite", self.expect(3, "audit", self.model, "--csv", self.model).err)
        self.assertEqual(self.model.read_bytes(), before)

    def test_a_dash_or_the_same_file_twice_is_a_usage_error(self):
        self.expect(2, "audit", self.model, "--json", "-")
        self.expect(2, "audit", self.model, "--json", "a", "--csv", "a")

    def test_a_full_device_is_an_error(self):
        with open("/dev/full", "wb") as full:
            process = subprocess.run([BINARY, "audit", self.model], stdout=full, stderr=subprocess.PIPE, check=False,
                                     env=self.environment())
        self.assertEqual(process.returncode, 3)
        self.assertIn(b"standard output", process.stderr)
        self.assertIn("No space", self.expect(3, "audit", self.model, "--json", "/dev/full").err)


class Pipes(CommandTest):

    def test_a_closed_pipe_is_no_crash_and_the_report_file_is_still_written(self):
        model = self.write("model.safetensors", checkpoints.network())
        self.expect_written_despite_a_closed_pipe("a.json", "audit", model, "--json", "a.json")

    def test_a_pipe_gets_neither_color_nor_progress(self):
        model = self.write("model.safetensors", checkpoints.network())
        finished = self.expect(0, "audit", model)
        self.assertNotIn("\x1b", finished.out + finished.err)
        self.assertNotIn("\r", finished.out + finished.err)

    def test_color_can_be_forced(self):
        model = self.write("model.safetensors", checkpoints.network())
        self.assertIn("\x1b[", self.expect(0, "audit", model, "--color=always", NO_COLOR="1").out)

    def test_a_locale_without_utf8_gets_ascii(self):
        model = self.write("model.safetensors", checkpoints.network())
        for command in ("audit", "ls"):
            self.assertTrue(self.expect(0, command, model, LC_ALL="C").out.isascii())


class Terminals(CommandTest):
    """The command on a pseudo-terminal of 80 columns."""

    def big_model(self, side=700, count=12):
        # Values without a pattern, so that the audit takes about a second.
        state, values = 1, []
        for _ in range(side * side):
            state = state * 6364136223846793005 % 2**64 + 1442695040888963407
            values.append((state >> 40) / 2**24 - 0.5)
        tensors = {f"layer{i}.\x1bweight": ("F32", (side, side), values) for i in range(count)}
        return self.write("big.safetensors", checkpoints.safetensors(tensors))

    def on_terminal(self, *arguments, interrupt_after=None, **environment):
        """Returns (exit code, standard output, standard error), each stream on a separate terminal."""
        pairs = [pty.openpty() for _ in range(2)]
        process = subprocess.Popen([BINARY, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=pairs[0][1],
                                   stderr=pairs[1][1], cwd=self.folder,
                                   env=self.environment(COLUMNS="80", **environment))
        for _, slave in pairs:
            os.close(slave)
        texts = {master: b"" for master, _ in pairs}
        waiting = set(texts)
        deadline = time.monotonic() + 120
        while waiting and time.monotonic() < deadline:
            for master in select.select(list(waiting), [], [], 0.05)[0]:
                try:
                    chunk = os.read(master, 65536)
                except OSError:
                    chunk = b""
                texts[master] += chunk
                if not chunk:
                    waiting.discard(master)
            if interrupt_after is not None and interrupt_after in texts[pairs[1][0]]:
                process.send_signal(signal.SIGINT)
                interrupt_after = None
        code = process.wait(timeout=60)
        for master, _ in pairs:
            os.close(master)
        return (code, *(texts[master].decode() for master, _ in pairs))

    def test_a_terminal_gets_color_unless_no_color_is_set(self):
        model = self.write("model.safetensors", checkpoints.network())
        self.assertIn("\x1b[", self.on_terminal("audit", model)[1])
        self.assertIn("\x1b[", self.on_terminal("audit", model, NO_COLOR="")[1])
        self.assertNotIn("\x1b[", self.on_terminal("audit", model, NO_COLOR="1")[1])
        self.assertNotIn("\x1b[", self.on_terminal("audit", model, TERM="dumb")[1])
        self.assertNotIn("\x1b[", self.on_terminal("audit", model, "--color", "never")[1])

    def test_progress_is_drawn_on_one_line_and_erased_at_the_end(self):
        code, _, err = self.on_terminal("audit", self.big_model(), "-j", "1")
        self.assertEqual(code, 0)
        self.assertRegex(err, r"\raudit +\d+%  ")
        self.assertTrue(err.endswith("\r\x1b[K"), repr(err[-60:]))
        self.assertNotIn("\n", err)
        self.assertNotIn("\x1bweight", err)
        for line in err.replace("\x1b[K", "").split("\r"):
            self.assertLess(len(line), 80)

    def test_quiet_draws_no_progress(self):
        self.assertEqual(self.on_terminal("audit", self.big_model(count=2), "-q")[2], "")

    def test_an_interrupt_exits_with_130_and_leaves_nothing_half_written(self):
        model = self.big_model(count=40)
        code, out, err = self.on_terminal("audit", model, "--json", "a.json", "-j", "1", interrupt_after=b"%")
        self.assertEqual((code, out), (130, ""))
        self.assertIn("interrupted", err)
        self.assertEqual([p.name for p in self.folder.iterdir()], ["big.safetensors"])

    def test_messages_are_folded_on_a_terminal_and_nowhere_else(self):
        for name in ("a-long-name-of-a-file.gguf", "another-long-name-of-a-file.h5"):
            self.write(f"hub/{name}", b"x")
        self.write("hub/model.safetensors", checkpoints.network())
        command = [BINARY, "audit", "hub", "--fail-if", "sigma > 1e9", "-q"]
        piped = subprocess.run(command, cwd=self.folder, env=self.environment(), capture_output=True, check=False)
        self.assertEqual(len(piped.stderr.splitlines()), 1)
        main_end, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        subprocess.run(command, cwd=self.folder, env=self.environment(NO_COLOR="1"), stderr=terminal, check=False)
        os.close(terminal)
        lines = os.read(main_end, 1 << 16).decode().split("\r\n")
        os.close(main_end)
        self.assertGreater(len(lines), 3)
        self.assertTrue(all(len(line) <= 80 for line in lines), lines)
        self.assertEqual(" ".join(" ".join(lines).split()), " ".join(piped.stderr.decode().split()))


if __name__ == "__main__":
    main()
