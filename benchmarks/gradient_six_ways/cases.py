"""The matrices that the six ways are tried on: those of the published experiment, and harder ones.

A case in another unit has phi and psi in that unit, so sigma's part of the gradient and that of the vectors stay
equally large: the gradient does not depend on the unit.
"""

import numpy

from common import gradients


def _spread(start, end, count):
    return numpy.linspace(start, end, count)


def cases():
    """Name -> (rows, columns, function of a random generator, unit of the matrix)."""

    def gaussian(rows, columns, unit=1.0):
        return rows, columns, lambda random: unit * random.standard_normal((rows, columns)), unit

    def spectrum(rows, columns, values):
        return rows, columns, lambda random: gradients.with_spectrum(rows, columns, values, random), 1.0

    return {
        "Gaussian 64x32, the published one": gaussian(64, 32),
        "Gaussian 32x64, wide": gaussian(32, 64),
        "Gaussian 48x48, square": gaussian(48, 48),
        "clustered top: six within 1e-2": spectrum(
            64, 32, numpy.r_[1, 1 - 2e-3 * numpy.arange(1, 6), _spread(0.8, 0.1, 26)]),
        "gap 1e-4": spectrum(64, 32, numpy.r_[1, 1 - 1e-4, _spread(0.9, 0.1, 30)]),
        "lower values all equal": spectrum(64, 32, numpy.r_[3, numpy.ones(31)]),
        "rank 8 of 32": spectrum(64, 32, _spread(1, 0.3, 8)),
        "condition 1e12": spectrum(64, 32, numpy.logspace(0, -12, 32)),
        "Gaussian 64x32 in units of 1e-5": gaussian(64, 32, 1e-5),
        "Gaussian 64x32 in units of 1e5": gaussian(64, 32, 1e5),
    }


def gap_matrix(gap, random):
    return gradients.with_spectrum(64, 32, numpy.r_[1, 1 - gap, _spread(0.9, 0.1, 30)], random)
