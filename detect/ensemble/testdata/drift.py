"""Distances from the uniform distribution by scipy: python3 drift.py > drift.json"""
import json
import numpy as np
from scipy.stats import kstest

rng = np.random.default_rng(5)
cases = []
for values in (rng.random(1), rng.random(300), rng.beta(0.5, 1, 200), rng.beta(3, 1, 50), np.round(rng.random(120), 1), np.zeros(4), np.ones(5)):
    cases.append({"values": sorted(values.tolist()), "distance": float(kstest(values, "uniform").statistic)})
print(json.dumps(cases, separators=(",", ":")))
