#!/usr/bin/python3
"""Makes flows.csv and expected.json, with numpy and a reader of MaxMind's format in a few plain lines.

expected.py DIRECTORY-OF-MAXMINDS-TEST-DATABASES
"""
import collections
import csv
import datetime
import ipaddress
import json
import random
import struct
import sys
import zoneinfo

import numpy

random.seed(7)
known = ["81.2.69.142", "81.2.69.160", "2.125.160.216", "216.160.83.56", "89.160.20.112", "175.16.199.1", "67.43.156.1", "202.196.224.1",
         "2001:218::7", "2a02:d5c0::1", "1.128.0.9", "12.81.92.1", "2c0f:ff80::1", "8.8.8.8", "9.9.9.9", "10.0.9.9", "192.168.3.4",
         "100.64.0.1", "224.0.0.251", "255.255.255.255", "fe80::9", "ff02::fb", "2001:db8::5", "172.32.0.1", "203.0.113.8"]
local4 = ipaddress.ip_network("10.0.0.0/8")
rows = []
start = datetime.datetime(2026, 3, 27, 22, 0, tzinfo=datetime.timezone.utc)  # Berlin changes to summer time on the 29th
for i in range(600):
    server = random.choice(known + ["10.0.0.%d" % random.randrange(1, 6)] * 1)
    v6 = ":" in server
    client = "fd00::%d" % random.randrange(1, 4) if v6 else "10.0.0.%d" % random.randrange(1, 12)
    at = start + datetime.timedelta(seconds=random.randrange(0, 4 * 86400))
    up, down = random.choice([0, 40, random.randrange(10**6)]), random.choice([0, random.randrange(10**7)])
    if client in ("10.0.0.1", "10.0.0.2"):
        down = 0
    if client == "10.0.0.2":
        up = 0
    rows.append((f"{i + 1:016x}", at.strftime("%Y-%m-%dT%H:%M:%SZ"), (at + datetime.timedelta(seconds=random.choice([0, 1, 5000]))).strftime("%Y-%m-%dT%H:%M:%SZ"),
                 "tcp", client, 40000, server, 443, up, down))
with open("flows.csv", "w", newline="") as f:
    w = csv.writer(f)
    w.writerow("flow_id start end proto client client_port server server_port bytes_up bytes_down".split())
    w.writerows(rows)

private = [ipaddress.ip_network(n) for n in "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 169.254.0.0/16 127.0.0.0/8 fc00::/7 fe80::/10 ::1/128".split()]
reserved = [ipaddress.ip_network(n) for n in ("0.0.0.0/8 192.0.0.0/24 192.0.2.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 "
                                              "240.0.0.0/4 ::/128 100::/64 2001:db8::/32 fec0::/10 ff00::/8").split()]


class Database:
    """https://maxmind.github.io/MaxMind-DB/"""

    def __init__(self, path):
        self.data = open(path, "rb").read()
        mark = b"\xab\xcd\xefMaxMind.com"
        self.base = self.data.rindex(mark) + len(mark)
        meta, _ = self.value(self.base)
        self.nodes, self.bits = meta["node_count"], meta["record_size"]
        assert meta["ip_version"] == 6
        self.base = self.nodes * self.bits // 4 + 16

    def child(self, node, bit):
        n = self.data[node * self.bits // 4:][:self.bits // 4]
        if self.bits == 28:
            return int.from_bytes(bytes([n[3] & 15]) + n[4:7], "big") if bit else int.from_bytes(bytes([n[3] >> 4]) + n[:3], "big")
        half = len(n) // 2
        return int.from_bytes(n[half:] if bit else n[:half], "big")

    def value(self, at):
        control = self.data[at]
        kind, size, at = control >> 5, control & 31, at + 1
        if kind == 1:
            extra = size >> 3
            v = int.from_bytes(self.data[at:at + extra + 1], "big")
            if extra < 3:
                v |= (size & 7) << 8 * (extra + 1)
            return self.value(self.base + v + (0, 2048, 526336, 0)[extra])[0], at + extra + 1
        if kind == 0:
            kind, at = self.data[at] + 7, at + 1
        if size >= 29:
            more = size - 28
            size = (29, 285, 65821)[more - 1] + int.from_bytes(self.data[at:at + more], "big")
            at += more
        if kind == 7:
            found = {}
            for _ in range(size):
                key, at = self.value(at)
                found[key], at = self.value(at)
            return found, at
        if kind == 11:
            items = []
            for _ in range(size):
                item, at = self.value(at)
                items.append(item)
            return items, at
        if kind == 14:
            return bool(size), at
        raw = self.data[at:at + size]
        value = raw.decode() if kind == 2 else struct.unpack(">d", raw)[0] if kind == 3 else raw if kind == 4 else int.from_bytes(raw, "big")
        return value, at + size

    def get(self, address):
        number, node = int(ipaddress.ip_address(address)), 0
        for i in range(127, -1, -1):
            node = self.child(node, number >> i & 1)
            if node == self.nodes:
                return None
            if node > self.nodes:
                return self.value(self.base + node - self.nodes - 16)[0]


city = Database(sys.argv[1] + "/GeoLite2-City-Test.mmdb")
asn = Database(sys.argv[1] + "/GeoLite2-ASN-Test.mmdb")


def special(a):
    for name, nets in (("private", private), ("reserved", reserved)):
        if any(a.version == n.version and a in n for n in nets):
            return name
    return None


countries, networks = collections.defaultdict(lambda: [0, 0, 0]), collections.defaultdict(lambda: [0, 0, 0])
hours, days = collections.Counter(), set()
out = collections.defaultdict(lambda: [0, 0])
inner = collections.defaultdict(list)
local = [ipaddress.ip_network(n) for n in "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 100.64.0.0/10 fc00::/7 fe80::/10".split()]
is_local = lambda a: any(a.version == n.version and a in n for n in local)
for _, begin, _, _, client, _, server, _, up, down in rows:
    c, s = ipaddress.ip_address(client), ipaddress.ip_address(server)
    country = special(s) or (city.get(server) or {}).get("country", {}).get("iso_code", "unknown")
    number = (asn.get(server) or {}).get("autonomous_system_number")
    network = special(s) or (f"AS{number}" if number else "unknown")
    for table, key in ((countries, country), (networks, network)):
        for k, v in enumerate((1, up, down)):
            table[key][k] += v
    at = datetime.datetime.fromisoformat(begin.replace("Z", "+00:00"))
    here = at.astimezone(zoneinfo.ZoneInfo("Europe/Berlin"))
    hours[here.hour] += 1
    days.add(here.date())
    if is_local(c) and not is_local(s):
        out[client][0] += up
        out[client][1] += down
    if c != s and is_local(c) and is_local(s):
        inner[server].append((at.timestamp(), client))

with numpy.errstate(divide="ignore", invalid="ignore"):
    names = sorted(out)
    sums = numpy.array([out[n] for n in names], dtype=float)
    ratio = sums[:, 0] / sums[:, 1]
    finite = ratio[numpy.isfinite(ratio)]
    percentile = [100 * numpy.sum(finite < r) / (len(finite) - 1) if numpy.isfinite(r) else None for r in ratio]
    for r, p in zip(ratio, percentile):  # it is the percentile of type 7
        assert p is None or abs(numpy.percentile(finite, p) - r) < 1e-9
    score = numpy.log((sums[:, 0] + 1500) / (sums[:, 1] + 1500))
lateral = {}
for server, seen in inner.items():
    t = numpy.sort([s for s, _ in seen])
    lateral[server] = {"peers": len({c for _, c in seen}), "flows": len(t), "rate": float((len(t) - 1) / (t[-1] - t[0])) if len(t) >= 3 else None}
json.dump({
    "countries": countries, "networks": networks,
    "hours": [hours[h] for h in range(24)], "days": len(days), "per_day": [float(numpy.float64(hours[h]) / len(days)) for h in range(24)],
    "clients": {n: {"out": out[n][0], "in": out[n][1], "ratio": str(float(r)), "percentile": p, "score": float(s)}
                for n, r, p, s in zip(names, ratio, percentile, score)},
    "lateral": lateral,
}, open("expected.json", "w"), indent=1, sort_keys=True, default=float)
