package libpcap

import (
	"os"
	"testing"
	"time"

	"github.com/weir-sensor/weir/internal/netnstest"
)

// The smallest and the largest settings that Validate takes can be captured with.
func TestLiveLimits(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "va", "vb")
	sender := netnstest.NewSender(t, "va")
	for _, cfg := range []Config{
		{Buffer: minBuffer, Snaplen: minSnaplen, Poll: minPoll, Timestamps: "host"},
		{Buffer: minBuffer, Snaplen: maxSnaplen, Poll: minPoll, Timestamps: "host"},
		{Buffer: maxBuffer, Snaplen: maxSnaplen, Poll: maxPoll, Timestamps: "host", Promiscuous: true},
		{Buffer: minBuffer, Snaplen: minSnaplen, Poll: maxPoll, Timestamps: "host", Immediate: true},
		{Buffer: 16 << 20, Snaplen: maxSnaplen, Poll: time.Millisecond, Timestamps: "host", Immediate: true},
	} {
		if cfg.Buffer == maxBuffer && os.Getenv("WEIR_LARGE") == "" {
			cfg.Buffer = 64 << 20 // the kernel takes some five seconds to clear 1 GiB
		}
		l := openTest(t, "vb", cfg, "")
		for i := range 5 { // far from each other, for a buffer has room for one at least
			sender.Send(t, udpFrame(100+i))
			f := receive(t, l, 1)[0]
			if want := uint32(len(udpFrame(100 + i))); f.Wire != want || f.Len != min(want, uint32(cfg.Snaplen)) {
				t.Errorf("%+v: got %d bytes of %d, want %d of %d", cfg, f.Len, f.Wire, min(want, uint32(cfg.Snaplen)), want)
			}
		}
		if err := l.Close(); err != nil {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}
