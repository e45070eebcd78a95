"""The generated manual page and completions contain every option of --help."""

import re
import shutil
import subprocess
import unittest

from command import GENERATED, CommandTest, main

COMMANDS = ("audit", "ls", "norm", "cond", "svd", "lipschitz", "certify")


def options_in(text):
    """Long and short options at the beginning of a word."""
    return set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*|-[a-z])(?![\w-])", text))


class Drift(CommandTest):

    def help_options(self, *command):
        # The lines that describe an option begin with two blanks and a dash.
        out = self.expect(0, *command, "--help").out
        lines = re.findall(r"^  (-.*?)(?:  |$)", out, re.MULTILINE)
        found = options_in("\n".join(lines))
        self.assertIn("--help", found)
        return found

    def all_options(self):
        return set().union(self.help_options(), *(self.help_options(command) for command in COMMANDS))

    def page(self):
        return (GENERATED / "sigmax.1").read_text().replace("\\-", "-")

    def test_the_manual_page_names_every_option_of_each_command_and_no_other(self):
        page = self.page()
        for command in COMMANDS:
            section = re.split(r"\n\.S[SH] ", page.split(f"\n.SS sigmax {command}\n")[1])[0]
            tags = re.findall(r"^\.TP\n(\\fB-.*)$", section, re.MULTILINE)
            self.assertEqual(options_in(re.sub(r"\\f[BIP]", " ", " ".join(tags))), self.help_options(command), command)
        section = re.split(r"\n\.SH ", page.split("\n.SH OPTIONS OF SIGMAX ITSELF\n")[1])[0]
        self.assertEqual(options_in(re.sub(r"\\f[BIP]", " ", section)) & self.all_options(), self.help_options())

    def test_the_manual_page_names_every_exit_status_and_this_version(self):
        page = self.page()
        codes = re.findall(r"^  (\d+)  ", self.expect(0, "audit", "--help").out, re.MULTILINE)
        self.assertEqual(codes, ["0", "1", "2", "3", "4", "130"])
        section = page.split(".SH EXIT STATUS")[1].split(".SH ")[0]
        self.assertEqual(re.findall(r'^\.TP\n\.B "(\d+)"$', section, re.MULTILINE), codes)
        version = self.expect(0, "--version").out.splitlines()[0]
        self.assertIn(f'"{version}"', page.splitlines()[0])

    def test_the_manual_page_has_the_texts_of_the_help(self):
        plain = " ".join(re.sub(r"\\f[BIP]|^\.(PP|TP|B)\b ?", "", self.page(), flags=re.MULTILINE).split())
        for wanted in ("Expressions of --fail-if", "A gate fails closed", "schatten:P", "depthwise_channels_last", "k singular values, the largest first",
                       "sigmax norm matrix.npy --ord fro", "turns colors off if it is set and not empty"):
            self.assertIn(wanted, plain)

    @unittest.skipIf(shutil.which("groff") is None, "groff is not installed")
    def test_groff_renders_the_manual_page_without_a_warning(self):
        process = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-P-c", "-rLL=78n", GENERATED / "sigmax.1"], check=True,
                                 capture_output=True, env=self.environment())
        self.assertEqual(process.stderr, b"")
        text = re.sub(".\b", "", process.stdout.decode())
        self.assertIn("sigmax audit [OPTION]... PATH...", text)
        self.assertIn("\N{CHECK MARK} proven", " ".join(text.split()))

    @unittest.skipIf(shutil.which("zsh") is None, "zsh is not installed")
    def test_zsh_reads_its_completion(self):
        subprocess.run(["zsh", "-n", GENERATED / "_sigmax"], check=True, env=self.environment())

    @unittest.skipIf(shutil.which("fish") is None, "fish is not installed")
    def test_fish_reads_its_completion(self):
        subprocess.run(["fish", "--no-execute", GENERATED / "sigmax.fish"], check=True, env=self.environment())

    def test_bash_reads_its_completion(self):
        subprocess.run(["bash", "-n", GENERATED / "sigmax.bash"], check=True, env=self.environment())

    def complete_in_bash(self, *words):
        script = "\n".join([
            f"source '{GENERATED}/sigmax.bash'",
            "COMP_WORDS=(\"$@\")", "COMP_CWORD=$(($# - 1))", "_sigmax", "printf '%s\\n' \"${COMPREPLY[@]}\""
        ])
        process = subprocess.run(["bash", "--norc", "-c", script, "bash", *words], cwd=self.folder, check=True,
                                 capture_output=True, env=self.environment())
        return set(process.stdout.decode().split())

    def test_bash_completes_the_options_of_each_command(self):
        for command in COMMANDS:
            self.assertEqual(self.complete_in_bash("sigmax", command, "-"), self.help_options(command), command)
        self.assertEqual(self.complete_in_bash("sigmax", "-"), self.help_options())
        self.assertEqual(self.complete_in_bash("sigmax", ""), {*COMMANDS, *self.help_options()})

    def test_bash_completes_values_and_files(self):
        self.write("model.npy", b"")
        self.assertEqual(self.complete_in_bash("sigmax", "audit", "--color", "a"), {"auto", "always"})
        self.assertEqual(self.complete_in_bash("sigmax", "audit", "--color", "=", "n"), {"never"})
        self.assertEqual(self.complete_in_bash("sigmax", "svd", "-o", "mod"), {"model.npy"})
        self.assertEqual(self.complete_in_bash("sigmax", "audit", "--allow", "l"), {"lower-only"})
        self.assertEqual(self.complete_in_bash("sigmax", "ls", "mod"), {"model.npy"})

    def test_the_columns_that_completions_offer_exist(self):
        for key in self.complete_in_bash("sigmax", "audit", "--sort", ""):
            self.expect(3, "audit", "nowhere", "--sort", key)
        for key in self.complete_in_bash("sigmax", "ls", "--sort", ""):
            self.expect(3, "ls", "nowhere", "--sort", key)
        keys = self.complete_in_bash("sigmax", "audit", "--sort", "")
        for name in ("sigmax.fish", "_sigmax"):
            text = (GENERATED / name).read_text()
            for key in keys:
                self.assertIn(key, text, name)

    def test_the_values_that_completions_offer_are_accepted(self):
        for option in ("--format", "--certify", "--color"):
            for value in self.complete_in_bash("sigmax", "audit", option, ""):
                self.expect(3, "audit", "nowhere", option, value + ("9" if value.endswith(":") else ""))
        for option in ("--format", "--accuracy", "--certify", "--method"):
            values = self.complete_in_bash("sigmax", "svd", option, "")
            self.assertTrue(values)
            for value in values:
                self.expect(3, "svd", "nowhere", option, value + ("9" if value.endswith(":") else ""), *self.companions(value))
        for value in self.complete_in_bash("sigmax", "norm", "--ord", ""):
            self.expect(3, "norm", "nowhere", "--ord", value + self.numbers_after(value))

    @staticmethod
    def numbers_after(value):
        """The numbers that complete a spelling."""
        if not value.endswith(":"):
            return ""
        return "2,2" if value in ("mixed:", "induced:") else "2"

    @staticmethod
    def companions(value):
        """The other arguments that an option's value requires."""
        return {"power": ("-k", "1"), "inverse": ("--smallest",)}.get(value, ())

    def test_fish_completes_every_option_and_no_other(self):
        text = (GENERATED / "sigmax.fish").read_text()
        text = re.sub(r"'(\\.|[^'\\])*'", "", text)
        found = {"--" + name for name in re.findall(r" -l ([a-z-]+)", text)}
        found |= {"-" + name for name in re.findall(r" -s ([a-z])\b", text)}
        self.assertEqual(found, self.all_options())

    def test_zsh_completes_every_option_and_no_other(self):
        text = (GENERATED / "_sigmax").read_text()
        found = set(re.findall(r"[{,' ](--?[a-z][a-z-]*)[=+]?(?=[,}'])", re.sub(r"\[[^\]]*\]", "", text)))
        found |= set(re.findall(r"'(--?[a-z][a-z-]*)[=']", text))
        self.assertEqual(found, self.all_options())


if __name__ == "__main__":
    main()
