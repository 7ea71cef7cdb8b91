package flowtable

import (
	"testing"
	"unsafe"

	"github.com/weir-sensor/weir/payload"
)

func TestFlowFillsThreeCacheLines(t *testing.T) {
	if got := unsafe.Sizeof(flow{}); got != 192 {
		t.Errorf("flow: got %d bytes, want 192", got)
	}
	if got := unsafe.Offsetof(flow{}.packets); got != 64 {
		t.Errorf("counters: got offset %d, want 64", got)
	}
	if got := unsafe.Offsetof(flow{}.ordinal); got != 128 {
		t.Errorf("third line: got offset %d, want 128", got)
	}
	t.Log(unsafe.Sizeof(ext{}), unsafe.Sizeof(Record{}), unsafe.Sizeof(Input{}))
}

// What docs/SPEED.md says features take of a flow.
func TestFeaturesSize(t *testing.T) {
	for _, test := range []struct {
		name      string
		got, want uintptr
	}{
		{"sums", unsafe.Sizeof(sums{}), 128},
		{"two lengths", unsafe.Sizeof([2]lengthSums{}), 48},
		{"progress", unsafe.Sizeof(progress{}), 4},
		{"splt", unsafe.Sizeof(splt{}), 256},
		{"two firsts", unsafe.Sizeof([2]first{}), 112},
		{"two first packets", unsafe.Sizeof([2]payload.Packet{}), 48},
		{"buffer", unsafe.Sizeof(buffer{}), 1720},
		{"Features", unsafe.Sizeof(Features{}), 536},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %d bytes, want %d", test.name, test.got, test.want)
		}
	}
}
