#!/usr/bin/python3
"""DBSCAN and scalings by scikit-learn and numpy (Debian: python3-sklearn), for the Go code to be compared with.

    reference.py        writes reference.json beside this script

The points of the 1,000 batches are made by a generator that both sides have (SplitMix64), so the file holds of each batch
only [clusters, outliers, FNV-1a of the labels joined with commas].
"""
import json
import os

import numpy as np
from sklearn.cluster import DBSCAN
from sklearn.preprocessing import StandardScaler

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
    """Small whole numbers (ties), heavy tails, constants, few values, quarters; rows that repeat; few rows."""
    r = Rng(number)
    dims = [1, 1, 1, 2, 3, 5][r.next(6)]
    n = 1 + r.next(6) if r.next(7) == 0 else 1 + r.next(300)
    eps, least = [(2.5, 5), (0.5, 2), (1, 3), (2.5, 5)][r.next(4)]
    scaling = r.next(3)
    kinds = [r.next(5) for _ in range(dims)]
    repeat = r.next(2)
    rows = []
    for i in range(n):
        if repeat and i and r.next(4) == 0:
            rows.append(rows[r.next(i)])
            continue
        row = []
        for kind in kinds:
            if kind == 0:
                row.append(float(r.next(10)))
            elif kind == 1:
                row.append(float(r.next(1000) << r.next(30)))
            elif kind == 2:
                row.append(7.1)
            elif kind == 3:
                row.append([0.0, 5.0, 10.0, 100.0][r.next(4)])
            else:
                row.append(r.next(200) / 4)
        rows.append(row)
    return np.array(rows), eps, least, scaling


def robustly(x):
    x = np.log1p(x)
    q1, q2, q3 = np.quantile(x, [.25, .5, .75], axis=0)
    scale = (q3 - q1) / 1.349
    return (x - q2) / np.where(scale == 0, 1, scale)


def fnv(text):
    h = 0xCBF29CE484222325
    for b in text.encode():
        h = ((h ^ b) * 0x100000001B3) & MASK
    return "%016x" % h


def label(x, eps, least):
    labels = DBSCAN(eps=eps, min_samples=least).fit(x).labels_
    return [int(labels.max()) + 1, int((labels == -1).sum()), fnv(",".join(map(str, labels)))]


def case(number):
    x, eps, least, scaling = batch(number)
    x = [lambda v: v, lambda v: StandardScaler().fit_transform(v), robustly][scaling](x)
    return label(x, eps, least)


def ctu():
    """The six large flows of the original notebook among 1,648 small ones."""
    rng = np.random.default_rng(6)
    values = [61638544, 137136528, 96444060, 61164753, 70963308, 248405120] + [int(v) for v in rng.lognormal(7, 1.5, 1648)]
    return {"values": values, "labels": label(StandardScaler().fit_transform(np.array(values, float)[:, None]), 2.5, 5)}


def scaled():
    rng = np.random.default_rng(7)
    x = np.column_stack([rng.lognormal(8, 2, 60), rng.integers(0, 4, 60), np.full(60, .1)])
    return {"rows": x.ravel().tolist(), "plain": StandardScaler().fit_transform(x).ravel().tolist(), "robust": robustly(x).ravel().tolist()}


out = {"batches": [case(i) for i in range(1000)], "ctu": ctu(), "scaled": scaled()}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.json"), "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
