"""Makes reference.json: what scipy says of payloads made from SHA-256, of pairs of samples, and of distinct bytes.

python3 reference.py > reference.json     (scipy 1.10.1, numpy 1.24.2)
"""
import hashlib, json, struct, warnings
import numpy as np, scipy.stats

warnings.simplefilter("ignore")


def stream(name, n):
    out, i = b"", 0
    while len(out) < n:
        out += hashlib.sha256(name.encode() + b"-" + struct.pack(">I", i)).digest()
        i += 1
    return out[:n]


def payload(kind, n):
    random = stream("payload", n)
    if kind == "random":
        return random
    if kind == "english":
        words = [b"the", b"of", b"and", b"weir", b"a", b"stream", b"measures", b"wall", b"low", b"across", b"is", b"flow"]
        return b" ".join(words[b % 12] for b in random)[:n]
    if kind == "base64":
        alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        return bytes(alphabet[b % 64] for b in random)
    if kind == "constant":
        return b"A" * n
    raise ValueError(kind)


def entropies(b, size):
    out = []
    for i in range(0, len(b) - size + 1, size):
        _, counts = np.unique(np.frombuffer(b[i:i + size], np.uint8), return_counts=True)
        p = counts / size
        out.append(float(-(p * np.log2(p)).sum()))
    return out


def distinct(b, size):
    return float(np.mean([len(set(b[i:i + size])) / size for i in range(len(b) - size + 1)]))


cases = []
for kind in ["random", "english", "base64", "constant"]:
    for n in [128, 500, 1024, 1450]:
        b = payload(kind, n)
        chi = float(scipy.stats.chisquare(np.bincount(np.frombuffer(b, np.uint8), minlength=256)).statistic)
        case = {"kind": kind, "length": n, "chi_square": chi, "distinct": [distinct(b, w) for w in (32, 64, 96)], "blocks": []}
        for size in (16, 32, 64):
            mine, other = entropies(b, size), entropies(stream("weir", 256 * size), size)
            # equal entropies are equal to the last bit only in exact arithmetic
            mine, other = np.round(mine, 9), np.round(other, 9)
            ks = scipy.stats.ks_2samp(mine, other, mode="exact")
            ad = scipy.stats.anderson_ksamp([mine, other]) if len(mine) > 1 else None
            case["blocks"].append({"size": size, "ks": float(ks.statistic), "p": float(ks.pvalue),
                                   "ad": float(ad.statistic) if ad else None,
                                   "critical": [float(c) for c in ad.critical_values] if ad else None})
        cases.append(case)
json.dump(cases, __import__("sys").stdout, separators=(",", ":"))
