package netdev

import (
	"bytes"
	"io"
	"os"
	"strconv"
)

// Backlog counts the packets for which the kernel's queues between drivers and whoever reads had no room
// (net.core.netdev_max_backlog), of all interfaces and network namespaces. Each is in rx_dropped of its interface, too. It is for
// one goroutine at a time.
type Backlog struct {
	file  io.ReaderAt // nil: the kernel does not say
	close func() error
	last  uint64 // as the kernel has it
	since uint64
}

// OpenBacklog begins to count. It needs no privilege, and the file stays open: what becomes of the process does not matter.
func OpenBacklog() *Backlog {
	f, err := os.Open("/proc/net/softnet_stat")
	if err != nil {
		return &Backlog{close: func() error { return nil }}
	}
	b := &Backlog{file: f, close: f.Close}
	b.last = b.read()
	return b
}

// Count returns how many packets were dropped since OpenBacklog; 0 where the kernel does not say. What a CPU has counted that is
// taken offline stays.
func (b *Backlog) Count() uint64 {
	now := b.read()
	if now > b.last {
		b.since += now - b.last
	}
	b.last = now
	return b.since
}

// Close closes the file.
func (b *Backlog) Close() error { return b.close() }

// read sums the second column up, hexadecimal: a line has the counters of a CPU (softnet_seq_show in net/core/net-procfs.c).
func (b *Backlog) read() (sum uint64) {
	if b.file == nil {
		return 0
	}
	text, _ := io.ReadAll(io.NewSectionReader(b.file, 0, 1<<20)) // 7,000 CPUs
	for line := range bytes.Lines(text) {
		if columns := bytes.Fields(line); len(columns) > 1 {
			n, _ := strconv.ParseUint(string(columns[1]), 16, 64)
			sum += n
		}
	}
	return sum
}
