package config

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReload(t *testing.T) {
	running, read := Default(), Default()
	read.Output.Rotate.Every, read.Output.Queue, read.Log.Level = 5*time.Minute, 1000, "debug"
	read.Flow.MaxFlows, read.Flow.ServerPorts, read.Log.Format = 77, []uint16{8080}, "json"
	next, changed, restart := Reload(running, read)
	want := Default()
	want.Output.Rotate.Every, want.Output.Queue, want.Log.Level = 5*time.Minute, 1000, "debug"
	if diff := cmp.Diff(want, next); diff != "" {
		t.Errorf("the run goes on with (-want +got)\n%s", diff)
	}
	wantChanged := []Change{{"output.rotate.every", "1h", "5m"}, {"output.queue", "65536", "1000"}, {"log.level", "info", "debug"}}
	if !slices.Equal(changed, wantChanged) {
		t.Errorf("changed: got %v, want %v", changed, wantChanged)
	}
	var names []string
	for _, c := range restart {
		names = append(names, c.Key)
	}
	if got := strings.Join(names, " "); got != "flow.max_flows flow.server_ports log.format" {
		t.Errorf("restart: got %s", got)
	}
	if got := restart[1].String(); !strings.HasSuffix(got, " -> [8080]") {
		t.Errorf("got %s", got)
	}
	if diff := cmp.Diff(Default(), running); diff != "" {
		t.Errorf("the running configuration itself has changed\n%s", diff)
	}
	if _, changed, restart := Reload(next, next); changed != nil || restart != nil {
		t.Errorf("the same again: got %v, %v", changed, restart)
	}
}

// docs/LIVE.md says of each key that can change while a run goes on when that takes effect.
func TestReloadIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/LIVE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Reload\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, key := range Keys() {
		if strings.HasPrefix(key.Name, "detect.") { // of them those that do not are listed
			if got := strings.Contains(section, "`"+key.Name+"`,") || strings.Contains(section, "`"+key.Name+"`."); got == key.Reloads() {
				t.Errorf("%s: among those of docs/LIVE.md that take a restart: %t, want %t", key.Name, got, !got)
			}
			continue
		}
		if got := strings.Contains(section, "\n| `"+key.Name+"` | "); got != key.Reloads() {
			t.Errorf("%s: in the table of docs/LIVE.md: %t, want %t", key.Name, got, key.Reloads())
		}
	}
}

// An empty file is all defaults, and known to be empty; one with a comment is not.
func TestEmptyFile(t *testing.T) {
	for text, want := range map[string]bool{"": true, " \n\n": true, "# all defaults\n": false, "{}\n": false, "flow: {max_flows: 5}\n": false} {
		loaded, err := load(Sources{File: "weir.yaml"}, []byte(text))
		if err != nil || loaded.Empty != want {
			t.Errorf("%q: got %v, %v, want %t", text, loaded, err, want)
		}
	}
	if loaded, err := Load(Sources{}); err != nil || loaded.Empty {
		t.Errorf("no file: got %v, %v", loaded, err)
	}
}
