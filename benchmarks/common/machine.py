"""What a record says of the machine and of the program that it measured."""

import json
import pathlib
import platform
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def commit():
    """Of the sources, with -dirty where they differ from it; None outside of a repository."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude", "*"]
    found = subprocess.run(command, capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else None


def describe(program, threads):
    """`program --machine` prints the processor, the BLAS and its kernels, and the SIMD target that it uses, as JSON."""
    found = subprocess.run([str(program), "--machine"], check=True, capture_output=True, text=True).stdout
    return {**json.loads(found), "threads": threads, "commit": commit(), "python": platform.python_version()}
