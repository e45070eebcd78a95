"""The arithmetic of tools/check-certificate: products and definiteness against Python's fractions."""

import fractions
import hashlib
import math
import random
import struct
import unittest

import numpy

import checkpoints
from certificate_case import ACCEPTED, CHECKER, REFUSED, CertificateTest
from command import main

Fraction = fractions.Fraction


def integers(rows):
    return numpy.array(rows, object)


def is_semidefinite(rows):
    """By elimination in fractions: exact."""
    a = [[Fraction(each) for each in row] for row in rows]
    for k in range(len(a)):
        if a[k][k] < 0 or (a[k][k] == 0 and any(a[k][k:])):
            return False
        if a[k][k] == 0:
            continue
        for i in range(k + 1, len(a)):
            factor = a[i][k] / a[k][k]
            for j in range(k, len(a)):
                a[i][j] -= factor * a[k][j]
    return True


class Arithmetic(CertificateTest):

    def test_products_are_exact(self):
        rng = random.Random(1)
        cases = [(1, 1, 1, 5), (3, 4, 2, 80), (31, 5, 6, 300), (63, 2, 2, 26), (64, 3, 1, 1000)]
        for rows, columns, others, bits in cases:
            x, y = (integers([[rng.randrange(-2**bits, 2**bits) for _ in range(n)] for _ in range(rows)])
                    for n in (columns, others))
            self.assertTrue((CHECKER.product(x, y) == x.T.dot(y)).all())

    def test_the_largest_sums_of_pieces_are_exact(self):
        for rows in (1, 2, 3, 7, 8, 127, 128, 1023, 4095):
            bits = (53 - rows.bit_length()) // 2
            self.assertLessEqual(rows * (2**bits - 1)**2, 2**53)
            x = integers([[(1 << 3 * bits) - 1, -((1 << 3 * bits) - 1)]] * rows)
            self.assertTrue((CHECKER.product(x, x) == x.T.dot(x)).all(), rows)

    def test_rows_and_columns_of_zeros_change_nothing_in_products(self):
        rng = random.Random(3)
        for case in range(60):
            rows, columns, others = (rng.randrange(1, 6) for _ in range(3))
            x, y = (integers([[rng.choice((0, 0, 1, -1)) * rng.randrange(2**90) for _ in range(n)]
                              for _ in range(rows)]) for n in (columns, others))
            x[rng.randrange(rows)] = 0
            y[:, rng.randrange(others)] = 0
            self.assertEqual(CHECKER.product(x, y).tolist(), x.T.dot(y).tolist())
        zero = integers([[0, 0]])
        self.assertEqual(CHECKER.product(zero, integers([[5]])).tolist(), [[0], [0]])
        self.assertEqual(CHECKER.product(integers([[5]]), zero).tolist(), [[0, 0]])

    def test_sums_of_scaled_matrices_are_exact(self):
        rng = random.Random(4)
        for case in range(50):
            terms = [(Fraction(rng.randrange(-99, 99), 2**rng.randrange(0, 60)),
                      integers([[rng.randrange(-2**70, 2**70) for _ in range(2)]]), rng.randrange(-90, 90))
                     for _ in range(rng.randrange(1, 4))]
            total, power = CHECKER.added(*terms)
            for k in range(2):
                expected = sum(c * x[0, k] * Fraction(2)**e for c, x, e in terms)
                self.assertEqual(total[0, k] * Fraction(2)**power, expected)

    def test_doubles_become_integers_exactly(self):
        values = numpy.array([[0.1, -5e-324, 1e308], [0.0, -3.0, 2.0**-1022]])
        x, e = CHECKER.dyadic(values)
        for a, b in zip(values.ravel().tolist(), x.ravel().tolist()):
            self.assertEqual(Fraction(a), b * Fraction(2)**e)

    def test_no_indefinite_matrix_is_called_definite(self):
        rng = random.Random(2)
        found = {True: 0, False: 0}
        for case in range(300):
            order = rng.randrange(1, 7)
            factor = [[rng.randrange(-9, 10) for _ in range(order)] for _ in range(order)]
            shift = rng.choice([0, 1, -1, 10**6, -3 * 10**6, -3 * 10**7, -3 * 10**8])
            rows = [[sum(a * b for a, b in zip(r, s)) * 10**6 + (shift if i == j else 0) for j, s in enumerate(factor)]
                    for i, r in enumerate(factor)]
            truth = is_semidefinite(rows)
            said = CHECKER.is_semidefinite(integers(rows))
            self.assertLessEqual(said, truth, rows)
            found[said] += 1
            # The same with a row and a column of zeros; with a diagonal of zero only.
            place = rng.randrange(order + 1)
            wider = numpy.insert(numpy.insert(integers(rows), place, 0, axis=0), place, 0, axis=1)
            self.assertEqual(CHECKER.is_semidefinite(wider), said, rows)
            wider[place, place - 1] = wider[place - 1, place] = 1
            self.assertFalse(CHECKER.is_semidefinite(wider))
        self.assertGreater(min(found.values()), 50)

    def test_one_part_in_a_million_of_a_million_decides(self):
        # [1, c; c, 1] is semidefinite if and only if |c| <= 1.
        unit = 1 << 200
        for excess, holds in ((-(1 << 160), True), (1, False), (1 << 100, False)):
            rows = integers([[unit, unit + excess], [unit + excess, unit]])
            self.assertEqual(CHECKER.is_semidefinite(rows), holds)

    def test_scales_do_not_matter(self):
        # D B D for a definite B and powers of two that are far apart.
        for powers in ((0, 0, 0), (900, 0, -900), (-1500, 2, 1500)):
            rows = [[2, 1, 0], [1, 2, 1], [0, 1, 2]]
            least = 2 * min(powers)
            scaled = integers([[rows[i][j] << (powers[i] + powers[j] - least) for j in range(3)] for i in range(3)])
            self.assertTrue(CHECKER.is_semidefinite(scaled), powers)

    def test_many_panels_of_a_sparse_factor(self):
        # A block-tridiagonal matrix, as of a chain, of which the smallest eigenvalue is known: 2 - 2 cos(pi / (n + 1)).
        n, unit = 700, 1 << 90
        rows = numpy.zeros((n, n), object)
        for k in range(n):
            rows[k, k] = 2 * unit
            if k:
                rows[k, k - 1] = rows[k - 1, k] = -unit
        smallest = 2 - 2 * math.cos(math.pi / (n + 1))
        for factor, holds in ((1 - 1e-6, True), (1 + 1e-6, False)):
            shifted = rows - int(smallest * factor * unit) * numpy.eye(n, dtype=object)
            self.assertEqual(CHECKER.is_semidefinite(shifted), holds)

    def test_data_beside_an_onnx_file_is_read(self):
        values = [0.5 * k - 3 for k in range(12)]
        entry = [checkpoints.block(13, checkpoints.block(1, key) + checkpoints.block(2, value))
                 for key, value in (("location", "w.bin"), ("offset", "8"), ("length", "96"))]
        tensor = checkpoints.number(1, 4) + checkpoints.number(1, 3) + checkpoints.number(2, 11)
        tensor += checkpoints.block(8, "w")
        tensor += b"".join(entry) + checkpoints.number(14, 1)
        node = checkpoints.block(1, "x") + checkpoints.block(1, "w") + checkpoints.block(2, "y")
        node += checkpoints.block(4, "MatMul")
        graph = checkpoints.block(1, node) + checkpoints.block(5, tensor)
        graph += checkpoints.block(11, checkpoints.block(1, "x")) + checkpoints.block(12, checkpoints.block(1, "y"))
        model = checkpoints.number(1, 8) + checkpoints.block(7, graph)
        model += checkpoints.block(8, checkpoints.block(1, "") + checkpoints.number(2, 17))
        self.write("m.onnx", model)
        data = b"\0" * 8 + struct.pack("<12d", *values)
        self.write("w.bin", data)
        document = self.certificate("audit", "m.onnx", "-q")
        self.assertEqual(document["claims"][0]["sha256"], hashlib.sha256(data[8:]).hexdigest())
        self.expect_checked(ACCEPTED, document)
        self.write("w.bin", data[:-1] + b"\1")
        self.expect_checked(REFUSED, document)


if __name__ == "__main__":
    main()
