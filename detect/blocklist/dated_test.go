package blocklist

import (
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
)

func TestListsSayWhenTheyWereMade(t *testing.T) {
	here := time.Local
	time.Local = time.FixedZone("EST", -5*3600) // where weir runs makes no difference
	defer func() { time.Local = here }()
	for text, want := range map[string]string{
		"; Spamhaus DROP List\n; Last-Modified: Sat, 04 Nov 2017 11:15:33 GMT\n; Expires: Sun, 05 Nov 2017 11:15:33 GMT\n192.0.2.0/24 ; SBL1\n": "2017-11-04T11:15:33Z",
		"# Source File Date: Sat Nov  4 11:15:33 UTC 2017\n# This File Date  : Sat Nov  4 11:20:07 UTC 2017\n192.0.2.1\n":                       "2017-11-04T11:20:07Z",
		"####\n# Last updated: 2019-10-03 12:10:25 (UTC)      #\n198.51.100.1\n":                                                                "2019-10-03T12:10:25Z",
		"# Generated on 2020-02-29T01:02:03+02:00\r\n198.51.100.1\r\n":                                                                          "2020-02-28T23:02:03Z",
		"// updated 2021-01-02\n198.51.100.1\n":                                                                                                 "2021-01-02T00:00:00Z",
		"# Last updated: yesterday\n198.51.100.1\n":                                                                                             "",
		"# Last updated: 2019-10-03 12:10:25 EST\n198.51.100.1\n":                                                                               "",
		"# Expires: 2021-01-02\n198.51.100.1 # 2020-01-01\n":                                                                                    "",
		"198.51.100.1 # updated: 2021-01-02\n198.51.100.2\n":                                                                                    "",
		"# Last updated: 2021-13-45 00:00:00\n198.51.100.1\n":                                                                                   "",
		"# Last updated: 9021-01-02\n198.51.100.1\n":                                                                                            "",
		"# outdated: 2021-01-02\n# dates differ\n198.51.100.1\n":                                                                                "",
	} {
		l, err := (Source{Name: "x"}).Read(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if !l.Dated.IsZero() {
			got = l.Dated.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// The age of a list is that at the time of the alert, and not said where the list is the younger one.
func TestAgeIsEvidence(t *testing.T) {
	for text, want := range map[string]float64{
		"# updated 1970-01-01 00:00:00\n203.0.113.9\n": 49,
		"# updated 1970-01-02\n203.0.113.9\n":          25,
		"# updated 1970-01-04\n203.0.113.9\n":          -1,
		"203.0.113.9\n":                                -1,
	} {
		var got sink
		e := detect.NewEngine(detect.DefaultConfig(), []detect.Detector{newDetector(t, DefaultConfig(), write(t, "one.txt", text))}, &got)
		e.Flows([]flowtable.Record{flowOf(1, 49*3600, "10.0.0.1", "203.0.113.9", true)})
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if len(got.alerts) != 1 {
			t.Fatalf("%q: got %d alerts", text, len(got.alerts))
		}
		age := -1.0
		for _, r := range got.alerts[0].Reasons {
			if r.Feature == "list.one.age_hours" {
				age = r.Value
			}
		}
		if age != want {
			t.Errorf("%q: the age is %v hours, want %v", text, age, want)
		}
	}
}
