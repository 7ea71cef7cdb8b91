#!/usr/bin/python3
"""Window features of captures, computed straight from their definition: an opinion from outside.

Plain Python with dpkt and numpy (Debian: python3-dpkt, python3-numpy). It shares nothing with the Go code, not even
the capture reader, and holds a whole capture's packets in memory; slow and short on purpose.

    windows.py [--shared ../shared]          writes edges.pcap.gz and windows.json.gz beside this script
    windows.py --time CAPTURE                packets per second of this script over a capture, one process

The definition (per host pair, over TCP packets):
 1. Time is cut into segments of 60 s aligned to the epoch.
 2. Within a segment, packets are grouped by (client, target).
 3. Within a group, each N packets in a row are a window; the remainder is dropped.

Where the definition leaves a choice, this is the one taken:
 - Sequence numbers: an interval is measured between packets of one direction of the window whose 32-bit sequence
   number was not seen before in that direction of that window, whichever connection they belong to, as CovertMark's
   documentation says it ("only the first of all frames bearing the unique sequence number is counted"). Packets
   without payload bear sequence numbers too.
 - A bin of intervals is a share of all packets of the direction, not of the intervals.
 - Time going backwards: packets keep the order of the capture. The clock is the latest timestamp of all frames so far;
   a packet belongs to the clock's segment, which is that of its own timestamp unless the capture runs back over a
   segment's border. An interval is the distance in time, never negative. first and last are the earliest and the
   latest timestamp in the window.
 - Payload length is what IP and TCP headers say; Ethernet padding is none. Entropy is over the captured bytes of the
   payload alone; nothing captured counts as 0. An IPv4 total length of 0 takes the frame's own length.
 - Fragments, first or later, are left out altogether, and so is a TCP packet whose 20 header bytes were not captured.
   A TCP data offset that is impossible (below 20 bytes, or beyond the packet) leaves the payload empty.
 - Length bins are shares of the direction's packets; with segments of 1500 bytes and more they may add up to over 1.
 - push_ratio is 0 where no packet has ACK.
 - Hosts are addresses: VLANs and ports do not part them. connections counts the distinct pairs of ports.
 - Client: an endpoint inside `clients`; both inside, or no networks: by the pair's first TCP packet (source of a bare
   SYN; destination of a SYN-ACK; where exactly one port is from 1 to 1023, the other side; else its source), kept
   until the pair was quiet for 10 minutes of the clock. Every TCP packet of the pair keeps it known.
 - A host that talks to itself (loopback) is client and target at once: there a packet is up when it goes from the
   client's port to the server's, by the same rule over the pair of ports of each connection.
 - Tunnels are not opened.
"""
import argparse
import collections
import gzip
import ipaddress
import json
import os
import struct
import sys
import time

import dpkt
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
SEGMENT = 60 * 10**9
FORGET = 600 * 10**9
LEN_BINS = range(100, 1501, 100)
INTERVAL_BINS = ((0, 1000), (1000, 10000), (10000, 100000), (100000, 1000000))

Packet = collections.namedtuple("Packet", "time clock src dst sport dport seq flags length payload")


def names():
    out = []
    for d in ("up", "down"):
        out += [f"{m}_entropy_{d}" for m in ("mean", "max", "min")]
        out += [f"mean_interval_{d}"] + [f"bin_{hi}_interval_{d}" for _, hi in INTERVAL_BINS]
        out += [f"top1_tcp_len_{d}", f"top2_tcp_len_{d}", f"mean_tcp_len_{d}"]
        out += [f"bin_{hi}_len_{d}" for hi in LEN_BINS] + [f"push_ratio_{d}"]
    return out + ["up_down_ratio"]


NAMES = names()
assert len(NAMES) == 55


# Reading captures

def frames(path):
    """Yields (nanoseconds, link type, captured bytes, wire length)."""
    f = gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb")
    with f:
        data = f.read()
    for order in "<>":
        magic = struct.unpack(order + "I", data[:4])[0]
        if magic in (0xA1B2C3D4, 0xA1B23C4D):
            return pcap(data, order, 1000 if magic == 0xA1B2C3D4 else 1)
    return pcapng(data)


def pcap(data, order, unit):
    link = struct.unpack(order + "I", data[20:24])[0] & 0xFFFF
    record = struct.Struct(order + "IIII")
    at = 24
    while at + 16 <= len(data):
        sec, frac, caplen, wire = record.unpack_from(data, at)
        if at + 16 + caplen > len(data):
            return
        yield sec * 10**9 + frac * unit, link, data[at + 16:at + 16 + caplen], wire
        at += 16 + caplen


def pcapng(data):
    """Enhanced packet blocks of one section, decimal or binary resolution; enough for the captures used here."""
    order = "<" if data[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
    at, interfaces = 0, []
    while at + 12 <= len(data):
        kind, size = struct.unpack_from(order + "II", data, at)
        body = data[at + 8:at + size - 4]
        at += size
        if kind == 1:
            interfaces.append((struct.unpack_from(order + "H", body)[0],) + clock(body[8:], order))
        elif kind == 6:
            i, high, low, caplen, wire = struct.unpack_from(order + "IIIII", body)
            link, ticks, offset = interfaces[i]
            yield (high << 32 | low) * 10**9 // ticks + offset * 10**9, link, body[20:20 + caplen], wire


def clock(options, order):
    ticks, offset = 10**6, 0
    while len(options) >= 4:
        code, size = struct.unpack_from(order + "HH", options)
        value = options[4:4 + size]
        options = options[4 + (size + 3) // 4 * 4:]
        if code == 9:
            ticks = 2 ** (value[0] & 127) if value[0] & 128 else 10 ** value[0]
        elif code == 14:
            offset = struct.unpack(order + "q", value)[0]
    return ticks, offset


# Headers

def network(link, frame):
    """The dpkt IP or IP6 object of a frame, or None. dpkt opens VLAN tags, MPLS labels and PPPoE."""
    if link == 1:
        p = dpkt.ethernet.Ethernet(frame).data
        if isinstance(p, dpkt.pppoe.PPPoE):
            p = p.data.data if isinstance(p.data, dpkt.ppp.PPP) else None
    elif link == 113:
        p = dpkt.sll.SLL(frame).data
    elif link in (12, 14, 101, 228, 229):
        p = dpkt.ip.IP(frame) if frame[0] >> 4 == 4 else dpkt.ip6.IP6(frame)
    elif link == 0:
        p = dpkt.loopback.Loopback(frame).data
    else:
        raise ValueError(f"link type {link}")
    return p if isinstance(p, (dpkt.ip.IP, dpkt.ip6.IP6)) else None


def tcp(ns, clock, link, frame, wire):
    """The Packet in a frame, or None where there is no whole TCP header that is not in a fragment."""
    try:
        ip = network(link, frame)
    except (dpkt.UnpackError, IndexError):
        return None
    if ip is None:
        return None
    if isinstance(ip, dpkt.ip.IP):
        if ip.p != 6 or ip.mf or ip.offset:
            return None
        raw = ip.data if isinstance(ip.data, bytes) else bytes(ip.data)
        size = (ip.len - ip.hl * 4) if ip.len else wire - (len(frame) - len(raw))
    else:
        if dpkt.ip.IP_PROTO_FRAGMENT in ip.extension_hdrs or getattr(ip, "p", None) != 6:
            return None
        raw = ip.data if isinstance(ip.data, bytes) else bytes(ip.data)
        size = ip.plen - sum(h.length for h in ip.all_extension_headers)
    raw = raw[:size]
    if len(raw) < 20:
        return None
    sport, dport, seq, _, offset, flags = struct.unpack("!HHIIBB", raw[:14])
    header = (offset >> 4) * 4
    if header < 20 or header > size:
        header = size
    return Packet(ns, clock, ip.src, ip.dst, sport, dport, seq, flags, size - header, raw[header:])


def tcp_packets(path):
    """All Packets of a capture, and how many frames it has."""
    packets, clock, n = [], 0, 0
    for ns, *frame in frames(path):
        clock = max(clock, ns)
        n += 1
        p = tcp(ns, clock, *frame)
        if p:
            packets.append(p)
    return packets, n


# Windows

def opener_is_source(p):
    """Whether the packet's source opened the conversation, by the rule for flows."""
    if p.flags & 0x12 == 0x02:
        return True
    if p.flags & 0x12 == 0x12:
        return False
    src, dst = 0 < p.sport < 1024, 0 < p.dport < 1024
    if src != dst:
        return dst
    return True


class Sides:
    """Decides who is the client of a pair of hosts; remembers until 10 minutes of quiet."""

    def __init__(self, clients):
        self.networks = [ipaddress.ip_network(c) for c in clients]
        self.known = {}
        self.cache = {}

    def inside(self, address):
        if address not in self.cache:
            a = ipaddress.ip_address(address)
            self.cache[address] = any(a.version == n.version and a in n for n in self.networks)
        return self.cache[address]

    def up(self, p):
        """True, False, or None where the packet belongs to no window."""
        if self.networks and p.src != p.dst:
            src, dst = self.inside(p.src), self.inside(p.dst)
            if not src and not dst:
                return None
            if src != dst:
                return src
        elif self.networks and not self.inside(p.src):
            return None
        a, b = (p.src, 0), (p.dst, 0)
        if p.src == p.dst:
            a, b = (p.src, p.sport), (p.dst, p.dport)
        pair = (min(a, b), max(a, b))
        client, seen = self.known.get(pair, (None, 0))
        if client is None or p.clock - seen >= FORGET:
            client = a if opener_is_source(p) else b
        self.known[pair] = (client, p.clock)
        return a == client


def windows(packets, clients, size):
    """Returns (windows, counters); a window is (client, target, segment, number in its group, [(up, packet)])."""
    sides, groups, out = Sides(clients), {}, []
    count = collections.Counter(remainder=0, outside=0)
    for p in packets:
        up = sides.up(p)
        if up is None:
            count["outside"] += 1
            continue
        key = (p.src, p.dst) if up else (p.dst, p.src)
        segment = p.clock // SEGMENT
        group = groups.setdefault(key, [segment, 0, []])
        if segment > group[0]:
            count["remainder"] += len(group[2])
            group[:] = [segment, 0, []]
        group[2].append((up, p))
        if len(group[2]) == size:
            out.append((*key, segment, group[1], group[2]))
            group[1:] = [group[1] + 1, []]
    count["remainder"] += sum(len(g[2]) for g in groups.values())
    return out, count


def entropy(payload):
    if not payload:
        return 0.0
    counts = np.bincount(np.frombuffer(payload, np.uint8))
    share = counts[counts > 0] / len(payload)
    return float(-(share * np.log2(share)).sum()) + 0.0


def direction(packets, entropy_of):
    """The 27 features of one direction, in the order of names()."""
    n = len(packets)
    if n == 0:
        return [0.0] * 3 + [1000000.0] + [0.0] * 23
    e = np.array([entropy_of(p) for p in packets])
    seen, times = set(), []
    for p in packets:
        if p.seq not in seen:
            seen.add(p.seq)
            times.append(p.time)
    gaps = np.abs(np.diff(np.array(times, dtype=np.int64))) / 1000
    lengths = [p.length for p in packets]
    ranked = sorted(collections.Counter(lengths).items(), key=lambda kv: (-kv[1], kv[0]))
    tops = [length for length, _ in ranked[:2]] + [0, 0]
    bins = np.zeros(15)
    for length in lengths:
        bins[14] += length // 1500
        if length < 1500 or length % 1500:
            bins[length % 1500 // 100] += 1
    ack = [p for p in packets if p.flags & 0x10]
    return [
        e.mean(), e.max(), e.min(),
        gaps.mean() if len(gaps) else 1000000.0,
        *[((gaps >= lo) & (gaps < hi)).sum() / n for lo, hi in INTERVAL_BINS],
        tops[0], tops[1], np.mean(lengths), *(bins / n),
        sum(1 for p in ack if p.flags & 0x08) / len(ack) if ack else 0.0,
    ]


def features(window, entropy_of=lambda p: entropy(p.payload)):
    up = [p for u, p in window if u]
    down = [p for u, p in window if not u]
    ratio = len(up) / len(down) if up and down else 0.0
    return [float(v) for v in direction(up, entropy_of) + direction(down, entropy_of) + [ratio]]


def connections(window):
    return len({(p.sport, p.dport) if up else (p.dport, p.sport) for up, p in window})


# What is written

SIZES = (10, 50, 200)
SAMPLE = 24  # windows of a case that are written in full; of the others the sums
CAPTURES = """
data/arkime/tests/pcap/tcp-reassembly-synthetic.pcap
data/corelight/zeek-asyncrat-detector/testing/Traces/30a385ed-171e-4f15-ac3f-08c96be7bfd1.pcap
data/ipfixprobe/tests/functional/inputs/tls.pcap
data/joy/test/pcaps/kali-normal-ssh.pcap
data/malcolm/pcap/other/Digital_Bond_S4/Advantech.pcap
data/malcolm/pcap/plugins/cve-2021-44228/log4j-user_agent.pcap
data/malcolm/pcap/plugins/zeek-EternalSafety/eternalblue-success-unpatched-win7.pcap
data/malcolm/pcap/protocols/C1222.pcap
data/malcolm/pcap/protocols/KRB5.pcap
data/malcolm/pcap/protocols/MySQL.pcap
data/malcolm/pcap/protocols/Telnet.pcap
data/mercury/test/data/top-https.mcap
data/mercury/test/data/top_100_fingerprints.pcap
data/ndpi/tests/cfgs/default/pcap/ssh.pcap
data/ndpi/tests/cfgs/default/pcap/tls_heur__vmess-tcp.pcapng
data/ndpi/tests/cfgs/default/pcap/tunnelbear.pcap
data/slips/dataset/test-cc/test-cc-capture-1.pcap
data/slips/dataset/test19-malicious-ssh/malicious-ssh-bruteforce.pcap
data/suricata-verify/tests/tcp-fastopen-10-syn-data-ignore/input.pcap
data/tcpreplay/test/test.pcap
data/zeek/testing/btest/Traces/ftp/bigtransfer.pcap
data/zeek/testing/btest/Traces/ftp/ipv6.pcap
data/zeek/testing/btest/Traces/http/connect-with-header.pcap
data/zeek/testing/btest/Traces/mixed-vlan-mpls.pcap
data/zeek/testing/btest/Traces/smb/smb2_100_small_files.pcap
data/zeek/testing/btest/Traces/tcp/reassembly.pcap
corpus/dev/core1_https.pcap.gz
corpus/dev/core1_obfs4-iat0.pcap.gz
corpus/dev/core1_ssh.pcap.gz
corpus/dev/p2pvpn_bittorrent-mse.pcap.gz
corpus/dev/proxies_meek-lite.pcap.gz
corpus/dev/core1_shadowsocks.pcap.gz
corpus/dev/tor_tor-obfs4-iat1.pcap.gz
corpus/dev3/attacks_bruteforce-ssh.pcap.gz
corpus/dev3/core1_obfs4-iat2.pcap.gz
corpus/dev3/core2_https.pcap.gz
""".split()
EDGES_CLIENTS = ["10.9.1.0/24", "10.9.0.0/26", "10.9.0.140/31", "10.9.0.220/32", "2001:db8::/64"]


def settings(name, packets):
    """No networks, and one that holds the source of the first TCP packet."""
    if name == "edges.pcap.gz":
        return [], EDGES_CLIENTS
    bits = 24 if len(packets[0].src) == 4 else 64
    return [], [str(ipaddress.ip_network((packets[0].src, bits), strict=False))]


def describe(w, values):
    client, target, segment, number, packets = w
    times = [p.time for _, p in packets]
    return {
        "client": str(ipaddress.ip_address(client)), "target": str(ipaddress.ip_address(target)),
        "segment_start": segment * SEGMENT, "number": number, "first": min(times), "last": max(times),
        "packets": len(packets), "connections": connections(packets), "features": values,
    }


def case(name, packets, clients, size, every):
    ws, count = windows(packets, clients, size)
    cache = {}

    def entropy_of(p):
        if id(p) not in cache:
            cache[id(p)] = entropy(p.payload)
        return cache[id(p)]

    values = [features(w[4], entropy_of) for w in ws]
    pick = range(len(ws))
    if len(ws) > SAMPLE and not every:
        pick = sorted({round(i * (len(ws) - 1) / (SAMPLE - 1)) for i in range(SAMPLE)})
    return {
        "capture": name, "clients": clients, "packets": size, "segment": SEGMENT, "tcp_packets": len(packets),
        "windows": len(ws), "dropped_remainder": count["remainder"],
        "outside": count["outside"], "connections": sum(connections(w[4]) for w in ws),
        "sum": np.sum(np.array(values), axis=0).tolist() if values else [],
        "sample": [describe(ws[i], values[i]) for i in pick],
    }


def compressed(path, data):
    with open(path, "wb") as f, gzip.GzipFile(filename="", fileobj=f, mode="wb", mtime=0) as z:
        z.write(data)


def write_edges(path):
    import edges
    out = [struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)]
    for ns, data, wire in edges.frames():
        out.append(struct.pack("<IIII", ns // 10**9, ns % 10**9, len(data), wire) + data)
    compressed(path, b"".join(out))


def write(shared):
    write_edges(os.path.join(HERE, "edges.pcap.gz"))
    cases = []
    for name in ["edges.pcap.gz"] + CAPTURES:
        path = os.path.join(HERE if name == "edges.pcap.gz" else shared, name)
        packets, _ = tcp_packets(path)
        for clients in settings(name, packets):
            for size in SIZES:
                cases.append(case(name, packets, clients, size, name == "edges.pcap.gz"))
        print(name, len(packets), "TCP packets; windows:", *(c["windows"] for c in cases[-6:]), file=sys.stderr, flush=True)
    text = json.dumps({"features": NAMES, "cases": cases}, separators=(",", ":")) + "\n"
    compressed(os.path.join(HERE, "windows.json.gz"), text.encode())


def measure(path):
    began = time.perf_counter()
    packets, read = tcp_packets(path)
    ws, _ = windows(packets, [], 50)
    for w in ws:
        features(w[4])
    took = time.perf_counter() - began
    print(f"{read} packets, {len(packets)} of TCP, {len(ws)} windows of 50")
    print(f"{took:.1f} s, {read / took:.0f} packets/s")


def main():
    arguments = argparse.ArgumentParser(description="Window features of captures, an independent reference.")
    arguments.add_argument("--shared", default=os.path.join(HERE, "../../../../shared"), help="where the captures are")
    arguments.add_argument("--time", metavar="CAPTURE", help="measure this script over a capture")
    given = arguments.parse_args()
    if given.time:
        measure(given.time)
    else:
        write(given.shared)


if __name__ == "__main__":
    main()
