#!/usr/bin/python3
"""What plain Python says of payloads: writes packet.json.gz beside this script, [[payload in base64, ...]], see ROW.

The rules of Wu et al., USENIX Security 2023, are written down from their text, the counts by counting. numpy
(Debian: python3-numpy) computes chi-square and entropy.
"""
import base64
import gzip
import hashlib
import itertools
import json
import os
import random

import numpy as np

from entropy import random_entropy

# entropy, chi-square, one bits, printable bytes, longest printable run, leading printable bytes, exemptions by number,
# evidence but for that of the framing
ROW = "payload entropy chi ones printable run lead exempt evidence".split()


def printable(b):
    return 0x20 <= b <= 0x7E


def exempt(p):
    ones = sum(bin(b).count("1") for b in p)
    out = set()
    if ones * 5 <= 17 * len(p) or ones * 5 >= 23 * len(p):  # 3.4 = 17/5, 4.6 = 23/5
        out.add(1)
    if len(p) >= 6 and all(map(printable, p[:6])):
        out.add(2)
    if sum(map(printable, p)) > len(p) / 2:
        out.add(3)
    if any(all(map(printable, p[i:i + 21])) for i in range(len(p) - 20)):
        out.add(4)
    tls = len(p) >= 3 and 0x16 <= p[0] <= 0x17 and p[1] == 3 and 0 <= p[2] <= 9
    if tls or p.startswith((b"GET ", b"PUT ", b"POST", b"HEAD")):
        out.add(5)
    return sorted(out)


def evidence(n, entropy, chi, ones, letters):
    """Log-likelihood ratio of random bytes: normal against Cauchy, scipy-free."""
    if n < 2:
        return 0
    mean, sd = random_entropy(n)
    by_chi = (255 - chi) / (510 * (n - 1) / n) ** .5
    uniform = max((entropy - mean) / sd, by_chi, key=abs)
    share = 95 / 256
    total = 0
    for z, scale in ((uniform, .4 * n), ((ones - 4 * n) / (2 * n) ** .5, .55 * n ** .5),
                     ((letters - share * n) / (n * share * (1 - share)) ** .5, .33 * n ** .5)):
        scale = max(1, scale)
        normal = -z * z / 2 - np.log(2 * np.pi) / 2
        total += max(-10, normal + np.log(np.pi * scale * (1 + (z / scale) ** 2)))
    return float(total)


def row(p):
    counts = np.bincount(np.frombuffer(p, dtype=np.uint8), minlength=256)
    share = counts[counts > 0] / len(p)
    runs = [len(list(run)) for yes, run in itertools.groupby(map(printable, p)) if yes]
    entropy = float(-(share * np.log2(share)).sum())
    chi = float(((counts - len(p) / 256) ** 2 / (len(p) / 256)).sum())
    ones, letters = sum(bin(b).count("1") for b in p), sum(map(printable, p))
    return [base64.b64encode(p).decode(), entropy, chi, ones, letters, max(runs, default=0),
            len(list(itertools.takewhile(printable, p))), exempt(p), evidence(len(p), entropy, chi, ones, letters)]


def with_ones(n, ones, rng):
    """n bytes that are not printable with so many one bits."""
    while True:
        p = [0] * n
        for _ in range(ones):
            i = rng.choice([i for i in range(n) if p[i] != 0xFF])
            p[i] |= rng.choice([1 << k for k in range(8) if not p[i] >> k & 1])
        if not any(map(printable, p)):
            return bytes(p)


def edges(rng):
    for n in (5, 10):  # 3.4 and 4.6 are met exactly
        for ones in (17 * n // 5, 23 * n // 5):
            for more in (-1, 0, 1):
                yield with_ones(n, ones + more, rng)
    noise = b"\xe1\x93\x0f\x99\xa5\xc6\x87\xf0\x1e\xb4\x8d\xd2\x96\xcc\xaa\x0f\xf1\x83\x9a\xe4\xc5\xb1"
    for text in (b"", b"a", b"abcde", b"abcdef", b"abcdefg", b" ~ ~ ~", b"\x1fbcdef", b"abcde\x7f"):
        yield text + noise * 3
        if text:
            yield text
    for run in (5, 19, 20, 21, 22):
        yield noise + b"k" * run + noise * 3
        yield noise * 3 + b"k" * run
    for part in range(9, 13):  # about a half of 20 and 21 bytes
        for n in (20, 21):
            yield bytes(c for i in range(n - part) for c in (noise[i], *(b"c" if i < part else b"")))
    for kind in range(0x14, 0x19):
        for minor in (0, 1, 3, 4, 9, 10):
            yield bytes([kind, 3, minor]) + noise * 2
    yield from (b"\x16\x03", b"\x16\x02\x01" + noise, b"\x17\x04\x01" + noise, b"\x16")
    for method in (b"GET ", b"GET", b"GET\t", b"PUT ", b"PUTS", b"POST", b"POS", b"HEAD", b"get ", b"XGET ", b"HEA"):
        yield method + noise * 3
        yield method


def main():
    rng = random.Random(20230809)
    all_of_them = list(edges(rng))
    for _ in range(300):
        all_of_them.append(rng.randbytes(rng.choice([1, 2, 5, 6, 8, 16, 32, 50, 64, 100, 191, 192, 500, rng.randint(1, 1500)])))
    with open(os.path.abspath(__file__), "rb") as f:
        text = f.read(4000)
    for _ in range(60):
        at, n = rng.randrange(len(text) - 400), rng.randint(1, 400)
        all_of_them.append(text[at:at + n] + rng.randbytes(rng.randint(0, n)))
        all_of_them.append(bytes(rng.choice(b"ab c\n\x00\xffz~\x7f\x1f") for _ in range(n)))
    stream = b"".join(hashlib.sha256(b"weir-%d" % i).digest() for i in range(47))
    all_of_them += [stream[:n] for n in (128, 1024, 1500)]
    # mtime 0: the same file every time
    with gzip.GzipFile(os.path.join(os.path.dirname(os.path.abspath(__file__)), "packet.json.gz"), "wb", mtime=0) as out:
        out.write(json.dumps([row(p) for p in all_of_them]).encode())


main()
