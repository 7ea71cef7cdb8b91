#!/usr/bin/python3
"""Clusters of payload lengths by scikit-learn (Debian: python3-sklearn), for the Go code to be compared with.

    meanshift.py [--shared ../shared]        writes meanshift.json beside this script

A case: lengths, ascending, with their counts; the centres and, for each length, the index of its centre, as
MeanShift(bandwidth=...) gives them for the list in which each length is repeated count times.

Marked "rounding": generated cases in which two candidates for a centre are one bandwidth apart but for the last bits of
the floating-point numbers (fractions such as 7/3 and 10/3 with bandwidth 1). There scikit-learn's answer depends on
rounding inside its neighbour search, and can even differ with the order of the two.
"""
import argparse
import collections
import json
import os
import sys

import numpy as np
from sklearn.cluster import MeanShift
from sklearn.cluster._mean_shift import _mean_shift_single_seed
from sklearn.neighbors import NearestNeighbors

import windows

HERE = os.path.dirname(os.path.abspath(__file__))
REAL = """
corpus/dev/core1_https.pcap.gz
corpus/dev/core1_obfs4-iat0.pcap.gz
corpus/dev/core1_ssh.pcap.gz
corpus/dev/proxies_meek-lite.pcap.gz
corpus/dev/apps_dns.pcap.gz
corpus/dev/p2pvpn_openvpn-udp.pcap.gz
data/slips/dataset/test-cc/test-cc-capture-1.pcap
""".split()


def generated(r):
    """(name, bandwidth, lengths) of cases; r is a seeded generator."""
    yield "empty", 3, []
    for x in (0, 1, 1300):
        yield f"single {x}", 3, [x]
        yield f"the same {x}", 3, [x] * 50
    yield "pair one bandwidth apart", 3, [100, 103]
    yield "pair two bandwidths apart", 3, [100, 106]
    yield "pair more apart", 3, [100, 107]
    yield "between two", 3, [100] * 5 + [103] + [106] * 5
    yield "ends of the range", 3, [0] * 7 + [1300] * 7
    for n in range(1, 61):
        step = 1 + n % 6
        yield f"{n} in steps of {step}", 3, [7 + step * i for i in range(n)]
    for i in range(25):  # a transport that polls: one short length mostly, one long, and some noise
        short, long = r.integers(20, 400), r.integers(600, 1300)
        x = [short] * r.integers(50, 400) + [long] * r.integers(20, 200)
        yield f"two clusters {i}", 3, x + list(short + r.integers(-6, 7, 30)) + list(r.integers(0, 1301, 10))
    for i in range(40):
        yield f"uniform {i}", 3, r.integers(0, (10, 40, 200, 1301)[i % 4], r.integers(1, 200))
    for i in range(30):
        x = r.normal(r.integers(100, 1200), r.integers(1, 60), r.integers(1, 200))
        yield f"normal {i}", 3, np.clip(x, 0, 1300).astype(int)
    for i in range(30):
        yield f"repeated {i}", 3, np.repeat(r.integers(0, 60, 12), r.integers(1, 100, 12))
    for i in range(20):
        at = r.choice(1301, r.integers(2, 20), replace=False)
        yield f"wide gaps {i}", 3, np.repeat(at, r.integers(1, 9, len(at)))
    for i in range(50):
        bandwidth = (0.5, 1, 2, 2.5, 5, 10, 50)[i % 7]
        yield f"bandwidth {bandwidth}, {i}", bandwidth, r.integers(0, (20, 80, 1301)[i % 3], r.integers(1, 100))
    for i, step in enumerate((1, 2, 4, 5)):  # more than 60 centres
        yield f"crowded {i}", 3, np.arange(0, 1301, step)
    for i in range(4):
        yield f"many {i}", 3, r.integers(0, 1301, 400)


def rounding_decides(x, bandwidth):
    """Whether two candidates are one bandwidth apart but for rounding, and not simple binary fractions."""
    points = np.unique(x).astype(float)
    search = NearestNeighbors(radius=bandwidth).fit(x.reshape(-1, 1).astype(float))
    columns = x.reshape(-1, 1).astype(float)
    c = np.unique([_mean_shift_single_seed(np.array([p]), columns, search, 300)[0][0] for p in points])
    gaps = np.abs(np.abs(c[:, None] - c[None, :]) - bandwidth) < 1e-9
    inexact = (c * 1024) % 1 != 0
    return bool((gaps & (inexact[:, None] | inexact[None, :])).any())


def case(name, bandwidth, lengths):
    x = np.sort(np.array(lengths, dtype=int))
    counts = sorted(collections.Counter(x.tolist()).items())
    out = {"name": name, "bandwidth": bandwidth, "lengths": [k for k, _ in counts], "counts": [n for _, n in counts]}
    if not len(x):
        return {**out, "centres": [], "labels": []}
    m = MeanShift(bandwidth=bandwidth).fit(x.reshape(-1, 1).astype(float))
    label = dict(zip(x.tolist(), m.labels_.tolist()))
    return {**out, "centres": m.cluster_centers_.ravel().tolist(), "labels": [label[k] for k, _ in counts]}


def udp_lengths(path):
    import dpkt
    out = []
    for _, link, frame, _ in windows.frames(path):
        try:
            ip = windows.network(link, frame)
        except (dpkt.UnpackError, IndexError):
            continue
        if ip is not None and isinstance(ip.data, dpkt.udp.UDP):
            out.append(ip.data.ulen - 8)
    return out


def real(shared):
    for name in REAL:
        path = os.path.join(shared, name)
        for proto, x in (("tcp", [p.length for p in windows.tcp_packets(path)[0]]), ("udp", udp_lengths(path))):
            x = [v for v in x if v <= 1300]
            if x:
                yield f"{proto} of {name}", 3, x[:3000]


def main():
    arguments = argparse.ArgumentParser(description="Clusters of payload lengths by scikit-learn.")
    arguments.add_argument("--shared", default=os.path.join(HERE, "../../../../shared"), help="where the captures are")
    shared = arguments.parse_args().shared
    cases = []
    for name, bandwidth, lengths in generated(np.random.default_rng(20)):
        c = case(name, bandwidth, lengths)
        if len(lengths) and rounding_decides(np.array(lengths), bandwidth):
            c["rounding"] = True
        cases.append(c)
    marked, n = sum("rounding" in c for c in cases), len(cases)
    cases += [case(*c) for c in real(shared)]
    print(n, "generated cases,", marked, "of them marked,", len(cases) - n, "real ones", file=sys.stderr)
    with open(os.path.join(HERE, "meanshift.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")


if __name__ == "__main__":
    main()
