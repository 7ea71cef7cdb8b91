#!/usr/bin/python3
"""What scipy says of lengths of first flights: writes flights.json beside this script. Debian: python3-scipy, 1.10."""
import json
import os

import numpy as np
from scipy import stats

rng = np.random.default_rng(4)
LOW, HIGH = 141, 8192


def case(lengths):
    lengths = [int(x) for x in lengths]
    return {"lengths": lengths, "p": float(stats.kstest(lengths, stats.uniform(LOW, HIGH - LOW).cdf, method="exact").pvalue)}


cases = [case(rng.integers(LOW, HIGH + 1, n)) for n in range(8, 33) for _ in range(4)]
cases += [case(rng.integers(LOW, 3000, n)) for n in (8, 16, 32)]
cases += [case([600] * n) for n in (8, 32)]
cases += [case(np.linspace(LOW, HIGH, 32)), case([LOW] * 8), case([HIGH] * 32)]
cdf = [{"n": int(n), "d": float(d), "p": float(stats.kstwo.cdf(d, n))} for n in (1, 2, 8, 20, 32) for d in (.05, .1, .2, .3, .5, .8, .99)]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "flights.json"), "w") as out:
    json.dump({"cases": cases, "kolmogorov": cdf}, out, separators=(",", ":"))
    out.write("\n")
