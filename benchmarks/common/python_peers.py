"""The peers that people call from Python: torch, NumPy, SciPy, scikit-learn and PRIMME.

Each entry of a question's table takes an fp32 array and returns the answer to the question; the driver times it. A peer
drops out if its package is missing or if it cannot do a case.
"""

import importlib


# For batched power iteration.
MOST_STEPS = 600


def _have(package):
    try:
        return importlib.import_module(package)
    except ImportError:
        return None


def _iterative(array, k, wanted):
    """SciPy's three solvers and PRIMME at a tolerance, k values each."""
    peers = {}
    linalg = _have("scipy.sparse.linalg")
    if linalg:
        for solver in ("arpack", "propack", "lobpcg"):
            more = {"maxiter": min(array.shape)} if solver == "propack" else {}  # its default is 10 k, too few
            peers[f"scipy svds {solver}, tol {wanted:.0e}"] = (
                lambda solver=solver, more=more: linalg.svds(array, k=k, tol=wanted, solver=solver, **more)[1][::-1])
    primme = _have("primme")
    if primme:
        peers[f"PRIMME svds, tol {wanted:.0e}"] = (
            lambda: primme.svds(array, k, tol=wanted, return_singular_vectors=False))
    return peers


def sigma_max(array, wanted):
    peers = _iterative(array, 1, wanted)
    # If a vector is good enough for sigma, its residual is the root of sigma's error: this tolerance favors PRIMME.
    primme = _have("primme")
    if primme:
        loose = wanted ** 0.5
        peers[f"PRIMME svds, tol {loose:.0e}"] = (
            lambda: primme.svds(array, 1, tol=loose, return_singular_vectors=False))
    torch = _have("torch")
    if torch:
        tensor = torch.from_numpy(array)
        peers["torch matrix_norm(ord=2)"] = lambda: [torch.linalg.matrix_norm(tensor, ord=2).item()]
        peers["torch svdvals"] = lambda: torch.linalg.svdvals(tensor)[:1].numpy()
        peers["torch svd_lowrank(q=6, niter=2)"] = lambda: torch.svd_lowrank(tensor, q=6, niter=2)[1][:1].numpy()

        def power(steps):
            vector = torch.nn.functional.normalize(torch.randn(array.shape[1]), dim=0)
            for _ in range(steps):
                left = torch.nn.functional.normalize(torch.mv(tensor, vector), dim=0)
                vector = torch.nn.functional.normalize(torch.mv(tensor.t(), left), dim=0)
            return [torch.dot(left, torch.mv(tensor, vector)).item()]

        peers["torch power iteration, 15 steps"] = lambda: power(15)
        if array.size <= 2**23:  # beyond, it takes 10 s
            peers["torch power iteration, 500 steps"] = lambda: power(500)
    extmath = _have("sklearn.utils.extmath")
    if extmath:
        peers["sklearn randomized_svd(1)"] = lambda: extmath.randomized_svd(array, n_components=1, random_state=None)[1]
    return peers


def top_k(array, wanted, k=10):
    peers = _iterative(array, k, wanted)
    torch = _have("torch")
    if torch:
        tensor = torch.from_numpy(array)
        for steps in (2, 10, 30):
            peers[f"torch svd_lowrank(q=20, niter={steps})"] = (
                lambda steps=steps: torch.svd_lowrank(tensor, q=2 * k, niter=steps)[1][:k].numpy())
    extmath = _have("sklearn.utils.extmath")
    if extmath:
        for steps in ("auto", 20):
            peers[f"sklearn randomized_svd({k}, n_iter={steps})"] = (
                lambda steps=steps: extmath.randomized_svd(array, n_components=k, n_iter=steps, random_state=None)[1])
    return peers


def full_spectrum(array, wanted):
    peers = {}
    torch = _have("torch")
    if torch:
        tensor = torch.from_numpy(array)
        peers["torch svdvals, fp32"] = lambda: torch.linalg.svdvals(tensor).numpy()
        double = tensor.double()
        peers["torch svdvals, fp64"] = lambda: torch.linalg.svdvals(double).numpy()
    numpy = _have("numpy")
    peers["numpy svd values, fp32"] = lambda: numpy.linalg.svd(array, compute_uv=False)
    return peers


def proven_enclosure(array, wanted):
    peers = {}
    torch = _have("torch")
    if torch:
        double = torch.from_numpy(array).double()
        peers["torch matrix_norm(ord=2), fp64"] = lambda: [torch.linalg.matrix_norm(double, ord=2).item()]
    return peers


def batched_small(array, wanted):
    """Per matrix of a [batch, rows, columns] array."""
    torch = _have("torch")
    if not torch:
        return {}
    tensor = torch.from_numpy(array)
    normalize = torch.nn.functional.normalize

    def start():
        return normalize(torch.randn(array.shape[0], array.shape[2], 1), dim=1)

    def iterate(v, steps):
        for _ in range(steps):
            u = normalize(torch.bmm(tensor, v), dim=1)
            v = normalize(torch.bmm(tensor.transpose(1, 2), u), dim=1)
        return v

    def sigma(v):
        return torch.linalg.vector_norm(torch.bmm(tensor, v), dim=(1, 2)).numpy()

    def power(steps):
        return lambda: sigma(iterate(start(), steps))

    peers = {"torch matrix_norm(ord=2)": lambda: torch.linalg.matrix_norm(tensor, ord=2).numpy(),
             "torch svdvals": lambda: torch.linalg.svdvals(tensor)[:, 0].numpy(),
             "torch batched power, 15 steps": power(15)}
    # Enough steps for the wanted error of the worst matrix, found beforehand, but at most MOST_STEPS: if the error shows
    # that the iteration has not arrived, its time is a lower bound.
    exact = torch.linalg.svdvals(tensor.double())[:, 0].numpy()
    steps = 16
    v = iterate(start(), steps)
    while steps < MOST_STEPS and max(abs(sigma(v) - exact) / exact) > wanted:
        more = min(max(steps // 4, 1), MOST_STEPS - steps)
        v = iterate(v, more)
        steps += more
    peers[f"torch batched power, {steps} steps"] = power(steps)
    return peers
