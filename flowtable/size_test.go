package flowtable

import (
	"testing"
	"unsafe"
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
