#!/bin/sh
# Writes what tshark reads in every capture under a directory, as the tests compare it:
#   tshark.sh DIR > tshark.tsv
# Columns: path, packets, sum of captured lengths, sum of wire lengths, first and last time stamp (seconds.nanoseconds
# since the epoch; - where the frame has none), smallest Wireshark encapsulation number, largest, and ok, cut (tshark
# read this much and then complained) or refused. A file that tshark takes for another format than pcap or pcapng is
# left out. Made with tshark 4.0.17.
set -u
cd "$1" || exit 1
export LC_ALL=C
find . -type f -size +0 | sed 's,^\./,,' | sort | while read -r f; do
    magic=$(head -c 4 "$f" | od -An -tx1 | tr -d ' \n')
    case $magic in
    d4c3b2a1 | a1b2c3d4 | 4d3cb2a1 | a1b23c4d | 34cdb2a1 | a1b2cd34 | 0a0d0d0a | 1f8b* | 28b52ffd) ;;
    *) continue ;;
    esac
    rows=$(mktemp)
    tshark -n -r "$f" --disable-protocol eth --disable-protocol ip --disable-protocol ipv6 -T fields \
        -e frame.time_epoch -e frame.cap_len -e frame.len -e frame.encap_type > "$rows" 2> /dev/null
    status=$?
    awk -F'\t' -v f="$f" -v status="$status" '
        { n++; c += $2; w += $3; t = $1 == "" ? "-" : $1; if (n == 1) { a = t; lo = hi = $4 }
          z = t; if ($4 + 0 < lo + 0) lo = $4; if ($4 + 0 > hi + 0) hi = $4 }
        END { if (!n) a = z = lo = hi = "-"
              printf "%s\t%d\t%.0f\t%.0f\t%s\t%s\t%s\t%s\t%s\n", f, n, c, w, a, z, lo, hi,
                  status == 0 ? "ok" : n ? "cut" : "refused" }' "$rows"
    rm -f "$rows"
done
