"""Writes evidence.json: log Bayes factors and posteriors by scipy's betaln."""
import json
import numpy as np
from scipy.special import betaln

cases = []
for proxy, benign, odd in [((20, 1), (.1, 20), .004), ((148.2, .25), (.044, 148.4), .0043), ((1, 1), (1, 1), 0), ((5, 2), (.5, 50), .1)]:
    for k, n in [(0, 1), (1, 1), (5, 5), (4, 5), (0, 20), (20, 20), (3, 200), (1000, 1000)]:
        p = betaln(proxy[0] + k, proxy[1] + n - k) - betaln(*proxy)
        b = betaln(benign[0] + k, benign[1] + n - k) - betaln(*benign)
        low = np.logaddexp(np.log1p(-odd) + b, np.log(odd) + p) if odd else b
        base = .01
        logit = p - low + np.log(base / (1 - base))
        cases.append({"proxy": proxy, "benign": benign, "odd": odd, "k": k, "n": n, "factor": p - low, "posterior": 1 / (1 + np.exp(-logit))})
json.dump(cases, open("evidence.json", "w"), indent=0)
