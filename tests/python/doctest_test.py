"""The examples of the docstrings and of docs/python.md, and that every public function has the parts of a docstring."""

import doctest
import importlib
import pathlib
import re
import unittest

import sigmax

GUIDE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "python.md"


class Examples(unittest.TestCase):
    def test_docstrings_are_true(self):
        modules = {getattr(sigmax, name).__module__ for name in sigmax.__all__ if name != "__version__"}
        for name in sorted(modules):
            failed, attempted = doctest.testmod(importlib.import_module(name))
            self.assertEqual(failed, 0, name)
            self.assertGreater(attempted, 0, name)

    def test_the_guide_is_true(self):
        blocks = re.findall(r"```pycon\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
        self.assertGreater(len(blocks), 2)
        runner = doctest.DocTestRunner()
        test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "python.md", str(GUIDE), 0)
        self.assertEqual(runner.run(test).failed, 0)

    def test_every_function_says_what_it_computes(self):
        for name in ("norm", "cond", "svd", "pinv", "svds", "enclose"):
            text = getattr(sigmax, name).__doc__
            for part in ("Parameters", "Returns", "Raises", "Notes", "Examples", ">>>"):
                self.assertIn(part, text, name)


if __name__ == "__main__":
    unittest.main()
