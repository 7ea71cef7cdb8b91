package config

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/packet"
)

var update = flag.Bool("update", false, "rewrite config.yaml and docs/CONFIG.md")

// The files that are made from the table of keys must be what the table says.
func TestFilesMatchTheCode(t *testing.T) {
	for path, want := range map[string][]byte{
		"../config.yaml":    Reference(),
		"../docs/CONFIG.md": Markdown(),
	} {
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(got), string(want)); diff != "" {
			t.Errorf("%s differs from the code; go test ./config -update rewrites it:\n%s", path, diff)
		}
	}
}

// Only the packages' DefaultConfig functions say what a default is; config.yaml is read back as any file is.
func TestConfigYAMLIsTheDefaults(t *testing.T) {
	loaded, err := Load(Sources{File: "../config.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(loaded.Config, Default()); diff != "" {
		t.Error(diff)
	}
	for _, key := range Keys() {
		if origin := loaded.Origin(key.Name); !strings.HasPrefix(origin, "../config.yaml:") {
			t.Errorf("%s: got origin %s, want a line of config.yaml", key.Name, origin)
		}
	}
}

func TestTableHasEveryField(t *testing.T) {
	var fields, names []string
	leaves(reflect.ValueOf(Default()), "", func(key string, _ reflect.Value) { fields = append(fields, key) })
	variables := map[string]string{}
	sections := map[string]bool{}
	for _, s := range Sections() {
		sections[s.Name] = true
	}
	for _, key := range Keys() {
		names = append(names, key.Name)
		if key.Unit == "" || key.Range == "" || !strings.HasSuffix(key.Why, ".") {
			t.Errorf("%s: unit, range or reason is missing: %+v", key.Name, key)
		}
		if other, ok := variables[key.Variable()]; ok {
			t.Errorf("%s and %s have the same variable %s", key.Name, other, key.Variable())
		}
		variables[key.Variable()] = key.Name
		if section := key.Name[:strings.LastIndex(key.Name, ".")]; !sections[section] {
			t.Errorf("%s: its section is not described", key.Name)
		}
	}
	slices.Sort(fields)
	slices.Sort(names)
	if diff := cmp.Diff(names, fields); diff != "" {
		t.Errorf("keys of the table (-) and fields of Config (+) differ:\n%s", diff)
	}
}

func TestTunnelsAreTheDecoders(t *testing.T) {
	if diff := cmp.Diff(capture.TunnelKinds(), packet.TunnelNames[:]); diff != "" {
		t.Error(diff)
	}
}

// Every source goes before the ones before it.
func TestPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "weir.yaml")
	text := "flow:\n  idle:\n    tcp: 1s\n    udp: 1s\n    icmp: 1s\n    other: 1s\n  server_ports: [8443]\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(Sources{
		File:    file,
		Environ: []string{"HOME=/", "WEIR_FLOW_IDLE_UDP=2s", "WEIR_FLOW_IDLE_ICMP=2s", "WEIR_FLOW_IDLE_OTHER=2s"},
		Set:     []string{"flow.idle.icmp=9s", "flow.idle.icmp=3s", "flow.idle.other=3s", "flow.server_ports=1, 2"},
		Flags:   []Setting{{Key: "flow.idle.other", Value: "4s", Where: "--other"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Flow.Idle.TCP, want.Flow.Idle.UDP, want.Flow.Idle.ICMP, want.Flow.Idle.Other =
		1*time.Second, 2*time.Second, 3*time.Second, 4*time.Second
	want.Flow.ServerPorts = []uint16{1, 2}
	if diff := cmp.Diff(loaded.Config, want); diff != "" {
		t.Error(diff)
	}
	for key, origin := range map[string]string{
		"flow.idle.tcp": file + ":3", "flow.idle.udp": "WEIR_FLOW_IDLE_UDP", "flow.idle.icmp": "--set",
		"flow.idle.other": "--other", "flow.max_flows": "default",
	} {
		if got := loaded.Origin(key); got != origin {
			t.Errorf("origin of %s: got %s, want %s", key, got, origin)
		}
	}
}

// What print writes must load back to the same configuration, whatever the values.
func TestYAMLRoundTrip(t *testing.T) {
	c := Default()
	c.Capture.Tunnels = []string{"gre", "vxlan"}
	c.Capture.Checksums = false
	c.Capture.Filter = "tcp port 443 and \"x\" # \\ ' \x00\u2028 é\nnext: [line]"
	c.Flow.ServerPorts = []uint16{8080, 65535}
	c.Flow.ActiveTimeout = 0
	c.Flow.Idle.TCP = 90*time.Minute + 500*time.Millisecond
	c.Flow.Idle.UDP = 2 * time.Hour
	c.Flow.Idle.ICMP = 61 * time.Second
	c.Flow.Pressure, c.Flow.Relief = 1, 1e-9
	for _, want := range []Config{Default(), c} {
		text := YAML(want)
		loaded, err := load(Sources{File: "printed"}, text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if diff := cmp.Diff(loaded.Config, want); diff != "" {
			t.Errorf("%s\n%s", diff, text)
		}
	}
}

func TestExplain(t *testing.T) {
	loaded, err := Load(Sources{Set: []string{"flow.idle.tcp=10s"}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := loaded.Explain("flow.idle.tcp")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"flow.idle.tcp\n", "unit      duration", "default   5m\n", "value     10s\n", "from      --set\n",
		"variable  WEIR_FLOW_IDLE_TCP\n", "range     0s (never) or 1ms to 720h\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	for name, lines := range map[string]int{"": 1 + len(Keys()), "flow.idle": 7, "log": 3} {
		text, err := loaded.Explain(name)
		if got := strings.Count(text, "\n"); err != nil || got != lines {
			t.Errorf("%q: got %d lines and %v, want %d", name, got, err, lines)
		}
	}
	if _, err := loaded.Explain("flow.idel"); err == nil || !strings.Contains(err.Error(), "flow.idel: got an unknown key, want ") {
		t.Errorf("unknown key: got %v", err)
	}
}

// FuzzConfig: whatever the bytes, the result is a configuration that validates and survives being printed, or an
// error that says something on every line.
func FuzzConfig(f *testing.F) {
	f.Add(Reference())
	f.Add([]byte("flow: &a\n  idle: *a\n<<: *a\n"))
	f.Add([]byte("---\n{}\n---\n"))
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		loaded, err := load(Sources{File: "fuzz.yaml"}, text)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.Contains(line, ": got ") || !strings.Contains(line, ", want ") {
					t.Fatalf("a problem is not one line of 'key: got X, want Y': %q", err)
				}
			}
			return
		}
		if err := loaded.Config.Validate(); err != nil {
			t.Fatalf("loaded and yet invalid: %v", err)
		}
		again, err := load(Sources{File: "printed"}, YAML(loaded.Config))
		if err != nil || !reflect.DeepEqual(again.Config, loaded.Config) {
			t.Fatalf("printed and read back: %v\n%s", err, cmp.Diff(again, loaded))
		}
	})
}
