package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/blocklist"
)

// demoServer is a server of the demo capture.
const demoServer = "162.15.25.7"

// writeList writes a list into a new directory and returns its path.
func writeList(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bad.txt")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBlocklistCheck(t *testing.T) {
	path := writeList(t, "# list\n192.0.2.0/24\n10.0.0.0/8\n192.0.2.300\n")
	feed := writeList(t, "first_seen,src_ip,dst_ip,note\n2026-01-01,198.51.100.1,203.0.113.7,x\n")
	columns := `: got column "dst_addr", want one that the header has: "first_seen", "src_ip", "dst_ip", "note"`
	empty := writeList(t, "")
	for _, c := range []struct {
		args           []string
		status         int
		stdout, stderr string
	}{
		{[]string{"check", "--lists", path, "192.0.2.7", "198.51.100.1"}, 0, "192.0.2.7     list bad  192.0.2.0/24  " + path + ":2\n198.51.100.1  not listed\n", ""},
		{[]string{"check", "--lists", path, "::ffff:192.0.2.7"}, 0, "192.0.2.7  list bad  192.0.2.0/24  " + path + ":2\n", ""},
		{[]string{"check", "--lists", path, "10.1.2.3"}, 0, "10.1.2.3  list bad  10.0.0.0/8  " + path + ":3  inside detect.local_networks: passed over (skip_local)\n", ""},
		{[]string{"check", "--lists", path, "198.51.100.1"}, 1, "198.51.100.1  not listed\n", "weir: 198.51.100.1 is on no list\n"},
		{[]string{"check", "--lists", path}, 2, "", "no address given"},
		{[]string{"check", "--lists", path, "192.0.2"}, 2, "", `got "192.0.2", want an address`},
		{[]string{"check", "192.0.2.1"}, 2, "", "no lists, want detect.blocklist.lists"},
		{[]string{"check", "--lists", path + ".none", "192.0.2.1"}, 2, "", "read list bad: open " + path + ".none"},
		{[]string{"check", "--lists", path, "--format", "xml", "192.0.2.1"}, 2, "", "--format: got"},
		{[]string{"stats", "--lists", "x:xls=" + path}, 2, "", "detect.blocklist.lists: got"},
		{[]string{"stats", "x"}, 2, "", "unexpected argument"},
		{[]string{"check", "--lists", "feed:csv/dst_addr=" + feed, "203.0.113.7", "198.51.100.1"}, 2, "", columns},
		{[]string{"stats", "--lists", "feed:csv/dst_addr=" + feed}, 2, "", columns},
		{[]string{"check", "--lists", "feed:csv/dst_ip=" + feed, "203.0.113.7", "198.51.100.1"}, 0, "198.51.100.1  not listed\n", ""},
		{[]string{"stats", "--lists", empty}, 0, "bad   plain", `msg="a blocklist has nothing" list=bad file=` + empty + " bytes=0\n"},
		{[]string{"check", "--lists", empty, "192.0.2.1"}, 1, "192.0.2.1  not listed\n", "a blocklist has nothing"},
		{[]string{"stats", "--lists", path}, 0, path + ":4: \"192.0.2.300\": want an address", ""},
		{[]string{"stats", "--lists", path, "--format", "json"}, 0, `"prefixes": 2,`, ""},
	} {
		status, stdout, stderr := command(t, nil, append([]string{"blocklist"}, c.args...)...)
		if status != c.status || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) || c.stderr == "" && stderr != "" {
			t.Errorf("%v: got status %d, %q, %q\nwant %d, %q, %q", c.args, status, stdout, stderr, c.status, c.stdout, c.stderr)
		}
	}
}

// A column that the file has not is a mistake before anything is judged.
func TestBlocklistWithoutItsColumn(t *testing.T) {
	list := "feed:csv/dst_addr=" + writeList(t, "src_ip,dst_ip\n198.51.100.1,203.0.113.7\n")
	records := write(t, filepath.Join(t.TempDir(), "conn.log"), []byte(scanned()))
	for _, args := range [][]string{{"replay", demo}, {"detect", records}} {
		status, stdout, stderr := command(t, nil, append(args, "--detect=blocklist", "--set", "detect.blocklist.lists="+list)...)
		if want := `got column "dst_addr", want one that the header has: "src_ip", "dst_ip"`; status != 2 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, %q, %q, want 2 and %s", args[0], status, stdout, stderr, want)
		}
	}
}

// A detector that was asked for by name and has no list, or one with nothing in it, is a warning: no alerts mean nothing then.
func TestBlocklistWithoutLists(t *testing.T) {
	records := write(t, filepath.Join(t.TempDir(), "conn.log"), []byte(scanned()))
	for _, c := range []struct {
		flags []string
		want  string // "": no warning
	}{
		{[]string{"--detect=blocklist"}, "the detector blocklist has no lists, and says nothing"},
		{[]string{"--detect=blocklist", "--set", "detect.blocklist.lists=" + writeList(t, "")}, "list bad: 0 prefixes"},
		{[]string{"--detect=blocklist", "--set", "detect.blocklist.lists=" + writeList(t, "192.0.2.1\n")}, ""},
		{[]string{"--detect=default"}, ""},
	} {
		for _, args := range [][]string{{"replay", demo}, {"detect", records}} {
			status, _, stderr := command(t, nil, append(args, c.flags...)...)
			if status != exitOK || !strings.Contains(stderr, c.want) || c.want == "" && strings.Contains(stderr, "blocklist") {
				t.Errorf("%s %v: status %d, %q, want %q", args[0], c.flags, status, stderr, c.want)
			}
		}
	}
}

// A replay names the bad lines, and alerts name the list.
func TestReplayWithBlocklist(t *testing.T) {
	text := "192.0.2.300\n0.0.0.1\n" + demoServer + "\n"
	path, out := writeList(t, text), t.TempDir()
	status, _, stderr := command(t, nil, "replay", "--detect=blocklist", "--set", "detect.blocklist.lists="+path, "--set",
		"detect.blocklist.skip_local=false", "--out", out, demo)
	if want := `2 bad lines, the first ` + path + `:1: `; status != 0 || !strings.Contains(stderr, want) {
		t.Errorf("status %d, %q, want %q in it", status, stderr, want)
	}
	manifest, err := os.ReadFile(filepath.Join(out, "manifest.json"))
	if sum := sha256.Sum256([]byte(text)); err != nil || !strings.Contains(string(manifest), hex.EncodeToString(sum[:])) {
		t.Errorf("manifest %s, %v: want the list's SHA-256, %x", manifest, err, sum)
	}
	alerts, err := os.ReadFile(filepath.Join(out, "alerts.ndjson"))
	if err != nil || !strings.Contains(string(alerts), "on list bad line 3 ("+demoServer+"/32)") {
		t.Errorf("alerts %s, %v", alerts, err)
	}
}

// A file that has changed is read again once it has stayed the same for a look.
func TestListWatch(t *testing.T) {
	path := writeList(t, "192.0.2.1\n")
	cfg := blocklist.DefaultConfig()
	cfg.Lists = []string{path}
	d, err := blocklist.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := newListWatch(detect.NewEngine(detect.DefaultConfig(), []detect.Detector{d}, alertLog{}), time.Hour)
	defer w.look.Stop()
	steps := []struct {
		name string
		do   func() error
		want bool
	}{
		{"nothing", func() error { return nil }, false},
		{"written", func() error { return os.WriteFile(path, []byte("192.0.2.1\n192.0.2.2\n"), 0o644) }, false},
		{"still written", func() error { return os.WriteFile(path, []byte("192.0.2.1\n192.0.2.2\n192.0.2.3\n"), 0o644) }, false},
		{"settled", func() error { return nil }, true},
		{"read", func() error { return nil }, false},
		{"removed", func() error { return os.Remove(path) }, false},
		{"gone", func() error { return nil }, true},
		{"still gone", func() error { return nil }, false},
	}
	var log strings.Builder
	a := &app{stderr: &log}
	for _, s := range steps {
		if err := s.do(); err != nil {
			t.Fatal(err)
		}
		got := w.changed()
		if got != s.want {
			t.Errorf("%s: changed %v, want %v", s.name, got, s.want)
		}
		if got {
			w.reread(a.logger(config.Default()))
		}
	}
	if got := d.Lists()[0].Prefixes(); got != 3 {
		t.Errorf("%d prefixes stay, want 3", got)
	}
	for _, want := range []string{"list bad: 1 -> 3 prefixes", "no such file or directory; the last one, of 3 prefixes, stays"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log %q, want %q in it", &log, want)
		}
	}
}
