#!/usr/bin/python3
"""Aggregates of flow records by plain dictionaries, DBSCAN and k-means of them by scikit-learn (Debian: python3-sklearn), for
the Go code to be compared with.

    aggregates.py        writes aggregates.json beside this script

The records of the 60 batches are made by a generator that both sides have (SplitMix64), so the file holds of each batch and
kind of rows only how many there are, the mean of each column, [clusters, outliers, FNV-1a of DBSCAN's labels] and the FNV-1a
of the labels of k-means.
"""
import ipaddress
import json
import math
import os
import warnings

import numpy as np
from sklearn.cluster import DBSCAN, KMeans
from sklearn.preprocessing import StandardScaler

MASK = 2**64 - 1
STATES = 6
UDP, TCP, ICMP = 17, 6, 1


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
    """Records of a minute: a few clients, servers and ports, so that several are one aggregate."""
    r = Rng(number)
    clients, servers = 1 + r.next(12), 1 + r.next(6)
    records, at = [], 3600 * 10**9 + number * 60 * 10**9
    n = 50 + r.next(500)
    for _ in range(n):
        at += r.next(60 * 10**9 // n)
        records.append({
            "client": (10 << 24) + r.next(clients), "server": [(192 << 24) + (168 << 16), 9 << 24][r.next(2)] + r.next(servers),
            "client_port": 40000 + r.next(4), "server_port": [80, 443, 8080, 22, 53, 1000 + r.next(30)][r.next(6)],
            "proto": [TCP, TCP, UDP, ICMP][r.next(4)], "time": at, "duration": r.next(5) * r.next(2 * 10**9),
            "bytes": (r.next(1000) << r.next(12), r.next(1000) << r.next(16)), "state": r.next(STATES), "part": r.next(4) // 3,
        })
    return records


def private(a):
    a = ipaddress.ip_address(a)
    nets = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8"]
    return float(any(a in ipaddress.ip_network(n) for n in nets))


def last(up, down):
    return [up + down, math.log((up + 1) / (down + 1))]


def tuples(records):
    rows = {}
    for r in records:
        key = (r["client"], r["server"], r["proto"], r["client_port"], r["server_port"])  # ICMP: types and codes
        t = rows.setdefault(key, {"entries": 0, "time": 0, "up": 0, "down": 0, "states": [0] * STATES})
        t["entries"] += 1
        t["time"] += r["duration"]
        t["up"] += r["bytes"][0]
        t["down"] += r["bytes"][1]
        t["states"][r["state"]] += 1
    out = []
    for (client, server, proto, _, port), t in rows.items():
        s = t["time"] / 1e9
        speed = [t["up"] / s, t["down"] / s] if s else [0, 0]
        out.append([t["entries"], s, t["up"], t["down"]] + speed + t["states"] + [private(client), private(server)] +
                   [float(port == p and proto != ICMP) for p in (80, 8080, 443, 22)] + last(t["up"], t["down"]))
    return out


def pairs(records):
    rows, used = {}, {}
    for r in records:
        step = r["time"] // 10**10 * 10**10
        key = (step, r["client"], r["server"])
        p = rows.setdefault(key, {"up": 0, "down": 0, "connections": 0, "flows": 0, "sports": set(), "cports": set(), "new": 0, "tcp": 0, "udp": 0})
        p["flows"] += 1
        p["up"] += r["bytes"][0]
        p["down"] += r["bytes"][1]
        if r["part"] == 0:
            p["connections"] += 1
            p["tcp"] += r["proto"] == TCP
            p["udp"] += r["proto"] == UDP
        if r["proto"] == ICMP:
            continue
        p["cports"].add((r["proto"], r["client_port"]))
        port = (r["proto"], r["server_port"])
        if port not in p["sports"]:
            p["sports"].add(port)
            p["new"] += step - used.get(key[1:] + port, -10**20) >= 600 * 10**9
        used[key[1:] + port] = r["time"]
    return [[p["up"], p["down"], p["connections"], p["flows"], len(p["sports"]), len(p["cports"]), p["new"], p["tcp"], p["udp"],
             private(client), private(server)] + last(p["up"], p["down"]) for (_, client, server), p in rows.items()]


def fnv(labels):
    h = 0xCBF29CE484222325
    for b in ",".join(map(str, labels)).encode():
        h = ((h ^ b) * 0x100000001B3) & MASK
    return "%016x" % h


def case(rows):
    x = np.array(rows, float)
    scaled = StandardScaler().fit_transform(x)
    labels = DBSCAN(eps=2.5, min_samples=5).fit(scaled).labels_
    k = min(3, len(x))
    means = KMeans(n_clusters=k, init=scaled[:k].copy(), n_init=1, algorithm="lloyd").fit(scaled).labels_
    return {"rows": len(x), "means": x.mean(axis=0).tolist(), "dbscan": [int(labels.max()) + 1, int((labels == -1).sum()), fnv(labels)], "kmeans": fnv(means)}


warnings.simplefilter("ignore")  # starts that are equal
out = [{"tuples": case(tuples(r)), "pairs": case(pairs(r))} for r in map(batch, range(60))]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "aggregates.json"), "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
