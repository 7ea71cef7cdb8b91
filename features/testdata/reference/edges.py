"""Frames for the edges of the window features' definition: what no real capture at hand has, or has too rarely.

Called by windows.py, which writes them to edges.pcap.gz (nanoseconds, Ethernet). Every conversation has its own pair of
hosts and is enough for windows of 10; `busy` is enough for 50 and 200 as well. All begin at the same time; a time runs
back only where a conversation is about that.
"""
import random
import struct

US, MS, S = 10**3, 10**6, 10**9
START = 1_700_000_040 * S  # the beginning of a segment
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def address(a):
    return bytes([10, 9, a >> 8, a & 255])


def address6(a):
    return bytes.fromhex("20010db8000000000000000000") + bytes([0, a >> 8, a & 255])


def segment(sport, dport, seq, flags, data, offset=5):
    return struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, 1, offset << 4, flags, 65535, 0, 0) + data


def ip4(src, dst, data, fragment=0, total=None, proto=6):
    total = 20 + len(data) if total is None else total
    return struct.pack("!BBHHHBBH", 0x45, 0, total, 1, fragment, 64, proto, 0) + address(src) + address(dst) + data


def ip6(src, dst, data, extension=b""):
    following = 0 if extension else 6
    return (struct.pack("!IHBB", 6 << 28, len(extension) + len(data), following, 64)
            + address6(src) + address6(dst) + extension + data)


def ethernet(ip, tags=()):
    kind = struct.pack("!H", 0x0800 if ip[0] >> 4 == 4 else 0x86DD)
    tag = b"".join(struct.pack("!HH", t, v) for t, v in tags)
    return b"\x02\0\0\0\0\1\x02\0\0\0\0\2" + tag + kind + ip


class Trace:
    """Frames with their times; all randomness is seeded."""

    def __init__(self):
        self.frames = []
        self.random = random.Random(3)

    def add(self, t, frame, captured=None):
        self.frames.append((START + t, frame[:captured], len(frame)))

    def text(self, n):
        some = bytes(self.random.choice(b"etaoin shrdlu") for _ in range(min(n, 997)))
        return (some * (n // 997 + 1))[:n]


def frames():
    out = []
    for build in (intervals, lengths, ties, sequences, shared_sequences, wrap, openers, forgotten, quiet_enough,
                  borders, backwards, late, padded, cut, fragments, tagged, extended, offloaded, one_way, flags,
                  bad_offset, inside, busy):
        t = Trace()
        build(t)
        clock = 0
        for frame in t.frames:
            clock = max(clock, frame[0])
            out.append((clock, frame))
    return [frame for _, frame in sorted(out, key=lambda cf: cf[0])]


def talk(t, n, times, host=1, sizes=(10,), up=lambda i: True, ports=(40000, 80), flags=lambda i: ACK, seq=lambda i: 1000 + i):
    for i in range(n):
        a, b, p, q = (host, host + 1, *ports) if up(i) else (host + 1, host, *ports[::-1])
        t.add(times(i), ethernet(ip4(a, b, segment(p, q, seq(i), flags(i), t.text(sizes[i % len(sizes)])))))


def intervals(t):
    """Intervals on and beside every border of the bins, in both directions; 0 and beyond a second too."""
    steps = [0, 0, 1, 999_999, 1 * MS, 10 * MS - 1, 10 * MS, 100 * MS - 1, 100 * MS, S - 1, S, 3 * S]
    at = 0
    for i in range(30):
        talk(t, 1, lambda _: at, 10, up=lambda _: i % 3 != 0, seq=lambda _: i)
        at += steps[i % len(steps)]


def lengths(t):
    """Payload lengths on and beside every border, and segments that no wire carries."""
    sizes = (0, 1, 99, 100, 101, 199, 200, 1399, 1400, 1499, 1500, 1501, 1599, 1600, 2999, 3000, 3001, 4500, 60000, 1448)
    talk(t, 40, lambda i: i * MS, 20, sizes=sizes, up=lambda i: i < 20)


def ties(t):
    """Equally common lengths: the shorter is top1. One length alone: top2 is 0. Only empty payloads."""
    talk(t, 10, lambda i: i * MS, 30, sizes=(700, 30, 700, 30, 5))
    talk(t, 10, lambda i: i * MS, 32, sizes=(77,))
    talk(t, 10, lambda i: i * MS, 34, sizes=(0,))
    talk(t, 20, lambda i: i * MS, 36, sizes=(9, 8, 7, 6, 5, 4, 3, 2, 1, 0))


def sequences(t):
    """Retransmissions: the second packet of a sequence number neither ends an interval nor begins one."""
    talk(t, 20, lambda i: i * 7 * MS, 40, seq=lambda i: 100 + i // 2)
    talk(t, 10, lambda i: i * 7 * MS, 42, seq=lambda i: 5)
    talk(t, 10, lambda i: i * 7 * MS, 44, seq=lambda i: (1, 2, 3, 1, 4, 2, 5, 9, 1, 6)[i])


def shared_sequences(t):
    """Two connections of one pair that bear the same sequence numbers, and both directions of one that do."""
    for i in range(20):
        talk(t, 1, lambda _: i * 3 * MS, 50, ports=(40000 + i % 2, 443), seq=lambda _: 9000 + i // 2)
    for i in range(20):
        talk(t, 1, lambda _: i * 3 * MS, 52, up=lambda _: i % 2 == 0, seq=lambda _: i // 2)


def wrap(t):
    """The sequence number passes 2^32; 0 is a number like another."""
    talk(t, 20, lambda i: i * 2 * MS, 60, sizes=(100,), seq=lambda i: (2**32 - 500 + 100 * i) % 2**32)


def openers(t):
    """The client by SYN, by SYN-ACK, by port, by first packet; a later SYN from the other side changes nothing."""
    kinds = {
        70: (SYN, 40000, 50000), 72: (SYN | ACK, 40000, 50000), 74: (ACK, 443, 40000), 76: (ACK, 40000, 22),
        78: (ACK, 80, 443), 80: (ACK, 40000, 50000), 82: (SYN | ACK, 40000, 80), 84: (SYN, 80, 40000), 86: (RST, 1023, 1024),
        88: (0, 0, 5000),
    }
    for host, (first, p, q) in kinds.items():
        talk(t, 20, lambda i: i * MS, host, ports=(p, q), up=lambda i: i % 3 != 1,
             flags=lambda i: first if i == 0 else SYN if i == 4 else ACK)


def forgotten(t):
    """Quiet for more than 10 minutes: the next packet decides anew. The segment changes as well."""
    talk(t, 12, lambda i: i * MS, 100, ports=(40000, 50000))
    talk(t, 12, lambda i: 601 * S + i * MS, 100, ports=(40000, 50000), up=lambda i: i % 4 == 3)


def quiet_enough(t):
    """Quiet for just less than 10 minutes, or kept known by a packet now and then: the client stays. At 10 it goes."""
    talk(t, 12, lambda i: i * MS, 104, ports=(40000, 50000))
    talk(t, 12, lambda i: 600 * S + 11 * MS - 1 + i * MS, 104, ports=(40000, 50000), up=lambda i: False)
    talk(t, 12, lambda i: i * MS, 108, ports=(40000, 50000))
    talk(t, 12, lambda i: 600 * S + 11 * MS + i * MS, 108, ports=(40000, 50000), up=lambda i: i % 4 == 3)
    for k in range(5):
        talk(t, 1, lambda i: k * 500 * S, 106, ports=(40000, 50000), up=lambda i: k == 0)
    talk(t, 12, lambda i: 2001 * S + i * MS, 106, ports=(40000, 50000), up=lambda i: False)


def borders(t):
    """A segment's last nanosecond and the next one's first: windows do not reach across, remainders are dropped."""
    talk(t, 15, lambda i: 60 * S - 15 + i, 110)
    talk(t, 15, lambda i: 60 * S + i, 110, seq=lambda i: 1000 + i)
    talk(t, 10, lambda i: 120 * S - 1, 112)
    talk(t, 10, lambda i: 120 * S, 112)


def backwards(t):
    """Times that go back and forth within a segment, first and last included."""
    talk(t, 20, lambda i: 5 * S + (-1) ** i * i * 40 * MS, 120)
    talk(t, 10, lambda i: 9 * S - i * 20 * MS, 122)


def late(t):
    """Packets of a segment that is over count in the one that has begun since."""
    talk(t, 15, lambda i: 60 * S + i * MS, 124)
    talk(t, 15, lambda i: 59 * S + i * MS, 124)
    talk(t, 10, lambda i: 61 * S + i * MS, 124)


def padded(t):
    """Ethernet padding is no payload."""
    for i in range(10):
        frame = ethernet(ip4(130, 131, segment(40000, 80, i, ACK, b"ab"[:i % 3])))
        t.add(i * MS, frame + bytes(range(60 - len(frame))))


def cut(t):
    """A snaplen that cuts payloads, takes them away altogether, and cuts TCP headers (the last are no packet here)."""
    for i in range(30):
        frame = ethernet(ip4(140, 141, segment(40000, 80, i, ACK, t.text(300))))
        t.add(i * MS, frame, (100, 64, 54, 54 + i, 48, 400)[i % 6])


def fragments(t):
    """Fragments, the first one too, are in no window."""
    for i in range(20):
        data = segment(40000, 80, i, ACK, t.text(80))
        t.add(i * MS, ethernet(ip4(150, 151, data, fragment=(0, 0x2000, 0x0005, 0x4000)[i % 4])))


def tagged(t):
    """Other VLANs, the same hosts: one pair."""
    for i in range(20):
        tags = ((), ((0x8100, 5),), ((0x88A8, 7), (0x8100, 5)), ((0x8100, 0),))[i % 4]
        t.add(i * MS, ethernet(ip4(160, 161, segment(40000, 80, i, ACK, t.text(20 + i))), tags))


def extended(t):
    """IPv6, with and without extension headers."""
    options = (b"", bytes([6, 0, 1, 4, 0, 0, 0, 0]), bytes([60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0]))
    for i in range(20):
        data = segment(40000, 80, i, ACK, t.text(i * 9))
        t.add(i * MS, ethernet(ip6(170, 171, data, options[i % 3])))


def offloaded(t):
    """An IPv4 total length of 0: the frame's own length counts."""
    for i in range(10):
        t.add(i * MS, ethernet(ip4(180, 181, segment(40000, 80, i, ACK, t.text(2000 + i)), total=0)))


def one_way(t):
    """Only the target is heard: SYN-ACKs of a scan, from several ports."""
    talk(t, 20, lambda i: i * MS, 190, up=lambda i: False, flags=lambda i: SYN | ACK, ports=(40000, 50000))
    for i in range(20):
        talk(t, 1, lambda _: i * MS, 192, ports=(40000 + i % 7, 80 + i % 3), flags=lambda _: SYN, sizes=(0,))


def flags(t):
    """PSH without ACK does not count; no ACK at all; every ACK with PSH."""
    talk(t, 20, lambda i: i * MS, 200, up=lambda i: i % 2 == 0, flags=lambda i: (PSH, ACK, PSH | ACK, ACK)[i % 4])
    talk(t, 10, lambda i: i * MS, 202, flags=lambda i: PSH)
    talk(t, 10, lambda i: i * MS, 204, flags=lambda i: PSH | ACK | FIN)


def bad_offset(t):
    """Impossible TCP data offsets leave the payload empty; a possible one makes options of its first bytes."""
    for i in range(20):
        data = segment(40000, 80, i, ACK, t.text(12), offset=(5, 0, 4, 15, 8)[i % 5])
        t.add(i * MS, ethernet(ip4(210, 211, data)))


def inside(t):
    """For the settings with networks: both ends inside, and neither."""
    for base in (0x100, 0x200):
        for i in range(20):
            frame = segment(80, 40000, i, ACK, t.text(9)) if i % 2 == 0 else segment(40000, 80, i, ACK, t.text(5))
            t.add(i * MS, ethernet(ip4(base + i % 2, base + 1 - i % 2, frame)))


def busy(t):
    """A thousand packets of several connections, random in everything, with repeats."""
    r, at = t.random, 2 * S
    seq = [r.getrandbits(32) for _ in range(8)]
    for _ in range(1000):
        c, up = r.randrange(4), r.random() < 0.4
        data = r.randbytes(r.choice((0, 0, 1, 16, 64, 586, 1448, r.randrange(300))))
        data = data if r.random() < 0.4 else bytes(b & 0x1F for b in data)
        if r.random() < 0.9:
            seq[2 * c + up] = (seq[2 * c + up] + len(data)) % 2**32
        a, b, p, q = (220, 221, 40000 + c, 443) if up else (221, 220, 443, 40000 + c)
        t.add(at, ethernet(ip4(a, b, segment(p, q, seq[2 * c + up], r.choice((ACK, ACK | PSH)), data))))
        at += r.choice((0, r.randrange(2 * MS), r.randrange(30 * MS), r.randrange(400 * MS)))
