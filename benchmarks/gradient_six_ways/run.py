#!/usr/bin/env python3
"""Six published ways to differentiate (sigma, u, v), automatic differentiation and sigmax on the same matrices.

    .venv/bin/python benchmarks/gradient_six_ways/run.py [--part errors|times] [--quick] [--seed N]

Measures the error of the gradient of xi sigma + phi . u + psi . v, relative in the Frobenius norm; the condition of the
solved systems; and the time of the backward pass alone, with the triplet given. Writes
benchmarks/results/gradient_six_ways.json; picture.py draws docs/images/gradient_error_by_gap.svg from it.
docs/gradient-ways.md has the conclusions.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULT = ROOT / "benchmarks" / "results" / "gradient_six_ways.json"
PROGRAM = ROOT / "build" / "release" / "benchmarks" / "bench_gradient_six_ways"
sys.path.insert(0, str(ROOT / "benchmarks"))
from common.threads import limit_threads

# How a way is run: the driver of torch.linalg.lstsq, and whether the cotangent is projected beforehand.
MODES = {"gels": ("gels", False), "gelsy": ("gelsy", False), "gelsd": ("gelsd", False),
         "projected, gels": ("gels", True)}


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32, help="of the data; from the clock, printed")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--part", choices=("errors", "times"), help="that part alone; the other stays as it was")
    parser.add_argument("--quick", action="store_true", help="one draw a case, to see that it runs")
    parser.add_argument("--output", type=pathlib.Path, default=RESULT)
    return parser.parse_args()


def by_jax():
    """The published JAX variant, compiled; None if JAX is not installed."""
    from autodiff import jax_and_loss

    found = jax_and_loss()
    if not found:
        return None
    jax, loss = found
    jax.config.update("jax_enable_x64", True)
    gradient = jax.jit(jax.grad(loss))
    return lambda x: gradient(x.a.numpy(), x.xi.numpy(), x.phi.numpy(), x.psi.numpy()).block_until_ready()


def time_of(call):
    call()
    times = []
    until = time.perf_counter() + 0.15
    while len(times) < 3 or time.perf_counter() < until:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def gradient_by(way, x):
    p, q, _ = way(x)
    return x.gradient(p, q)


def error_by(way, x, reference):
    """The error, or the reason why the way gave up."""
    import torch

    try:
        return reference.error(gradient_by(way, x)), None
    except torch.linalg.LinAlgError as problem:
        return float("inf"), str(problem).split("(error code")[0].strip()


def conditions(way, x):
    """The condition on the range of the worst system that the way solves, and whether the matrix is singular."""
    import numpy
    import torch

    try:
        systems = way(x)[2]
    except torch.linalg.LinAlgError:
        return None
    found = []
    for matrix in systems:
        values = numpy.linalg.svd(matrix.numpy(), compute_uv=False)
        within = values[values > 1e-13 * values[0]]
        found.append((float(within[0] / within[-1]), len(within) < len(values)))
    return max(condition for condition, _ in found), any(singular for _, singular in found)


def by_sigmax(a, xi, phi, psi, reference, threads, timed):
    """Solver -> {"error", "seconds", ...} from the native program."""
    from common import gradients

    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "case.npz"
        gradients.save_case(data, a, xi, phi, psi, reference)
        return gradients.run_native(PROGRAM, data, threads, *([] if timed else ["--quick"]))["solvers"]


def errors_of_draw(x, reference, jax):
    """Way -> mode -> error, for one matrix."""
    from autodiff import by_torch
    import ways

    found = {}
    for name, way in ways.WAYS.items():
        modes = found[name] = {}
        for mode, (driver, projected) in MODES.items():
            problem = ways.dataclasses.replace(x, driver=driver)
            problem = problem.projected() if projected else problem
            # torch's gelsy starts from uninitialized pivots (pytorch issues 71222 and 187411): the worst call counts.
            outcomes = [error_by(way, problem, reference) for _ in range(20 if driver == "gelsy" else 1)]
            modes[mode] = max(error for error, _ in outcomes)
            problems = {text for _, text in outcomes if text}
            if problems:
                found.setdefault("gave up", {}).setdefault(name, {})[mode] = sorted(problems)[0]
    found["block elimination"] = {"projected": error_by(ways.block_elimination, x, reference)[0]}
    found["torch autograd"] = {"": reference.error(by_torch(x))}
    if jax:
        found["JAX autodiff"] = {"": reference.error(jax(x))}
    return found


def merged(draws):
    """Way -> mode -> {"median", "worst"} over the draws."""
    result = {}
    for way in draws[0]:
        if way == "gave up":
            continue
        result[way] = {mode: {"median": statistics.median(d[way][mode] for d in draws),
                              "worst": max(d[way][mode] for d in draws)} for mode in draws[0][way]}
    return result


def prediction_gap(x):
    """The distance of the last three ways from their closed forms, with a solver that finds the rank."""
    import ways

    x = ways.dataclasses.replace(x, driver="gelsd").projected()
    distances = {}
    for name in ("mixed", "backward substitution", "forward substitution"):
        wanted = ways.predicted(name, x)
        try:
            distances[name] = float((gradient_by(ways.WAYS[name], x) - wanted).norm() / wanted.norm())
        except ways.torch.linalg.LinAlgError:
            distances[name] = float("inf")
    return distances


def study_case(name, rows, columns, make, unit, options, random, jax):
    import numpy
    from autodiff import problem_of
    import ways
    from common import gradients

    record = {"case": name, "errors": {}, "sigmax": {}}
    for dtype in (numpy.float32, numpy.float64):
        draws, own = [], []
        for _ in range(1 if options.quick else 5):
            a = make(random).astype(dtype)
            xi, phi, psi = gradients.cotangents(rows, columns, dtype, random)
            phi, psi = dtype(unit) * phi, dtype(unit) * psi
            reference = gradients.to_the_last_digit(a, xi, phi, psi)
            x = problem_of(a, xi, phi, psi)
            draws.append(errors_of_draw(x, reference, jax))
            own.append(by_sigmax(a, xi, phi, psi, reference, options.threads, timed=False))
        kind = numpy.dtype(dtype).name
        record["errors"][kind] = merged(draws)
        record["gave up"] = draws[-1].get("gave up", {})
        record["sigmax"][kind] = {solver: {"median": statistics.median(o[solver]["error"] for o in own),
                                           "worst": max(o[solver]["error"] for o in own)} for solver in own[0]}
    record["condition"] = {name: conditions(way, ways.dataclasses.replace(x, driver="gelsd"))
                           for name, way in (*ways.WAYS.items(), ("block elimination", ways.block_elimination))}
    record["from closed form"] = prediction_gap(x)
    return record


def study_published(options, random):
    """The published experiment's own check: how much its one random difference in single precision can show."""
    import numpy
    import torch
    from autodiff import problem_of
    import ways
    from common import gradients

    record = {}
    a = random.standard_normal((64, 32))
    xi, phi, psi = gradients.cotangents(64, 32, numpy.float64, random)
    reference = gradients.to_the_last_digit(a, xi, phi, psi)
    if not options.quick:
        differences = gradients.by_finite_differences(a, xi, phi, psi)
        record["error of finite differences in double"] = reference.error(differences)
    indicators = {"the right gradient": [], "sigma's part alone": []}
    for _ in range(20):
        a = random.standard_normal((64, 32)).astype(numpy.float32)
        xi, phi, psi = gradients.cotangents(64, 32, numpy.float32, random)
        x = problem_of(a, xi, phi, psi)
        moved = x.a + 1e-5 * torch.randn(64, 32)
        u, s, vt = torch.linalg.svd(moved)
        change = (x.xi * s[0] + u[:, 0].dot(x.phi) + vt[0].dot(x.psi)) - (x.xi * x.s + x.u.dot(x.phi) + x.v.dot(x.psi))
        for name, g in (("the right gradient", gradient_by(ways.block_elimination, x)),
                        ("sigma's part alone", x.xi * torch.outer(x.u, x.v))):
            indicators[name].append(float(abs(change - torch.tensordot(g, moved - x.a))) / 1e-5)
    record["its indicator, single precision"] = {k: {"median": statistics.median(v), "worst": max(v)}
                                                 for k, v in indicators.items()}
    return record


def study_times(options, random, jax):
    import numpy
    from autodiff import by_torch, problem_of
    import ways
    from common import gradients

    record = {}
    for rows, columns in [(64, 32)] + ([] if options.quick else [(512, 256)]):
        for dtype in (numpy.float32, numpy.float64):
            a = random.standard_normal((rows, columns)).astype(dtype)
            xi, phi, psi = gradients.cotangents(rows, columns, dtype, random)
            x = problem_of(a, xi, phi, psi)
            times = {"svd": time_of(lambda: ways.torch.linalg.svd(x.a, full_matrices=False)),
                     "torch autograd, with svd": time_of(lambda: by_torch(x))}
            if jax:
                times["JAX autodiff, with svd"] = time_of(lambda: jax(x))
            for name, way in (*ways.WAYS.items(), ("block elimination", ways.block_elimination)):
                for driver in ("gels", "gelsd") if way is not ways.block_elimination else ("gels",):
                    problem = ways.dataclasses.replace(x, driver=driver)
                    if error_by(way, problem, gradients.by_full_svd(a, xi, phi, psi))[1] is None:
                        times[f"{name}, {driver}" if way is not ways.block_elimination else name] = time_of(
                            lambda: gradient_by(way, problem))
            own = by_sigmax(a, xi, phi, psi, gradients.by_full_svd(a, xi, phi, psi), options.threads, timed=True)
            times.update({f"sigmax {solver}": statistics.median(found["seconds"]) for solver, found in own.items()})
            record[f"{rows}x{columns} {numpy.dtype(dtype).name}"] = times
    return record


def study_gaps(options, random, jax):
    """Errors by the relative gap: the figures of the picture."""
    import numpy
    from autodiff import by_torch, problem_of
    import ways
    from cases import gap_matrix
    from common import gradients

    record = {}
    for dtype, smallest in ((numpy.float32, 6), (numpy.float64, 13)):
        points = record[numpy.dtype(dtype).name] = []
        for exponent in numpy.arange(1, smallest + 0.1, 2 if options.quick else 0.5):
            curves = {}
            for _ in range(1 if options.quick else 5):
                a = gap_matrix(10.0**-exponent, random).astype(dtype)
                xi, phi, psi = gradients.cotangents(64, 32, dtype, random)
                reference = gradients.to_the_last_digit(a, xi, phi, psi)
                values = numpy.linalg.svd(a.astype(numpy.float64), compute_uv=False)
                x = problem_of(a, xi, phi, psi)
                found = {}
                for name, driver in (("K by least squares", "gels"), ("K by least squares", "gelsd"),
                                     ("augmented K", "gels"), ("block inversion", "gelsd"),
                                     ("backward substitution", "gelsd")):
                    problem = ways.dataclasses.replace(x, driver=driver)
                    found[f"{name}, {driver}"] = error_by(ways.WAYS[name], problem, reference)[0]
                found["block elimination"] = error_by(ways.block_elimination, x, reference)[0]
                found["torch autograd"] = reference.error(by_torch(x))
                if jax:
                    found["JAX autodiff"] = reference.error(jax(x))
                for solver, own in by_sigmax(a, xi, phi, psi, reference, options.threads, timed=False).items():
                    found[f"sigmax {solver}"] = own["error"]
                found["gap"] = float((values[0] - values[1]) / values[0])
                for curve, error in found.items():
                    curves.setdefault(curve, []).append(error)
            points.append({curve: statistics.median(errors) for curve, errors in curves.items()})
    return record


def show(report):
    for case in report["cases"]:
        print(f"\n{case['case']}")
        for kind in ("float32", "float64"):
            print(f"  {'worst error of the draws, ' + kind:<44}" + "".join(f"{mode:>17}" for mode in MODES))
            for way, modes in case["errors"][kind].items():
                print(f"    {way:<42}" + "".join(f"{modes[mode]['worst']:>17.1e}" for mode in modes))
            for solver, error in case["sigmax"][kind].items():
                print(f"    sigmax {solver:<35}{error['worst']:>17.1e}")
        for way, condition in case["condition"].items():
            if condition:
                where = "  (singular: on its range)" if condition[1] else ""
                print(f"    condition, {way:<31}{condition[0]:>17.1e}{where}")
        print("    from the closed forms: " + ", ".join(f"{k} {v:.1e}" for k, v in case["from closed form"].items()))
    print()
    for name, found in report["published"].items():
        print(f"{name}: {found}")
    for shape, times in report["times"].items():
        print(f"\n{shape}: backward alone, microseconds")
        for way, seconds in times.items():
            print(f"    {way:<42}{seconds * 1e6:>12.0f}")


def main():
    options = parse_options()
    limit_threads(options.threads)
    import numpy
    import torch
    from cases import cases

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    random = numpy.random.default_rng(options.seed)
    jax = by_jax()
    print(f"seed {options.seed}, torch {torch.__version__}, " + ("with JAX" if jax else "JAX is not installed"))
    report = {"cases": [], "published": {}, "times": {}}
    if options.part and options.output.exists():
        report = json.loads(options.output.read_text())
    report.update({"question": "gradient_six_ways", "threads": options.threads, "torch": torch.__version__})
    if options.part != "errors":
        report["times"] = study_times(options, random, jax)
    if options.part != "times":
        report["seed"] = options.seed
        report["cases"] = [study_case(name, *case, options, random, jax) for name, case in cases().items()]
        report["published"] = study_published(options, random)
        report["gaps"] = study_gaps(options, random, jax)
    report["taken"] = time.strftime("%Y-%m-%d")
    show(report)
    if not options.quick:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
