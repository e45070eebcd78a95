"""What the record of convolution_norm says: of widths, of what is measured, and of where the peers' values lie.

A candidate of a case is, for sigmax, its ends, its seconds and whether they are proven; for a peer

    value, claim     what it found and what that claims to be
    seconds          None if it did not finish in time, or if the machine was busy while the value was computed
    limit_seconds    where it did not finish in time: it was stopped after this one, and the value computed without a limit
"""

EVERY_SIZE = "sigmax, every size, to 1e-3"
THIS_SIZE = "sigmax, this size, to 2 %"
CIRCULAR = "sigmax, circular, to 1e-8"
WITHOUT_STRIDE = "sigmax, every size, stride 1, to 1e-3"
QUESTIONS = (EVERY_SIZE, CIRCULAR, THIS_SIZE)
OWN = (*QUESTIONS, WITHOUT_STRIDE)
KERNELS = {"gaussian": "Gaussian", "smoothed": "smoothed"}


def width(end):
    return (end["upper"] - end["lower"]) / end["upper"]


def quantity(case, claim):
    """The question whose answer encloses what a peer claims to give or to bound."""
    if "circular" in claim:
        return CIRCULAR
    if claim == "upper, stride 1":
        return WITHOUT_STRIDE if is_asked(case, WITHOUT_STRIDE) else EVERY_SIZE
    return THIS_SIZE


def is_asked(case, name):
    """A peer that ignores the stride bounds another operator than a strided layer; without a stride, or for a 1x1
    kernel, its norm at every size is that of the layer and needs no question of its own."""
    return name != WITHOUT_STRIDE or case["stride"] > 1 and not is_pointwise(case)


def is_pointwise(case):
    return max(case["shape"][2:]) == 1


def is_timed(candidate):
    return candidate.get("seconds") is not None


def is_settled(candidate, limit):
    """Nothing is left to measure within `limit` seconds."""
    return is_timed(candidate) or candidate.get("limit_seconds", 0) >= limit


def enclosure(case, claim):
    """Ends of what a peer claims to give or to bound. For a 1x1 kernel without padding all questions have one answer."""
    candidates = case["candidates"]
    question = quantity(case, claim)
    ends = [candidates[name] for name in OWN
            if name in candidates and (name == question or is_pointwise(case) and case["padding"] == 0)]
    if not ends:
        return None
    return {"lower": max(end["lower"] for end in ends), "upper": min(end["upper"] for end in ends)}


def judged(case, name):
    """Where a peer's value lies; None if it has none, or sigmax was not asked yet."""
    peer = case["candidates"][name]
    ends = enclosure(case, peer["claim"]) if "value" in peer else None
    if ends is None:
        return None
    where = "below" if peer["value"] < ends["lower"] else "above" if peer["value"] > ends["upper"] else "inside"
    return {"case": case, "name": name, "where": where, "excess": peer["value"] / ends["lower"] - 1,
            "is_bound": peer["claim"].startswith("upper")}


def verdicts(record):
    found = [judged(case, name) for case in record["cases"] for name in case["candidates"] if name not in OWN]
    return [one for one in found if one is not None]


def groups(record):
    """[((network, kernels), cases)] in order."""
    found = {}
    for case in record["cases"]:
        if case["candidates"]:
            found.setdefault((case["network"], case["kernels"]), []).append(case)
    return sorted(found.items())


def totals(cases, name):
    """Seconds over the layers that were timed, and how many layers have what."""
    found = [case["candidates"][name] for case in cases if name in case["candidates"]]
    timed = [one["seconds"] for one in found if is_timed(one)]
    return {"seconds": sum(timed), "timed": len(timed), "layers": len(cases),
            "values": sum("value" in one or "upper" in one for one in found),
            "over_limit": sum("limit_seconds" in one for one in found),
            "limits": sorted({one["limit_seconds"] for one in found if "limit_seconds" in one})}
