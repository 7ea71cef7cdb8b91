package sequence

import (
	"encoding/json"
	"testing"
)

// Whatever a model file says, it is refused or can be used.
func FuzzModel(f *testing.F) {
	f.Add(builtin)
	f.Add([]byte(`{"hidden":16}`))
	f.Fuzz(func(_ *testing.T, text []byte) {
		var m Model
		if json.Unmarshal(text, &m) != nil {
			return
		}
		read, err := Parse(m.Seal()) // with the right hash
		if err != nil {
			return
		}
		read.network.forward(read.network.newMoment())
	})
}
