package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/weir-sensor/weir/output"
)

// command runs a command line within the process.
func command(t *testing.T, environ []string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &err, environ: environ}
	status = a.run(context.Background(), args)
	return status, out.String(), err.String()
}

// A mistake on the command line: status 2, nothing on stdout, one line on stderr that names it and what is right.
func TestUsageErrors(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("flow:\n  idle:\n    tcp: 30\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		environ []string
		args    []string
		want    string
	}{
		{nil, []string{"confg"}, `unknown command "confg" for "weir"; did you mean config?`},
		{nil, []string{"frobnicate"}, `unknown command "frobnicate" for "weir"; 'weir --help' lists the commands`},
		{nil, []string{"config", "frobnicate"},
			`unknown command "frobnicate" for "weir config"; 'weir config --help' lists the commands`},
		{nil, []string{"--no-such-flag"}, "unknown flag: --no-such-flag; 'weir --help' lists the flags"},
		{nil, []string{"config", "print", "-x"},
			"unknown shorthand flag: 'x' in -x; 'weir config print --help' lists the flags"},
		{nil, []string{"config", "print", "--set"}, "flag needs an argument: --set; 'weir config print --help' lists the flags"},
		{nil, []string{"version", "x"}, `unexpected argument "x"; usage: weir version [flags]`},
		{nil, []string{"config", "explain", "a", "b"}, `unexpected argument "b"; usage: weir config explain [KEY] [flags]`},
		{nil, []string{"config", "check", "a", "--config", "b"}, "got --config b and a, want one file to check"},
		{nil, []string{"config", "check", bad}, "flow.idle.tcp: got 30, want a duration such as 30s (" + bad + ":3)"},
		{nil, []string{"config", "print", "--config", bad}, "flow.idle.tcp: got 30, want a duration such as 30s (" + bad + ":3)"},
		{nil, []string{"config", "print", "--config", dir + "/none.yaml"},
			"read configuration: open " + dir + "/none.yaml: no such file or directory"},
		{nil, []string{"doctor"}, "no interface and no capture given; usage: weir doctor (-i IFACE | PATH...) [flags]"},
		{nil, []string{"doctor", "-i", "eth0", "x.pcap"},
			"got an interface and captures, want one or the other; usage: weir doctor (-i IFACE | PATH...) [flags]"},
		{nil, []string{"doctor", "--seconds", "3", "x.pcap"}, "--seconds, --buffer: got one of them with captures, want them with -i alone"},
		{nil, []string{"doctor", "-i", "lo", "--seconds", "0"}, "--seconds: got 0, want 0.1 to 86400"},
		{nil, []string{"doctor", "-i", "lo", "--buffer", "0"}, "--buffer: got 0, want 1 to 1024 MiB"},
		{nil, []string{"doctor", "-i", "lo", "--buffer", "1.5"}, `--buffer: got "1.5", want a whole number: 1 to 1024 MiB`},
		{nil, []string{"doctor", "-i", "lo", "--seconds", "1s"}, `--seconds: got "1s", want a number: 0.1 to 86400`},
		{nil, []string{"train", "--simulated", "abc"}, `--simulated: got "abc", want a whole number: 0 to 100000`},
		{nil, []string{"train", "--simulated", "99999999999999999999"}, `--simulated: got "99999999999999999999", want a whole number: 0 to 100000`},
		{nil, []string{"train", "transport", "--fpr", "1 %"}, `--fpr: got "1 %", want a number: 0 to 0.5`},
		{nil, []string{"train", "--seed", "-1"}, `--seed: got "-1", want a whole number: 0 to 18446744073709551615`},
		{nil, []string{"train", bad}, "--out: want the name of the file to write"},
		{nil, []string{"features", "clusters", "--max-length", "-1", bad}, `--max-length: got "-1", want a whole number: 1 to 1300 bytes`},
		{nil, []string{"report", "-q=x", bad}, `--quiet: got "x", want true or false`},
		{nil, []string{"report", "--lateral", `10.0.0.0/8,"`, bad}, `--lateral: got "10.0.0.0/8,\"", want a list such as one,two, whose quotes come in pairs`},
		{nil, []string{"replay", "--shards", "1e3", bad}, "sensor.shards: got 1e3, want a whole number: 0 (one for each CPU) to 256 (--shards)"},
		{nil, []string{"interfaces", "eth0"}, `unexpected argument "eth0"; usage: weir interfaces [flags]`},
		{nil, []string{"config", "print", "--log-level", "loud"},
			`log.level: got "loud", want debug, info, warn or error (--log-level)`},
		{nil, []string{"config", "explain", "flow.idle.tpc"},
			"flow.idle.tpc: got an unknown key, want a known one; did you mean flow.idle.tcp?"},
		{[]string{"WEIR_FLOW_IDLE_TPC=1s"}, []string{"config", "print"},
			"WEIR_FLOW_IDLE_TPC: got an unknown variable, want a known one; did you mean WEIR_FLOW_IDLE_TCP?"},
	} {
		status, stdout, stderr := command(t, test.environ, test.args...)
		if status != exitUsage || stdout != "" || stderr != "weir: "+test.want+"\n" {
			t.Errorf("weir %s:\n got status %d, stdout %q, stderr %s\nwant status %d, weir: %s",
				strings.Join(test.args, " "), status, stdout, stderr, exitUsage, test.want)
		}
	}
}

// Every problem of a configuration has a line of its own.
func TestAllProblemsAtOnce(t *testing.T) {
	status, _, stderr := command(t, []string{"WEIR_X=1"}, "config", "check", "--set", "flow.max_flows=0", "--set", "nonsense")
	if lines := strings.Count(stderr, "\n"); status != exitUsage || lines != 3 {
		t.Errorf("got status %d and %d lines, want %d and 3:\n%s", status, lines, exitUsage, stderr)
	}
}

func TestConfigCommands(t *testing.T) {
	environ := []string{"WEIR_FLOW_IDLE_TCP=10s"}
	status, printed, stderr := command(t, environ, "config", "print", "--set", "flow.idle.udp=7s", "--log-format=json")
	if status != exitOK || stderr != "" {
		t.Fatalf("print: got status %d: %s", status, stderr)
	}
	for _, want := range []string{"    tcp: 10s\n", "    udp: 7s\n", "  format: json\n"} {
		if !strings.Contains(printed, want) {
			t.Errorf("print: %q is missing in\n%s", want, printed)
		}
	}
	file := filepath.Join(t.TempDir(), "printed.yaml")
	if err := os.WriteFile(file, []byte(printed), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, out, stderr := command(t, nil, "config", "check", file); status != exitOK || out != file+": ok\n" {
		t.Errorf("check of what print wrote: got status %d, %s%s", status, out, stderr)
	}
	_, out, _ := command(t, nil, "config", "explain", "flow.idle.udp", "--config", file)
	if !strings.Contains(out, "value     7s\n") || !strings.Contains(out, "from      "+file+":") {
		t.Errorf("explain: got\n%s", out)
	}
}

func TestHelpWithoutArguments(t *testing.T) {
	status, out, stderr := command(t, nil)
	if status != exitOK || stderr != "" || !strings.HasPrefix(out, "weir measures ") || !strings.Contains(out, "weir replay") {
		t.Errorf("got status %d, stderr %q, stdout\n%s", status, stderr, out)
	}
}

// Every number that a flag takes has its range in the error about what is no number, and no error is that of a library; the usage
// of each command that reads something names it.
func TestHelpOfFlags(t *testing.T) {
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			want := valuesOf(f)
			if f.Annotations[configKey] == nil && (want == "a number" || want == "a whole number") {
				t.Errorf("%s --%s: want which numbers", cmd.CommandPath(), f.Name)
			}
			if want == "" && !slices.Contains([]string{"string", "stringArray"}, f.Value.Type()) && f.Annotations[configKey] == nil {
				t.Errorf("%s --%s: nobody knows what a %s is", cmd.CommandPath(), f.Name, f.Value.Type())
			}
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(&app{}))
	for _, name := range []string{"train", "train transport", "train sequence", "train ensemble", "eval", "replay", "report", "detect", "bench", "features clusters"} {
		status, stdout, _ := command(t, nil, append(strings.Fields(name), "--help")...)
		if status != exitOK || !strings.Contains(stdout, "Usage:\n  weir "+name+" PATH...") {
			t.Errorf("%s --help: status %d\n%s", name, status, stdout)
		}
	}
}

func TestVersion(t *testing.T) {
	info := &debug.BuildInfo{
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc123"}, {Key: "vcs.modified", Value: "true"}},
	}
	text := versionText("v1.2.3", "", info)
	if !strings.Contains(text, "weir      v1.2.3\n") || !strings.Contains(text, "commit    abc123 and local changes\n") {
		t.Errorf("got %s", text)
	}
	if text := versionText("", "def456", nil); !strings.HasPrefix(text, "weir      (devel)\ncommit    def456\n") {
		t.Errorf("got %s", text)
	}
}

// What a command returns decides the exit status and what the user reads.
func TestExitStatus(t *testing.T) {
	for _, test := range []struct {
		err    error
		status int
		stderr string
	}{
		{nil, exitOK, ""},
		{fmt.Errorf("write flows: %w", syscall.EPIPE), exitOK, ""},
		{fmt.Errorf("write flows: %w", output.ErrClosedPipe), exitOK, ""},
		{errors.Join(fmt.Errorf("write flows: %w", syscall.EPIPE), fmt.Errorf("write summary: %w", output.ErrClosedPipe)), exitOK, ""},
		{errors.Join(errors.New("read x: it is broken"), errors.Join(fmt.Errorf("write flows: %w", syscall.EPIPE), usagef("bad"))), exitUsage,
			"weir: read x: it is broken\nweir: bad\n"},
		{errors.Join(errors.New("read x: it is broken"), fmt.Errorf("write summary: %w", syscall.EPIPE)), exitFailed, "weir: read x: it is broken\n"},
		{errors.New("open x: no such file"), exitFailed, "weir: open x: no such file\n"},
		{errors.Join(errors.New("a"), errors.New("b")), exitFailed, "weir: a; b\n"},
		{fmt.Errorf("compile filter: %w", usagef("bad")), exitUsage, "weir: compile filter: bad\n"},
	} {
		var stderr bytes.Buffer
		if status := reportError(&stderr, test.err); status != test.status || stderr.String() != test.stderr {
			t.Errorf("%v: got %d and %q, want %d and %q", test.err, status, stderr.String(), test.status, test.stderr)
		}
	}
}

// A panic becomes one line that asks for a report, and status 1.
func TestPanic(t *testing.T) {
	for _, test := range []struct {
		level string
		lines func(int) bool
	}{{"", func(n int) bool { return n == 1 }}, {"debug", func(n int) bool { return n > 3 }}} {
		var stderr bytes.Buffer
		a := &app{stdout: panicWriter{}, stderr: &stderr}
		args := []string{"version"}
		if test.level != "" {
			args = append(args, "--log-level", test.level)
		}
		status := a.run(context.Background(), args)
		lines := strings.Count(stderr.String(), "\n")
		if status != exitFailed || !strings.HasPrefix(stderr.String(), "weir: bug: on purpose (please report it") || !test.lines(lines) {
			t.Errorf("level %q: got status %d and %d lines:\n%s", test.level, status, lines, stderr.String())
		}
	}
}

type panicWriter struct{ io.Writer }

func (panicWriter) Write([]byte) (int, error) { panic("bug: on purpose") }

// A flag of configFlag goes before every other source, and only where it is given.
func TestConfigFlag(t *testing.T) {
	for _, test := range []struct {
		args   []string
		shards int
		dedup  bool
	}{
		{nil, 3, false},
		{[]string{"--shards", "5", "--dedup"}, 5, true},
		{[]string{"--dedup=false", "--shards=6"}, 6, false},
	} {
		a := &app{environ: []string{"WEIR_SENSOR_SHARDS=2"}, set: []string{"sensor.shards=3"}}
		cmd := &cobra.Command{Run: func(*cobra.Command, []string) {}}
		configFlag(cmd.Flags(), "shards", "sensor.shards")
		configFlag(cmd.Flags(), "dedup", "capture.dedup")
		if err := cmd.ParseFlags(test.args); err != nil {
			t.Fatal(err)
		}
		loaded, err := a.load(cmd)
		if err != nil {
			t.Fatal(err)
		}
		if c := loaded.Config; c.Sensor.Shards != test.shards || c.Capture.Dedup != test.dedup {
			t.Errorf("%v: got %d shards and dedup %t, want %d and %t", test.args, c.Sensor.Shards, c.Capture.Dedup, test.shards, test.dedup)
		}
	}
}

// The logger writes to stderr, as the configuration says.
func TestLogger(t *testing.T) {
	var stderr bytes.Buffer
	a := &app{stderr: &stderr, set: []string{"log.format=json", "log.level=warn"}}
	loaded, err := a.load(&cobra.Command{})
	if err != nil {
		t.Fatal(err)
	}
	log := a.logger(loaded.Config)
	log.Info("not this")
	log.Warn("this", "offset", 24)
	if got := stderr.String(); strings.Contains(got, "not this") || !strings.Contains(got, `"msg":"this","offset":24}`) {
		t.Errorf("got %s", got)
	}
}
