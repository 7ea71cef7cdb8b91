package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// diagnose runs the command with --json and returns its status and its answer.
func diagnose(t *testing.T, args ...string) (int, doctorAnswer) {
	t.Helper()
	return diagnoseUntil(t, context.Background(), args...)
}

// diagnoseUntil is diagnose of an interface that is watched until ctx is done.
func diagnoseUntil(t *testing.T, ctx context.Context, args ...string) (int, doctorAnswer) {
	t.Helper()
	var out, stderr bytes.Buffer
	app := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &stderr}
	status := app.run(ctx, append([]string{"doctor", "--json"}, args...))
	var a doctorAnswer
	d := json.NewDecoder(&out)
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		t.Fatalf("%v: %v; stderr %s", args, err, stderr.String())
	}
	if a.Distorts != (status != exitOK) || a.Distorts != strings.Contains(stderr.String(), ": found ") || strings.Count(stderr.String(), "\n") > 1 {
		t.Errorf("%v: got status %d, distorts %t, stderr %s", args, status, a.Distorts, stderr.String())
	}
	return status, a
}

// names lists the findings of an answer.
func (a *doctorAnswer) names() string {
	var names []string
	for _, f := range a.Findings {
		names = append(names, f.Name)
	}
	return strings.Join(names, " ")
}

func TestDoctorOfCaptures(t *testing.T) {
	for _, test := range []struct {
		args    []string
		packets uint64
		want    string
	}{
		{[]string{demo}, 11534, ""},
		{[]string{"--set", "flow.mtu=1400", demo}, 11534, "large_segments"},
		{[]string{"--filter", "tcp src port 443", demo}, 0, "one_way"},
		{[]string{"--filter", "sctp", demo}, 0, "silence"},
	} {
		status, a := diagnose(t, test.args...)
		if a.names() != test.want || status != exitOK != (test.want != "") || test.packets != 0 && a.Packets != test.packets {
			t.Errorf("%v: got status %d, %d packets, findings %q, want %q", test.args, status, a.Packets, a.names(), test.want)
		}
	}
	status, text, stderr := command(t, nil, "doctor", demo)
	if status != exitOK || stderr != "" || !strings.Contains(text, "nothing was found that distorts a measurement\n") {
		t.Errorf("got status %d, %s%s", status, text, stderr)
	}
	status, text, stderr = command(t, nil, "doctor", "--set", "flow.mtu=1400", demo)
	if status != exitFailed || stderr != "weir: "+demo+": found large_segments\n" ||
		!strings.Contains(text, "\nwarning: large_segments\n  1667 of 11534 IP packets (14.5 %) are longer than the MTU of 1400 bytes") {
		t.Errorf("got status %d, %s%s", status, text, stderr)
	}
}

// What is no capture, or is cut, has the statuses of replay.
func TestDoctorOfWrongCaptures(t *testing.T) {
	dir := t.TempDir()
	cut := filepath.Join(dir, "cut.pcap")
	if err := os.WriteFile(cut, demoPlain(t)[:100_000], 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args   []string
		status int
		stderr string
	}{
		{[]string{dir + "/none.pcap"}, exitUsage, "no such file or directory"},
		{[]string{"-"}, exitFailed, "not a capture"},
		{[]string{"--filter", "tcp prt 80", demo}, exitUsage, "capture.filter: compile filter"},
		{[]string{cut}, exitOK, "capture ends early"},
	} {
		if status, _, stderr := command(t, nil, append([]string{"doctor"}, test.args...)...); status != test.status || !strings.Contains(stderr, test.stderr) {
			t.Errorf("%v: got status %d, %s, want %d, %s", test.args, status, stderr, test.status, test.stderr)
		}
	}
}
