package main

import (
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/detectors"
	"github.com/weir-sensor/weir/detect/transport"
	"github.com/weir-sensor/weir/research"
)

// listener hears what the other detectors say.
type listener struct{ scores []detect.Score }

func (*listener) Info() detect.Info      { return detect.Info{Name: "listener"} }
func (*listener) Annotate(*detect.Alert) {}
func (l *listener) Scores(scores []detect.Score, _ detect.Out) {
	for _, s := range scores {
		if s.N == 1 && s.Role == detect.Server && s.Subject.Version != 0 { // not those of servers
			l.scores = append(l.scores, s)
		}
	}
}

// A model of each set of features scores flows and windows live as weir eval does, whatever the number of shards.
func TestLiveScoresAreThoseOfEval(t *testing.T) {
	for _, test := range []struct {
		args, set []string
		of        string
	}{
		{[]string{"--features", "flows"}, nil, research.OfFlows},
		{[]string{"--features", "both", "--set", "window.packets=10"}, []string{"window.packets=10"}, research.OfBoth},
		{[]string{"--features", "both", "--set", "window.by=flow", "--set", "window.packets=10"}, []string{"window.by=flow", "window.packets=10"}, research.OfBoth},
		{[]string{"--features", "windows", "--positive", "class=attack"}, nil, research.OfWindows},
		{[]string{"--features", "windows", "--positive", "class=attack", "--set", "window.cut=time"}, []string{"window.cut=time"}, research.OfWindows},
	} {
		file := model(t, test.args...)
		loaded, err := config.Load(config.Sources{Set: append(test.set, "detect.detectors=transport", "detect.transport.model="+file,
			"detect.transport.strictness=-20")})
		if err != nil {
			t.Fatal(err)
		}
		c := loaded.Config
		m, err := transport.LoadModel(file, c.Window)
		if err != nil {
			t.Fatal(err)
		}
		run := &training{app: &app{stderr: io.Discard}, config: c, paths: []string{demo}}
		chosen := dataset{labels: []string{demoLabels}, positive: []string{"family=pt-random", "class=attack"}, negative: []string{"class=benign"}}
		if err := chosen.check(); err != nil {
			t.Fatal(err)
		}
		data, err := run.collect(t.Context(), &chosen, test.of, false)
		if err != nil {
			t.Fatal(err)
		}
		scores := m.Classifier.Scores(data.Rows(research.VectorizerOf(m.Features, transport.StartPackets), "server"))
		want, known := map[string]bool{}, 0
		for i := range data.Cases {
			one := &data.Cases[i]
			id := uint64(0)
			if one.Flow != nil {
				id = one.Flow.ID
			}
			if one.Means != nil {
				known++
			}
			want[fmt.Sprint(id, one.Time, one.Server().Addr, scores[i])] = true
		}
		if len(want) < 25 || test.of == research.OfBoth && known < 10 {
			t.Fatalf("%v: %d scores, %d of them with windows: too few to compare", test.args, len(want), known)
		}
		for _, shards := range []int{1, 3} {
			c.Sensor.Shards = shards
			live := &listener{}
			made, err := detectors.New(c.Detect, c.Window)
			if err != nil {
				t.Fatal(err)
			}
			if err := (&training{app: run.app, config: c}).trace(t.Context(), demo, append(made, live), nil); err != nil {
				t.Fatal(err)
			}
			got := map[string]bool{}
			for _, s := range live.scores {
				got[fmt.Sprint(s.FlowID, s.Time, s.Subject.Addr, s.Raw)] = true
			}
			var missing []string
			for s := range want {
				if !got[s] {
					missing = append(missing, s)
				}
			}
			if slices.Sort(missing); len(missing) > 0 {
				t.Errorf("%v, %d shards: %d of %d scores of eval were not said live (%d were), such as %s", test.args, shards, len(missing), len(want), len(got), missing[0])
			}
		}
	}
}
