"""Entropies by scipy: python3 entropy.py > entropy.json"""
import json
import numpy as np
from scipy.stats import entropy

rng = np.random.default_rng(3)
cases = []
for i in range(30):
    counts = rng.integers(0, 1 + 10 ** (i % 5), int(rng.integers(2, 400)))
    if np.count_nonzero(counts) < 2:
        continue
    bits = float(entropy(counts, base=2))
    cases.append({"counts": counts.tolist(), "bits": bits, "normal": bits / float(np.log2(np.count_nonzero(counts)))})
print(json.dumps(cases, separators=(",", ":")))
