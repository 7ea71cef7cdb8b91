"""Entropies of a host's peers and ports in a step, by scipy: python3 dispersal.py > dispersal.json

The host opens the flows of each case; those before its 32nd do not count. bits are of the values themselves, cells of what is left
of them in 1,024 cells, by the hash of entropy.go written again.
"""
import json
import numpy as np
from scipy.stats import entropy

rng = np.random.default_rng(11)
MASK = 2**64 - 1


def scatter(hi, lo):
    h = ((hi * 0x9E3779B97F4A7C15 & MASK) ^ lo) * 0xBF58476D1CE4E5B9 & MASK
    h ^= h >> 32
    return h * 0x94D049BB133111EB & MASK


def bits(values):
    return float(entropy(np.unique(values, return_counts=True)[1], base=2))


cases = []
for flows, peers, ports in ((63, 5, 1), (100, 60, 3), (400, 150, 40), (1000, 1, 300), (3000, 200, 200), (80, 1, 1)):
    peer = rng.zipf(1.5, flows) % peers + (203 << 24 | 113 << 8)
    port = rng.integers(0, ports, flows) + 1000
    counted = [peer[31:], port[31:]]
    cases.append({"peers": peer.tolist(), "ports": port.tolist(), "bits": [bits(v) for v in counted],
                  "cells": [bits(np.array([scatter(0, int(x) | prefix) >> 54 for x in v]))
                            for v, prefix in zip(counted, (0xFFFF << 32, 0))]})
print(json.dumps(cases, separators=(",", ":")))
