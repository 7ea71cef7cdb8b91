package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/weir-sensor/weir/detect/ensemble"
	"github.com/weir-sensor/weir/detect/sequence"
	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/internal/sendtest"
)

// sequenceModel returns a model file with so many times the threshold of the one that comes with weir.
func sequenceModel(t *testing.T, times float64) string {
	t.Helper()
	m, err := sequence.Load(sequence.Builtin)
	if err != nil {
		t.Fatal(err)
	}
	m.Threshold *= times
	return string(m.Seal())
}

// calibration returns a calibration file that goes by the detector scan alone.
func calibration(t *testing.T, intercept float64) string {
	t.Helper()
	c, err := ensemble.ParseCalibration(read(t, "../../detect/ensemble/builtin.json"))
	if err != nil {
		t.Fatal(err)
	}
	c.Host.Intercept = intercept
	for i, name := range c.Features {
		for _, s := range []*ensemble.Stack{c.Host, c.Flow} {
			if s != nil && !strings.HasPrefix(name, "scan.") {
				s.Weights[i] = 0
			}
		}
	}
	return string(c.Seal())
}

// A source that asks 20 hosts in vain is no scanner by the threshold of the start, and with one more is by that of a reload,
// which knows of the 20 (and may say so before it has heard of the last). A reload of which anything is broken, a threshold or a model, changes nothing.
func TestLiveTunes(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	model, other, half := sequenceModel(t, 1), sequenceModel(t, 2), sequenceModel(t, 3)[:1000]
	for name, test := range map[string]struct {
		minHosts int
		model    string
		scans    int
		said     []string
	}{
		"good": {10, other, 1, []string{`what="detect.scan.min_hosts: 30 -> 10"`, `what="model \S+/sequence.json: now [0-9a-f]{12}...`,
			`what="model \S+/ensemble.json: now [0-9a-f]{12}...`, `"takes effect after a restart" what="detect.scan.max_sources: 65536 -> 1000"`,
			"msg=reloaded changes=3"}},
		"a broken threshold": {0, other, 0, []string{`nothing is changed" problem="detect.scan.min_hosts: got 0`}},
		"a broken model":     {10, half, 0, []string{`nothing is changed" problem="detect.sequence.model: \S+/sequence.json: `}},
	} {
		t.Run(name, func(t *testing.T) {
			files, dir := t.TempDir(), t.TempDir()
			write := func(minHosts, maxSources int, model, calibration string) {
				t.Helper()
				for name, text := range map[string]string{"sequence.json": model, "ensemble.json": calibration, "weir.yaml": fmt.Sprintf(
					"telemetry: {listen: '127.0.0.1:0'}\nflow: {idle: {tcp_embryonic: 100ms}}\ndetect: {detectors: [scan, sequence, ensemble], "+
						"scan: {min_hosts: %d, hold: 0s, max_sources: %d}, sequence: {model: %[3]s/sequence.json}, ensemble: {calibration: %[3]s/ensemble.json}}\n",
					minHosts, maxSources, files)} {
					if err := os.WriteFile(filepath.Join(files, name), []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			write(30, 65536, model, calibration(t, -1))
			var log lockedBuffer
			ctx, stop := context.WithCancel(context.Background())
			a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &log}
			status := make(chan int)
			go func() {
				status <- a.run(ctx, []string{"live", "-i", "wire1", "--out", dir, "--config", filepath.Join(files, "weir.yaml")})
			}()
			heard := func(what string) []string {
				t.Helper()
				want := regexp.MustCompile(what)
				until(t, what+" in "+log.String(), func() bool { return want.MatchString(log.String()) })
				return want.FindStringSubmatch(log.String())
			}
			url := "http://" + heard(`serving metrics" listen=(\S+)\n`)[1]
			sender, err := sendtest.NewSender("wire0", false)
			if err != nil {
				t.Fatal(err)
			}
			defer sender.Close()
			sent := uint64(0)
			ask := func(hosts int) {
				t.Helper()
				var frames [][]byte
				for range hosts {
					frame := probe(7)
					frame[33] = byte(sent)
					frames, sent = append(frames, frame), sent+1
				}
				if err := sender.Send(frames); err != nil {
					t.Fatal(err)
				}
				until(t, "flows to be judged", func() bool {
					_, scraped := fetch(t, url+"/metrics")
					return total(t, scraped, "weir_judged_flows_total") == sent
				})
			}
			ask(20)
			write(test.minHosts, 1000, test.model, calibration(t, -2))
			if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			for _, line := range test.said {
				heard(line)
			}
			ask(1)
			stop()
			if s := <-status; s != exitOK {
				t.Fatalf("status %d: %s", s, log.String())
			}
			if ledger := readLedger(t, dir); ledger.Packets != sent || ledger.Detect.Flows != sent {
				t.Errorf("got %d packets and %d flows judged, want %d", ledger.Packets, ledger.Detect.Flows, sent)
			}
			alerts := regexp.MustCompile(`what=scan/address_scan .* asked 2[01] hosts `).FindAllString(log.String(), -1)
			if len(alerts) != test.scans || strings.Count(log.String(), "what=scan/") != test.scans {
				t.Errorf("got\n%s\nwant %d alerts about 20 or 21 hosts", log.String(), test.scans)
			}
		})
	}
}
