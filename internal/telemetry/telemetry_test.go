package telemetry_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/internal/telemetry"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/sensor"
)

var update = flag.Bool("update", false, "rewrite the table of metrics in docs/LIVE.md")

// someBooks are books in which every number is another, but for what has to add up.
func someBooks() telemetry.Books {
	eth0 := sensor.CaptureCounts{Received: 41 + 42, Dropped: 43 + 44, Freezes: 45 + 46, Outages: 47,
		InterfaceDropped: 48, BacklogDropped: 51, InterfaceMissed: 49, InterfaceFIFO: 50}
	return telemetry.Books{
		Capturing: true,
		Ledger: sensor.Ledger{
			Packets: 1_000_066, WireBytes: 2, Flow: 1_000_000, NonIP: 3, Truncated: 4, Filtered: 5, Duplicate: 6, Refused: 7,
			Malformed: map[string]uint64{"bad_extension": 19, "unknown_link": 22},
			Clamped:   8, BadIPChecksum: 9, BadChecksum: 10, Fragments: 11, OrphanedFragments: 12, ForgottenFragments: 13, Late: 14,
			UnknownLinks: map[uint16]uint64{147: 22},
			Flows: sensor.FlowLedger{Opened: 15 + 16 + 17, Open: 15, Written: map[string]uint64{"idle": 16, "shutdown": 17},
				Pressure: 18, GivenUpPayloads: 23},
			Windows: &sensor.WindowLedger{Opened: 24 + 25 + 26, Open: 24, Written: 25, Dropped: map[string]uint64{"evicted": 26},
				PairsEvicted: 27, Counted: 1_000_000 - 28 - 29 - 30 - 31, NotTCP: 28, Fragments: 29, CutHeaders: 30, Outside: 31},
			Detect: &detect.Counters{Flows: 71, Windows: 72, Standing: detect.TableCount{Name: "standing", Entries: 73, Cap: 74, Evicted: 75},
				Detectors: []detect.DetectorCount{{Name: "scan", Raised: 76 + 77 + 78 + 79 + 80, Written: 76 + 77 + 78, Repeated: 79, Capped: 80,
					Severities: detect.SeverityCount{Low: 76, Medium: 77, High: 78},
					Tables:     []detect.TableCount{{Name: "sources", Entries: 81, Cap: 82, Evicted: 83, Rejected: 84}}}}},
			Capture: &sensor.CaptureLedger{CaptureCounts: eth0, Interfaces: []sensor.InterfaceLedger{{Interface: "eth0", CaptureCounts: eth0}}},
		},
		Sources: []telemetry.Source{
			{Shard: 0, Stats: capture.Stats{Interface: "eth0", Packets: 41, Dropped: 43, Freezes: 45, Ring: 61, RingFull: 62, RingPeak: 63}},
			{Shard: 1, Stats: capture.Stats{Interface: "eth0", Packets: 42, Dropped: 44, Freezes: 46}},
		},
		Busy: []time.Duration{64 * time.Second, 65 * time.Millisecond},
		Outputs: map[string]output.Status{
			"flow files":   {Offered: 51 + 52 + 53 + 54 + 55, Waiting: 51, Open: 52, Written: 53, Full: 54, Failed: 55, Files: 56},
			"window files": {Offered: 57, Waiting: 57, Stuck: true},
		},
	}
}

func always(b telemetry.Books) *telemetry.Monitor {
	return telemetry.NewMonitor(func() telemetry.Books { return b })
}

var build = telemetry.Build{Version: "v1.2.3", Commit: "abc"}

// get returns the status and the body of a request's answer.
func get(t *testing.T, h http.Handler, method, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w.Code, w.Body.String()
}

// scrape returns the samples of weir's own metrics as "name{label=value,...}".
func scrape(t *testing.T, h http.Handler) map[string]float64 {
	t.Helper()
	status, body := get(t, h, "GET", "/metrics")
	if status != http.StatusOK {
		t.Fatalf("got status %d: %s", status, body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string]float64{}
	for name, f := range families {
		for _, m := range f.Metric {
			if strings.HasPrefix(name, "weir_") {
				samples[name+labels(m)] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return samples
}

func labels(m *dto.Metric) string {
	var pairs []string
	for _, l := range m.Label {
		pairs = append(pairs, l.GetName()+"="+l.GetValue())
	}
	if pairs == nil {
		return ""
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

// sum adds up the samples of a metric.
func sum(samples map[string]float64, name string) (n float64) {
	for sample, v := range samples {
		if base, _, _ := strings.Cut(sample, "{"); base == name {
			n += v
		}
	}
	return n
}

// A scrape is the books, and adds up as they do.
func TestScrapeIsTheBooks(t *testing.T) {
	b := someBooks()
	if err := b.Ledger.Check(); err != nil {
		t.Fatal(err)
	}
	got := scrape(t, telemetry.Handler(always(b), build))
	for sample, want := range map[string]float64{
		"weir_packets_total{fate=flow}":                                1_000_000,
		"weir_packets_total{fate=truncated}":                           4,
		"weir_malformed_packets_total{reason=bad_extension}":           19,
		"weir_malformed_packets_total{reason=unknown_link}":            22,
		"weir_malformed_packets_total{reason=short_transport}":         0,
		"weir_remarked_packets_total{remark=late}":                     14,
		"weir_wire_bytes_total":                                        2,
		"weir_capture_received_packets_total{interface=eth0,shard=1}":  42,
		"weir_capture_outages_total{interface=eth0}":                   47,
		"weir_interface_dropped_packets_total{interface=eth0}":         48,
		"weir_interface_backlog_dropped_packets_total{interface=eth0}": 51,
		"weir_interface_missed_packets_total{interface=eth0}":          49,
		"weir_interface_overrun_packets_total{interface=eth0}":         50,
		"weir_flows_open": 15,
		"weir_flows_written_total{end_reason=idle}":                         16,
		"weir_flows_written_total{end_reason=evicted}":                      0,
		"weir_flows_pressed_total":                                          18,
		"weir_first_payloads_given_up_total":                                23,
		"weir_windows_dropped_total{reason=evicted}":                        26,
		"weir_window_pairs_evicted_total":                                   27,
		"weir_output_lost_records_total{output=flow files,reason=full}":     54,
		"weir_output_lost_records_total{output=flow files,reason=failed}":   55,
		"weir_output_files_total{output=flow files}":                        56,
		"weir_output_waiting_records{output=window files}":                  57,
		"weir_output_stuck{output=flow files}":                              0,
		"weir_output_stuck{output=window files}":                            1,
		"weir_output_offered_records_total{output=window files}":            57,
		"weir_window_packets_total{fate=outside}":                           31,
		"weir_capture_dropped_packets_total{interface=eth0,shard=0}":        43,
		"weir_capture_freezes_total{interface=eth0,shard=0}":                45,
		"weir_output_written_records_total{output=flow files}":              53,
		"weir_output_unfinished_records{output=flow files}":                 52,
		"weir_remarked_packets_total{remark=forgotten_fragments}":           13,
		"weir_packets_total{fate=malformed}":                                41,
		"weir_output_lost_records_total{output=window files,reason=failed}": 0,
		"weir_output_unfinished_records{output=window files}":               0,
		"weir_build_info{commit=abc,goversion=GO,version=v1.2.3}":           1,
		"weir_windows_open":                                                 24,
		"weir_window_packets_total{fate=cut_headers}":                       30,
		"weir_windows_written_total":                                        25,
		"weir_remarked_packets_total{remark=bad_ip_checksum}":               9,
		"weir_capture_received_packets_total{interface=eth0,shard=0}":       41,
		"weir_capture_ring_bytes{interface=eth0,shard=0}":                   61,
		"weir_capture_ring_full_bytes{interface=eth0,shard=0}":              62,
		"weir_capture_ring_peak_bytes{interface=eth0,shard=0}":              63,
		"weir_shard_busy_seconds_total{shard=0}":                            64,
		"weir_judged_flows_total":                                           71,
		"weir_judged_windows_total":                                         72,
		"weir_detect_table_entries{detector=alerts,table=standing}":         73,
		"weir_alerts_total{detector=scan,severity=info}":                    0,
		"weir_alerts_total{detector=scan,severity=low}":                     76,
		"weir_alerts_total{detector=scan,severity=medium}":                  77,
		"weir_alerts_total{detector=scan,severity=high}":                    78,
		"weir_alerts_withheld_total{detector=scan,reason=repeated}":         79,
		"weir_alerts_withheld_total{detector=scan,reason=capped}":           80,
		"weir_detect_table_entries{detector=scan,table=sources}":            81,
		"weir_detect_table_capacity_entries{detector=scan,table=sources}":   82,
		"weir_detect_table_evicted_total{detector=scan,table=sources}":      83,
		"weir_detect_table_rejected_total{detector=scan,table=sources}":     84,
		"weir_shard_busy_seconds_total{shard=1}":                            0.065,
	} {
		sample = strings.Replace(sample, "GO", goVersion(got), 1)
		if v, ok := got[sample]; !ok || v != want {
			t.Errorf("%s: got %v (there: %t), want %v", sample, v, ok, want)
		}
	}
	l := &b.Ledger
	for name, want := range map[string]uint64{
		"weir_packets_total":                  l.Packets,
		"weir_malformed_packets_total":        l.MalformedTotal(),
		"weir_flows_opened_total":             l.Flows.Opened,
		"weir_windows_opened_total":           l.Windows.Opened,
		"weir_window_packets_total":           l.Flow,
		"weir_capture_received_packets_total": l.Capture.Received,
		"weir_capture_dropped_packets_total":  l.Capture.Dropped,
		"weir_capture_freezes_total":          l.Capture.Freezes,
	} {
		if got := sum(got, name); got != float64(want) {
			t.Errorf("%s: got %v in all, want %d", name, got, want)
		}
	}
	if in, out := sum(got, "weir_flows_opened_total"), sum(got, "weir_flows_open")+sum(got, "weir_flows_written_total"); in != out {
		t.Errorf("got %v flows opened, %v open and written", in, out)
	}
	offered, became := sum(got, "weir_output_offered_records_total"), 0.0
	for _, name := range []string{"waiting_records", "unfinished_records", "written_records_total", "lost_records_total"} {
		became += sum(got, "weir_output_"+name)
	}
	if offered != became {
		t.Errorf("got %v records offered, %v that became something", offered, became)
	}
}

// goVersion returns the label of weir_build_info, which the table above cannot know.
func goVersion(samples map[string]float64) string {
	for s := range samples {
		if found := regexp.MustCompile(`goversion=([^,}]+)`).FindStringSubmatch(s); found != nil {
			return found[1]
		}
	}
	return "?"
}

// What a run counts, however much, adds no series: a name that no closed list has is not there.
func TestLabelsAreClosed(t *testing.T) {
	full := scrape(t, telemetry.Handler(always(someBooks()), build))
	b := someBooks()
	b.Ledger.Malformed = map[string]uint64{"192.0.2.1": 1}
	b.Ledger.Flows.Written = map[string]uint64{"evil": 1}
	b.Ledger.Windows.Dropped = map[string]uint64{"\xff": 1}
	b.Ledger.UnknownLinks = map[uint16]uint64{1: 1, 2: 1, 3: 1}
	other := scrape(t, telemetry.Handler(always(b), build))
	names := func(m map[string]float64) (keys []string) {
		for k := range m {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		return keys
	}
	if diff := cmp.Diff(names(full), names(other)); diff != "" {
		t.Error(diff)
	}
	b.Ledger.Windows, b.Ledger.Detect = nil, nil
	for sample := range scrape(t, telemetry.Handler(always(b), build)) {
		for _, prefix := range []string{"weir_window", "weir_alerts", "weir_judged", "weir_detect"} {
			if strings.HasPrefix(sample, prefix) {
				t.Errorf("got %s of a run without windows and detectors", sample)
			}
		}
	}
}

func TestMetricsPassTheLint(t *testing.T) {
	problems, err := testutil.GatherAndLint(telemetry.NewRegistry(always(someBooks()), build))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// A shard that does not answer holds up neither scrapes nor health checks for long, and there is one question however many
// ask; once it answers, all is well.
func TestShardDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := make(chan telemetry.Books)
		var asked atomic.Int32
		h := telemetry.Handler(telemetry.NewMonitor(func() telemetry.Books { asked.Add(1); return <-answers }), build)
		begun := time.Now()
		if got := scrape(t, h); len(got) != 1 || sum(got, "weir_build_info") != 1 {
			t.Errorf("before any answer: got %v, want the build alone", got)
		}
		if waited := time.Since(begun); waited != 2*time.Second {
			t.Errorf("a scrape waited %s, want 2s", waited)
		}
		if status, body := get(t, h, "GET", "/healthz"); status != 503 || body != "no shard has answered so far\n" {
			t.Errorf("healthz: got %d %q", status, body)
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("got %d questions at a time, want 1", n)
		}
		answers <- someBooks()
		synctest.Wait()
		time.Sleep(3 * time.Second) // of the bubble's clock
		if got := scrape(t, h); got["weir_books_age_seconds"] != 5 || got["weir_flows_open"] != 15 {
			t.Errorf("stale: got age %v, want 5 and the last answer's values", got["weir_books_age_seconds"])
		}
		if status, body := get(t, h, "GET", "/healthz"); status != 503 || body != "a shard has not answered for 10s\n" {
			t.Errorf("healthz: got %d %q", status, body)
		}
		answers <- someBooks()
		synctest.Wait()
		go func() { answers <- someBooks() }()
		if status, body := get(t, h, "GET", "/healthz"); status != 200 || body != "ok\n" {
			t.Errorf("healthz: got %d %q, want it well again", status, body)
		}
	})
}

func TestReady(t *testing.T) {
	stuck, well, ending := someBooks(), someBooks(), someBooks()
	well.Outputs = nil
	ending.Capturing = false
	for _, test := range []struct {
		books  telemetry.Books
		status int
		body   string
	}{
		{well, 200, "ok\n"},
		{stuck, 503, "stuck: window files\n"},
		{ending, 503, "not capturing\n"},
	} {
		h := telemetry.Handler(always(test.books), build)
		if status, body := get(t, h, "GET", "/readyz"); status != test.status || body != test.body {
			t.Errorf("readyz: got %d %q, want %d %q", status, body, test.status, test.body)
		}
		if status, _ := get(t, h, "GET", "/healthz"); status != 200 {
			t.Errorf("healthz: got %d, want 200 whatever the outputs do", status)
		}
	}
}

func TestRefusals(t *testing.T) {
	h := telemetry.Handler(always(someBooks()), build)
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "TRACE"} {
			if status, _ := get(t, h, method, path); status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: got %d, want 405", method, path, status)
			}
		}
	}
	for _, path := range []string{"/", "/metrics/x", "/debug/pprof/", "/debug/vars"} {
		if status, _ := get(t, h, "GET", path); status != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, status)
		}
	}
}

// Over a real connection: it answers while it is open, the port is in use meanwhile, and free afterwards.
func TestServer(t *testing.T) {
	s, err := telemetry.Listen(telemetry.Config{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = telemetry.Listen(telemetry.Config{Listen: s.Addr()})
	want := fmt.Sprintf("telemetry.listen: listen on %s: bind: address already in use", s.Addr())
	if !errors.Is(err, syscall.EADDRINUSE) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	s.Serve(always(someBooks()), build, slog.New(slog.DiscardHandler))
	client := &http.Client{Transport: &http.Transport{}}
	for method, empty := range map[string]bool{"GET": false, "HEAD": true} {
		req, err := http.NewRequest(method, "http://"+s.Addr()+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || (len(body) == 0) != empty {
			t.Errorf("%s: got %s, %d bytes, %v", method, resp.Status, len(body), err)
		}
	}
	client.CloseIdleConnections()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	l, err := net.Listen("tcp", s.Addr())
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	l.Close()

	off, err := telemetry.Listen(telemetry.DefaultConfig())
	if err != nil || off.Addr() != "" {
		t.Fatalf("off: got %q, %v", off.Addr(), err)
	}
	off.Serve(always(someBooks()), build, slog.New(slog.DiscardHandler))
	if err := off.Close(); err != nil {
		t.Error(err)
	}
}

// Large counts are exact as far as a float64 is.
func TestLargeCounts(t *testing.T) {
	b := someBooks()
	b.Ledger.WireBytes = math.MaxUint64
	got := scrape(t, telemetry.Handler(always(b), build))
	if got["weir_wire_bytes_total"] != 1<<64 {
		t.Errorf("got %v, want 2^64", got["weir_wire_bytes_total"])
	}
}

// docs/LIVE.md has the table of all metrics.
func TestMetricsAreDocumented(t *testing.T) {
	const path = "../../docs/LIVE.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| metric | type | labels | what |\n| --- | --- | --- | --- |\n")
	for _, m := range telemetry.Table() {
		fmt.Fprintf(&want, "| `%s` | %s | %s | %s |\n", m.Name, m.Type(), strings.Join(m.Labels, ", "), m.Help)
	}
	old := regexp.MustCompile(`(?m)^\| metric \|.*\n(\|.*\n)*`)
	made := old.ReplaceAllLiteralString(string(text), want.String())
	if *update {
		if err := os.WriteFile(path, []byte(made), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(text), made); diff != "" || !old.Match(text) {
		t.Errorf("%s differs from the code; go test ./internal/telemetry -update rewrites it:\n%s", path, diff)
	}
}
