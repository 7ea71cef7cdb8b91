package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/internal/sendtest"
)

// mirrored are frames of a cable that a span port shows, with the direction of each.
type mirrored struct {
	frames    [][]byte
	back      []bool
	fragments uint64 // later ones
}

// add adds a frame of an IP packet without its Ethernet header.
func (m *mirrored) add(back bool, tags []uint32, ip []byte) {
	frame := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}
	if back {
		frame[5], frame[11] = 1, 2
	}
	for _, tag := range tags {
		frame = binary.BigEndian.AppendUint32(frame, tag)
	}
	etherType := uint16(0x0800)
	if ip[0]>>4 == 6 {
		etherType = 0x86dd
	}
	frame = binary.BigEndian.AppendUint16(frame, etherType)
	m.frames, m.back = append(m.frames, append(frame, ip...)), append(m.back, back)
}

// udpPacket returns an IPv4 or, where v6, IPv6 packet of a conversation. fragment is the field of an IPv4 header (RFC 791),
// and so id; IPv6 has them in a header of its own, unless fragment is 0 (RFC 8200). A later fragment has no UDP header.
func udpPacket(v6, back bool, number, id int, fragment uint16, payload int) []byte {
	client, server := []byte{10, 0, byte(number >> 8), byte(number)}, []byte{192, 0, 2, byte(number % 7)}
	if v6 {
		client = append([]byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 1}, client...)
		server = append([]byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 2}, server...)
	}
	ports := [2]uint16{uint16(20000 + number), 53}
	if back {
		client, server, ports = server, client, [2]uint16{ports[1], ports[0]}
	}
	var body []byte
	if fragment&0x1fff == 0 {
		body = binary.BigEndian.AppendUint16(body, ports[0])
		body = binary.BigEndian.AppendUint16(body, ports[1])
		body = binary.BigEndian.AppendUint16(body, uint16(8+payload))
		body = append(body, 0, 0)
	}
	body = append(body, bytes.Repeat([]byte{byte(number)}, payload)...)
	if !v6 {
		h := binary.BigEndian.AppendUint16([]byte{0x45, 0}, uint16(20+len(body)))
		h = binary.BigEndian.AppendUint16(h, uint16(id))
		h = binary.BigEndian.AppendUint16(h, fragment)
		return slices.Concat(h, []byte{64, 17, 0, 0}, client, server, body)
	}
	next := byte(17)
	if fragment != 0 {
		h := binary.BigEndian.AppendUint16([]byte{17, 0}, fragment<<3|fragment>>13)
		body = append(binary.BigEndian.AppendUint32(h, uint32(id)), body...)
		next = 44
	}
	h := binary.BigEndian.AppendUint16([]byte{0x60, 0, 0, 0}, uint16(len(body)))
	return slices.Concat(h, []byte{next, 64}, client, server, body)
}

// conversations are questions and their answers, with IPv4 and IPv6, without and with one and two VLAN tags, and every
// third answer in two fragments.
func conversations(n int) (m mirrored) {
	tags := [][]uint32{nil, {0x8100_0064}, {0x88a8_0064, 0x8100_0065}, {0x8100_e007}}
	for i := range n {
		v6, tags := i%2 == 1, tags[i/2%len(tags)]
		m.add(false, tags, udpPacket(v6, false, i, i, 0, 20+i%100))
		if i%3 > 0 {
			m.add(true, tags, udpPacket(v6, true, i, i, 0, 600))
			continue
		}
		m.add(true, tags, udpPacket(v6, true, i, i, 0x2000, 800))
		m.add(true, tags, udpPacket(v6, true, i, i, 101, 300)) // 101 units of 8 bytes: behind 808 bytes
		m.fragments++
	}
	return m
}

// replayed returns the flows that a replay of the frames gives.
func (m *mirrored) replayed(t *testing.T) map[string]int {
	t.Helper()
	var file bytes.Buffer
	w, err := pcapfile.NewWriter(&file, 1)
	if err != nil {
		t.Fatal(err)
	}
	var b capture.Batch
	for i, frame := range m.frames {
		n := uint32(len(frame))
		b.Frames = append(b.Frames, capture.Frame{Time: 1e18 + int64(i)*1e4, Off: uint32(len(b.Data)), Len: n, Wire: n, Link: 1})
		b.Data = append(b.Data, frame...)
	}
	if err := w.Write(&b); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "sent.pcap")
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := command(t, nil, "replay", "--out", dir, path); status != exitOK {
		t.Fatal(stderr)
	}
	return untimed(t, filepath.Join(dir, "flows.ndjson"))
}

// untimed counts flows by what they say but for times.
func untimed(t *testing.T, pattern string) map[string]int {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: got %v, %v", pattern, files, err)
	}
	flows := map[string]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			var r map[string]any
			if err := json.Unmarshal(line, &r); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for _, timed := range []string{"flow_id", "start", "end", "duration", "rtt"} {
				delete(r, timed)
			}
			flows[fmt.Sprint(r)]++ // in the order of the names
		}
	}
	return flows
}

// cable makes a cable from va to vb, and a span port: what passes va in either direction is mirrored to s0, and comes out
// of s1.
func cable(t *testing.T) (send func(m *mirrored)) {
	t.Helper()
	netnstest.Pair(t, "va", "vb")
	netnstest.Pair(t, "s0", "s1")
	for _, name := range []string{"va", "vb", "s0", "s1"} {
		netnstest.Run(t, "ip link set "+name+" mtu 9000 up")
	}
	netnstest.Run(t, "tc qdisc add dev va clsact")
	for _, d := range []string{"ingress", "egress"} {
		netnstest.Run(t, "tc filter add dev va "+d+" protocol all u32 match u32 0 0 action mirred egress mirror dev s0")
	}
	var senders [2]*sendtest.Sender
	for i, name := range []string{"va", "vb"} {
		var err error
		if senders[i], err = sendtest.NewSender(name, false); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { senders[i].Close() })
	}
	return func(m *mirrored) {
		before := received(t, "s1")
		for i, frame := range m.frames {
			end := 0
			if m.back[i] {
				end = 1
			}
			if err := senders[end].Send([][]byte{frame}); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "the frames to arrive", func() bool { return received(t, "s1")-before == uint64(len(m.frames)) })
	}
}

// What passes a cable in both directions is in the ledger of the sensor at its span port, and makes the flows that a replay
// of the same packets makes, byte for byte.
func TestLiveOnSpanPort(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	send := cable(t)
	m := conversations(6000)
	want := m.replayed(t)
	for _, args := range [][]string{{"--shards", "1"}, {"--shards", "2"}, {"--shards", "2", "--features", "all"}, {"--engine", "pcap"}} {
		dir, kept := t.TempDir(), t.TempDir()
		ledger := liveRun(t, dir, append(args, "-i", "s1", "--out", dir, "--write-pcap", kept), func() { send(&m) })
		n := uint64(len(m.frames))
		if ledger.Packets != n || ledger.Flow != n || ledger.Capture.Dropped+ledger.Capture.Unread != 0 {
			t.Errorf("%v: got %d packets, %d in flows, capture %+v, want %d", args, ledger.Packets, ledger.Flow, ledger.Capture, n)
		}
		if ledger.Fragments != m.fragments || ledger.OrphanedFragments != 0 || ledger.Flows.Opened != 6000 {
			t.Errorf("%v: got %d later fragments, %d orphaned, %d flows, want %d, 0, 6000", args, ledger.Fragments,
				ledger.OrphanedFragments, ledger.Flows.Opened, m.fragments)
		}
		if !slices.Contains(args, "--features") {
			sameFlows(t, strings.Join(args, " "), untimed(t, filepath.Join(dir, "flows-*.ndjson")), want)
		}
		if status, stdout, stderr := command(t, nil, "parity", kept); status != exitOK || !strings.Contains(stdout, "6000, no difference") {
			t.Errorf("%v: got %d from a replay of the same packets, %s%s", args, status, stdout, stderr)
		}
	}
}

// sameFlows says where two counts of flows differ.
func sameFlows(t *testing.T, what string, got, want map[string]int) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	for flow, n := range want {
		if got[flow] != n {
			t.Errorf("%s: got %d, want %d of %s", what, got[flow], n, flow)
			break
		}
	}
	for flow, n := range got {
		if want[flow] != n {
			t.Fatalf("%s: got %d, want %d of %s", what, n, want[flow], flow)
		}
	}
}
