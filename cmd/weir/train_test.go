package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/detect/ensemble"
	"github.com/weir-sensor/weir/detect/sequence"
)

// Training writes the same file again, which the detectors take.
func TestTrain(t *testing.T) {
	for _, test := range []struct {
		args []string
		key  string
		says string
	}{
		{[]string{"train", "sequence", "--epochs", "2", demo}, "detect.sequence.model", "trained on 20 hosts"},
		{[]string{"train", "ensemble", "--labels", demoLabels, demo}, "detect.ensemble.calibration", "hosts: "},
	} {
		var files [2][]byte
		out := filepath.Join(t.TempDir(), "model.json")
		for i := range files {
			status, stdout, stderr := command(t, nil, append(test.args, "--out", out)...)
			if status != 0 || !strings.Contains(stdout, test.says) {
				t.Fatalf("%v: status %d, %q, %q", test.args, status, stdout, stderr)
			}
			var err error
			if files[i], err = os.ReadFile(out); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(files[0], files[1]) || !bytes.Contains(files[0], []byte(`"demo.pcap.gz"`)) {
			t.Errorf("%v: another file the second time, or the capture is not named", test.args)
		}
		status, _, stderr := command(t, nil, "replay", "--detect=all", "--set", test.key+"="+out, "--stdout", "alerts", demo)
		if status != 0 {
			t.Errorf("%s: status %d, %s", test.key, status, stderr)
		}
	}
}

func TestTrainUsage(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"train", "sequense"}, `unknown command "sequense" for "weir train"; did you mean sequence?`},
		{[]string{"train", "sequence", demo}, "--out: want the name of the file to write"},
		{[]string{"train", "sequence", "--out", "x"}, "no capture given"},
		{[]string{"train", "sequence", "--out", "x", "--hidden", "17", demo}, "--epochs, --hidden: got 15 and 17"},
		{[]string{"train", "ensemble", "--out", "x", demo}, "--labels: want files"},
		{[]string{"train", "ensemble", "--out", "x", "--labels", demoLabels, "--detect=pairs", demo}, "detect.detectors: want ensemble among them"},
	} {
		status, _, stderr := command(t, nil, test.args...)
		if status != 2 || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: status %d, %q, want 2 and one line with %q", test.args, status, stderr, test.want)
		}
	}
	if _, err := os.Stat("x"); err == nil {
		t.Error("a file was left behind")
	}
}

// What comes with weir can be read.
func TestBuiltinModels(t *testing.T) {
	if _, err := sequence.Load(sequence.Builtin); err != nil {
		t.Error(err)
	}
	if _, err := ensemble.New(ensemble.DefaultConfig(), nil, nil); err != nil {
		t.Error(err)
	}
}

// A file that cannot be written whole leaves nothing behind.
func TestWriteWhole(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	name := filepath.Join(t.TempDir(), "model.json")
	if err := os.Symlink("/dev/full", name+".partial"); err != nil {
		t.Fatal(err)
	}
	if err := writeWhole(name, []byte("{}")); err == nil {
		t.Error("a full disk is no error")
	}
	for _, left := range []string{name, name + ".partial"} {
		if _, err := os.Lstat(left); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", left, err)
		}
	}
	if err := writeWhole(name, []byte("{}")); err != nil {
		t.Error(err)
	}
}

// A file that another command made is refused by what it is, not by where JSON differs.
func TestModelsOfOtherDetectors(t *testing.T) {
	out := filepath.Join(t.TempDir(), "model.json")
	text := `{"format": "weir transport model 1", "features": {"of": "start"}}`
	if err := os.WriteFile(out, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"detect.sequence.model", "detect.ensemble.calibration"} {
		status, _, stderr := command(t, nil, "replay", "--detect=all", "--set", key+"="+out, demo)
		if status != 2 || !strings.Contains(stderr, `format: got "weir transport model 1", want "weir `) {
			t.Errorf("%s: status %d, %q", key, status, stderr)
		}
	}
	if err := os.WriteFile(out, []byte(text[:30]), 0o600); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"detect.sequence.model": "weir train sequence", "detect.ensemble.calibration": "weir train ensemble"} {
		status, _, stderr := command(t, nil, "replay", "--detect=all", "--set", key+"="+out, demo)
		if status != 2 || !strings.Contains(stderr, want) {
			t.Errorf("%s, cut: status %d, %q", key, status, stderr)
		}
	}
}
