#!/usr/bin/python3
"""K-means, mean shift and PCA by scikit-learn (Debian: python3-sklearn), for the Go code to be compared with.

    reference.py        writes reference.json beside this script

The points are made by a generator that both sides have (SplitMix64), so the file holds of each batch only its results:
k-means [inertia, FNV-1a of the labels joined with commas], mean shift [clusters, FNV-1a of the labels, clusters numbered by
their first points], mini-batch k-means the centres.
"""
import json
import os
import warnings

import numpy as np
from sklearn.cluster import KMeans, MeanShift, MiniBatchKMeans
from sklearn.decomposition import PCA

warnings.simplefilter("ignore")
MASK = 2**64 - 1


class Rng:
    def __init__(self, seed):
        self.state = seed

    def next(self, below):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return (z ^ (z >> 31)) % below


def batch(number):
    """Points around some centres, some of them alone; k of them as a start, which may leave a centre without points."""
    r = Rng(number)
    dims = 1 + r.next(4)
    n = 20 + r.next(200)
    k = 1 + r.next(8)
    groups = [[r.next(1 << 20) / 1024 for _ in range(dims)] for _ in range(1 + r.next(6))]
    width = 1 + r.next(300)
    rows = []
    for _ in range(n):
        g = groups[r.next(len(groups))]
        rows.append([g[d] + (r.next(1 << 30) / (1 << 30) - .5) * width for d in range(dims)])
    start = [[x for x in rows[r.next(n)]] for _ in range(k)]
    if r.next(4) == 0 and k > 1:
        start[0] = [1e6] * dims
    return np.array(rows), np.array(start), 40 + r.next(200)


def fnv(labels):
    h = 0xCBF29CE484222325
    for b in ",".join(map(str, labels)).encode():
        h = ((h ^ b) * 0x100000001B3) & MASK
    return "%016x" % h


def renumber(labels):
    seen = {}
    return [seen.setdefault(l, len(seen)) for l in labels.tolist()]


def kmeans(number):
    x, start, _ = batch(number)
    m = KMeans(n_clusters=len(start), init=start, n_init=1, algorithm="lloyd").fit(x)
    return [float(m.inertia_), fnv(m.labels_)]


def minibatch(number):
    """One pass in batches of 32; what partial_fit makes of the centres."""
    x, start, _ = batch(number)
    m = MiniBatchKMeans(n_clusters=len(start), init=start, n_init=1, reassignment_ratio=0)
    for i in range(0, len(x), 32):
        m.partial_fit(x[i:i + 32])
    return m.cluster_centers_.ravel().tolist()


def meanshift(number):
    x, _, width = batch(number)
    labels = renumber(MeanShift(bandwidth=width, bin_seeding=True).fit(x).labels_)
    return [max(labels) + 1, fnv(labels)]


def pca():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(40, 4)) @ rng.normal(size=(4, 4)) + [5, 0, -3, 100]
    p = PCA().fit(x)
    c = p.components_ * np.sign(p.components_[np.arange(4), np.abs(p.components_).argmax(axis=1)])[:, None]
    t = (x - p.mean_) @ c.T
    return {"rows": x.ravel().tolist(), "mean": p.mean_.tolist(), "variance": p.explained_variance_.tolist(), "components": c.tolist(),
            "projected": t[:, :2].ravel().tolist(), "q": (t[:, 2:]**2).sum(axis=1).tolist(),
            "t2": (t[:, :2]**2 / p.explained_variance_[:2]).sum(axis=1).tolist()}


def subspace(rows):
    """PCA of the correlations of rows whose weights are those of Subspace's test; the residuals of all rows after two directions."""
    x = np.array(rows).reshape(-1, 4)
    weights = np.array([[1, .25, 1, 3][i % 4] * .5**(3 - i // 10) for i in range(len(x))])
    mean, cov = np.average(x, axis=0, weights=weights), np.cov(x.T, aweights=weights, ddof=0)
    scale = np.sqrt(np.diag(cov))
    values, vectors = np.linalg.eigh(cov / np.outer(scale, scale))
    values, vectors = values[::-1], vectors[:, ::-1]
    t = (x - mean) / scale @ vectors
    return {"q": (t[:, 2:]**2).sum(axis=1).tolist(), "t2": (t[:, :2]**2 / values[:2]).sum(axis=1).tolist(), "weight": weights.sum()}


out = {"kmeans": [kmeans(i) for i in range(500)], "meanshift": [meanshift(i) for i in range(200)],
       "minibatch": [minibatch(i) for i in range(100)], "pca": pca(), "subspace": subspace(pca()["rows"])}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.json"), "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
