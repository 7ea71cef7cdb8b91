"""Makes reference.json: what scikit-learn fits to the data sets of generated_test.go, and what it and scipy say of scores.

python3 reference.py > reference.json     (scikit-learn 1.2.1, scipy 1.10.1, numpy 1.24.2)
"""
import json, sys, warnings
import numpy as np, scipy.stats, sklearn
from sklearn.calibration import _sigmoid_calibration
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import (average_precision_score, brier_score_loss, log_loss, precision_recall_curve, roc_auc_score,
                             roc_curve)
from sklearn.preprocessing import StandardScaler

warnings.simplefilter("ignore")
SETS = [("shift", 1, 1200, 20, .5), ("shift", 2, 3000, 40, .1), ("correlated", 3, 2400, 60, .3), ("hidden", 4, 3000, 10, .5)]
TREES = [("shift", 11, 6000, 20, .1), ("correlated", 12, 6000, 30, .3), ("hidden", 13, 9000, 10, .5)]


def uniform(seed, k):
    """splitmix64's number k, 0 <= u < 1"""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + (k.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)) * 2.0**-53


def generate(kind, seed, n, d, rate):
    cell = np.arange(n * (d + 2)).reshape(n, d + 2) * 4
    u = uniform(seed, cell)
    noise = (((u + uniform(seed, cell + 1)) + uniform(seed, cell + 2)) + uniform(seed, cell + 3) - 2) * 1.75
    x, y = noise[:, :d].copy(), u[:, d] < rate
    j = np.arange(d)
    if kind == "shift":
        x = x + .8 * np.outer(y, j % 3 == 0)
        x = x * np.array([.1, 1, 10, 100])[j % 4] + j
    if kind == "correlated":
        x = x + .8 * noise[:, :1] + np.outer(y, j % 4 == 1)
        x[:, d - 1] = 5
    if kind == "hidden":
        y = x[:, 0] * x[:, 1] + (abs(x[:, 2]) < .6) + .5 * x[:, 3] - .5 + .5 * noise[:, d] > 0
        x[u[:, d + 1] < np.where(y, .3, .1), 4] = np.nan
    return x, y


def split(x, y):
    test = np.arange(len(y)) % 3 == 2
    return x[~test], y[~test], x[test], y[test]


def linear(name, seed, n, d, rate):
    x, y, xt, yt = split(*generate(name, seed, n, d, rate))
    scaler = StandardScaler().fit(x)
    x, xt = (np.nan_to_num(scaler.transform(v)) for v in (x, xt))
    out = {"kind": name, "seed": seed, "n": n, "d": d, "rate": rate, "mean": scaler.mean_.tolist(),
           "scale": scaler.scale_.tolist(), "sgd": [], "logistic": []}
    for state in (1, 42, 12345):
        m = SGDClassifier(loss="hinge", penalty="l1", alpha=1e-4, learning_rate="optimal", class_weight="balanced",
                          max_iter=5000, tol=1e-3, random_state=state).fit(x, y)
        f = m.decision_function(xt)
        out["sgd"].append({"random_state": state, "epochs": m.n_iter_, "weights": m.coef_[0].tolist(),
                           "intercept": m.intercept_[0], "auc": roc_auc_score(yt, f),
                           "called": "".join("01"[int(v)] for v in f > 0)})
    for c, balanced in ((1, True), (.01, True), (10, False)):
        m = LogisticRegression(C=c, class_weight="balanced" if balanced else None, solver="newton-cg", tol=1e-12,
                               max_iter=10000).fit(x, y)
        out["logistic"].append({"c": c, "balanced": balanced, "weights": m.coef_[0].tolist(), "intercept": m.intercept_[0]})
    return out


def trees(name, seed, n, d, rate):
    x, y, xt, yt = split(*generate(name, seed, n, d, rate))
    m = HistGradientBoostingClassifier(random_state=1, class_weight=None).fit(x, y)
    f = m.predict_proba(xt)[:, 1]
    return {"kind": name, "seed": seed, "n": n, "d": d, "rate": rate, "auc": roc_auc_score(yt, f), "log_loss": log_loss(yt, f)}


def curve(y, s, p):
    y, s, p = np.array(y, bool), np.array(s), np.array(p)
    fpr, tpr, thresholds = roc_curve(y, s, drop_intermediate=False)
    precision, recall, _ = precision_recall_curve(y, s)
    base = 1e-3
    weight = np.where(y, base / y.mean(), (1 - base) / (1 - y.mean()))
    order = np.argsort(p, kind="stable")
    bins = [order[np.arange(len(y)) * 15 // len(y) == k] for k in range(15)]
    ece = sum(len(b) * abs(p[b].mean() - y[b].mean()) for b in bins if len(b)) / len(y)
    return {"y": [int(v) for v in y], "s": s.tolist(), "p": p.tolist(), "auc": roc_auc_score(y, s),
            "ap": average_precision_score(y, s), "ap_base": average_precision_score(y, s, sample_weight=weight), "base": base,
            "fpr": fpr[1:].tolist(), "tpr": tpr[1:].tolist(), "thresholds": thresholds[1:].tolist(),
            "precision": precision[:-1][::-1].tolist(), "recall": recall[:-1][::-1].tolist(),
            "brier": brier_score_loss(y, p), "log_loss": log_loss(y, p), "ece": ece,
            "platt": [-v for v in _sigmoid_calibration(s, y.astype(float))],
            "isotonic": IsotonicRegression().fit(s, y).predict(s).tolist()}


def curves():
    yield curve([0, 0, 1, 1, 0, 1, 0, 0, 0, 1], [.1, .4, .35, .8, .4, .9, .2, .05, .7, .4],
                [.1, .4, .35, .8, .4, .9, .2, .05, .7, .4])
    for seed, n in ((21, 157), (22, 600)):
        k = np.arange(n)
        y = uniform(seed, k) < .3
        s = np.round(uniform(seed, k + n) + .4 * y, 2 if n < 200 else 6)
        yield curve(y, s, np.clip(s / 1.4, .001, .999))


def wilson(k, n):
    ci = scipy.stats.binomtest(k, n).proportion_ci(.95, method="wilson")
    return [k, n, ci.low, ci.high]


def short(v):
    """12 significant digits"""
    if isinstance(v, dict):
        return {k: short(w) for k, w in v.items()}
    if isinstance(v, (list, tuple)):
        return [short(w) for w in v]
    return float(f"{v:.12g}") if isinstance(v, float) else v


json.dump(short({"made_with": [sklearn.__version__, scipy.__version__, np.__version__],
           "linear": [linear(*s) for s in SETS], "trees": [trees(*s) for s in TREES], "curves": list(curves()),
           "wilson": [wilson(*v) for v in ((0, 10), (10, 10), (1, 1), (37, 37), (3, 1000), (957, 1000), (50, 100))]}),
          sys.stdout)
