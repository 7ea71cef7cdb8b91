#!/usr/bin/python3
"""Quantiles by numpy (Debian: python3-numpy), for the Go code to be compared with to the last bit.

    quantile.py        writes quantile.json beside this script
"""
import json
import os

import numpy as np

rng = np.random.default_rng(5)
values = {
    "hosts": [1, 1, 1, 2, 2, 3, 5, 8, 13, 21, 34],
    "two": [1, 2],
    "one": [7.5],
    "fences 1": [1, 1, 1, 1, 2, 1, 1, 3, 1, 40],
    "fences 2": [10, 12, 11, 13, 14, 12, 11, 15, 90, 12],
    "equal": [3] * 40,
    "normal": rng.normal(size=101).tolist(),
    "lognormal": rng.lognormal(8, 3, size=120).tolist(),
    "ties": rng.integers(1, 5, size=200).tolist(),
    "ascending": list(range(90)),
    "descending": list(range(90, 0, -1)),
}
shares = [0, .01, .1, .25, 1 / 3, .5, .75, .9, .99, 1]
cases = [{"name": k, "values": v, "shares": shares, "want": [float(np.quantile(v, q)) for q in shares]} for k, v in values.items()]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "quantile.json"), "w") as f:
    json.dump(cases, f)
    f.write("\n")
