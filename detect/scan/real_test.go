package scan

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/sensor"
)

// shared returns a path below the directory of real captures, or skips the test where there is none.
func shared(t *testing.T, path string) string {
	t.Helper()
	dir := os.Getenv("WEIR_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no real captures: %v (WEIR_SHARED names their directory)", err)
	}
	return filepath.Join(dir, path)
}

type nothing struct{}

func (nothing) Flows([]flowtable.Record) error { return nil }
func (nothing) Flush() error                   { return nil }
func (nothing) Close() error                   { return nil }
func (nothing) Abort() error                   { return nil }

// replay judges captures that were made together.
func replay(t *testing.T, paths []string) []detect.Alert {
	t.Helper()
	var sources []capture.Source
	for _, p := range paths {
		src, err := pcapfile.Open([]string{p}, pcapfile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		sources = append(sources, src)
	}
	var list detecttest.Alerts
	opt := sensor.Options{Config: sensor.DefaultConfig(), Flow: flowtable.DefaultConfig(), Windows: features.DefaultConfig()}
	opt.Detect = detect.NewEngine(detect.DefaultConfig(), []detect.Detector{New(DefaultConfig())}, &list)
	if _, err := sensor.Run(context.Background(), pcapfile.Merge(sources...), nothing{}, opt); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestRealScansAreFound(t *testing.T) {
	nmap := "data/markofu-pcaps/unpacked/EvilFingers_NMAP_PCAPS.zip/NMAP_SCAN_ANALYSIS/"
	for path, want := range map[string][]string{
		"data/bro-simple-scan/testing/pcaps/445_scan.pcap":     {"176.192.150.3 address_scan low hosts=9 ports=1 targets=9"},
		"data/bro-simple-scan/testing/pcaps/port_scan.pcap":    {"192.168.2.154 port_scan medium hosts=1 ports=10 targets=10"},
		"data/bro-simple-scan/testing/pcaps/backscatter.trace": nil,
		nmap + "NULL_SCAN/NULL_SCAN.pcap":                      {"192.168.1.10 port_scan medium hosts=1 ports=1000 targets=1000"},
		nmap + "UDP_SCAN/UDP_SCAN.pcap":                        {"192.168.1.10 port_scan medium hosts=1 ports=998 targets=998"},
		"data/ndpi/tests/cfgs/default/pcap/synscan.pcap":       {"172.16.0.8 port_scan medium hosts=1 ports=997 targets=997"},
		"data/padmavatisb/portscan.pcap":                       {"192.168.56.101 half_open low hosts=-1 ports=-1 targets=-1"},
	} {
		if diff := cmp.Diff(want, said(replay(t, []string{shared(t, path)}))); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

// Of the corpus each phase is judged as one capture: all scans and no others are found.
func TestCorpus(t *testing.T) {
	for phase, want := range map[string][]string{
		"dev/attacks_": {
			"10.20.1.221 half_open", // a flood from one address
			"10.20.2.40 address_scan", "10.20.4.131 port_scan", "10.20.5.109 random_scan", "10.20.7.75 address_scan",
			"141.225.73.14 address_scan", "23.60.118.147 port_scan", "45.90.62.192 port_scan", "51.196.124.131 port_scan",
		},
		"dev3/attacks_": {
			"10.20.1.30 address_scan", "10.20.1.65 address_scan", "10.20.10.216 half_open", "10.20.4.109 random_scan", "10.20.9.73 port_scan",
			"146.190.61.33 port_scan", "193.4.232.27 port_scan", "204.163.141.104 port_scan", "81.72.235.14 address_scan",
		},
		"dev/p2pvpn_": nil, "dev/core1_": nil, "dev/core2_": nil, "dev/apps_": nil, "dev/tor_": nil, "dev/proxies_": nil,
		"dev3/p2pvpn_": nil, "dev3/core1_": nil, "dev3/core2_": nil, "dev3/apps_": nil, "dev3/tor_": nil, "dev3/proxies_": nil,
	} {
		paths, _ := filepath.Glob(shared(t, "corpus/"+phase) + "*.pcap.gz")
		if len(paths) == 0 {
			t.Skip("the corpus is not at hand")
		}
		var got []string
		for _, a := range replay(t, paths) {
			got = append(got, a.Subject.String()+" "+a.Kind)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
			t.Errorf("%s: %s", phase, diff)
		}
	}
}

// Flow files of others: Zeek's conn.log and Argus' binetflow, read here as far as the detector asks.
func TestRealFlowFiles(t *testing.T) {
	states := map[string]flowtable.ConnState{"S0": flowtable.S0, "SF": flowtable.SF, "RSTR": flowtable.RSTR, "RSTO": flowtable.RSTO, "REJ": flowtable.REJ}
	protos := map[string]uint8{"tcp": packet.ProtoTCP, "udp": packet.ProtoUDP, "icmp": packet.ProtoICMP}
	number := func(s string) uint64 { n, _ := strconv.ParseUint(s, 0, 64); return n }
	zeek := func(line string) *detect.Flow {
		c := strings.Split(line, "\t")
		if len(c) < 20 || c[0][0] == '#' {
			return nil
		}
		at, _ := strconv.ParseFloat(c[0], 64)
		r := flowtable.Record{Version: 4, Client: v4(c[2]), ClientPort: uint16(number(c[3])), Server: v4(c[4]), ServerPort: uint16(number(c[5])),
			Proto: protos[c[6]], ConnState: states[c[11]], Packets: [2]uint64{number(c[16]), number(c[18])},
			Payload: [2]uint64{number(c[9]), number(c[10])}, Bytes: [2]uint64{number(c[17]), number(c[19])}}
		if r.Proto != packet.ProtoTCP && r.Packets[flowtable.Down] > 0 {
			r.State = flowtable.Established
		}
		return &detect.Flow{Record: &r, Time: int64(at * 1e9), Missing: detect.NoTCPFlags}
	}
	argus := func(line string) *detect.Flow {
		c := strings.Split(line, ",")
		at, err := time.Parse("2006/01/02 15:04:05.999999", c[0])
		if err != nil {
			return nil
		}
		r := flowtable.Record{Version: 4, Client: v4(c[3]), ClientPort: uint16(number(c[4])), Server: v4(c[6]), ServerPort: uint16(number(c[7])),
			Proto: protos[c[2]], ConnState: states[c[8]], Bytes: [2]uint64{number(c[13]), number(c[12]) - number(c[13])}}
		return &detect.Flow{Record: &r, Time: at.UnixNano(), Missing: detect.NoTCPFlags | detect.NoPackets | detect.NoPayload | detect.NoHistory}
	}
	for path, test := range map[string]struct {
		read func(string) *detect.Flow
		want []string
	}{
		"data/slips/dataset/port-scans/horizontal/conn.log": {zeek, []string{"10.0.2.112 address_scan medium hosts=11 ports=2 targets=11"}},
		"data/slips/dataset/test11-portscan.binetflow": {argus, []string{"10.8.0.69 port_scan medium hosts=1 ports=20 targets=20",
			"10.8.0.69 address_scan medium hosts=21 ports=0 targets=21"}},
	} {
		file, err := os.Open(shared(t, path))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		var flows []detect.Flow
		for lines := bufio.NewScanner(file); lines.Scan(); {
			if f := test.read(lines.Text()); f != nil {
				f.ID, f.Start = uint64(len(flows)+1), f.Time
				flows = append(flows, *f)
			}
		}
		slices.SortStableFunc(flows, func(a, b detect.Flow) int { return int(a.Time - b.Time) })
		var list detecttest.Alerts
		e := detect.NewEngine(detect.DefaultConfig(), []detect.Detector{New(DefaultConfig())}, &list)
		e.Judge(flows)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, said(list)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}
