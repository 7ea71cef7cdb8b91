package ensemble

import (
	"encoding/json"
	"testing"
)

// Whatever a calibration file says, it is refused or gives probabilities.
func FuzzCalibration(f *testing.F) {
	stack := &Stack{Weights: []float64{1, 0}, Prior: .5, Positives: 1, Negatives: 1}
	f.Add((&Calibration{Features: []string{"a.surprise", "a.alert"}, Host: stack}).Seal())
	f.Add([]byte(`{"host":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var c Calibration
		if json.Unmarshal(text, &c) != nil {
			return
		}
		read, err := ParseCalibration(c.Seal()) // with the right hash
		if err != nil || read.fit([]string{"a"}) != nil || read.Host == nil {
			return
		}
		if p := read.Host.at([]float64{1, .5}); !(p >= 0 && p <= 1) {
			t.Fatalf("%s gives %v", text, p)
		}
	})
}
