package summary

import (
	"bytes"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/detect"
)

func TestAlertsAreCounted(t *testing.T) {
	for n, want := range map[int]string{0: "No alerts.\n", 1: "1 alert:\n", 2: "2 alerts:\n", 3000: "3,000 alerts, the worst 20 of them:\n"} {
		s := NewAlerts()
		for i := range n {
			if err := s.Alerts([]detect.Alert{{ID: string(rune('a' + i))}}); err != nil {
				t.Fatal(err)
			}
		}
		var text bytes.Buffer
		if err := s.Print(&text); err != nil || !strings.HasPrefix(text.String(), want) {
			t.Errorf("%d alerts: got %.60q, %v, want %q", n, text.String(), err, want)
		}
	}
}
