package flowfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// zeekSums is what testdata/zeek.py says of a conn.log.
type zeekSums struct {
	Rows   int               `json:"rows"`
	SHA256 string            `json:"sha256"` // over addresses, ports, microseconds, conn_state and history of each row
	Sums   map[string]uint64 `json:"sums"`
	Protos map[string]int    `json:"protos"`
}

// Zeek's own test results, read here and by a script that shares no code with weir.
func TestZeekBaselines(t *testing.T) {
	shared := os.Getenv("WEIR_SHARED")
	if shared == "" {
		shared = "../../shared"
	}
	text, err := os.ReadFile("testdata/zeek.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]zeekSums
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	for name, want := range want {
		var content []byte
		for _, dir := range []string{"data/zeek/testing/btest/Baseline", "data/zeek-testing/Baseline"} {
			if b, err := os.ReadFile(filepath.Join(shared, dir, name)); err == nil {
				content = b
			}
		}
		if content == nil {
			t.Skipf("no baselines of Zeek's in %s (WEIR_SHARED names the parent of data)", shared)
		}
		content = bytes.ReplaceAll(content, []byte("XXXXXXXXXX.XXXXXX"), []byte("1258500000.000000"))
		records, _, stats := all(t, Options{}, tempFile(t, "conn.log", content))
		if stats.Unreadable > 0 || stats.NotIP > 0 {
			t.Errorf("%s: %+v", name, stats)
			continue
		}
		if diff := cmp.Diff(want, sumZeek(records)); diff != "" {
			t.Errorf("%s, -script +weir:\n%s", name, diff)
		}
	}
}

func sumZeek(records []flowtable.Record) zeekSums {
	s := zeekSums{Rows: len(records), Sums: map[string]uint64{}, Protos: map[string]int{}}
	hash := sha256.New()
	for _, r := range records {
		fmt.Fprintln(hash, r.Client.Netip(r.Version), r.ClientPort, r.Server.Netip(r.Version), r.ServerPort, (r.End-r.Start)/1000, r.ConnState, string(r.History.Append(nil)))
		proto := map[uint8]string{packet.ProtoTCP: "tcp", packet.ProtoUDP: "udp", packet.ProtoICMP: "icmp", packet.ProtoICMPv6: "icmp"}[r.Proto]
		if proto == "" {
			proto = "unknown_transport"
		}
		s.Protos[proto]++
		for d, side := range []string{"orig", "resp"} {
			s.Sums[side+"_bytes"] += r.Payload[d]
			s.Sums[side+"_pkts"] += r.Packets[d]
			s.Sums[side+"_ip_bytes"] += r.Bytes[d]
		}
	}
	s.SHA256 = hex.EncodeToString(hash.Sum(nil))
	return s
}
