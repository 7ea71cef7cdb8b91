#!/usr/bin/env python3
"""Writes golden.json: what numpy 1.24.2, scipy 1.10.1 and scikit-learn 1.2.1 compute. Run it in this directory."""
import json
import numpy as np
from scipy import stats
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss

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

s = rng.normal(size=200)
y = rng.uniform(size=200) < 1 / (1 + np.exp(-(2 * s - 1)))
a, b = _sigmoid_calibration(s, y)
out["platt"] = {"score": s.tolist(), "y": y.tolist(), "a": -a, "b": -b}
tied = np.round(s, 1)
iso = IsotonicRegression().fit(tied, y)
grid = np.unique(tied)
out["isotonic"] = {"score": tied.tolist(), "y": y.tolist(), "at": grid.tolist(), "p": iso.predict(grid).tolist()}

x = rng.normal(size=(300, 4)) * [1, 2, 0.5, 1]
y = rng.uniform(size=300) < 1 / (1 + np.exp(-(x @ [1, -0.5, 0, 2] - 2)))
m = LogisticRegression(C=1 / 3.0, tol=1e-12, max_iter=100000).fit(x, y)
out["logistic"] = {"x": x.tolist(), "y": y.tolist(), "l2": 3.0, "w": m.coef_[0].tolist(), "b": m.intercept_[0]}

p = np.round(rng.uniform(size=307), 6)
y = rng.uniform(size=307) < p ** 1.5
ece = sum(abs(p[i].mean() - y[i].mean()) * len(i) for i in
          (np.argsort(p, kind="stable")[(np.arange(307) * 15 // 307) == k] for k in range(15))) / 307
out["measure"] = {"p": p.tolist(), "y": y.tolist(), "brier": brier_score_loss(y, p), "log_loss": log_loss(y, p), "ece": ece}

with open("golden.json", "w") as f:
    json.dump(json.loads(json.dumps(out), parse_float=lambda v: float("%.12g" % float(v))), f)
    f.write("\n")
