"""Fits the distributions of shapes.go: the bytes of bursts 3 to 6 of TLS flows, with another TLS handshake within and without.

for each capture C of the labelled corpus:
  weir replay --features splt,first_packet --labels C.labels.tsv --stdout flows C.pcap.gz >> flows.ndjson
python3 tunnel.py < flows.ndjson
"""
import itertools
import json
import sys
import numpy as np

INSIDE = {"trojan", "vmess-ws-tls", "meek-lite"}
rows = {True: [], False: []}
for line in sys.stdin:
    f = json.loads(line)
    splt = f["splt"] or []
    transport = f.get("label_transport")
    if f["proto"] != "tcp" or f["part"] or len(splt) < 5 or f["first_packet_up_framing"] != "tls" or f["first_packet_down_length"] is None:
        continue
    if transport in (None, "simple-obfs-tls") or splt[0][0] < 0:
        continue
    bursts = [abs(sum(s for s, _ in run)) for _, run in itertools.groupby(splt[:25], lambda p: p[0] > 0)]
    if len(bursts) >= 6:
        rows[transport in INSIDE].append(np.log2(1 + np.array(bursts[2:6])))
for inside, name in ((True, "tunnelled"), (False, "ordinary")):
    d = np.array(rows[inside])
    c = np.cov(d.T) + .1 * np.eye(4)
    print(name, len(d), np.round(d.mean(0), 4).tolist(), np.round(np.linalg.inv(c), 4).tolist(), round(-.5 * np.log(np.linalg.det(c)), 4))
