#!/usr/bin/python3
"""Flow features of captures, computed straight from their definition: an opinion from outside.

Plain Python with numpy (Debian: python3-numpy; the capture reader is that of the windows' reference, which also needs
python3-dpkt). It shares nothing with the Go code, holds a whole capture's packets in memory, and is slow and short on
purpose. Headers above the link layer are read here and not by dpkt, which writes the packets inside of ICMP errors
anew, with other checksums.

    flows.py [--shared ../shared]            writes flows.json.gz beside this script
    flows.py --time CAPTURE                  packets per second of this script over a capture, one process

A flow here is all packets of one 5-tuple: that is what the flow table makes without timeouts, unless TCP ends one
connection and begins another with the same endpoints. What is not as simple as that is left out, and counted:

 - fragments: a packet between the two addresses, of that protocol, was a fragment
 - cut: a packet between them, of that protocol, has a transport header that was not captured whole or is impossible
 - another_syn: one side sent SYNs with several sequence numbers, or both sides bare ones
 - late_syn: a side's SYN was not the first that it sent

Where the definition leaves a choice, this is the one taken:

 - The client is the source of a SYN without ACK; else the destination of a SYN-ACK; else, of TCP, UDP and SCTP, the
   other side of the only port from 1 to 1023; else the source of the first packet. Up is from client to server.
 - Lengths are IP total lengths. An IPv4 total length or IPv6 payload length of 0 takes the frame's own.
 - An interval is the time since the latest timestamp of the same direction so far, 0 where the packet's is earlier.
 - A gap (splt) is the time since the latest timestamp of the flow so far, whole microseconds, rounded down, 0 where the
   packet's is earlier and for the flow's first packet, and at most 4294967295.
 - Standard deviations divide by n-1.
 - Entropy is that of the captured bytes; packets without captured payload do not count into the mean.
 - Payload of UDP ends where UDP's length says; ICMP and SCTP have headers of 8 and 12 bytes; other protocols have none.
 - First payload, TCP: byte 0 follows the side's SYN; data in a SYN are the first. Every byte is kept as it was first
   captured. It ends at 1500 bytes, or at the highest byte that the side had sent when the other side's next packet with
   payload came (a repeated one, too), or where the side stopped. Null where one of its bytes was never captured.
 - First payload, UDP: the side's first datagram with payload, at most 1500 bytes; null where they were not captured.
 - First packet, TCP: of each side, the first packet captured that holds byte 0, without what comes before it. UDP: its
   first datagram with payload. 1500 bytes at most; null where these were not captured, though a later copy may be whole.
   Of what is said of it the framing is not computed here.
 - Every packet with payload counts in splt and bursts, whether it is a retransmission or not.
 - Tunnels are not opened, VLANs do not part flows.
"""
import argparse
import collections
import ipaddress
import itertools
import json
import os
import struct
import sys
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../features/testdata/reference"))
sys.path.insert(0, os.path.join(HERE, "../../../payload/testdata"))
from windows import compressed, entropy, frames  # noqa: E402
from entropy import random_entropy  # noqa: E402
from packet import exempt  # noqa: E402

ICMP, TCP, UDP, ICMP6, SCTP = 1, 6, 17, 58, 132
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
FIRST_BYTES, SPLT, BURSTS, MAX_GAP = 1500, 32, 25, 2**32 - 1

Packet = collections.namedtuple("Packet", "time proto src dst length size payload seq flags")


# Headers. An end is an address with its port.

class Fragment(Exception):
    pass


class Cut(Exception):
    pass


def ip_begin(link, frame):
    """Where the IP header begins, or None where there is none."""
    if link in (12, 14, 101, 228, 229):
        return 0
    if link in (0, 108):
        return 4
    if link == 113:
        at, kind = 16, frame[14:16]
    elif link == 1:
        at, kind = 14, frame[12:14]
    else:
        raise ValueError(f"link type {link}")
    while kind in (b"\x81\x00", b"\x88\xa8", b"\x91\x00"):
        at, kind = at + 4, frame[at + 2:at + 4]
    return at if kind in (b"\x08\x00", b"\x86\xdd") else None


def ip(frame, at, wire):
    """Returns (protocol, source, destination, total length, transport's begin and end, whether a fragment), or None."""
    version = frame[at] >> 4 if at < len(frame) else 0
    if version == 4 and len(frame) >= at + 20:
        header = (frame[at] & 15) * 4
        total, _, fragment, _, proto = struct.unpack_from("!HHHBB", frame, at + 2)
        total = total or wire - at
        if header < 20 or total < header:
            return None
        return proto, frame[at + 12:at + 16], frame[at + 16:at + 20], total, at + header, at + total, fragment & 0x3FFF != 0
    if version == 6 and len(frame) >= at + 40:
        plen, proto = struct.unpack_from("!HB", frame, at + 4)
        total = plen + 40 if plen or proto == 59 else wire - at
        begin, end, fragment = at + 40, at + total, False
        while proto in (0, 43, 44, 51, 60, 135) and begin + 8 <= len(frame):
            kind, proto, size = proto, frame[begin], frame[begin + 1]
            if kind == 44:
                fragment = fragment or struct.unpack_from("!H", frame, begin + 2)[0] & 0xFFF9 != 0
            begin += 8 if kind == 44 else (size + 2) * 4 if kind == 51 else (size + 1) * 8
        return proto, frame[at + 8:at + 24], frame[at + 24:at + 40], total, begin, end, fragment
    return None


COUNTERPARTS = {
    ICMP: {0: 8, 8: 0, 9: 10, 10: 9, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17},
    ICMP6: {128: 129, 129: 128, 130: 131, 131: 130, 133: 134, 134: 133, 135: 136, 136: 135, 139: 140, 140: 139,
            144: 145, 145: 144},
}


def transport(proto, frame, begin, end):
    """Returns (source port, destination port, payload's begin and end, sequence number, flags)."""
    shortest = {TCP: 20, UDP: 8, SCTP: 12, ICMP: 8, ICMP6: 8}.get(proto)
    if shortest is None:
        return 0, 0, end, end, 0, 0
    if min(end, len(frame)) < begin + shortest:
        raise Cut
    if proto in COUNTERPARTS:
        kind, code = frame[begin], frame[begin + 1]
        return kind, COUNTERPARTS[proto].get(kind, code), begin + 8, end, 0, 0
    sport, dport = struct.unpack_from("!HH", frame, begin)
    if proto == SCTP:
        return sport, dport, begin + 12, end, 0, 0
    if proto == UDP:
        size = struct.unpack_from("!H", frame, begin + 4)[0]
        if 0 < size < 8:
            raise Cut
        return sport, dport, begin + 8, min(end, begin + size) if size else end, 0, 0
    seq, _, offset, flags = struct.unpack_from("!IIBB", frame, begin + 4)
    header = (offset >> 4) * 4
    if header < 20 or begin + header > end:
        raise Cut
    return sport, dport, begin + header, end, seq, flags


def read(path):
    """Returns ({key: [Packet]}, Counter of packets left out, all frames). A key is (protocol, two ends, lower first)."""
    flows, spoilt, n = {}, {}, 0
    for ns, link, frame, wire in frames(path):
        n += 1
        at = ip_begin(link, frame)
        head = ip(frame, at, wire) if at is not None else None
        if head is None:
            continue
        proto, src, dst, total, begin, end, fragment = head
        try:
            if fragment:
                raise Fragment
            sport, dport, begin, end, seq, flags = transport(proto, frame, begin, end)
        except (Fragment, Cut) as e:
            spoilt.setdefault((proto, *sorted((src, dst))), type(e).__name__)
            continue
        a, b = (src, sport), (dst, dport)
        key = (proto, a, b) if proto in COUNTERPARTS and sport not in COUNTERPARTS[proto] else (proto, *sorted((a, b)))
        p = Packet(ns, proto, a, b, total, end - begin, frame[begin:end], seq, flags)
        flows.setdefault(key, []).append(p)
    return flows, spoilt, n


# Flows

def left_out(key, packets, spoilt):
    """Why the flow is not compared, or None."""
    proto, a, b = key
    why = spoilt.get((proto, *sorted((a[0], b[0]))))
    if why:
        return {"Fragment": "fragments", "Cut": "cut"}[why]
    for side in (a, b):
        sent = [p for p in packets if p.src == side]
        if len({p.seq for p in sent if p.flags & SYN}) > 1:
            return "another_syn"
        if any(p.flags & SYN for p in sent) and not sent[0].flags & SYN:
            return "late_syn"
    if len({p.src for p in packets if p.flags & (SYN | ACK) == SYN}) > 1:
        return "another_syn"
    return None


def client(packets):
    """The end that opened the flow, and how that is known."""
    for p in packets:
        if p.flags & (SYN | ACK) == SYN:
            return p.src, "syn"
    for p in packets:
        if p.flags & (SYN | ACK) == SYN | ACK:
            return p.dst, "synack"
    p = packets[0]
    src, dst = 0 < p.src[1] < 1024, 0 < p.dst[1] < 1024
    if p.proto in (TCP, UDP, SCTP) and src != dst:
        return (p.src if dst else p.dst), "port"
    return p.src, "first"


# Features. A flow is [(up, packet)].

def moments(values):
    """Mean, sample standard deviation, least, most."""
    if not len(values):
        return [None] * 4
    v = np.array(values, dtype=np.float64)
    return [float(v.mean()), float(v.std(ddof=1)) if len(v) > 1 else None, float(v.min()), float(v.max())]


def intervals(packets):
    """Microseconds between the packets of one direction."""
    out, latest = [], None
    for p in packets:
        if latest is not None:
            out.append(max(0, p.time - latest) / 1000)
        latest = p.time if latest is None else max(latest, p.time)
    return out


def mean_entropy(packets):
    values = [entropy(p.payload) for p in packets if p.payload]
    return float(np.mean(values)) if values else None


def first_payloads_tcp(flow):
    """The first payload of the server's side and the client's (False, True), None where it is not known."""
    base, limit = {}, {}
    extent, known = {True: 0, False: 0}, {True: {}, False: {}}
    for up, p in flow:
        if p.flags & SYN:
            base.setdefault(up, (p.seq + 1) % 2**32)
        if p.size == 0:
            continue
        if extent[not up] > 0:
            limit.setdefault(not up, extent[not up])
        if up not in base:
            continue
        at = (p.seq + bool(p.flags & SYN) - base[up]) % 2**32
        at -= 2**32 if at >= 2**31 else 0
        extent[up] = max(extent[up], at + p.size)
        for i, byte in zip(range(at, FIRST_BYTES), p.payload):
            if i >= 0:
                known[up].setdefault(i, byte)
    out = {}
    for up in (True, False):
        places = range(min(extent[up], limit.get(up, FIRST_BYTES), FIRST_BYTES))
        whole = len(places) > 0 and all(i in known[up] for i in places)
        out[up] = bytes(known[up][i] for i in places) if whole else None
    return out


def first_payloads_udp(flow):
    out = {True: None, False: None}
    for side in out:
        p = next((p for up, p in flow if up == side and p.size > 0), None)
        if p and len(p.payload) >= min(p.size, FIRST_BYTES):
            out[side] = p.payload[:FIRST_BYTES]
    return out


def first_packet_tcp(packets):
    """The payload of the first packet that holds the byte after the side's SYN, None where it is not known."""
    base = next(((p.seq + 1) % 2**32 for p in packets if p.flags & SYN), None)
    for p in packets:
        if base is None or p.size == 0:
            continue
        at = (p.seq + bool(p.flags & SYN) - base) % 2**32
        before = -(at - 2**32) if at >= 2**31 else -at
        if 0 <= before < p.size:
            size = min(p.size - before, FIRST_BYTES)
            return p.payload[before:before + size] if len(p.payload) >= before + size else None
    return None


def first_packet_udp(packets):
    p = next((p for p in packets if p.size > 0), None)
    return p.payload[:FIRST_BYTES] if p and len(p.payload) >= min(p.size, FIRST_BYTES) else None


def describe_packet(payload):
    """Length, entropy and its z, chi-square, mean bits set, share printable, longest run, run in front, exemptions."""
    if payload is None:
        return [None] * 9
    n, h = len(payload), entropy(payload)
    mean, sd = random_entropy(n)
    counts = np.bincount(np.frombuffer(payload, dtype=np.uint8), minlength=256)
    _, _, bits, share, run = describe(payload)
    lead = len(list(itertools.takewhile(lambda b: 0x20 <= b <= 0x7E, payload)))
    chi = float(((counts - n / 256) ** 2 / (n / 256)).sum())
    return [n, h, (h - mean) / sd if n > 1 else None, chi, bits, share, run, lead, sum(1 << rule - 1 for rule in exempt(payload))]


def describe(payload):
    """Length, entropy, mean bits set, share printable, longest printable run."""
    if payload is None:
        return [None] * 5
    printable = [0x20 <= b <= 0x7E for b in payload]
    runs = [len(list(run)) for yes, run in itertools.groupby(printable) if yes]
    bits = sum(bin(b).count("1") for b in payload)
    return [len(payload), entropy(payload), bits / len(payload), sum(printable) / len(payload), max(runs, default=0)]


def splt(flow):
    out, latest = [], flow[0][1].time
    for up, p in flow:
        if p.size > 0 and len(out) < SPLT:
            out.append([p.size if up else -p.size, min(max(0, p.time - latest) // 1000, MAX_GAP)])
        latest = max(latest, p.time)
    return out


def bursts(flow):
    sizes = [p.size if up else -p.size for up, p in flow if p.size > 0][:BURSTS]
    runs = (list(run) for _, run in itertools.groupby(sizes, key=lambda s: s > 0))
    return [[len(run), sum(run)] for run in runs]


NAMES = (
    [f"{kind}_{m}_{d}" for kind in ("len", "interval") for d in ("up", "down") for m in ("mean", "std", "min", "max")]
    + ["entropy_mean_up", "entropy_mean_down"]
    + [f"first_payload_{d}_{m}" for d in ("up", "down")
       for m in ("length", "entropy", "bits_set", "printable", "printable_run")]
    + [f"first_packet_{d}_{m}" for d in ("up", "down")
       for m in ("length", "entropy", "entropy_z", "chi_square", "bits_set", "printable", "printable_run", "printable_lead", "exempt")]
)


def features(flow):
    """What NAMES says, then splt and bursts."""
    sides = [[p for up, p in flow if up], [p for up, p in flow if not up]]
    values = []
    for packets in sides:
        values += moments([p.length for p in packets])
    for packets in sides:
        values += moments(intervals(packets))
    values += [mean_entropy(packets) for packets in sides]
    first = {TCP: first_payloads_tcp, UDP: first_payloads_udp}.get(flow[0][1].proto, lambda _: {True: None, False: None})(flow)
    values += describe(first[True]) + describe(first[False])
    packet = {TCP: first_packet_tcp, UDP: first_packet_udp}.get(flow[0][1].proto, lambda _: None)
    for packets in sides:
        values += describe_packet(packet(packets))
    assert len(values) == len(NAMES)
    return values, splt(flow), bursts(flow)


def directed(packets):
    """The flow as [(up, packet)], its client's end, its server's, and how the client is known."""
    end, by = client(packets)
    flow = [(p.src == end, p) for p in packets]
    server = next(e for e in packets[0][2:4] if e != end)
    return flow, end, server, by


# What is written

SAMPLE = 100  # flows of a capture
CAPTURES = """
data/arkime/tests/pcap/http2-nghttp2.pcap
data/arkime/tests/pcap/mqtt_synthetic.pcap
data/arkime/tests/pcap/tcp-reassembly-synthetic.pcap
data/arkime/tests/pcap/tcpseq_synthetic.pcap
data/bro-simple-scan/testing/pcaps/backscatter.trace
data/community-id-spec/pcaps/tcp.pcap
data/corelight/zeek-asyncrat-detector/testing/Traces/30a385ed-171e-4f15-ac3f-08c96be7bfd1.pcap
data/ipfixprobe/tests/functional/inputs/tls.pcap
data/joy/test/pcaps/firefox58.pcap
data/joy/test/pcaps/kali-normal-ssh.pcap
data/malcolm/pcap/plugins/cve-2021-44228/log4j-user_agent.pcap
data/malcolm/pcap/plugins/zeek-EternalSafety/eternalblue-success-unpatched-win7.pcap
data/malcolm/pcap/protocols/MySQL.pcap
data/malcolm/pcap/protocols/Telnet.pcap
data/mercury/test/data/top_100_fingerprints.pcap
data/mercury/unit_tests/pcaps/quic_reordered_frames.pcap
data/ndpi/tests/cfgs/default/pcap/dnp3.pcap
data/ndpi/tests/cfgs/default/pcap/netbios.pcap
data/ndpi/tests/cfgs/default/pcap/opc-ua.pcap
data/ndpi/tests/cfgs/default/pcap/openvpn.pcap
data/ndpi/tests/cfgs/default/pcap/tls_heur__vmess-tcp.pcapng
data/ndpi/tests/cfgs/default/pcap/tunnelbear.pcap
data/nfstream/tests/pcaps/skype.pcap
data/padmavatisb/portscan.pcap
data/slips/dataset/test-cc/test-cc-capture-1.pcap
data/suricata-verify/tests/bug-6244-tcp-rst-with-data/tcp-rst-with-data.pcap
data/suricata-verify/tests/filestore-5408/input.pcap
data/tcpdump/tests/tfo-5c1fa7f9ae91.pcap
data/zeek/testing/btest/Traces/ftp/ipv6.pcap
data/zeek/testing/btest/Traces/http/connect-with-header.pcap
data/zeek/testing/btest/Traces/mixed-vlan-mpls.pcap
data/zeek/testing/btest/Traces/smb/smb2_100_small_files.pcap
data/zeek/testing/btest/Traces/tcp/payload-syn.pcap
data/zeek/testing/btest/Traces/tcp/reassembly.pcap
data/zeek/testing/btest/Traces/tcp/ssh-dups.pcap
data/zeek/testing/btest/Traces/tls/tls-fragmented-handshake.pcap
corpus/dev/apps_icmp.pcap.gz
corpus/dev/apps_quic.pcap.gz
corpus/dev/apps_rtp.pcap.gz
corpus/dev/apps_smtp.pcap.gz
corpus/dev/attacks_dns-tunnel-iodine.pcap.gz
corpus/dev/attacks_https.pcap.gz
corpus/dev/attacks_portscan-stealth.pcap.gz
corpus/dev/core1_https.pcap.gz
corpus/dev/core1_obfs4-iat0.pcap.gz
corpus/dev/core1_shadowsocks.pcap.gz
corpus/dev/core1_ssh.pcap.gz
corpus/dev/core2_http.pcap.gz
corpus/dev/p2pvpn_bittorrent-mse.pcap.gz
corpus/dev/p2pvpn_wireguard.pcap.gz
corpus/dev/proxies_meek-lite.pcap.gz
corpus/dev/tor_tor-obfs4-iat1.pcap.gz
corpus/dev3/attacks_bruteforce-ssh.pcap.gz
corpus/dev3/core1_obfs4-iat2.pcap.gz
corpus/dev3/core2_bittorrent-plain.pcap.gz
corpus/dev3/core2_https.pcap.gz
""".split()


def pick(flows):
    """At most SAMPLE of the flows: three in four with payload where there are as many, spread evenly."""
    def spread(some, n):
        return [some[round(i * (len(some) - 1) / max(1, n - 1))] for i in range(n)] if len(some) > n else some
    full = [f for f in flows if any(p.size for _, p in f[0])]
    empty = [f for f in flows if not any(p.size for _, p in f[0])]
    some = spread(empty, max(SAMPLE // 4, SAMPLE - len(full)))
    return sorted(spread(full, SAMPLE - len(some)) + some, key=lambda f: f[0][0][1].time)


def record(flow, end, server, by):
    values, pairs, runs = features(flow)
    return {
        "proto": flow[0][1].proto, "client": str(ipaddress.ip_address(end[0])), "client_port": end[1],
        "server": str(ipaddress.ip_address(server[0])), "server_port": server[1], "client_by": by,
        "packets": [sum(1 for up, _ in flow if up), sum(1 for up, _ in flow if not up)],
        "values": values, "splt": pairs, "bursts": runs,
    }


def write(shared):
    captures = []
    for name in CAPTURES:
        packets, spoilt, _ = read(os.path.join(shared, name))
        count, flows = collections.Counter(), []
        for key, some in packets.items():
            why = left_out(key, some, spoilt) or ("itself" if key[1] == key[2] else None)
            count[why or "flows"] += 1
            if why is None:
                flows.append(directed(some))
        some = pick(flows)
        captures.append({"capture": name, "flows": count.pop("flows", 0), "left_out": dict(sorted(count.items())),
                         "sample": [record(*f) for f in some]})
        print(name, "flows:", len(flows), "written:", len(some), "left out:", dict(count), file=sys.stderr, flush=True)
    text = json.dumps({"features": NAMES, "captures": captures}, separators=(",", ":")) + "\n"
    compressed(os.path.join(HERE, "flows.json.gz"), text.encode())


def measure(path):
    began = time.perf_counter()
    packets, spoilt, n = read(path)
    flows = [directed(some)[0] for key, some in packets.items() if key[1] != key[2] and not left_out(key, some, spoilt)]
    for flow in flows:
        features(flow)
    took = time.perf_counter() - began
    print(f"{n} packets, {len(packets)} flows, {len(flows)} of them with features")
    print(f"{took:.1f} s, {n / took:.0f} packets/s")


def main():
    arguments = argparse.ArgumentParser(description="Flow features of captures, an independent reference.")
    arguments.add_argument("--shared", default=os.path.join(HERE, "../../../../shared"), help="where the captures are")
    arguments.add_argument("--time", metavar="CAPTURE", help="measure this script over a capture")
    given = arguments.parse_args()
    if given.time:
        measure(given.time)
    else:
        write(given.shared)


if __name__ == "__main__":
    main()
