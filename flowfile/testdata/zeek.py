"""What Zeek's conn.log baselines hold, read with nothing but split: sums and counts for zeek_test.go.

    python3 zeek.py SHARED/data/zeek/testing/btest/Baseline SHARED/data/zeek-testing/Baseline > zeek.json

Baselines have XXXXXXXXXX.XXXXXX for times, which the test replaces.
"""
import collections, glob, hashlib, ipaddress, json, os, sys

result = {}
for base in sys.argv[1:]:
    for path in sorted(glob.glob(base + "/*/conn.log")):
        fields, rows = None, []
        for line in open(path, encoding="utf-8", errors="surrogateescape"):
            line = line.rstrip("\n")
            if line.startswith("#fields\t"):
                fields = line.split("\t")[1:]
            elif line and not line.startswith("#"):
                rows.append(line.split("\t"))
        if not fields or "id.orig_h" not in fields or "ts" not in fields:
            continue
        rows = [dict(zip(fields, r)) for r in rows]
        n = lambda r, name: int(r[name]) if r.get(name, "-") != "-" else 0
        text = hashlib.sha256()
        for r in rows:
            ends = [ipaddress.ip_address(r["id.%s_h" % side]).compressed for side in ("orig", "resp")]
            duration = r.get("duration", "-")
            micros = 0 if duration == "-" else int(duration.replace(".", ""))
            history = r.get("history", "-")
            if set(history) - set("SsHhAaDdFfRrCcGgTtWwIiQq^"):
                history = "-"  # weir marks it as missing
            text.update(" ".join([ends[0], r["id.orig_p"], ends[1], r["id.resp_p"], str(micros), r["conn_state"],
                                  "" if history == "-" else history]).encode() + b"\n")
        sums = {name: sum(n(r, name) for r in rows) for name in
                ("orig_bytes", "resp_bytes", "orig_pkts", "resp_pkts", "orig_ip_bytes", "resp_ip_bytes")}
        result["/".join(path.split("/")[-2:])] = {
            "rows": len(rows), "sums": sums, "sha256": text.hexdigest(),
            "protos": dict(collections.Counter(r["proto"] for r in rows)),
        }
json.dump(result, sys.stdout, indent=1, sort_keys=True)
print()
