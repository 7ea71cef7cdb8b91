package detectors_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/detectors"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/sensor"
)

// What the detectors must find, and where they must be quiet. 'make detection-report' prints the table. It uses captures
// that are not the project's: it skips where WEIR_SHARED does not name them.
func TestDetectionReport(t *testing.T) {
	shared := os.Getenv("WEIR_SHARED")
	if shared == "" {
		t.Skip("WEIR_SHARED does not name the captures that this is about")
	}
	var b bytes.Buffer
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "capture\tflows\talerts\texpected\tfound\tmissed\tfalse\thigh")
	for _, c := range append(corpusCases(t, shared), dataCases(shared)...) {
		c.judge(t, table)
	}
	table.Flush()
	t.Logf("\n%s", b.String())
}

// reportCase is some captures that are replayed together.
type reportCase struct {
	name     string
	captures []string
	expected []expectation
	known    bool // it is known to fail: the table shows what, and the test fails once it does not
	others   bool // alerts beside those expected are no mistakes: nobody said what else is there
}

// expectation is something that must be found.
type expectation struct {
	what      string
	detectors []string        // any of them
	subjects  map[string]bool // about one of these; empty: about anybody
	optional  bool            // it is right to find it, and no mistake to miss it
	flows     int             // of a transport's server
}

// enoughFlows is from how many flows on a transport's server must be found.
const enoughFlows = 5

func (e expectation) metBy(a *detect.Alert) bool {
	return slices.Contains(e.detectors, a.Detector) && (len(e.subjects) == 0 || e.subjects[a.Subject.String()])
}

func (c reportCase) judge(t *testing.T, table *tabwriter.Writer) {
	var paths []string
	for _, p := range c.captures {
		if _, err := os.Stat(p); err == nil {
			paths = append(paths, p)
		}
	}
	if len(paths) == 0 {
		return
	}
	alerts, flows := replay(t, paths)
	var found, missed, optional int
	failed := false
	fail := func(format string, args ...any) {
		failed = true
		if c.known {
			t.Logf("known: "+format, args...)
		} else {
			t.Errorf(format, args...)
		}
	}
	defer func() {
		if c.known && !failed {
			t.Errorf("%s: it is said to fail, and does not", c.name)
		}
	}()
	involved := map[string]bool{}
	for _, e := range c.expected {
		for s := range e.subjects {
			involved[s] = true
		}
		if slices.ContainsFunc(alerts, func(a detect.Alert) bool { return e.metBy(&a) }) {
			found++
			continue
		}
		if e.optional {
			optional++
			continue
		}
		missed++
		fail("%s: %s was not found by any of %v", c.name, e.what, e.detectors)
	}
	wrong, high := 0, 0
	for i := range alerts {
		a := &alerts[i]
		if c.others || involved[a.Subject.String()] {
			continue
		}
		wrong++
		if a.Severity == detect.High {
			high++
		}
		if testing.Verbose() {
			t.Logf("%s: not expected: %s %s/%s %s: %s", c.name, a.Severity, a.Detector, a.Kind, a.Subject, a.Message)
		}
	}
	fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", c.name, flows, len(alerts), len(c.expected)-optional, found, missed, wrong, high)
	if high > 0 || 1000*wrong > flows+1000 {
		fail("%s: %d alerts that nobody expected, %d of them high, on %d flows; want at most one for 1,000 and none high", c.name, wrong, high, flows)
	}
}

// replay returns what the default detectors say of captures that were taken together, each alert once.
func replay(t *testing.T, paths []string) ([]detect.Alert, int) {
	t.Helper()
	cfg := detectors.DefaultConfig()
	cfg.Detectors = []string{detectors.Default}
	made, err := detectors.New(cfg, features.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	list := &lastAlerts{place: map[string]int{}}
	opt := sensor.Options{Config: sensor.Config{Shards: 1, Batch: 1000}, Flow: flowtable.DefaultConfig(),
		Detect: detect.NewEngine(cfg.Config, made, list)}
	for _, d := range made {
		if user, ok := d.(detect.FeatureUser); ok {
			opt.Flow.Features = append(opt.Flow.Features, user.FlowFeatures()...)
		}
	}
	slices.Sort(opt.Flow.Features)
	opt.Flow.Features = slices.Compact(opt.Flow.Features)
	var sources []capture.Source
	for _, path := range paths {
		src, err := pcapfile.Open([]string{path}, pcapfile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		sources = append(sources, src)
	}
	ledger, err := sensor.Run(t.Context(), pcapfile.Merge(sources...), forget{}, opt)
	if err != nil {
		t.Fatal(err)
	}
	return list.alerts, int(ledger.Flows.Opened)
}

// lastAlerts keeps each alert as it was written last.
type lastAlerts struct {
	place  map[string]int
	alerts []detect.Alert
}

func (l *lastAlerts) Alerts(alerts []detect.Alert) error {
	for _, a := range alerts {
		if i, ok := l.place[a.ID]; ok {
			l.alerts[i] = a
			continue
		}
		l.place[a.ID] = len(l.alerts)
		l.alerts = append(l.alerts, a)
	}
	return nil
}

// forget is a sink.
type forget struct{}

func (forget) Flows([]flowtable.Record) error { return nil }
func (forget) Flush() error                   { return nil }
func (forget) Close() error                   { return nil }
func (forget) Abort() error                   { return nil }

// finders say who must find what the corpus calls by a name, and whether the alert is about who did it or about the victim.
var finders = map[string][]string{
	"beacon-https":             {"beacon"},
	"bruteforce-ssh":           {"lateral", "scan", "pairs"},
	"dns-exfil":                {"exfiltration"},
	"dns-tunnel-iodine":        {"exfiltration"},
	"exfil-https":              {"exfiltration"},
	"icmp-sweep":               {"scan"},
	"icmpflood":                {"trend"},
	"synflood":                 {"trend"},
	"synflood-spoofed":         {"trend"},
	"udpflood":                 {"trend"},
	"lateral-p2p":              {"lateral"},
	"portscan-connect-lateral": {"scan"},
	"portscan-horizontal-fast": {"scan"},
	"portscan-horizontal-slow": {"scan"},
	"portscan-stealth":         {"scan"},
	"portscan-udp":             {"scan"},
	"portscan-vertical-fast":   {"scan"},
	"portscan-vertical-slow":   {"scan"},
}

// corpusCases are the phases of both runs of the labelled corpus, each as its sensor saw it.
func corpusCases(t *testing.T, shared string) []reportCase {
	var cases []reportCase
	for _, run := range []string{"dev", "dev3"} {
		for _, phase := range []string{"core1", "proxies", "apps", "tor", "p2pvpn", "attacks", "core2"} {
			stem := filepath.Join(shared, "corpus", run, phase)
			c := reportCase{name: run + "/" + phase}
			c.captures, _ = filepath.Glob(stem + "_*.pcap.gz") // the pattern is right
			files, _ := filepath.Glob(stem + "_*.labels.tsv")
			c.expected = attacks(t, files)
			cases = append(cases, c)
		}
	}
	return cases
}

// attacks returns what the label files call attacks, and pluggable transports.
func attacks(t *testing.T, files []string) []expectation {
	found := map[string]*expectation{}
	find := func(what string, detectors []string) *expectation {
		if found[what] == nil {
			found[what] = &expectation{what: what, detectors: detectors, subjects: map[string]bool{}}
		}
		return found[what]
	}
	for _, path := range files {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		r := csv.NewReader(file)
		r.Comma, r.LazyQuotes = '\t', true
		rows, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		column := map[string]int{}
		for i, name := range rows[0] {
			column[name] = i
		}
		for _, row := range rows[1:] {
			name := row[column["transport"]]
			switch row[column["class"]] {
			case "attack":
				e := find(name, finders[name])
				e.subjects[row[column["src"]]], e.subjects[row[column["dst"]]] = true, true
			case "pt": // each server by itself
				e := find(name+" at "+row[column["dst"]], []string{"transport"})
				e.subjects[row[column["dst"]]] = true
				e.optional = row[column["family"]] != "pt-random"
				e.flows++
			}
		}
	}
	var all []expectation
	for _, e := range found {
		e.optional = e.optional || e.flows > 0 && e.flows < enoughFlows
		all = append(all, *e)
	}
	slices.SortFunc(all, func(a, b expectation) int { return strings.Compare(a.what, b.what) })
	return all
}

// dataCases are captures of other projects.
func dataCases(shared string) []reportCase {
	data := filepath.Join(shared, "data")
	one := func(path string, detectors ...string) reportCase {
		c := reportCase{name: path, captures: []string{filepath.Join(data, path)}}
		if len(detectors) > 0 {
			c.expected, c.others = []expectation{{what: "it", detectors: detectors}}, true
		}
		return c
	}
	cases := []reportCase{
		one("bro-simple-scan/testing/pcaps/445_scan.pcap", "scan"),
		one("bro-simple-scan/testing/pcaps/port_scan.pcap", "scan"),
		one("bro-simple-scan/testing/pcaps/multiport_scan.pcap", "scan"),
		one("bro-simple-scan/testing/pcaps/backscatter.trace"),
		one("markofu-pcaps/unpacked/EvilFingers_NMAP_PCAPS.zip/NMAP_SCAN_ANALYSIS/NULL_SCAN/NULL_SCAN.pcap", "scan"),
		one("markofu-pcaps/unpacked/EvilFingers_NMAP_PCAPS.zip/NMAP_SCAN_ANALYSIS/UDP_SCAN/UDP_SCAN.pcap", "scan"),
		one("ndpi/tests/cfgs/default/pcap/synscan.pcap", "scan"),
		one("padmavatisb/portscan.pcap", "scan"),
		one("slips/dataset/test-cc/test-cc-capture-1.pcap", "beacon"),
	}
	known := func(path string, detectors ...string) {
		c := one(path, detectors...)
		c.known = true
		cases = append(cases, c)
	}
	cases = append(cases, one("slips/dataset/test19-malicious-ssh/malicious-ssh-bruteforce.pcap", "lateral", "scan", "pairs"))
	// Seven tries: as many as people make.
	known("joy/test/pcaps/kali-password-attack_hydra.pcap", "lateral", "scan", "pairs")
	// AsyncRAT: connections that are kept open for three minutes; one in which orders are carried out, and half a minute.
	const asyncRAT = "corelight/zeek-asyncrat-detector/testing/Traces/"
	cases = append(cases, one(asyncRAT+"cd010953-5faf-4054-86be-58c020c3a532.pcap", "beacon"))
	known(asyncRAT+"30a385ed-171e-4f15-ac3f-08c96be7bfd1.pcap", "beacon")
	known(asyncRAT+"9596cf60-0da6-47a7-a375-1f25ae32d843.pcap", "beacon")
	for _, dir := range []string{"ndpi/tests/cfgs/default/pcap", "chrissanders-packets", "snort3-demo", "ics-iti"} {
		cases = append(cases, benign(data, dir)...)
	}
	return cases
}

// benign are the captures below a directory, but for those named after an attack.
func benign(data, dir string) []reportCase {
	var cases []reportCase
	_ = filepath.WalkDir(filepath.Join(data, dir), func(path string, d os.DirEntry, err error) error {
		name := strings.ToLower(path)
		if err != nil || d.IsDir() || !strings.Contains(name, ".pcap") || strings.HasSuffix(name, ".out") {
			return nil
		}
		for _, attack := range []string{"scan", "dos", "fuzz", "flood", "malware", "exploit", "attack", "virus", "worm", "blaster", "syn"} {
			if strings.Contains(filepath.Base(name), attack) {
				return nil
			}
		}
		rel, _ := filepath.Rel(data, path)
		madeUp := strings.HasSuffix(rel, "source_engine.pcap") // some of its sources are multicast addresses
		cases = append(cases, reportCase{name: rel, captures: []string{path}, known: madeUp})
		return nil
	})
	return cases
}
