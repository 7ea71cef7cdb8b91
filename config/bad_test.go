package config

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each file of testdata/bad stands beside the exact error it must give, in the .want file of the same name.
func TestBadFiles(t *testing.T) {
	t.Chdir("testdata/bad")
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad files: %v", err)
	}
	for _, path := range files {
		want, err := os.ReadFile(strings.TrimSuffix(path, ".yaml") + ".want")
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := Load(Sources{File: path}); err == nil || err.Error()+"\n" != string(want) {
			t.Errorf("%s:\n got %v\nwant %s", path, err, want)
		}
	}
}

func TestBadTextSources(t *testing.T) {
	for _, test := range []struct {
		sources Sources
		want    string
	}{
		{Sources{Set: []string{"flow.idle.tcp=30"}}, "flow.idle.tcp: got 30, want a duration such as 30s (--set)"},
		{Sources{Set: []string{"flow.idle.tcp=0"}}, "flow.idle.tcp: got 0, want a duration such as 30s (--set)"},
		{Sources{Set: []string{"flow.idle.tcp=-1s"}}, "flow.idle.tcp: got -1s, want 0s (never) or 1ms to 720h (--set)"},
		{Sources{Set: []string{"flow.max_flows"}}, "--set: got flow.max_flows, want key=value"},
		{Sources{Set: []string{"flow=1"}}, "flow: got a section, want a key in it such as flow.max_flows (--set)"},
		{Sources{Set: []string{"max_flows=1"}},
			"max_flows: got an unknown key, want a known one; did you mean flow.max_flows? (--set)"},
		{Sources{Set: []string{"flow.key_vlan=yes"}}, "flow.key_vlan: got yes, want true or false (--set)"},
		{Sources{Set: []string{"flow.pressure=NaN"}}, "flow.pressure: got NaN, want above 0, up to 1 (--set)\n" +
			"flow.relief: got 0.7, want above 0, up to flow.pressure"},
		{Sources{Set: []string{"flow.server_ports=80,,90"}},
			"flow.server_ports: got 80,,90, want a list of whole numbers from 0 to 65535 such as [8080, 8443] (--set)"},
		{Sources{Set: []string{"capture.filter=\xff"}}, `capture.filter: got "\xff", want a word, or text in quotes (--set)`},
		{Sources{Flags: []Setting{{"flow.features", "all,all", "--features"}}},
			`flow.features: got "all", want all by itself, or each at most once of lengths, intervals, entropy, first_payload, splt, bursts, first_packet (--features)`},
		{Sources{Environ: []string{"WEIR_FLOW_IDLE_TPC=1s"}},
			"WEIR_FLOW_IDLE_TPC: got an unknown variable, want a known one; did you mean WEIR_FLOW_IDLE_TCP?"},
		{Sources{Environ: []string{"WEIR_NOTHING_OF_THE_KIND=1", "WEIR_SHARED=x", "PATH=/bin"}},
			"WEIR_NOTHING_OF_THE_KIND: got an unknown variable, want one that 'weir config explain' lists"},
		{Sources{Environ: []string{"WEIR_SENSOR_BATCH="}}, `sensor.batch: got "", want a whole number: 1 to 65536 (WEIR_SENSOR_BATCH)`},
		{Sources{Flags: []Setting{{"sensor.shards", "many", "--shards"}}},
			"sensor.shards: got many, want a whole number: 0 (one for each CPU) to 256 (--shards)"},
		// A weaker source's mistake is a mistake even where a stronger one sets the key.
		{Sources{Environ: []string{"WEIR_SENSOR_BATCH=x"}, Set: []string{"sensor.batch=5"}},
			"sensor.batch: got x, want a whole number: 1 to 65536 (WEIR_SENSOR_BATCH)"},
		{Sources{Environ: []string{"WEIR_LOG_LEVEL=loud"}, Set: []string{"sensor.batch=0", "sensor.shards=257"}},
			"sensor.shards: got 257, want 0 (one for each CPU) to 256 (--set)\n" +
				"sensor.batch: got 0, want 1 to 65536 (--set)\n" +
				`log.level: got "loud", want debug, info, warn or error (WEIR_LOG_LEVEL)`},
		{Sources{File: "no-such-file.yaml"}, "read configuration: open no-such-file.yaml: no such file or directory"},
	} {
		_, err := Load(test.sources)
		if err == nil || err.Error() != test.want {
			t.Errorf("%+v:\n got %v\nwant %s", test.sources, err, test.want)
		}
	}
}

// accepted is what a key accepts, and what not.
type accepted struct{ good, bad []string }

// The range that the table of keys documents is the one that Validate enforces: each end is accepted, what lies
// beyond is refused, and in the table's own words.
func TestRangesAreEnforced(t *testing.T) {
	durations := []string{"-1ns", "999999ns", "720h0m0.000000001s"}
	good := []string{"0s", "1ms", "720h"}
	tests := map[string]accepted{
		"capture.tunnels":         {[]string{"", "gre,vxlan,geneve,ipip,gtpu,teredo"}, []string{"l2tp"}},
		"afpacket.ring_size":      {[]string{"16777216", "2147483648"}, []string{"0", "16777215", "2147483649"}},
		"afpacket.block_size":     {[]string{"1048576", "16777216"}, []string{"0", "1048577", "16842752"}},
		"afpacket.block_timeout":  {[]string{"1ms", "200ms"}, []string{"0s", "999us", "201ms"}},
		"afpacket.poll":           {[]string{"1ms", "1s"}, []string{"0s", "999us", "1001ms"}},
		"afpacket.snaplen":        {[]string{"64", "4194048"}, []string{"63", "4194049"}},
		"afpacket.timestamps":     {[]string{"kernel", "hardware"}, []string{"", "gps"}},
		"pcap.buffer":             {[]string{"65536", "1073741824"}, []string{"65535", "1073741825"}},
		"pcap.snaplen":            {[]string{"64", "262144"}, []string{"63", "262145"}},
		"pcap.timestamps":         {[]string{"host", "adapter_unsynced"}, []string{"", "gps"}},
		"pcap.poll":               {[]string{"1ms", "200ms"}, []string{"0s", "999us", "201ms"}},
		"flow.max_flows":          {[]string{"1", "100000000"}, []string{"0", "-1", "100000001"}},
		"flow.max_first_payloads": {[]string{"1", "1000000"}, []string{"0", "-1", "1000001"}},
		"flow.features":           {[]string{"", "all", "splt", "lengths,intervals,entropy,first_payload,splt,bursts,first_packet"}, []string{"none", "splt,splt", "all,splt"}},
		"flow.max_fragments":      {[]string{"1", "1000000"}, []string{"0", "-1", "1000001"}},
		"flow.active_timeout":     {good, durations},
		"flow.idle.tcp":           {good, durations},
		"flow.idle.tcp_embryonic": {good, durations},
		"flow.idle.tcp_closed":    {good, durations},
		"flow.idle.udp":           {good, durations},
		"flow.idle.icmp":          {good, durations},
		"flow.idle.other":         {good, durations},
		"flow.server_ports":       {[]string{"", "1,65535"}, []string{"0", "80,0"}},
		"flow.mtu":                {[]string{"68", "65535"}, []string{"0", "67", "65536"}},
		"flow.pressure":           {[]string{"0.7", "1"}, []string{"0", "1.0001", "-1", "NaN", "Inf"}},
		"flow.relief":             {[]string{"0.000001", "0.9"}, []string{"0", "0.9001", "NaN"}},
		"window.by":               {[]string{"pair", "flow"}, []string{"", "host"}},
		"window.cut":              {[]string{"packets", "time"}, []string{"", "bytes"}},
		"window.packets":          {[]string{"1", "1000"}, []string{"0", "1001"}},
		"window.segment":          {[]string{"1ms", "10m"}, []string{"0s", "999us", "10m0.000000001s"}},
		"window.clients":          {[]string{"", "10.0.0.0/8,fd00::/8", "192.0.2.1"}, []string{"10.0.0.0/33", "x"}},
		"window.groups":           {[]string{"", "entropy,psh"}, []string{"entropies", "psh,psh"}},
		"window.max_pairs":        {[]string{"1", "10000000"}, []string{"0", "10000001"}},
		"sensor.shards":           {[]string{"0", "256"}, []string{"-1", "257"}},
		"sensor.batch":            {[]string{"1", "65536"}, []string{"0", "65537"}},
		"output.format":           {[]string{"ndjson", "csv", "parquet"}, []string{"", "CSV", "json"}},
		"output.rotate.every":     {[]string{"0s", "1s", "720h"}, []string{"999ms", "-1s", "720h0m1s"}},
		"output.rotate.size":      {[]string{"0", "65536", "1099511627776"}, []string{"65535", "-1", "1099511627777"}},
		"output.queue":            {[]string{"256", "10000000"}, []string{"0", "255", "10000001"}},
		"output.flush":            {[]string{"10ms", "1m"}, []string{"0s", "9ms", "61s"}},
		"output.sync":             {[]string{"0s", "1s", "1h"}, []string{"999ms", "-1s", "61m"}},
		"output.drain":            {[]string{"1s", "10m"}, []string{"0s", "999ms", "11m"}},
		"privileges.user":         {[]string{"", "weir", "_weir-1.x$", "65534"}, []string{"a b", "a:b", "/root", strings.Repeat("x", 257)}},
		"privileges.landlock":     {[]string{"auto", "on", "off"}, []string{"", "yes", "true"}},
		"telemetry.listen":        {[]string{"", "127.0.0.1:9109", "[::1]:0", "localhost:65535", ":9109"}, []string{"9109", "localhost", "127.0.0.1:http", "127.0.0.1:65536", "::1:9109", "a b:1"}},
		"log.level":               {[]string{"debug", "info", "warn", "error"}, []string{"", "INFO"}},
		"log.format":              {[]string{"text", "json"}, []string{"", "xml"}},
	}
	maps.Copy(tests, aggregateRanges)
	maps.Copy(tests, reportRanges)
	maps.Copy(tests, detectRanges)
	for _, key := range Keys() {
		test, ok := tests[key.Name]
		if !ok && key.Unit != "switch" && key.Name != "capture.filter" {
			t.Errorf("%s: its range is not tested", key.Name)
		}
		for _, value := range test.good {
			if _, err := Load(Sources{Set: []string{key.Name + "=" + value}}); err != nil {
				t.Errorf("%s=%s: got %v, want it accepted", key.Name, value, err)
			}
		}
		for _, value := range test.bad {
			_, err := Load(Sources{Set: []string{key.Name + "=" + value}})
			if err == nil || !strings.Contains(err.Error(), key.Name+": got ") || !strings.Contains(err.Error(), "want "+key.Range) {
				t.Errorf("%s=%s: got %v, want it refused with %q", key.Name, value, err, key.Range)
			}
		}
	}
}
