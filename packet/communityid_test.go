package packet

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// idOf is the Community ID of a decoded packet.
func idOf(p *Packet, seed uint16) string {
	return string(AppendCommunityID(nil, seed, p.Version, p.Proto, p.Src, p.Dst, p.SrcPort, p.DstPort, p.Flags&OneWay != 0))
}

// TestCommunityIDExamples: values published with the specification (its reference implementation's tests).
func TestCommunityIDExamples(t *testing.T) {
	from := func(s string) Addr {
		a := netip.MustParseAddr(s).As16()
		return AddrFrom16(a[:])
	}
	for _, c := range []struct {
		proto    uint8
		a, b     string
		from, to uint16
		seed     uint16
		want     string
	}{
		{6, "128.232.110.120", "66.35.250.204", 34855, 80, 0, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{17, "192.168.1.52", "8.8.8.8", 54585, 53, 0, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
	} {
		for range 2 { // and the other way round
			got := string(AppendCommunityID([]byte("x"), c.seed, 4, c.proto, from(c.a), from(c.b), c.from, c.to, false))
			if got != "x"+c.want {
				t.Errorf("%s:%d %s:%d: %s, want %s", c.a, c.from, c.b, c.to, got, c.want)
			}
			c.a, c.b, c.from, c.to = c.b, c.a, c.to, c.from
		}
	}
}

// TestCommunityIDBaselines: the specification's baselines list every directed flow of its captures. The packets must
// give exactly those: addresses, ports (with ICMP's mapping) and identifiers, for both seeds, in base64 and in hex.
func TestCommunityIDBaselines(t *testing.T) {
	dir := filepath.Join(sharedData(t), "community-id-spec")
	for _, c := range []struct {
		file string
		seed uint16
		hex  bool
	}{{"baseline_deflt.json", 0, false}, {"baseline_seed1.json", 1, false}, {"baseline_nob64.json", 0, true}} {
		raw, err := os.ReadFile(filepath.Join(dir, "baseline", c.file))
		if err != nil {
			t.Fatal(err)
		}
		type flow struct {
			Proto        uint8
			SAddr, DAddr string
			SPort, DPort uint16
			CommunityID  string
		}
		var list []flow
		if err := json.Unmarshal(raw, &list); err != nil {
			t.Fatal(err)
		}
		want, got := map[flow]bool{}, map[flow]bool{}
		for _, f := range list {
			want[f] = true
		}
		captures(t, filepath.Join(dir, "pcaps"), func(path string) {
			readCapture(path, func(link uint16, frame []byte, wire uint32) {
				var p Packet
				if Decode(&p, link, frame, wire, Options{}) != OK {
					return
				}
				id := idOf(&p, c.seed)
				if c.hex {
					sum := communitySum(c.seed, p.Version, p.Proto, p.Src, p.Dst, p.SrcPort, p.DstPort, p.Flags&OneWay != 0)
					id = "1:" + hex.EncodeToString(sum[:])
				}
				f := flow{p.Proto, p.Src.Netip(p.Version).String(), p.Dst.Netip(p.Version).String(), p.SrcPort, p.DstPort, id}
				if !want[f] {
					t.Errorf("%s, %s: not in the baseline: %+v", c.file, filepath.Base(path), f)
				}
				got[f] = true
			})
		})
		for f := range want {
			if !got[f] {
				t.Errorf("%s: no packet gave %+v", c.file, f)
			}
		}
		t.Logf("%s: %d flows", c.file, len(want))
	}
}

// arkimeDiffers are the sessions whose identifier weir does not give, and why.
var arkimeDiffers = map[string]string{
	"IKEv1.test 1":            "ESP: Arkime hashes two zero ports, the specification none (its RSVP baseline)",
	"IKEv2.test 1":            "ESP: Arkime hashes two zero ports, the specification none (its RSVP baseline)",
	"icmp-frame-relay.test 0": "frame relay is no link type that weir reads",
	"nflog.test 0":            "nflog is no link type that weir reads",
}

// TestCommunityIDArkime: every session that Arkime's own tests expect has the identifier of some packet in the
// capture beside it, with or without its tunnels opened.
func TestCommunityIDArkime(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(sharedData(t), "arkime", "tests", "pcap", "*.test"))
	if err != nil {
		t.Fatal(err)
	}
	sessions := 0
	for _, file := range files {
		var expected struct {
			Sessions3 []struct {
				Body struct {
					IPProtocol int
					Network    struct {
						CommunityID string `json:"community_id"`
					}
				}
			}
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &expected); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		have := map[string]bool{}
		paths, _ := filepath.Glob(strings.TrimSuffix(file, ".test") + ".pcap*")
		for _, path := range paths {
			readCapture(path, func(link uint16, frame []byte, wire uint32) {
				var p Packet
				for _, opt := range []Options{{}, {Tunnels: AllTunnels}} {
					if Decode(&p, link, frame, wire, opt) == OK {
						have[idOf(&p, 0)] = true
					}
				}
			})
		}
		for i, s := range expected.Sessions3 {
			id := s.Body.Network.CommunityID
			if id == "" {
				continue
			}
			sessions++
			name := fmt.Sprintf("%s %d", filepath.Base(file), i)
			if _, differs := arkimeDiffers[name]; have[id] == differs {
				t.Errorf("session %s, protocol %d: packet with %s found: %v, listed as differing: %v", name,
					s.Body.IPProtocol, id, have[id], differs)
			}
		}
	}
	t.Logf("%d sessions", sessions)
}
