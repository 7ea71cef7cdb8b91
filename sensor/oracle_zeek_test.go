package sensor_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/sensor"
)

// zeekBaseline is a conn.log that a run of Zeek over one trace made.
type zeekBaseline struct {
	log, trace string
	ignoreSums bool // zeek -C
}

// zeekConn is one row of a conn.log by column; a column that the log does not have is not there.
type zeekConn map[string]string

// zeekColumns are those that are compared.
var zeekColumns = []string{"id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "conn_state", "history",
	"orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes"}

// equal says whether a record says the same in all columns that the row has.
func (c zeekConn) equal(r zeekConn) bool {
	for _, name := range zeekColumns {
		if v, ok := c[name]; ok && v != r[name] {
			return false
		}
	}
	return true
}

func (c zeekConn) String() string {
	var s []string
	for _, name := range zeekColumns {
		if v, ok := c[name]; ok {
			s = append(s, v)
		}
	}
	return strings.Join(s, " ")
}

// zeekSeveral are baselines of tests with several runs: which trace each log is of.
var zeekSeveral = []zeekBaseline{
	{"core.conn-size-flip/conn.log.ctu", "tcp/ctu-64702-888.pcap", true},
	{"core.conn-size-flip/conn.log.one-sided", "tcp/one-sided-2745.pcap", true},
	{"core.checksums_ignore_nets/conn-failed.log", "chksums/localhost-bad-chksum.pcap", false},
	{"core.checksums_ignore_nets/conn-worked-multi-subnets.log", "chksums/localhost-bad-chksum.pcap", true},
	{"scripts.base.protocols.websocket.wstunnel-ssh-spicy/conn.log.cut.spicy", "websocket/wstunnel-ssh.pcap", false},
}

// zeekBaselines returns the baselines of which the trace is known, made without a filter.
func zeekBaselines(t *testing.T, data string) (list []zeekBaseline) {
	text, err := os.ReadFile(filepath.Join(data, "oracle", "zeek_conn_map.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range oracleRows(t, string(text)) {
		if row[1] != "1" || strings.Contains(row[3], " -f ") {
			continue
		}
		ignore := false
		for _, word := range strings.Fields(row[3]) {
			ignore = ignore || strings.HasPrefix(word, "-") && strings.Contains(word, "C")
		}
		list = append(list, zeekBaseline{row[0], row[2], ignore})
	}
	const tests = "zeek/testing/btest/"
	for _, b := range zeekSeveral {
		list = append(list, zeekBaseline{tests + "Baseline/" + b.log, tests + "Traces/" + b.trace, b.ignoreSums})
	}
	return list
}

// readConnLog reads a conn.log: the connections outside of tunnels, and those inside.
func readConnLog(t *testing.T, path string) (outer, inner []zeekConn) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var columns []string
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		switch {
		case f[0] == "#fields":
			columns = f[1:]
		case strings.HasPrefix(line, "#"):
		case columns == nil: // cut down to some columns
			columns = f
		default:
			c := zeekConn{}
			for i, name := range columns {
				c[name] = f[i]
			}
			if h, ok := c["history"]; ok { // X: an application analyzer gave up, no fact of the connection
				c["history"] = strings.ReplaceAll(h, "X", "")
			}
			if p := c["tunnel_parents"]; p != "" && p != "-" && p != "(empty)" {
				inner = append(inner, c)
			} else {
				outer = append(outer, c)
			}
		}
	}
	return outer, inner
}

// connOf returns of a record what Zeek would log.
func connOf(r *flowtable.Record) zeekConn {
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	history := string(r.History.Append(nil))
	if history == "" {
		history = "-"
	}
	proto := map[uint8]string{1: "icmp", 6: "tcp", 17: "udp", 58: "icmp", 132: "sctp"}[r.Proto]
	if proto == "" {
		proto = "unknown_transport"
	}
	return zeekConn{
		"id.orig_h": r.Client.Netip(r.Version).String(), "id.orig_p": number(uint64(r.ClientPort)),
		"id.resp_h": r.Server.Netip(r.Version).String(), "id.resp_p": number(uint64(r.ServerPort)),
		"proto": proto, "conn_state": r.ConnState.String(), "history": history,
		"orig_pkts": number(r.Packets[0]), "orig_ip_bytes": number(r.Bytes[0]),
		"resp_pkts": number(r.Packets[1]), "resp_ip_bytes": number(r.Bytes[1]),
	}
}

// zeekLike returns options that come as near to Zeek's defaults as weir's settings can.
func zeekLike(ignoreSums bool, tunnels packet.Tunnels) sensor.Options {
	opt := neverEnding()
	opt.Flow.Idle = flowtable.IdleConfig{TCP: 5 * time.Minute, TCPEmbryonic: 5 * time.Minute, TCPClosed: 5 * time.Second,
		UDP: time.Minute, ICMP: time.Minute, Other: time.Minute}
	opt.Decode = packet.Options{Checksums: !ignoreSums, Tunnels: tunnels}
	return opt
}

// TestZeekStates compares endpoints, conn_state, history, packets and IP bytes with Zeek's conn.log. Connections inside of
// tunnels are compared with tunnels opened, all others with tunnels shut.
func TestZeekStates(t *testing.T) {
	t.Parallel()
	data := oracleData(t)
	known := exceptions(t, "zeek.tsv")
	used := map[string]bool{}
	logs, compared, equal := 0, 0, 0
	for _, b := range zeekBaselines(t, data) {
		logs++
		name := strings.TrimPrefix(b.log, "zeek/testing/btest/Baseline/")
		outer, inner := readConnLog(t, filepath.Join(data, b.log))
		for tunnels, want := range map[packet.Tunnels][]zeekConn{0: outer, packet.AllTunnels: inner} {
			if len(want) == 0 {
				continue
			}
			records, _, err := runFile(filepath.Join(data, b.trace), zeekLike(b.ignoreSums, tunnels))
			if err != nil {
				t.Errorf("%s: %v", b.trace, err)
				continue
			}
			missing, left := match(want, records)
			compared += len(want)
			equal += len(want) - len(missing)
			listed := 0
			for _, w := range missing {
				key := name + "\t" + w.String()
				if known[key] != "" {
					used[key] = true
					listed++
				} else {
					t.Errorf("%s (trace %s)\t%v: not among %v", b.log, b.trace, w, left)
				}
			}
			if tunnels == 0 && listed == 0 && len(left) > 0 {
				if key := name + "\textra"; known[key] != "" {
					used[key] = true
				} else {
					t.Errorf("%s (trace %s): no such connections: %v", b.log, b.trace, left)
				}
			}
		}
	}
	for key, reason := range known {
		if !used[key] {
			t.Errorf("%s: agrees, though listed as different: %s", key, reason)
		}
	}
	t.Logf("%d logs, %d connections: %d equal, %d rows differ for a reason", logs, compared, equal, len(used))
}

// match takes out of both sides what is equal, one record for one row, and returns what is left.
func match(want []zeekConn, records []flowtable.Record) (missing, left []zeekConn) {
	for i := range records {
		left = append(left, connOf(&records[i]))
	}
	for _, w := range want {
		if at := slices.IndexFunc(left, w.equal); at >= 0 {
			left = slices.Delete(left, at, at+1)
		} else {
			missing = append(missing, w)
		}
	}
	return missing, left
}
