#!/usr/bin/env python3
"""Runs PyTorch's own tests of spectral normalization against sigmax.torch.

    python bindings/torch/tests/upstream.py FILE...

Each FILE is a test file of PyTorch's repository, test/nn/test_parametrization.py or test/test_nn.py, which you must
fetch: this project has no copy. The functions that the tests name are replaced
(torch.nn.utils.parametrizations.spectral_norm, torch.nn.utils.spectral_norm, torch.nn.utils.remove_spectral_norm), and
every test whose name contains "spectral_norm" or "parametriz" is run. Exit code 1 if one fails or none was found.
"""

import importlib.util
import sys
import unittest

import torch

import sigmax.torch


def patch():
    torch.nn.utils.parametrizations.spectral_norm = sigmax.torch.spectral_norm
    torch.nn.utils.spectral_norm = sigmax.torch.nn.utils.spectral_norm
    torch.nn.utils.remove_spectral_norm = sigmax.torch.nn.utils.remove_spectral_norm


def wanted(test):
    name = test.id().rpartition(".")[2]
    return "spectral_norm" in name or "parametriz" in name


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


def main(paths):
    sys.argv = sys.argv[:1]  # torch's test helpers read the command line
    patch()
    suite = unittest.TestSuite()
    for number, path in enumerate(paths):
        specification = importlib.util.spec_from_file_location(f"upstream_{number}", path)
        module = importlib.util.module_from_spec(specification)
        sys.modules[specification.name] = module
        specification.loader.exec_module(module)
        suite.addTests(filter(wanted, tests_of(unittest.defaultTestLoader.loadTestsFromModule(module))))
    if suite.countTestCases() == 0:
        print("no test of spectral_norm in", *paths)
        return 1
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
