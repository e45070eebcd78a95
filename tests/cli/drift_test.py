"""Help, manual page and completions speak of the same options."""

import re
import subprocess

from command import REPOSITORY, CommandTest, main

COMMANDS = ("audit", "ls", "norm", "svd")


def options_in(text):
    """Long and short options that begin a word."""
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

    def test_the_manual_page_names_every_option_and_no_other(self):
        page = (REPOSITORY / "cli/man/sigmax.1").read_text().replace("\\-", "-")
        tags = re.findall(r"^\.TP\n\.[A-Z]+ (.*)$", page, re.MULTILINE)
        self.assertEqual(options_in(" ".join(tags)), self.all_options())

    def test_the_manual_page_names_every_command_and_exit_status(self):
        page = (REPOSITORY / "cli/man/sigmax.1").read_text()
        for command in COMMANDS:
            self.assertIn(f".SS sigmax {command}\n", page)
        codes = re.findall(r"^  (\d+)  ", self.expect(0, "audit", "--help").out, re.MULTILINE)
        self.assertEqual(codes, ["0", "1", "2", "3", "4", "130"])
        section = page.split(".SH EXIT STATUS")[1].split(".SH ")[0]
        self.assertEqual(re.findall(r"^\.TP\n\.B (\d+)$", section, re.MULTILINE), codes)

    def test_the_manual_page_is_of_this_version(self):
        version = self.expect(0, "--version").out.splitlines()[0]
        self.assertIn(f'"{version}"', (REPOSITORY / "cli/man/sigmax.1").read_text().splitlines()[0])

    def complete_in_bash(self, *words):
        script = "\n".join([
            f"source '{REPOSITORY}/cli/completions/sigmax.bash'",
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
        self.assertEqual(self.complete_in_bash("sigmax", "ls", "mod"), {"model.npy"})

    def test_the_columns_that_completions_offer_exist(self):
        for key in self.complete_in_bash("sigmax", "audit", "--sort", ""):
            self.expect(3, "audit", "nowhere", "--sort", key)
        for key in self.complete_in_bash("sigmax", "ls", "--sort", ""):
            self.expect(3, "ls", "nowhere", "--sort", key)
        keys = self.complete_in_bash("sigmax", "audit", "--sort", "")
        for name in ("sigmax.fish", "_sigmax"):
            text = (REPOSITORY / "cli/completions" / name).read_text()
            for key in keys:
                self.assertIn(key, text, name)

    def test_the_values_that_completions_offer_are_accepted(self):
        for option in ("--format", "--certify", "--color"):
            for value in self.complete_in_bash("sigmax", "audit", option, ""):
                self.expect(3, "audit", "nowhere", option, value)
        for option in ("--format", "--accuracy", "--certify", "--method"):
            values = self.complete_in_bash("sigmax", "svd", option, "")
            self.assertTrue(values)
            for value in values:
                self.expect(3, "svd", "nowhere", option, value, *self.companions(value))
        for value in self.complete_in_bash("sigmax", "norm", "--ord", ""):
            self.expect(3, "norm", "nowhere", "--ord", value + ("2" if value.endswith(":") else ""))

    @staticmethod
    def companions(value):
        """What an option's value needs beside it."""
        return {"power": ("-k", "1"), "inverse": ("--smallest",)}.get(value, ())

    def test_fish_completes_every_option_and_no_other(self):
        text = (REPOSITORY / "cli/completions/sigmax.fish").read_text()
        found = {"--" + name for name in re.findall(r" -l ([a-z-]+)", text.replace("set -l", ""))}
        found |= {"-" + name for name in re.findall(r" -s ([a-z])\b", text)}
        self.assertEqual(found, self.all_options())

    def test_zsh_completes_every_option_and_no_other(self):
        text = (REPOSITORY / "cli/completions/_sigmax").read_text()
        found = options_in(re.sub(r"\[[^\]]*\]", "", text).replace("{", " ").replace("}", " ").replace("'", " ")
                           .replace("*", " ").replace(",", " ").replace("+", " "))
        found -= {"-a", "-s", "-A"}  # flags of the shell's own builtins
        self.assertEqual(found, self.all_options())


if __name__ == "__main__":
    main()
