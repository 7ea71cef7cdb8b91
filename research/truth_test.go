package research_test

import (
	"os"
	"testing"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/research"
)

func TestTruthOfHosts(t *testing.T) {
	path := t.TempDir() + "/labels.tsv"
	text := "ts_first\tts_last\tsrc\tsport\tdst\tdport\tproto\tclass\tfamily\n" +
		"1\t2\t192.0.2.1\t1\t192.0.2.9\t80\ttcp\tattack\tscan\n" +
		"1\t2\t192.0.2.2\t1\t192.0.2.9\t80\ttcp\tbenign\thttp\n" +
		"1\t2\t192.0.2.3\t1\t192.0.2.8\t80\ttcp\tattack\tdos\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	labels, err := research.LoadLabels(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	host := func(last uint64) packet.Addr { return packet.Addr{Lo: 0xffff_c000_0200 + last} }
	truth := research.NewTruth(labels, "attack")
	for i := range 20 { // label 1 is the scan, 2 benign, 3 the flood, of which 192.0.2.4 has most flows
		r := flowtable.Record{ID: uint64(i), Client: host(4), Server: host(8), Version: 4, Label: 3}
		switch i {
		case 0:
			r.Client, r.Server, r.Label = host(1), host(9), 1
		case 1:
			r.Client, r.Server, r.Label = host(2), host(9), 2
		case 2:
			r.Client = host(3)
		}
		truth.Flows([]flowtable.Record{r})
	}
	for last, want := range map[uint64][2]bool{1: {true, true}, 2: {false, true}, 3: {false, false}, 4: {true, true}, 8: {true, true}, 9: {false, true}, 77: {false, true}} {
		wrong, known := truth.Host(detect.Host{Addr: host(last), Version: 4})
		if got := [2]bool{wrong, known}; got != want {
			t.Errorf("192.0.2.%d: got %v, want %v (wrong, known)", last, got, want)
		}
	}
	if n := len(truth.Hosts()); n != 6 {
		t.Errorf("got %d hosts, want 6", n)
	}
	if !truth.Flow(0) || truth.Flow(1) {
		t.Error("flows: want the scan alone of the first two")
	}
}
