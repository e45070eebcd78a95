"""How many threads the libraries use that read it from the environment, once, when they are loaded."""

import os


def limit_threads(threads):
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)
