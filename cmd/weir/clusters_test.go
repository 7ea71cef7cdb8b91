package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// clustersOf runs the command and returns its answer.
func clustersOf(t *testing.T, args ...string) (a clustersAnswer) {
	t.Helper()
	status, stdout, stderr := command(t, nil, append([]string{"features", "clusters", "--format", "json"}, args...)...)
	if status != exitOK || stderr != "" {
		t.Fatalf("%v: got status %d: %s", args, status, stderr)
	}
	d := json.NewDecoder(strings.NewReader(stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a
}

// The demo capture's clusters. The lengths come from another decoder (ip.proto, tcp.len, udp.length-8 and
// the first bytes of tcp.payload, by tshark -T fields with reassembly off), and the clusters from another mean
// shift over them, a quadratic one that follows scikit-learn's definition step by step.
func TestClustersOfDemo(t *testing.T) {
	for _, test := range []struct {
		args     []string
		tcp, udp protocolClusters // the first three clusters and the last
		tcpN     int
		udpN     int
	}{
		{
			nil,
			protocolClusters{7699, 1445, leftOut{Empty: 4580, Longer: 1674}, []lengthCluster{
				{75.48275862068965, 173, 173. / 1445, 72, 77}, {61.86875, 160, 160. / 1445, 61, 64},
				{33.557046979865774, 153, 153. / 1445, 29, 35}, {1151, 1, 1. / 1445, 1151, 1151},
			}},
			protocolClusters{3497, 3495, leftOut{Longer: 2}, []lengthCluster{
				{35.87671232876713, 1387, 1387. / 3495, 35, 37}, {61.499153976311334, 708, 708. / 3495, 56, 68},
				{46.504950495049506, 496, 496. / 3495, 45, 48}, {1055, 1, 1. / 3495, 1055, 1055},
			}},
			147, 38,
		}, {
			[]string{"--tls-only"},
			protocolClusters{7699, 667, leftOut{Empty: 4580, NotTLS: 2334, Longer: 118}, []lengthCluster{
				{61.8255033557047, 149, 149. / 667, 61, 64}, {35, 94, 94. / 667, 35, 35}, {74.5, 64, 64. / 667, 72, 76},
				{1116, 1, 1. / 667, 1116, 1116},
			}},
			protocolClusters{3497, 3495, leftOut{Longer: 2}, []lengthCluster{
				{35.87671232876713, 1387, 1387. / 3495, 35, 37}, {61.499153976311334, 708, 708. / 3495, 56, 68},
				{46.504950495049506, 496, 496. / 3495, 45, 48}, {1055, 1, 1. / 3495, 1055, 1055},
			}},
			34, 38,
		},
	} {
		a := clustersOf(t, append(test.args, demo)...)
		if a.Packets != 11534 || a.Other != 338 || a.Filtered+a.Undecoded != 0 {
			t.Errorf("%v: got %+v, want 11534 packets, 338 neither TCP nor UDP", test.args, a)
		}
		for _, p := range []struct {
			name      string
			got, want protocolClusters
			clusters  int
		}{{"TCP", a.TCP, test.tcp, test.tcpN}, {"UDP", a.UDP, test.udp, test.udpN}} {
			if len(p.got.Clusters) != p.clusters {
				t.Errorf("%v: %s: got %d clusters, want %d", test.args, p.name, len(p.got.Clusters), p.clusters)
			}
			p.got.Clusters = append(p.got.Clusters[:3:3], p.got.Clusters[len(p.got.Clusters)-1])
			if diff := cmp.Diff(p.want, p.got, cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-9 })); diff != "" {
				t.Errorf("%v: %s: (-want +got)\n%s", test.args, p.name, diff)
			}
		}
	}
}

// Whatever the options: packets are the sum of where they went, and members that of the clusters.
func TestClustersBalance(t *testing.T) {
	for _, args := range [][]string{
		nil, {"--tls-only"}, {"--max-length", "1"}, {"--max-length", "100", "--bandwidth", "0.5"}, {"--bandwidth", "1e9"},
		{"--filter", "udp"}, {"--filter", "tcp", "--tls-only"}, {"--filter", "icmp"}, {"--set", "sensor.batch=1"},
	} {
		a := clustersOf(t, append(args, demo)...)
		if n := a.Filtered + a.Undecoded + a.Other + a.TCP.Packets + a.UDP.Packets; n != a.Packets || n != 11534 {
			t.Errorf("%v: got %d packets in all, %d, want 11534", args, n, a.Packets)
		}
		for _, p := range []protocolClusters{a.TCP, a.UDP} {
			l, members := p.LeftOut, uint64(0)
			for i, c := range p.Clusters {
				members += c.Members
				if c.Longest > int(a.MaxLength) || c.Shortest < 1 || c.Longest < c.Shortest || i > 0 && c.Members > p.Clusters[i-1].Members {
					t.Errorf("%v: got cluster %+v", args, c)
				}
			}
			if n := p.Clustered + l.Fragments + l.CutHeaders + l.Empty + l.CutTLS + l.NotTLS + l.Longer; n != p.Packets || members != p.Clustered {
				t.Errorf("%v: got %d packets, %d members, want %d and %d", args, n, members, p.Packets, p.Clustered)
			}
		}
	}
}

// A filter and what it leaves; the numbers are those of tshark -Y udp, tcp and icmp.
func TestClustersFilter(t *testing.T) {
	for filter, want := range map[string][3]uint64{"tcp": {7699, 0, 0}, "udp": {0, 3497, 0}, "not tcp and not udp": {0, 0, 338}} {
		a := clustersOf(t, "--filter", filter, demo)
		if got := [3]uint64{a.TCP.Packets, a.UDP.Packets, a.Other}; got != want || a.Filtered != 11534-want[0]-want[1]-want[2] {
			t.Errorf("%s: got TCP, UDP, other %v, %d filtered, want %v", filter, got, a.Filtered, want)
		}
	}
}

// What a user can get wrong has the statuses of replay. What could be read is in the answer.
func TestClustersOfWrongInput(t *testing.T) {
	dir := t.TempDir()
	plain := demoPlain(t)
	file := func(name string, data []byte) string { return write(t, filepath.Join(dir, name), data) }
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	unknown := withLink(plain, 250)
	for _, test := range []struct {
		name   string
		args   []string
		status int
		stderr string
		stdout string // it begins so; "": it is empty
	}{
		{"missing file", []string{dir + "/none.pcap"}, exitUsage, "none.pcap: no such file or directory", ""},
		{"directory without captures", []string{dir + "/empty"}, exitFailed, "/empty: no captures in it", ""},
		{"text", []string{file("text", []byte("hello, world\n"))}, exitFailed, "text: not a capture but text", ""},
		{"empty standard input", []string{"-"}, exitFailed, "-: not a capture but", ""},
		{"header alone", []string{file("header.pcap", plain[:24])}, exitOK, "", "0 packets: "},
		{"cut", []string{file("cut.pcap", plain[:100_000])}, exitOK, "offset=99066", "146 packets: "},
		{"cut, strict", []string{"--strict", dir + "/cut.pcap"}, exitFailed, "1 of 1 captures cut short or damaged", "146 packets: "},
		{"unknown link type", []string{file("link.pcap", unknown)}, exitFailed,
			"none of the captures' link types (250)", "11534 packets: 0 TCP, 0 UDP, 0 other, 11534 undecoded, "},
		{"filter", []string{"--filter", "tcp prt 80", demo}, exitUsage, `capture.filter: compile filter "tcp prt 80"`, ""},
	} {
		status, stdout, stderr := command(t, nil, append([]string{"features", "clusters"}, test.args...)...)
		if status != test.status || !strings.Contains(stderr, test.stderr) || (stderr == "") != (test.stderr == "") {
			t.Errorf("%s: got status %d, stderr %q, want status %d, stderr with %q", test.name, status, stderr, test.status, test.stderr)
		}
		if !strings.HasPrefix(stdout, test.stdout) || (stdout == "") != (test.stdout == "") {
			t.Errorf("%s: got stdout %.200q, want it to begin with %q", test.name, stdout, test.stdout)
		}
	}
}

// The text of an answer.
func TestClustersText(t *testing.T) {
	a := clustersAnswer{
		Bandwidth: 2.5, MaxLength: 1300, TLSOnly: true, Packets: 21, Filtered: 1, Undecoded: 2, Other: 3,
		TCP: protocolClusters{15, 4, leftOut{1, 2, 3, 4, 1, 0}, []lengthCluster{{517.5, 3, .75, 517, 519}, {20, 1, .25, 20, 20}}},
	}
	const want = `21 packets: 15 TCP, 0 UDP, 3 other, 2 undecoded, 1 filtered
payload lengths of 1 to 1300 bytes, mean shift with bandwidth 2.5 bytes

TCP, TLS only: 4 payloads in 2 clusters; left out: 1 fragments, 2 cut headers, 3 empty, 4 cut before a TLS record header would end, 1 not TLS
  centre  members    share  shortest  longest
  517.50        3  75.00 %       517      519
   20.00        1  25.00 %        20       20

UDP: 0 payloads in 0 clusters; left out: none
`
	if diff := cmp.Diff(want, string(a.text())); diff != "" {
		t.Error("(-want +got)", diff)
	}
}

// A run that is asked to stop answers for what it has read, and says so.
func TestClustersStop(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	var stdout, stderr bytes.Buffer
	a := &app{stdout: &stdout, stderr: &stderr}
	if status := a.run(ctx, []string{"features", "clusters", demo}); status != exitOK {
		t.Errorf("got status %d: %s", status, &stderr)
	}
	if !strings.HasPrefix(stdout.String(), "0 packets: ") || !strings.Contains(stderr.String(), "stopped by a signal") {
		t.Errorf("got stdout %q, stderr %q", &stdout, &stderr)
	}
}
