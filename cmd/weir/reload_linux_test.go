package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/internal/sendtest"
)

// While packets come, the configuration is read again and again: what can change does, what cannot is named, a broken file
// changes nothing, and no packet is lost.
func TestLiveReload(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	for _, name := range []string{"wire0", "wire1"} {
		netnstest.Run(t, "ip link set "+name+" mtu 9000 up")
	}
	dir := t.TempDir()
	file := filepath.Join(t.TempDir(), "weir.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file+".new", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	write("telemetry: {listen: '127.0.0.1:0'}\n")
	manager := listen(t, file+".notify")
	var stderr lockedBuffer
	ctx, stop := context.WithCancel(context.Background())
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &stderr, environ: []string{"NOTIFY_SOCKET=" + file + ".notify"},
		minute: time.Hour} // what it logs each minute would be among what is expected
	status := make(chan int)
	go func() {
		status <- a.run(ctx, append([]string{"live", "-i", "wire1", "--shards", "2", "--out", dir, "--config", file,
			"--set", "output.queue=100000"}, unhurried...))
	}()
	if got := said(t, manager); !strings.HasPrefix(got, "READY=1") {
		t.Errorf("the service manager heard %q", got)
	}
	url := "http://" + regexp.MustCompile(`serving metrics" listen=(\S+)`).FindStringSubmatch(stderr.String())[1]
	seen := 0
	reload := func(text, end string, want ...string) {
		t.Helper()
		write(text)
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		if got := said(t, manager); !regexp.MustCompile(`^RELOADING=1\nMONOTONIC_USEC=[1-9]\d+$`).MatchString(got) {
			t.Errorf("the service manager heard %q", got)
		}
		if got := said(t, manager); got != "READY=1\nSTATUS=capturing"+end {
			t.Errorf("the service manager heard %q", got)
		}
		got := stderr.String()[seen:]
		seen += len(got)
		for _, line := range want {
			if !strings.Contains(got, line) {
				t.Errorf("%s: got\n%swant %s in it", text, got, line)
			}
		}
		if strings.Count(got, "\n") != len(want) {
			t.Errorf("%s: got\n%swant %d lines", text, got, len(want))
		}
	}
	frames := demoFrames(t)
	sent := make(chan error)
	go func() {
		sender, err := sendtest.NewSender("wire0", false)
		for range 10 {
			if err == nil {
				err = sender.Send(frames)
			}
		}
		sent <- err
	}()
	until(t, "packets", func() bool { return received(t, "wire1") > 0 })
	seen = len(stderr.String())
	reload("flow: {max_flows: 0, pressure: 7}\nlgo: {}\n", "; the last reload failed and changed nothing",
		`level=ERROR msg="reload failed, nothing is changed" problem="lgo: got an unknown key, want a known one; did you mean log? (`+file+`:2)"`,
		`problem="flow.max_flows: got 0, want 1 to 100000000`, `problem="flow.pressure: got 7`)
	reload(" \n", "; the last reload failed and changed nothing",
		`level=ERROR msg="reload failed, nothing is changed" problem="read configuration: `+file+` is empty, want keys, or a comment where only defaults are meant"`)
	reload("flow: {max_flows: 5}\ntelemetry: {listen: '127.0.0.1:0'}\noutput: {queue: 500, rotate: {size: 65536}}\nlog: {level: warn}\n", "",
		`level=INFO msg=changed what="output.rotate.size: 1073741824 -> 65536"`, // --set goes before the file
		`level=INFO msg=changed what="log.level: info -> warn"`,
		`level=WARN msg="takes effect after a restart" what="flow.max_flows: 1000000 -> 5"`,
		`level=INFO msg=reloaded changes=2`)
	reload("telemetry: {listen: '127.0.0.1:0'}\noutput: {rotate: {size: 65536}}\n", "",
		`level=INFO msg=changed what="log.level: warn -> info"`, `level=INFO msg=reloaded changes=1`)
	reload("# telemetry: {listen: '127.0.0.1:0'}\n", "", `level=WARN msg="takes effect after a restart" what="telemetry.listen: `,
		`level=INFO msg=changed what="output.rotate.size: 65536 -> 1073741824"`, `level=INFO msg=reloaded changes=1`)
	reload("telemetry: {listen: '127.0.0.1:0'}\noutput: {rotate: {size: 65536}}\n", "",
		`level=INFO msg=changed what="output.rotate.size: 1073741824 -> 65536"`, `level=INFO msg=reloaded changes=1`)
	for range 20 {
		reload("telemetry: {listen: '127.0.0.1:0'}\noutput: {rotate: {size: 65536}}\n", "", `level=INFO msg=reloaded changes=0`)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	until(t, "the frames to arrive", func() bool { return received(t, "wire1") == uint64(10*len(frames)) })
	_, scraped := fetch(t, url+"/metrics")
	for _, want := range []string{`weir_reloads_total{result="failed"} 2`, `weir_reloads_total{result="succeeded"} 24`,
		`weir_last_reload_timestamp_seconds{result="succeeded"} 1`} {
		if !strings.Contains(scraped, "\n"+want) {
			t.Errorf("the scrape has no %s", want)
		}
	}
	stop()
	if s := <-status; s != 0 {
		t.Fatalf("status %d: %s", s, stderr.String())
	}
	ledger := readLedger(t, dir)
	if ledger.Packets != uint64(10*len(frames)) || ledger.Capture.Dropped+ledger.Capture.Unread != 0 {
		t.Errorf("got %d packets, capture %+v, want %d and none lost", ledger.Packets, ledger.Capture, 10*len(frames))
	}
	if o := ledger.Outputs["flow files"]; o.Files < 2 || o.Written != o.Offered {
		t.Errorf("got %+v, want all records in several files", o)
	}
}
