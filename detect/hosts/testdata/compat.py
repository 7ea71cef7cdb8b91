#!/usr/bin/env python3
"""Writes compat.json: flows, and what the seed's rule says of them with numpy's percentile (Python 3, numpy)."""
import json
import random

import numpy

random.seed(20)
POPULAR, MANY = {53, 80, 123, 443}, 100


def run(flows):
    ports, said, alerts = {}, set(), []
    for i, (src, dst, proto, port) in enumerate(flows):
        ends = [(src, "client"), (dst, "server")]
        for end in ends:
            ports.setdefault(end, set()).add((proto, port))
        for end in ends:
            n = len(ports[end])
            p90 = numpy.percentile([len(p) for p in ports.values()], 90)
            if end not in said and n > p90 and port not in POPULAR:
                said.add(end)
                alerts.append([i, "compat_percentile", end[0], end[1], n, float(p90)])
            if n > MANY:
                alerts.append([i, "compat_many", end[0], end[1], n, float(MANY)])
    return alerts


cases = []
for hosts, top in (3, 20), (10, 200), (30, 2000):
    flows = [[random.randrange(hosts), random.randrange(hosts), random.choice((6, 6, 17)),
              random.choice((53, 80, 443, random.randint(1, top)))] for _ in range(500)]
    flows += [[hosts, 0, 6, 1000 + k] for k in range(150)]
    cases.append({"flows": flows, "alerts": run(flows)})
with open("compat.json", "w") as f:
    json.dump(cases, f, separators=(",", ":"))
    f.write("\n")
