package libpcap

import (
	"strings"
	"testing"
	"time"
)

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("defaults: got %v", err)
	}
	bad := Config{Buffer: 1, Snaplen: 1 << 20, Timestamps: "sundial", Poll: time.Minute}
	want := []string{
		"buffer: got 1, want 65536 to 1073741824 bytes", "snaplen: got 1048576, want 64 to 262144 bytes",
		`timestamps: got "sundial", want host, host_lowprec, host_hiprec, adapter, adapter_unsynced`, "poll: got 1m0s, want 1ms to 200ms",
	}
	if err := bad.Validate(); err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("got %v, want\n%s", err, strings.Join(want, "\n"))
	}
}

// Numbers from the table of link types that the tcpdump group keeps.
func TestLinkOf(t *testing.T) {
	for dlt, want := range map[int]uint16{0: 0, 1: 1, 9: 9, 11: 100, 12: 101, 15: 102, 16: 103, 19: 106, 113: 113, 127: 127, 276: 276} {
		if got := linkOf(dlt); got != want {
			t.Errorf("DLT %d: got LINKTYPE %d, want %d", dlt, got, want)
		}
	}
}
