package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/internal/sendtest"
	"github.com/weir-sensor/weir/sensor"
)

// fetch returns status and body of a page.
func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// total adds up the samples of a metric.
func total(t *testing.T, scraped, metric string) (n uint64) {
	t.Helper()
	for _, found := range regexp.MustCompile(`(?m)^`+metric+`(?:\{.*\})? (\S+)$`).FindAllStringSubmatch(scraped, -1) {
		v, err := strconv.ParseFloat(found[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		n += uint64(v)
	}
	return n
}

// While weir live runs, a scrape says what was sent and the service manager hears that it is ready and works; what the
// last scrape says is what the ledger says in the end.
func TestLiveTelemetry(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	for _, name := range []string{"wire0", "wire1"} {
		netnstest.Run(t, "ip link set "+name+" mtu 9000 up")
	}
	frames := demoFrames(t)
	dir := t.TempDir()
	notify := filepath.Join(t.TempDir(), "notify")
	manager := listen(t, notify)
	var stderr lockedBuffer
	ctx, stop := context.WithCancel(context.Background())
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &stderr,
		environ: []string{"NOTIFY_SOCKET=" + notify, "WATCHDOG_USEC=1000000", "WEIR_TELEMETRY_LISTEN=127.0.0.1:0"}}
	status := make(chan int)
	go func() {
		status <- a.run(ctx, []string{"live", "-i", "wire1", "--shards", "2", "--windows", "--out", dir, "--log-format", "json"})
	}()
	serving := regexp.MustCompile(`"serving metrics","listen":"([^"]+)"`)
	until(t, "the server", func() bool { return serving.MatchString(stderr.String()) })
	url := "http://" + serving.FindStringSubmatch(stderr.String())[1]
	for _, want := range []string{"READY=1\nSTATUS=capturing", "WATCHDOG=1"} {
		if got := said(t, manager); got != want {
			t.Errorf("the service manager heard %q, want %q", got, want)
		}
	}
	sender, err := sendtest.NewSender("wire0", false)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	if err := sender.Send(frames); err != nil {
		t.Fatal(err)
	}
	var scraped string
	until(t, "the frames to be counted", func() bool {
		_, scraped = fetch(t, url+"/metrics")
		return total(t, scraped, "weir_packets_total") >= uint64(len(frames))
	})
	for _, page := range []string{"/healthz", "/readyz"} {
		if status, body := fetch(t, url+page); status != 200 || body != "ok\n" {
			t.Errorf("%s: got %d %q, want 200 and ok", page, status, body)
		}
	}
	for _, metric := range []string{"weir_capture_received_packets_total", "weir_capture_ring_full_bytes", "weir_shard_busy_seconds_total"} {
		if shards := strings.Count(scraped, "\n"+metric+"{"); shards != 2 {
			t.Errorf("got %s of %d shards, want 2", metric, shards)
		}
	}
	if strings.Contains(scraped, `weir_shard_busy_seconds_total{shard="0"} 0\n`) {
		t.Error("a shard that has read packets was never busy")
	}
	if peak := total(t, scraped, "weir_capture_ring_peak_bytes"); peak == 0 || peak > 2*64<<20 {
		t.Errorf("got %d bytes of the rings used at most, want some of 64 MiB each", peak)
	}
	stop()
	if s := <-status; s != 0 {
		t.Fatalf("status %d: %s", s, stderr.String())
	}
	for got := ""; !strings.HasPrefix(got, "STOPPING=1"); {
		got = said(t, manager)
	}
	var ledger sensor.Ledger
	text, err := os.ReadFile(filepath.Join(dir, "ledger.json"))
	if err == nil {
		err = json.Unmarshal(text, &ledger)
	}
	if err != nil {
		t.Fatal(err)
	}
	for metric, want := range map[string]uint64{
		"weir_packets_total":                  ledger.Packets,
		"weir_wire_bytes_total":               ledger.WireBytes,
		"weir_capture_received_packets_total": ledger.Capture.Received,
		"weir_capture_ring_bytes":             2 * ledger.Capture.Interfaces[0].Ring,
		"weir_flows_opened_total":             ledger.Flows.Opened,
		"weir_windows_opened_total":           ledger.Windows.Opened,
	} {
		if got := total(t, scraped, metric); got != want || got == 0 {
			t.Errorf("%s: got %d, want %d as in the ledger", metric, got, want)
		}
	}
	if _, err := http.Get(url + "/healthz"); err == nil {
		t.Error("the port is open after the end")
	}
}

// listen makes a service manager's socket, and returns what is said to it. It is read all the time: few messages fit in the
// socket, and who has another one waits.
func listen(t *testing.T, name string) <-chan string {
	t.Helper()
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { manager.Close() })
	messages := make(chan string, 10_000)
	go func() {
		for b := make([]byte, 1000); ; {
			n, err := manager.Read(b)
			if err != nil {
				return
			}
			messages <- string(b[:n])
		}
	}()
	return messages
}

// said returns the next message to the service manager.
func said(t *testing.T, manager <-chan string) string {
	t.Helper()
	select {
	case message := <-manager:
		return message
	case <-time.After(patience):
		t.Fatal("the service manager hears nothing")
		return ""
	}
}

// A port in use is a mistake like any other, and found before the interface is looked at.
func TestLivePortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	status, stdout, stderr := command(t, nil, "live", "-i", "no-such-if", "--stdout", "flows", "--set", "telemetry.listen="+l.Addr().String())
	want := fmt.Sprintf("weir: telemetry.listen: listen on %s: bind: address already in use\n", l.Addr())
	if status != 2 || stdout != "" || stderr != want {
		t.Errorf("got status %d, %q, %q, want 2, nothing, %q", status, stdout, stderr, want)
	}
}
