package features

import (
	"encoding/csv"
	"io"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// nDPId writes, for flows of 32 packets and more, the entropy of each of the first 32: of all bytes captured from the IP
// header to the end of the frame, Ethernet padding included. Its pktlen_data are these bytes' counts. It computes in
// single precision and writes nine decimals.
const ndpidTolerance = 5e-5

// ndpidAbsent are the results made from another version of the capture, which held a flow that this one does not.
var ndpidAbsent = []string{"bfcp.pcapng"}

// ndpidFlow is a row of nDPId's flow-analyse results.
type ndpidFlow struct {
	proto     uint8
	ends      [2]netip.AddrPort
	first     int64 // ns
	lengths   []int
	entropies []float64
}

// ndpidPacket is a packet as nDPId measures it.
type ndpidPacket struct {
	proto   uint8
	ends    [2]netip.AddrPort
	time    int64
	length  int
	entropy float64
}

// Entropies equal those that nDPId measured, packet by packet.
func TestEntropyEqualsNDPId(t *testing.T) {
	shared := os.Getenv("WEIR_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	results, err := filepath.Glob(filepath.Join(shared, "data", "ndpid-results", "test", "results", "flow-analyse", "default", "*.out"))
	if err != nil {
		t.Fatal(err)
	}
	if len(results) == 0 {
		t.Skip("nDPId's results are not at hand (WEIR_SHARED names their parent directory)")
	}
	flows, compared := 0, 0
	for _, result := range results {
		rows := readNDPId(t, result)
		name := strings.TrimSuffix(filepath.Base(result), ".out")
		if len(rows) == 0 || slices.Contains(ndpidAbsent, name) {
			continue
		}
		packets := measureLikeNDPId(t, filepath.Join(shared, "data", "ndpi", "tests", "cfgs", "default", "pcap", name))
		for _, row := range rows {
			n := row.compare(t, name, packets)
			compared += n
			flows += min(n, 1)
		}
	}
	t.Logf("%d packets of %d flows", compared, flows)
	if compared < 2500 {
		t.Errorf("got %d packets to compare, want at least 2500", compared)
	}
}

// compare compares the flow's packets and returns how many.
func (f *ndpidFlow) compare(t *testing.T, name string, packets []ndpidPacket) (n int) {
	for _, p := range packets {
		if n == len(f.lengths) {
			return n
		}
		if p.proto != f.proto || p.time < f.first || p.ends != f.ends && p.ends != [2]netip.AddrPort{f.ends[1], f.ends[0]} {
			continue
		}
		if p.length != f.lengths[n] || math.Abs(p.entropy-f.entropies[n]) > ndpidTolerance {
			t.Errorf("%s: %v, packet %d: got %d bytes of entropy %v, want %d of %v", name, f.ends, n, p.length, p.entropy,
				f.lengths[n], f.entropies[n])
		}
		n++
	}
	if n != len(f.lengths) {
		t.Errorf("%s: %v: got %d packets, want %d", name, f.ends, n, len(f.lengths))
	}
	return n
}

// measureLikeNDPId measures all packets of a capture that have ports, or none.
func measureLikeNDPId(t *testing.T, path string) (packets []ndpidPacket) {
	t.Helper()
	r, err := pcapfile.Open([]string{path}, pcapfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	meter := payload.NewMeter()
	b := capture.Batch{Frames: make([]capture.Frame, 0, 256)}
	for {
		err := r.Read(&b)
		if err == io.EOF {
			return packets
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Frames {
			frame, f := b.Bytes(i), &b.Frames[i]
			var p packet.Packet
			if packet.Decode(&p, f.Link, frame, f.Wire, packet.Options{}) != packet.OK {
				continue
			}
			ip := frame[p.IPOff:]
			packets = append(packets, ndpidPacket{
				proto: p.Proto,
				ends: [2]netip.AddrPort{netip.AddrPortFrom(p.Src.Netip(p.Version), p.SrcPort),
					netip.AddrPortFrom(p.Dst.Netip(p.Version), p.DstPort)},
				time: f.Time, length: len(ip), entropy: meter.Entropy(ip),
			})
		}
	}
}

// readNDPId reads the flows of a results file; the daemon's own records have another number of columns.
func readNDPId(t *testing.T, path string) (flows []ndpidFlow) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	header := rows[0]
	for _, row := range rows[1:] {
		if len(row) != len(header) {
			continue
		}
		get := func(column string) string { return row[slices.Index(header, column)] }
		flow := ndpidFlow{proto: ndpidProto(t, get("l4_proto")), first: int64(number(t, get("flow_first_seen"))) * 1000}
		for i, end := range []string{"src", "dst"} {
			address, err := netip.ParseAddr(get(end + "_ip"))
			if err != nil {
				t.Fatal(err)
			}
			port := 0.0
			if text := get(end + "_port"); text != "" {
				port = number(t, text)
			}
			flow.ends[i] = netip.AddrPortFrom(address, uint16(port))
		}
		for text := range strings.SplitSeq(get("pktlen_data"), ",") {
			flow.lengths = append(flow.lengths, int(number(t, text)))
		}
		for text := range strings.SplitSeq(get("entropies"), ",") {
			flow.entropies = append(flow.entropies, number(t, text))
		}
		if len(flow.lengths) != len(flow.entropies) {
			t.Fatalf("%s: %d lengths, %d entropies", path, len(flow.lengths), len(flow.entropies))
		}
		flows = append(flows, flow)
	}
	return flows
}

func ndpidProto(t *testing.T, name string) uint8 {
	switch name {
	case "tcp":
		return packet.ProtoTCP
	case "udp":
		return packet.ProtoUDP
	case "icmp":
		return packet.ProtoICMP
	case "icmp6":
		return packet.ProtoICMPv6
	}
	return uint8(number(t, name))
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
