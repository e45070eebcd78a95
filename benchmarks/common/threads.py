"""Sets the number of threads for libraries that read it once from the environment when they are loaded."""

import os


def limit_threads(threads):
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)
