#!/usr/bin/python3
"""Fences and votes of generated batches by numpy (Debian: python3-numpy), for the Go code to be compared with.

    reference.py        writes reference.json beside this script

Flows: [second, client, server, port, bytes up, bytes down]. Batches: the fences of the five features (lower, upper), and
of each pair, in ascending order, its values and which of them are outside.
"""
import json
import os

import numpy as np

rng = np.random.default_rng(15)
T, EXPIRY, FLOOR = 10, 600, [1, 1, 1, .25, .25]


def flows():
    """Usual pairs with some ports and tied byte counts, a scan, a pause longer than the expiry, batches of equal pairs."""
    for start, n in ((0, 90), (10, 60), (20, 25), (300, 80), (909, 70), (930, 40)):
        for _ in range(n):
            yield [start + int(rng.integers(0, 10)) if start != 909 else 909, int(rng.integers(1, 6)), int(rng.integers(1, 9)),
                   int(rng.choice([53, 80, 443, 8080, int(rng.integers(1, 9))])), int(rng.choice([0, 60, 1500, int(rng.lognormal(7, 2))])),
                   int(rng.choice([0, 60, int(rng.lognormal(9, 3))]))]
    for i in range(30):
        yield [15, 7, 9, 1000 + i, 60, 40]
    for i in range(30):
        yield [610 + i // 20, 8, i, 80, 100, 100]
    for i in range(20):
        yield [615, 7, 9, 1000 + i, 60, 40]


def batches(all_flows):
    last = {}
    for start in sorted({f[0] // T * T for f in all_flows}):
        pairs = {}
        for f in all_flows:
            if f[0] // T * T == start:
                pairs.setdefault((f[1], f[2]), []).append(f)
        names = sorted(pairs)
        values = []
        for name in names:
            fs = pairs[name]
            used = {f[3] for f in fs}
            new = [p for p in used if start - last.get(name + (p,), -10**9) >= EXPIRY]
            values.append([len(fs), len(used), len(new), float(np.log1p(sum(f[4] for f in fs))), float(np.log1p(sum(f[5] for f in fs)))])
        for f in all_flows:
            if f[0] // T * T == start:
                last[(f[1], f[2], f[3])] = f[0]
        v = np.array(values)
        q1, q3 = np.quantile(v, .25, axis=0), np.quantile(v, .75, axis=0)
        iqr = np.maximum(q3 - q1, FLOOR)
        low, high = q1 - 3 * iqr, q3 + 3 * iqr
        outside = (v > high) | ((v < low) & np.array([False, False, False, True, True]))
        yield {"start": start, "lower": low.tolist(), "upper": high.tolist(),
               "pairs": [list(n) + [v[i].tolist(), [int(o) for o in outside[i]]] for i, n in enumerate(names)]}


all_flows = sorted(flows(), key=lambda f: f[0])
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.json"), "w") as out:
    json.dump({"flows": all_flows, "batches": list(batches(all_flows))}, out)
    out.write("\n")
