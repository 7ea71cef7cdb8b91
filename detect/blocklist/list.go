package blocklist

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/weir-sensor/weir/packet"
)

// maxProblems is how many lines of a list are kept as problems; all are counted.
const maxProblems = 100

// List is what was read of one file. It is never changed once it was read, so several tables may share it.
type List struct {
	Source
	SHA256   string    // of the file, hexadecimal
	Size     int64     // bytes of the file
	Lines    int       // lines of the file
	Given    int       // addresses, networks and ranges that were taken from it
	Repeated int       // prefixes that it had already
	Bad      int       // lines of which something was not used
	Masked   int       // networks with bits behind their prefix, which were dropped
	Dated    time.Time // when it was made, as its first comments say; zero: they do not
	Problems []Problem

	entries    []entry // by prefix, each once
	configured Format  // Auto where the file told
}

// Problem is something about a line that its author should know.
type Problem struct {
	Line int    // from 1
	Text string // what it says and why that is not used, or what is used instead
	Used bool   // a warning: the line is used
}

// entry is one prefix of a list. It holds no pointers: there can be millions.
type entry struct {
	first             packet.Addr
	line              uint32
	bits              uint8 // of the prefix: 0..32 of IPv4, 0..128 of IPv6
	version           uint8 // 4 or 6
	reliability, risk uint8 // 1..10; 0: the list does not say
}

// Prefixes returns how many different prefixes the list has.
func (l *List) Prefixes() int { return len(l.entries) }

// Bytes returns what the list's prefixes take in memory, the table not counted.
func (l *List) Bytes() int { return cap(l.entries) * entrySize }

const entrySize = 24

// prefix returns the entry's prefix.
func (e *entry) prefix() netip.Prefix {
	return netip.PrefixFrom(e.first.Netip(e.version), int(e.bits))
}

// last returns the last address of the prefix.
func (e *entry) last() packet.Addr {
	free := 128 - uint(e.bits)
	if e.version == 4 {
		free = 32 - uint(e.bits)
	}
	return lastOf(e.first, free)
}

// lastOf returns the last of the 2^free addresses from first on.
func lastOf(first packet.Addr, free uint) packet.Addr {
	if free > 64 {
		return packet.Addr{Hi: first.Hi | (1<<(free-64) - 1), Lo: ^uint64(0)}
	}
	first.Lo |= 1<<free - 1
	return first
}

// compareEntries orders prefixes by their first address, those around others before them.
func compareEntries(a, b *entry) int {
	return cmp.Or(cmp.Compare(a.version, b.version), cmp.Compare(a.first.Hi, b.first.Hi), cmp.Compare(a.first.Lo, b.first.Lo),
		cmp.Compare(a.bits, b.bits))
}

// Load reads the list's file. Lines that make no sense are in the list's Problems and do not hinder the others; a file
// none of whose lines makes sense, or that has not the column that is asked for by name, is an error.
func (s Source) Load() (*List, error) {
	f, err := os.Open(s.Path)
	if err != nil {
		return nil, fmt.Errorf("read list %s: %w", s.Name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read list %s: %s is not a regular file", s.Name, s.Path)
	}
	size := int64(0)
	if err == nil {
		size = info.Size()
	}
	l, err := s.read(f, size)
	if err != nil {
		return nil, fmt.Errorf("read list %s: %s: %w", s.Name, s.Path, err)
	}
	return l, nil
}

// Read reads a list. Errors are those of r, that there is no usable line but others, and that there is no such column.
func (s Source) Read(r io.Reader) (*List, error) { return s.read(r, 0) }

// read is Read of about size bytes; 0: it is not known how many.
func (s Source) read(r io.Reader, size int64) (*List, error) {
	l := &List{Source: s, configured: s.Format}
	sum := sha256.New()
	count := &counter{w: sum}
	in := bufio.NewReaderSize(io.TeeReader(r, count), sampleSize)
	sample, err := in.Peek(sampleSize)
	if err != nil && err != io.EOF {
		return nil, err
	}
	l.Dated = dated(sample)
	p := newParser(l, sample)
	l.entries = make([]entry, 0, expected(sample, size))
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, sampleSize), maxLine)
	for p.err == nil && lines.Scan() {
		p.line(lines.Bytes())
	}
	if p.err != nil {
		return nil, p.err
	}
	if err := lines.Err(); err == bufio.ErrTooLong {
		return nil, fmt.Errorf("line %d is longer than %d bytes", l.Lines+1, maxLine)
	} else if err != nil {
		return nil, err
	}
	if len(l.entries) == 0 && l.Bad > 0 {
		return nil, fmt.Errorf("no line can be used as format %s; line %d: %s", l.Format, l.Problems[0].Line, l.Problems[0].Text)
	}
	l.SHA256, l.Size = hex.EncodeToString(sum.Sum(nil)), count.n
	l.sort()
	return l, nil
}

// expected returns how many entries so many bytes may have, if all lines are as long as those of the sample: room for them
// is made at once, because a slice that grows takes twice as much.
func expected(sample []byte, size int64) int {
	const most = 4 << 20
	lines := int64(bytes.Count(sample, []byte{'\n'}))
	if lines == 0 || size < int64(len(sample)) {
		return 0
	}
	return int(min(lines*size/int64(len(sample))*33/32+16, most))
}

// sort brings the entries in order and keeps one of each prefix: the one with the greatest reliability, then the first.
func (l *List) sort() {
	slices.SortFunc(l.entries, func(a, b entry) int {
		return cmp.Or(compareEntries(&a, &b), cmp.Compare(b.reliability, a.reliability), cmp.Compare(a.line, b.line))
	})
	all := len(l.entries)
	l.entries = slices.CompactFunc(l.entries, func(a, b entry) bool { return compareEntries(&a, &b) == 0 })
	l.Repeated = all - len(l.entries)
	if cap(l.entries) > len(l.entries)+len(l.entries)/8 {
		l.entries = slices.Clone(l.entries)
	}
}

// counter counts what is written through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return c.w.Write(b)
}
