//go:build linux

package afpacket

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcap"
	"golang.org/x/net/bpf"

	"github.com/weir-sensor/weir/capture/libpcap"
)

// compile has libpcap compile a filter for frames in a file.
func compile(t *testing.T, expr string) []bpf.RawInstruction {
	t.Helper()
	code, err := pcap.CompileBPFFilter(layers.LinkTypeEthernet, 65535, expr)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	program := make([]bpf.RawInstruction, len(code))
	for i, c := range code {
		program[i] = bpf.RawInstruction{Op: c.Code, Jt: c.Jt, Jf: c.Jf, K: c.K}
	}
	return program
}

// TestFilter captures with filters that look at the tag, behind it and beside it, and finds what the same filter takes
// from a file with the same frames, where each tag is in its place.
func TestFilter(t *testing.T) {
	var hosts []string
	for i := range 100 {
		hosts = append(hosts, fmt.Sprintf("ip[1%d:2] = %d", 2+4*(i%2), i*700), fmt.Sprintf("ether[%d:4] = %d", 9+i%8, i))
	}
	long := "vlan and (host 10.0.0.3 or host 10.0.1.4 or " + strings.Join(hosts, " or ") + ")"
	cfg := testConfig()
	cfg.RingSize = 256 * BlockUnit
	rings, s := start(t, 1, cfg, Options{})
	drain(t, rings, 1)
	list := packets(rand.New(rand.NewPCG(5, 6)), 500)
	sent := frames(list)
	for _, expr := range []string{
		"ip", "ip6", "not ip", "udp", "udp port 2000", "host 10.0.0.3", "net 10.0.1.0/28", "ip6 host 2001:0:0:9::5",
		"vlan", "vlan 100", "not vlan", "vlan 7", "vlan 0", "vlan and ip", "vlan 100 and ip6", "vlan and udp port 2000",
		"vlan and vlan", "vlan 100 and vlan 101", "vlan and vlan and ip", "vlan and vlan and host 10.0.0.3",
		"vlan and ip[6:2] & 0x1fff = 0", "vlan and udp[8:4] > 250", "udp[8:4] > 250", "ip or (vlan and ip6)",
		"ether[12] = 0x81", "ether[13] = 0xa8", "ether[14] = 0xe0", "ether[15] = 7", "ether[16:2] = 0x800",
		"ether[12:2] = 0x8100", "ether[14:2] & 0xfff = 100", "ether[12:4] = 0x88a80064", "ether[10:4] = 0x00028100",
		"ether[11:4] = 0x01810000", "ether[13:4] = 0x00006408", "ether[14:4] = 0x00648100", "ether[15:4] = 0x64810000",
		"ether[8:4] = 2", "ether[0] & 1 = 0", "len > 700", "vlan and len < 500", "greater 1000", "less 80", "len % 7 = len / 101",
		"mpls", "vlan and mpls", "pppoes", "arp", "ether[ether[5] + 17] = 0x45", "ether[ether[5] * 16 + 2] = 0x45",
		"ether proto 0x8100", long,
	} {
		program := compile(t, expr)
		file, err := libpcap.CompileFilter(1, expr)
		if err != nil {
			t.Fatal(err)
		}
		var want [][]byte
		for _, f := range sent {
			if file.Match(f, uint32(len(f))) {
				want = append(want, f)
			}
		}
		opened, err := Open("near", 1, cfg, Options{Filter: program})
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		got := append(relay(t, s, opened, 100, sent), drain(t, opened, 100)...)
		if len(got) != len(want) {
			t.Errorf("%s: %d frames, from a file %d", expr, len(got), len(want))
		}
		compare(t, got, want)
		if n := opened[0].Stats().Packets; n != uint64(len(want)) {
			t.Errorf("%s: %d packets counted, %d taken", expr, n, len(want))
		}
		if t.Failed() {
			for i, in := range program {
				t.Logf("%d: %v", i, in.Disassemble())
			}
			return
		}
		t.Logf("%4d of %d: %.60s", len(want), len(sent), expr)
		opened[0].Close()
	}
}

func TestFilterErrors(t *testing.T) {
	ret := bpf.RawInstruction{Op: opRetK, K: 1}
	var slots []bpf.RawInstruction
	for i := range uint32(16) {
		slots = append(slots, bpf.RawInstruction{Op: opStore, K: i})
	}
	var long []bpf.RawInstruction
	for range 1000 {
		long = append(long, bpf.RawInstruction{Op: 0x20, K: 13}) // a load across the tag
	}
	for want, program := range map[string][]bpf.RawInstruction{
		"jump out of itself":  {{Op: 0x15, Jt: 1}, ret},
		"filter has a jump":   {{Op: opJumpAlways, K: 0xffffffff}, ret},
		"all of the scratch":  append(slots, ret),
		"of which the kernel": append(long, ret),
	} {
		if _, err := socketFilter(program, linkEthernet, false, 100); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
	}
}
