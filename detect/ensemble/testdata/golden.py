#!/usr/bin/env python3
"""Writes golden.json: what numpy 1.24.2 and scipy 1.10.1 compute. Run it in this directory."""
import json
import numpy as np
from scipy import stats

rng = np.random.default_rng(5)
out = {"combine": []}
for n in (1, 2, 3, 5, 9):
    for lo in (0, -3, -6):
        p = 10 ** rng.uniform(lo, 0, n) * rng.uniform(0.2, 0.98, n)
        t = np.mean(np.tan((0.5 - p) * np.pi))
        out["combine"].append({
            "p": p.tolist(), "cauchy": stats.cauchy.sf(t), "fisher": stats.combine_pvalues(p, "fisher")[1],
            "stouffer": stats.combine_pvalues(p, "stouffer")[1]})

calib = np.round(rng.normal(size=400), 2)  # ties
seen = np.round(rng.normal(size=60, scale=1.5), 2)
out["conformal"] = {"calib": calib.tolist(), "scores": seen.tolist(),
                    "p": [(1 + int((calib >= s).sum())) / (len(calib) + 1) for s in seen]}

out["pareto"] = [{"shape": c, "scale": s, "x": x.tolist(), "sf": stats.genpareto.sf(x, c, scale=s).tolist()}
                 for c, s, x in ((0.3, 2.0, rng.uniform(0, 50, 8)), (0, 1.5, rng.uniform(0, 20, 8)))]

with open("golden.json", "w") as f:
    json.dump(json.loads(json.dumps(out), parse_float=lambda v: float("%.12g" % float(v))), f)
    f.write("\n")
