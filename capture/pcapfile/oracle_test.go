package pcapfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/capture"
)

// sharedData is the directory of real captures that are no part of the project.
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

// summary is what is compared with tshark.
type summary struct {
	packets, captured, wire int64
	first, last             int64
	lowLink, highLink       uint16
}

// summarize reads one file to its end in batches of n frames.
func summarize(path string, n int) (summary, Stats, error) {
	var s summary
	r, err := Open([]string{path}, Options{})
	if err != nil {
		return s, Stats{}, err
	}
	defer r.Close()
	b := capture.Batch{Frames: make([]capture.Frame, 0, n)}
	for {
		if err := r.Read(&b); err == io.EOF {
			return s, r.Stats(), nil
		} else if err != nil {
			return s, r.Stats(), err
		}
		for i := range b.Frames {
			f := &b.Frames[i]
			if len(b.Bytes(i)) != int(f.Len) {
				return s, r.Stats(), fmt.Errorf("frame %d: %d bytes of %d", s.packets, len(b.Bytes(i)), f.Len)
			}
			if s.packets == 0 {
				s.first, s.lowLink = f.Time, f.Link
			}
			s.lowLink, s.highLink = min(s.lowLink, f.Link), max(s.highLink, f.Link)
			s.packets, s.captured, s.wire, s.last = s.packets+1, s.captured+int64(f.Len), s.wire+int64(f.Wire), f.Time
		}
	}
}

// wiresharkLinks are the link types whose Wireshark encapsulation number stands for one LINKTYPE alone.
var wiresharkLinks = map[string]uint16{"1": 1, "4": 9, "15": 0, "25": 113, "210": 276}

// TestTshark compares every capture at hand with what tshark read in it.
func TestTshark(t *testing.T) {
	dir := sharedData(t)
	f, err := os.Open(filepath.Join("testdata", "tshark.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	compared, packets := 0, int64(0)
	for in := bufio.NewScanner(f); in.Scan(); {
		row := strings.Split(in.Text(), "\t")
		path := filepath.Join(dir, filepath.FromSlash(row[0]))
		if _, err := os.Stat(path); err != nil {
			continue
		}
		got, stats, err := summarize(path, 256)
		reason, known := differs[row[0]]
		if diff := compare(row, got, stats, err); diff != "" && !known {
			t.Errorf("%s: %s", row[0], diff)
		} else if diff == "" && known {
			t.Errorf("%s: agrees with tshark, though listed as different: %s", row[0], reason)
		}
		if !known {
			compared++
			packets += got.packets
		}
	}
	t.Logf("%d captures with %d packets equal tshark's; %d differ for a reason", compared, packets, len(differs))
	if compared == 0 {
		t.Error("no capture compared")
	}
}

// compare says in what a capture differs from its row of tshark.tsv, "" for nothing.
func compare(row []string, got summary, stats Stats, err error) string {
	var not *NotCaptureError
	if row[8] == "refused" {
		if err == nil && (got.packets > 0 || len(stats.Cuts) == 0) || err != nil && !errors.As(err, &not) {
			return fmt.Sprintf("refused by tshark; got %d packets, cuts %v, error %v", got.packets, stats.Cuts, err)
		}
		return ""
	}
	if err != nil {
		return err.Error()
	}
	want := summary{packets: number(row[1]), captured: number(row[2]), wire: number(row[3]), first: nanoseconds(row[4]),
		last: nanoseconds(row[5]), lowLink: got.lowLink, highLink: got.highLink}
	if l, ok := wiresharkLinks[row[6]]; ok && row[6] == row[7] {
		want.lowLink, want.highLink = l, l
	}
	if got != want {
		return fmt.Sprintf("got %+v, want %+v, cuts %v", got, want, stats.Cuts)
	}
	if cut := row[8] == "cut"; cut != (len(stats.Cuts) > 0) {
		return fmt.Sprintf("cuts %v, tshark says %s", stats.Cuts, row[8])
	}
	return ""
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic("bug: tshark.tsv: " + err.Error())
	}
	return n
}

// nanoseconds reads seconds.nanoseconds, held within 64 bits; - is 0.
func nanoseconds(s string) int64 {
	if s == "-" {
		return 0
	}
	whole, fraction, _ := strings.Cut(s, ".")
	if number(whole) >= math.MaxInt64/1_000_000_000 {
		return math.MaxInt64
	}
	return number(whole)*1e9 + number((fraction + "000000000")[:9])
}

// Why tshark gives something else.
const (
	overflow    = "tshark keeps a fraction of a second above 2^31 ns or a length above 2^31 in 32 signed bits"
	customBlock = "tshark counts custom blocks as frames"
	unknownLink = "tshark does not know the link type"
	strict      = "tshark takes any minor version; libpcap and weir take those there are"
	pseudo      = "tshark counts the SunATM header of 4 bytes apart from the packet"
	guess       = "tshark guesses another record header from what follows; libpcap does not"
)

const samples = "pcapplusplus/Tests/Fuzzers/RegressionTests/regression_samples/"

// differs are the captures for which tshark gives something else, with the reason.
var differs = map[string]string{
	"gopacket/pcapgo/tests/be/test017.pcapng": customBlock,
	"gopacket/pcapgo/tests/be/test018.pcapng": customBlock,
	"gopacket/pcapgo/tests/be/test202.pcapng": customBlock,
	"gopacket/pcapgo/tests/le/test018.pcapng": customBlock,
	"gopacket/pcapgo/tests/le/test202.pcapng": customBlock,

	"libpcap/tests/filter/brcm-tag-stp.pcap": unknownLink,
	"tcpdump/tests/juniper_es_oobr.pcap":     unknownLink,
	"tcpdump/tests/kday6.pcap":               unknownLink,
	"tcpdump/tests/vtp_asan-3.pcap":          unknownLink,

	"libpcap/tests/pcap-invalid-version-2.pcap":                                                             strict,
	"pcapplusplus/Tests/Fuzzers/RegressionTests/clusterfuzz-testcase-minimized-FuzzTarget-4683685084594176": strict,

	"ndpi/tests/cfgs/default/pcap/fuzz-2021-06-07-c6c72a0a56.pcap":         overflow,
	"ndpi/tests/cfgs/default/pcap/fuzz-2021-10-13.pcap":                    overflow,
	samples + "clusterfuzz-testcase-minimized-FuzzTarget-5114733584449536": overflow,
	samples + "clusterfuzz-testcase-minimized-FuzzTarget-5165927376355328": overflow,
	samples + "clusterfuzz-testcase-minimized-FuzzTarget-5196221831708672": overflow,
	samples + "clusterfuzz-testcase-minimized-FuzzTarget-5468403752632320": overflow,
	samples + "clusterfuzz-testcase-minimized-FuzzTarget-5654053026791424": overflow,
	samples + "clusterfuzz-testcase-minimized-FuzzTarget-5696447256461312": overflow,
	samples + "clusterfuzz-testcase-minimized-FuzzTarget-5723611632762880": overflow,
	"tcpdump/tests/timestamp_invalid_nano.pcap":                            overflow,
	samples + "igmplayer": guess,

	"tcpdump/tests/atm-heapoverflow.pcap":               pseudo,
	"tcpdump/tests/atm-oam-heapoverflow.pcap":           pseudo,
	"tcpdump/tests/atm-oam-loopback-print-overrun.pcap": pseudo,
}
