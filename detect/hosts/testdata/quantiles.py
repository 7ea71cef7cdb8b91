"""Writes quantiles.json: 90th percentile (type 7), median and median absolute deviation of arrays, by Python's statistics."""
import json
import random
import statistics

random.seed(1)
cases = [[1, 1, 1, 2, 2, 3, 5, 8, 13, 21, 34], [1, 2], [0, 0, 0], [1, 100000], [3, 3, 3, 9]]
for n in (5, 10, 11, 20, 97, 500):
    for top in (3, 30, 60000):
        cases.append([random.randrange(top) for _ in range(n)])
        cases.append([min(int(random.paretovariate(1) * top / 10), 190000) for _ in range(n)])
out = []
for values in cases:
    median = statistics.median(values)
    out.append({"values": values, "p90": statistics.quantiles(values, n=10, method="inclusive")[8], "median": median,
                "mad": statistics.median(abs(v - median) for v in values)})
assert [out[0]["p90"], out[1]["p90"]] == [21, 1.9]
json.dump(out, open("quantiles.json", "w"))
