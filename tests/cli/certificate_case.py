"""Shared by the tests of certificates: the checker as a module, certificates that are changed and sealed again."""

import contextlib
import copy
import hashlib
import importlib.machinery
import importlib.util
import io
import json

import numpy  # Debian: python3-numpy, which the checker needs as well

from command import REPOSITORY, CommandTest

ACCEPTED, REFUSED, UNCHECKED = 0, 1, 3


def load_checker():
    """It needs nothing but the standard library and NumPy."""
    loader = importlib.machinery.SourceFileLoader("check_certificate", str(REPOSITORY / "tools/check-certificate"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_certificate", loader))
    loader.exec_module(module)
    return module


CHECKER = load_checker()


def sealed(document):
    """The text of a certificate whose seal fits."""
    body = {key: value for key, value in document.items() if key != "seal"}
    text = json.dumps(body, indent=1)[:-2] + ",\n"
    return (text + f'"seal": "{hashlib.sha256(text.encode()).hexdigest()}"}}\n').encode()


def leaves(value, path=()):
    """The paths of everything in a document that is not a list or an object."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, path + (key,))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from leaves(each, path + (index,))
    else:
        yield path


def at(document, path):
    for key in path:
        document = document[key]
    return document


def with_leaf(document, path, value):
    changed = copy.deepcopy(document)
    at(changed, path[:-1])[path[-1]] = value
    return changed


def without(document, path):
    changed = copy.deepcopy(document)
    del at(changed, path[:-1])[path[-1]]
    return changed


def other_values(leaf):
    """What a leaf is changed to: near and far, and of other types."""
    if isinstance(leaf, bool) or leaf is None:
        return [0, "x", []]
    if isinstance(leaf, int):
        return [leaf + 1, leaf - 1, leaf * 2 + 3, -leaf - 1, 0 if leaf else 7, 1 << 70, float(leaf), str(leaf), None,
                [leaf]]
    values = [leaf + "0", leaf[1:], "", "\x00", None, 7, [], {}]
    if leaf.startswith(("0x", "-0x")):
        number = float.fromhex(leaf)
        others = (numpy.nextafter(number, 0), number * 0.9999, number * 1.0001, number / 8, number * 8, -number, 0.0)
        values += [float(each).hex() for each in others] + ["nan", "inf", "1e3000", "0x1p-1e9"]
    elif leaf:
        values += [leaf[:-1] + ("1" if leaf[-1] != "1" else "2"), leaf[::-1] + "A"]
    return values


class CertificateTest(CommandTest):

    def certificate(self, *arguments, code=0):
        """The certificate that a command writes, as a document."""
        path = self.folder / "certificate.json"
        self.expect(code, *arguments, "--certificate", path, "--seed", "1")
        content = path.read_bytes()
        document = json.loads(content)
        self.assertEqual(sealed(document), content)
        return document

    def checked(self, content, *options):
        """The checker's exit code, and what it printed."""
        path = self.folder / "checked.json"
        path.write_bytes(content if isinstance(content, bytes) else sealed(content))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            code = CHECKER.main([str(path), *map(str, options)])
        text = printed.getvalue()
        self.assertEqual(code == ACCEPTED, text.endswith("accepted\n") and "not accepted" not in text, text)
        self.assertEqual(code == REFUSED, "refused: " in text, text)
        return code, text

    def expect_checked(self, code, content, *options):
        found, text = self.checked(content, *options)
        self.assertEqual(found, code, text)
        return text
