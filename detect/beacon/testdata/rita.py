"""Scores of RITA v5's beacon analysis, from its description, with numpy: python3 rita.py > rita.json"""
import json
import numpy as np

def r3(x):
    return float(np.floor(x * 1000 + 0.5) / 1000)

def statistics(v, preset):
    v = np.sort(np.asarray(v, float))
    if len(v) < 3:
        return 0.0
    h = len(v) // 2
    q1, q2, q3 = np.median(v[:h]), np.median(v), np.median(v[-h:])
    skew = (q1 + q3 - 2 * q2) / (q3 - q1) if q3 - q1 >= 10 and q2 not in (q1, q3) else 0
    mad = np.median(np.abs(v - q2))
    spread = max(0, (q2 - mad) / q2) if q2 >= 1 else preset
    return r3((1 - abs(skew) + spread) / 2)

def score(ts, size, first, last):
    ts = np.sort(ts)
    d = np.diff(ts)
    d = d[d > 0]
    out = {"timestamps": statistics(d, 1), "sizes": statistics(size, 0)}
    bins, _ = np.histogram(ts, bins=24, range=(first, last))
    cv = bins.std() / bins.mean()
    flat = 0 if cv > 1 else r3(1 - cv)
    full = bins[bins > 0]
    width = np.ceil(0.05 * bins.max())
    counts = sorted(np.unique(full // width, return_counts=True)[1])[::-1]
    bimodal = min(1, sum(counts[:2]) / max(len(full) - 1, 1)) if len(full) >= 11 else 0
    out["histogram"] = float(max(flat, bimodal))
    runs = "".join("x" if b else " " for b in np.concatenate([bins, bins])).split()
    run = min(24, max(len(r) for r in runs))
    ceil3 = lambda x: np.ceil(x * 1000) / 1000
    out["duration"] = float(max(min(1, ceil3((ts[-1] - ts[0]) / (last - first))), min(1, ceil3(run / 12)))) if len(full) >= 6 else 0.0
    out["score"] = r3(sum(out.values()) / 4)
    return out

rng = np.random.default_rng(7)
cases = []
for i in range(40):
    n = int(rng.integers(4, 250))
    period = float(rng.choice([60, 300, 900]))
    kind = i % 4
    gaps = [rng.uniform(0.5, 1.5, n) * period, rng.exponential(period, n), np.full(n, period), rng.lognormal(0, 2, n) * 30][kind]
    ts = 1_700_000_000 + np.cumsum(gaps).astype(np.int64)
    ts = ts[ts < 1_700_000_000 + 86000]
    if len(np.unique(ts)) < 4:
        continue
    size = rng.integers(200, 400 + 3000 * (i % 3), len(ts))
    first, last = 1_700_000_000, int(max(ts[-1], 1_700_000_000 + rng.integers(20000, 86400)))
    cases.append({"times": ts.tolist(), "bytes": size.tolist(), "first": first, "last": last, "want": score(ts, size, first, last)})
print(json.dumps(cases, separators=(",", ":")))
