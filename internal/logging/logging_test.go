package logging

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestLevelAndFormat(t *testing.T) {
	for _, test := range []struct {
		config Config
		want   []string // the messages that get through
	}{
		{Config{"debug", "text"}, []string{"one", "two", "three", "four"}},
		{Config{"info", "json"}, []string{"two", "three", "four"}},
		{Config{"warn", "text"}, []string{"three", "four"}},
		{Config{"error", "json"}, []string{"four"}},
	} {
		if err := test.config.Validate(); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		log, _ := New(&out, test.config)
		log.Debug("one")
		log.Info("two")
		log.Warn("three")
		log.Error("four", "n", 4)
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != len(test.want) {
			t.Fatalf("%+v: got %d lines, want %d", test.config, len(lines), len(test.want))
		}
		for i, line := range lines {
			if !strings.Contains(line, test.want[i]) {
				t.Errorf("%+v: line %d: got %s, want %s in it", test.config, i, line, test.want[i])
			}
			if got := json.Valid([]byte(line)); got != (test.config.Format == "json") {
				t.Errorf("%+v: line %d: is JSON: %t: %s", test.config, i, got, line)
			}
		}
	}
}

func TestSetLevel(t *testing.T) {
	var out bytes.Buffer
	log, level := New(&out, Config{"warn", "text"})
	log.Info("one")
	level.Set(Config{"info", "text"}.Least())
	log.Info("two")
	level.Set(Config{"error", "text"}.Least())
	log.Info("three")
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "two") {
		t.Errorf("got %q, want the second message alone", got)
	}
}

func TestValidateNamesEveryProblem(t *testing.T) {
	err := Config{Level: "loud", Format: "xml"}.Validate()
	want := "level: got \"loud\", want debug, info, warn or error\nformat: got \"xml\", want text or json"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
