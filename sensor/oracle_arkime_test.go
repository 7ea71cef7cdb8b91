package sensor_test

import (
	"encoding/json"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// arkimeSession is what is compared of a session that Arkime's own tests expect.
type arkimeSession struct {
	Protocol            uint8  `json:"ipProtocol"`
	InitRTT             *int64 // half the time from the SYN to the ACK of the handshake, whole milliseconds
	Source, Destination arkimeEnd
	Network             struct {
		CommunityID string `json:"community_id"`
	}
}

type arkimeEnd struct {
	IP             netip.Addr
	Port           uint16
	Packets, Bytes uint64
}

// arkimeSessions reads the sessions beside a capture.
func arkimeSessions(t *testing.T, file string) (sessions []arkimeSession) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var expected struct {
		Sessions3 []struct{ Body arkimeSession }
	}
	if err := json.Unmarshal(raw, &expected); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for _, s := range expected.Sessions3 {
		sessions = append(sessions, s.Body)
	}
	return sessions
}

// arkimeSums are packets and frame bytes by identifier and sender.
type arkimeSums map[string]map[arkimeSender]total

// arkimeSender is an address with its port, 0 where the protocol has none.
type arkimeSender struct {
	ip   netip.Addr
	port uint16
}

func (s arkimeSums) add(id string, from arkimeSender, n total) {
	if s[id] == nil {
		s[id] = map[arkimeSender]total{}
	}
	if n.packets > 0 {
		s[id][from] = s[id][from].plus(n)
	}
}

func recordID(r *flowtable.Record) string {
	return string(packet.AppendCommunityID(nil, 0, r.Version, r.Proto, r.Client, r.Server, r.ClientPort, r.ServerPort, r.ICMPOneWay))
}

// recordSums sums up the records of each identifier.
func recordSums(records []flowtable.Record) arkimeSums {
	sums := arkimeSums{}
	for i := range records {
		r := &records[i]
		for d, k := range directions(r) {
			sums.add(recordID(r), arkimeSender{k.src, k.srcPort}, total{r.Packets[d], r.WireBytes[d]})
		}
	}
	return sums
}

// sessionSums sums up the sessions of each identifier: Arkime cuts long ones.
func sessionSums(sessions []arkimeSession) arkimeSums {
	sums := arkimeSums{}
	for i := range sessions {
		s := &sessions[i]
		for _, end := range []*arkimeEnd{&s.Source, &s.Destination} {
			port := end.Port
			if !hasPorts(s.Protocol) {
				port = 0
			}
			sums.add(s.Network.CommunityID, arkimeSender{end.IP.Unmap(), port}, total{end.Packets, end.Bytes})
		}
	}
	delete(sums, "") // no IP
	return sums
}

// TestCommunityID: Arkime's sessions are flows with the same identifier, endpoints, packets and frame bytes, with tunnels
// shut or opened.
func TestCommunityID(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(oracleData(t), "arkime", "tests", "pcap", "*.test"))
	if err != nil {
		t.Fatal(err)
	}
	known := exceptions(t, "arkime.tsv")
	flows, equal, listed := 0, 0, 0
	for _, file := range files {
		paths, _ := filepath.Glob(strings.TrimSuffix(file, ".test") + ".pcap*")
		var runs []arkimeSums
		for _, path := range paths {
			for _, tunnels := range []packet.Tunnels{0, packet.AllTunnels} {
				opt := neverEnding()
				opt.Decode.Tunnels = tunnels
				records, _, err := runFile(path, opt)
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				runs = append(runs, recordSums(records))
			}
		}
		for id, want := range sessionSums(arkimeSessions(t, file)) {
			flows++
			name := strings.TrimSuffix(filepath.Base(file), ".test") + "\t" + id
			same := slices.ContainsFunc(runs, func(got arkimeSums) bool { return maps.Equal(got[id], want) })
			switch {
			case same && known[name] == "":
				equal++
			case same:
				t.Errorf("%s: agrees, though listed as different: %s", name, known[name])
			case known[name] != "":
				listed++
			default:
				t.Errorf("%s: want %v, got %v with tunnels shut", name, want, runs[0][id])
			}
		}
	}
	t.Logf("%d flows in %d files: %d equal, %d differ for a reason", flows, len(files), equal, listed)
	if listed != len(known) || flows < 150 {
		t.Errorf("%d flows listed as different, %d seen; %d flows in all", len(known), listed, flows)
	}
}

// TestRoundTrip: the time of the handshake is Arkime's.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(oracleData(t), "arkime", "tests", "pcap", "*.test"))
	if err != nil {
		t.Fatal(err)
	}
	compared, without := 0, 0
	for _, file := range files {
		paths, _ := filepath.Glob(strings.TrimSuffix(file, ".test") + ".pcap*")
		rtt := map[string]int64{}
		for _, path := range paths {
			for _, tunnels := range []packet.Tunnels{packet.AllTunnels, 0} {
				opt := neverEnding()
				opt.Decode.Tunnels = tunnels
				records, _, err := runFile(path, opt)
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				for i := range records {
					rtt[recordID(&records[i])] = records[i].RTT
				}
			}
		}
		for _, s := range arkimeSessions(t, file) {
			got, ok := rtt[s.Network.CommunityID]
			switch {
			case s.InitRTT == nil || !ok:
			case got < 0:
				without++ // a SYN or SYN-ACK came twice or not at all, or the server spoke before the ACK
			case max(got/2-*s.InitRTT*1e6, *s.InitRTT*1e6-got/2) > 1e6:
				t.Errorf("%s %s: %d ns, Arkime's half is %d ms", file, s.Network.CommunityID, got, *s.InitRTT)
			default:
				compared++
			}
		}
	}
	t.Logf("%d handshakes equal to the millisecond, %d without a time here", compared, without)
	if without > 8 || compared < 78 {
		t.Error("too few")
	}
}
