package resident

import (
	"bytes"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What Linux says of the pages (mincore), before and after, and what was in them. Elements of 24 bytes are across pages.
func TestTouch(t *testing.T) {
	const pages = 999
	type element struct{ a, b, c uint64 }
	memory, err := unix.Mmap(-1, 0, pages*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(memory)
	if err := unix.Madvise(memory, unix.MADV_NOHUGEPAGE); err != nil && err != unix.EINVAL { // not every kernel has them
		t.Fatal(err)
	}
	there := func() int {
		of := make([]byte, pages)
		if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&memory[0])), uintptr(len(memory)),
			uintptr(unsafe.Pointer(&of[0]))); errno != 0 {
			t.Fatal(errno)
		}
		return bytes.Count(of, []byte{1})
	}
	memory[3], memory[5*page+8], memory[20*page-1] = 1, 2, 3
	if n := there(); n != 3 {
		t.Skipf("%d of %d pages are there before anything is done: this system has pages of another size", n, pages)
	}
	elements := unsafe.Slice((*element)(unsafe.Pointer(&memory[0])), pages*page/24)
	write := func(e *element) { atomic.AddUint64(&e.b, 0) }
	Touch(elements[:10*page/24], write)
	if n := there(); n != 11 {
		t.Errorf("%d pages are there, want the first 10 and one more", n)
	}
	Touch(elements, write)
	if n := there(); n != pages {
		t.Errorf("%d of %d pages are there", n, pages)
	}
	want := make([]byte, pages*page)
	want[3], want[5*page+8], want[20*page-1] = 1, 2, 3
	if !bytes.Equal(memory, want) {
		t.Error("what was there is another now")
	}
}
