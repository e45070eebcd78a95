"""The published packages, each on one problem: run.py calls this with the Python that has requirements.txt.

    packages.py PROBLEM DATA.npy --lambda L --target OBJECTIVE --limit SECONDS --threads N --json FILE

They return their last iterate alone. Their SVD is therefore watched, and the clock stands still while the objective of
the iterate that follows from it is evaluated.
"""

import argparse
import importlib.metadata
import json
import pathlib
import sys
import time
import warnings

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1])]
from common.threads import limit_threads


class Stopped(Exception):
    pass


class Watch:
    """Time without the evaluations, and when the target was reached."""

    def __init__(self, target, limit):
        self.target, self.limit = target, limit
        self.start = time.perf_counter()
        self.reached, self.value, self.steps = None, None, 0

    def seconds(self):
        return time.perf_counter() - self.start

    def see(self, objective):
        before = time.perf_counter()
        spent = before - self.start
        self.value = float(objective())
        self.steps += 1
        if self.reached is None and self.value <= self.target:
            self.reached = spent
        self.start += time.perf_counter() - before
        if spent > self.limit:
            raise Stopped

    def figures(self, seconds, by_itself):
        return {"seconds_to_objective": self.reached, "seconds": seconds, "iterations": self.steps,
                "objective": self.value, "stopped_by_itself": by_itself}


def run(call, watch):
    try:
        call()
        return watch.figures(watch.seconds(), True)
    except Stopped:
        return watch.figures(watch.seconds(), False)


def soft_impute(m, lam, threshold, target, limit):
    import fancyimpute
    import numpy
    import peers

    seen = ~numpy.isnan(m)
    data = numpy.where(seen, m, 0)
    lapack = numpy.linalg.svd

    class Watched(fancyimpute.SoftImpute):
        def _svd_step(self, x, shrinkage_value, max_rank=None):
            found = []

            def kept(*arguments, **options):
                found[:] = lapack(*arguments, **options)
                return tuple(found)

            numpy.linalg.svd = kept
            try:
                result = super()._svd_step(x, shrinkage_value, max_rank)
            finally:
                numpy.linalg.svd = lapack
            nuclear = numpy.maximum(found[1] - shrinkage_value, 0).sum()
            watch.see(lambda: peers.objective_of_soft_impute(data, seen, lam, result[0], nuclear))
            return result

    solver = Watched(shrinkage_value=lam, convergence_threshold=threshold, max_iters=100000, verbose=False)
    watch = Watch(target, limit)
    return run(lambda: solver.fit_transform(m), watch)


def robust_pca(m, lam, target, limit):
    import numpy
    import peers
    import pyrpca.pcp_ialm as package

    lapack = package.svd
    mu = [1.25 / numpy.linalg.norm(m, 2)]
    most = 1e7 * mu[0]

    def watched(a, **options):
        u, s, vt = lapack(a, **options)
        s_lowered = numpy.maximum(s - 1 / mu[0], 0)
        watch.see(lambda: peers.objective_of_robust_pca(m, lam, (u * s_lowered) @ vt, s_lowered.sum()))
        mu[0] = min(1.5 * mu[0], most)
        return u, s, vt

    package.svd = watched
    watch = Watch(target, limit)
    return run(lambda: package.rpca_pcp_ialm(m, lam, verbose=False), watch)


def complete(m, target, limit):
    import fancyimpute
    import numpy

    watch = Watch(target, limit)
    x = fancyimpute.NuclearNormMinimization(verbose=False).fit_transform(m)
    seconds = watch.seconds()
    fitted = numpy.where(numpy.isnan(m), x, m)
    watch.see(lambda: numpy.linalg.norm(fitted, "nuc"))
    if watch.reached is not None:
        watch.reached = seconds
    return watch.figures(seconds, True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("problem")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--lambda", type=float, default=0, dest="lam")
    parser.add_argument("--target", type=float, required=True)
    parser.add_argument("--limit", type=float, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--json", type=pathlib.Path, required=True)
    options = parser.parse_args()
    limit_threads(options.threads)
    warnings.filterwarnings("ignore")
    import numpy

    m = numpy.load(options.data)
    target, limit = options.target, options.limit

    def version(name):
        return f"{name} {importlib.metadata.version(name)}"

    if options.problem == "soft_impute":
        found = {f"{version('fancyimpute')} SoftImpute, to {threshold:g}":
                 soft_impute(m, options.lam, threshold, target, limit) for threshold in (1e-3, 1e-5)}
    elif options.problem == "robust_pca":
        found = {version("pyrpca"): robust_pca(m, options.lam, target, limit)}
    else:
        found = {f"{version('fancyimpute')} NuclearNormMinimization": complete(m, target, limit)}
    options.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
