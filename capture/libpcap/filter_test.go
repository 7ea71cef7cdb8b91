package libpcap

import (
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcap"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/pcapfile"
)

var expressions = []string{
	"", "ip", "ip6", "tcp", "udp port 53", "tcp port 80 or tcp port 443", "host 192.168.1.1", "net 10.0.0.0/8",
	"src net 192.168.0.0/16", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "greater 200", "less 100", "len % 3 = 1",
	"ip[2:2] > 576", "icmp or icmp6", "portrange 1024-5000", "not ip", "ip6 and udp", "ip proto \\sctp",
	"(ip[8] << 2) + ip[9] - 3 * 2 > 100 / (len - 60)", "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420",
}

// linkExpressions hold for Ethernet alone.
var linkExpressions = []string{"ether host 00:00:00:00:00:00", "ether multicast", "vlan", "vlan and ip", "mpls", "pppoes", "arp"}

// captures are of different link types, with snapped frames among them.
var captures = []string{
	"zeek/testing/btest/Traces/wikipedia.trace", "zeek/testing/btest/Traces/http/get.trace",
	"tcpdump/tests/of10_s4810-vmware.pcap", "tcpdump/tests/vlan.pcap",
	"ndpi/tests/cfgs/default/pcap/ftp.pcap", "libpcap/tests/filter/brcm-tag-stp.pcap",
}

func sharedData(t testing.TB) string {
	t.Helper()
	shared := os.Getenv("WEIR_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	dir := filepath.Join(shared, "data")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no captures to read: %v (WEIR_SHARED names their directory)", err)
	}
	return dir
}

// TestTcpdump counts with each expression what tcpdump -r counts.
func TestTcpdump(t *testing.T) {
	tcpdump, err := exec.LookPath("tcpdump")
	if err != nil {
		t.Skip("tcpdump is missing")
	}
	links, compared := map[uint16]bool{}, 0
	for _, path := range sample(t, sharedData(t)) {
		batch, link := readAll(t, path)
		if len(batch) == 0 {
			continue
		}
		list := expressions
		if link == 1 {
			list = append(list[:len(list):len(list)], linkExpressions...)
		}
		links[link] = true
		for _, expr := range list {
			out, err := exec.Command(tcpdump, "-n", "--count", "-r", path, expr).CombinedOutput()
			f, ours := CompileFilter(link, expr)
			if (err == nil) != (ours == nil) {
				t.Errorf("%s: %q: tcpdump %v, weir %v: %s", path, expr, err, ours, out)
				continue
			}
			if err != nil {
				continue
			}
			got := 0
			for _, p := range batch {
				if f.Match(p.data, p.wire) {
					got++
				}
			}
			m := regexp.MustCompile(`(?m)^(\d+) packets?$`).FindSubmatch(out)
			if m == nil {
				t.Fatalf("tcpdump --count printed %s", out)
			}
			if want, _ := strconv.Atoi(string(m[1])); got != want {
				t.Errorf("%s: %q: %d frames match, tcpdump says %d", path, expr, got, want)
			}
			compared++
		}
	}
	t.Logf("%d counts equal tcpdump's, over link types %v", compared, links)
	if compared == 0 {
		t.Error("nothing compared")
	}
}

// sample is the named captures, and for each link type the first pcap file that has it.
func sample(t *testing.T, dir string) []string {
	var paths []string
	for _, c := range captures {
		if path := filepath.Join(dir, c); exists(path) {
			paths = append(paths, path)
		}
	}
	seen := map[uint16]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "tcpdump", "tests", "*.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	more, _ := filepath.Glob(filepath.Join(dir, "ndpi", "tests", "cfgs", "default", "pcap", "*.pcap"))
	for _, path := range append(files, more...) {
		r, err := pcapfile.Open([]string{path}, pcapfile.Options{})
		if err != nil {
			continue
		}
		b := capture.Batch{Frames: make([]capture.Frame, 0, 1)}
		if r.Read(&b) == nil && !seen[b.Frames[0].Link] && tcpdumpReads(path) {
			seen[b.Frames[0].Link] = true
			paths = append(paths, path)
		}
		r.Close()
	}
	return paths
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// tcpdumpReads leaves out captures that are broken in the middle.
func tcpdumpReads(path string) bool {
	return exec.Command("tcpdump", "-n", "--count", "-r", path).Run() == nil
}

type frame struct {
	data []byte
	wire uint32
}

func readAll(t *testing.T, path string) ([]frame, uint16) {
	t.Helper()
	r, err := pcapfile.Open([]string{path}, pcapfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all []frame
	var link uint16
	b := capture.Batch{Frames: make([]capture.Frame, 0, 256)}
	for {
		if err := r.Read(&b); err == io.EOF {
			return all, link
		} else if err != nil {
			t.Fatal(err)
		}
		for i := range b.Frames {
			all = append(all, frame{append([]byte(nil), b.Bytes(i)...), b.Frames[i].Wire})
			link = b.Frames[i].Link
		}
	}
}

// TestBPFFilter compares our interpreter with libpcap's own over random bytes, which make loads fail.
func TestBPFFilter(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, expr := range append(expressions, linkExpressions...) {
		f, err := CompileFilter(1, expr)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := pcap.NewBPF(layers.LinkTypeEthernet, 262144, expr)
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			b := make([]byte, 1+rnd.IntN(100))
			for i := range b {
				b[i] = byte(rnd.Uint32())
			}
			if len(b) > 24 && rnd.IntN(4) > 0 {
				copy(b[12:], []string{"\x08\x00E", "\x86\xdd\x60", "\x81\x00\x00\x01\x08\x00E"}[rnd.IntN(3)])
				b[23] = []byte{6, 17, 1}[rnd.IntN(3)]
			}
			wire := len(b) + rnd.IntN(200)
			got := f.Match(b, uint32(wire))
			if want := theirs.Matches(gopacket.CaptureInfo{CaptureLength: len(b), Length: wire}, b); got != want {
				t.Fatalf("%q over % x (wire %d): %v, libpcap says %v", expr, b, wire, got, want)
			}
		}
	}
}

func TestCompileFilterErrors(t *testing.T) {
	for _, c := range []struct {
		link       uint16
		expr, want string
	}{
		{1, "tcp prot 80", "syntax error"},
		{1, "port 99999999", "port"},
		{1, "ether host 1.2.3", "1.2.3"},
		{101, "vlan", "vlan"},
		{1, "tcp\x00udp", "zero byte"},
	} {
		_, err := CompileFilter(c.link, c.expr)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("CompileFilter(%d, %q): %v, want one line with %q", c.link, c.expr, err, c.want)
		}
	}
}

// TestCheck refuses programs that could not be run safely.
func TestCheck(t *testing.T) {
	for name, p := range map[string][]instruction{
		"empty":            {},
		"no return":        {{code: ldImm}},
		"jump too far":     {{code: classJMP | jumpEqual, jt: 1}, {code: retK}},
		"jump far away":    {{code: classJMP, k: 0xffffffff}, {code: retK}},
		"memory":           {{code: ldMem, k: 16}, {code: retK}},
		"divide by zero":   {{code: classALU | opDiv}, {code: retK}},
		"unknown operator": {{code: classALU | 0xf0}, {code: retK}},
		"unknown load":     {{code: classLD | 0xe0}, {code: retK}},
	} {
		if check(p) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestLinuxCooked2 compiles for a link type above 255, whose network protocol stands at another place.
func TestLinuxCooked2(t *testing.T) {
	f, err := CompileFilter(276, "ip proto 17")
	if err != nil {
		t.Fatal(err)
	}
	frame := make([]byte, 20+20)
	frame[0], frame[20], frame[29] = 8, 0x45, 17
	if !f.Match(frame, 40) {
		t.Error("a UDP packet behind an SLL2 header must match")
	}
	if frame[29] = 6; f.Match(frame, 40) {
		t.Error("a TCP packet must not")
	}
}

func TestMatchAllocates(t *testing.T) {
	f, err := CompileFilter(1, "tcp port 80 and greater 60")
	if err != nil {
		t.Fatal(err)
	}
	frame := make([]byte, 64)
	frame[12], frame[14], frame[23], frame[37] = 8, 0x45, 6, 80
	if !f.Match(frame, 64) || f.Match(frame, 59) {
		t.Error("a packet to port 80 of 64 bytes must match, and of 59 must not")
	}
	if n := testing.AllocsPerRun(100, func() { f.Match(frame, 64) }); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	frame := make([]byte, 64)
	frame[12], frame[14], frame[23], frame[37] = 8, 0x45, 6, 80
	b.Run("own", func(b *testing.B) {
		f, _ := CompileFilter(1, "tcp port 80")
		for b.Loop() {
			f.Match(frame, 64)
		}
	})
	b.Run("libpcap", func(b *testing.B) {
		f, _ := pcap.NewBPF(layers.LinkTypeEthernet, 262144, "tcp port 80")
		for b.Loop() {
			f.Matches(gopacket.CaptureInfo{CaptureLength: 64, Length: 64}, frame)
		}
	})
}
