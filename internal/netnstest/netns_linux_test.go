package netnstest

import (
	"os"
	"strings"
	"testing"
)

// What is sent into either end of a pair comes out of the other as soon as Pair and Carries have returned.
func TestPairCarries(t *testing.T) {
	if !Inside(t) {
		return
	}
	frame := make([]byte, 60)
	for range 20 {
		Pair(t, "va", "vb")
		a, b := NewSender(t, "va"), NewSender(t, "vb")
		a.Send(t, frame)
		b.Send(t, frame)
		Run(t, "ip link set vb down")
		Run(t, "ip link set vb up")
		Carries(t, "va")
		Carries(t, "vb")
		a.Send(t, frame)
		b.Send(t, frame)
		for _, name := range []string{"va", "vb"} {
			text, err := os.ReadFile("/sys/class/net/" + name + "/statistics/rx_packets")
			if err != nil || strings.TrimSpace(string(text)) != "2" {
				t.Fatalf("%s received %s of 2 frames, %v", name, text, err)
			}
		}
		Run(t, "ip link del va")
	}
}
