package pcapfile

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
)

// check reads data as a file and compares the frames; cut is part of the only note expected, "" for none.
func check(t *testing.T, data []byte, want []seen, cut string) {
	t.Helper()
	got, stats := readAll(t, []string{file(t, t.TempDir(), "capture", data)}, Options{}, 4)
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	switch {
	case cut == "" && len(stats.Cuts) > 0:
		t.Errorf("unexpected cuts %v", stats.Cuts)
	case cut != "" && (len(stats.Cuts) != 1 || !strings.Contains(stats.Cuts[0].Why, cut)):
		t.Errorf("cuts %v, want one saying %q", stats.Cuts, cut)
	}
}

func TestPcapVariants(t *testing.T) {
	bothOrders(t, func(t *testing.T, w *builder) {
		for name, c := range map[string]struct {
			magic, link uint32
			want        []seen
		}{
			"micro":               {magicMicro, 1, []seen{{1_000_000_002_000, "abcde", 9, 1, 0}, {4294967295*1e9 + 4294967295*1e3, "", 0, 1, 0}}},
			"nano":                {magicNano, 101, []seen{{1_000_000_000_002, "abcde", 9, 101, 0}, {4294967295*1e9 + 4294967295, "", 0, 101, 0}}},
			"check sequence bits": {magicNano, 0x54000071, []seen{{1_000_000_000_002, "abcde", 9, 113, 0}, {4294967295*1e9 + 4294967295, "", 0, 113, 0}}},
		} {
			t.Run(name, func(t *testing.T) {
				w.b = nil
				w.pcapHeader(c.magic, c.link).record(1000, 2, "abcde", 9).record(math.MaxUint32, math.MaxUint32, "", 0)
				check(t, w.b, c.want, "")
			})
		}
	})
}

// TestPcapModified reads records with 8 more bytes in their headers.
func TestPcapModified(t *testing.T) {
	bothOrders(t, func(t *testing.T, w *builder) {
		w.pcapHeader(magicModified, 1)
		for _, s := range []string{"one", "two2"} {
			w.u32(5, 6, uint32(len(s)), 60, 2).u16(0x0800, 0)
			w.b = append(w.b, s...)
		}
		check(t, w.b, []seen{{5_000_006_000, "one", 60, 1, 0}, {5_000_006_000, "two2", 60, 1, 0}}, "")
	})
}

// TestPcapOldVersions reads files whose lengths stand the other way round.
func TestPcapOldVersions(t *testing.T) {
	for _, v := range []struct{ major, minor uint16 }{{2, 2}, {2, 3}, {543, 0}} {
		w := &builder{AppendByteOrder: binary.LittleEndian}
		w.u32(magicMicro).u16(v.major, v.minor).u32(0, 0, 65535, 1).u32(1, 0, 60, 3)
		w.b = append(w.b, "abc"...)
		check(t, w.b, []seen{{1e9, "abc", 60, 1, 0}}, "")
	}
}

func TestPcapCorrupt(t *testing.T) {
	bothOrders(t, func(t *testing.T, w *builder) {
		w.pcapHeader(magicMicro, 1).record(1, 0, "abc", 3)
		first := []seen{{1e9, "abc", 3, 1, 0}}
		whole := slices.Clone(w.b)
		check(t, w.u32(2, 0, maxPacket+1, maxPacket+1).b, first, "record of 262145 bytes")
		check(t, append(slices.Clone(whole), 1, 2, 3), first, "cut short")
		check(t, whole[:len(whole)-1], nil, "cut short")
		check(t, whole[:pcapHeader], nil, "")
		w.b = slices.Clone(whole)
		big := strings.Repeat("x", maxPacket)
		check(t, w.record(2, 0, big, maxPacket).b, append(first, seen{2e9, big, maxPacket, 1, 0}), "")
	})
}

func TestPcapng(t *testing.T) {
	bothOrders(t, func(t *testing.T, w *builder) {
		w.section()
		w.describe(1, 4)
		w.describe(101, 0, w.option(optionResolution, 9)...)
		w.describe(113, 0, append(w.option(optionResolution, 0x80|10), w.option(optionOffset, w.u64(100)...)...)...)
		w.block(0x0bad, []byte("unknown to everyone")).enhanced(0, 1_000_002, "abcde", 9).enhanced(1, 77, "x", 1)
		w.enhanced(2, 1536, "", 0).simple("abcd", 60).obsolete(1, 78, "yz", 3)
		other := &builder{AppendByteOrder: binary.BigEndian, b: w.b}
		if w.AppendByteOrder == binary.AppendByteOrder(binary.BigEndian) {
			other.AppendByteOrder = binary.LittleEndian
		}
		other.section().describe(12, 2).enhanced(0, 5, "q", 1).simple("rs", 2)
		check(t, other.b, []seen{
			{1_000_002_000, "abcde", 9, 1, 0}, {77, "x", 1, 101, 1}, {101_500_000_000, "", 0, 113, 2},
			{101_500_000_000, "abcd", 60, 1, 0}, {78, "yz", 3, 101, 1}, {5000, "q", 1, 12, 3}, {5000, "rs", 2, 12, 3},
		}, "")
	})
}

// option writes one option, padded.
func (w *builder) option(code uint16, value ...byte) []byte {
	b := w.AppendUint16(w.AppendUint16(nil, code), uint16(len(value)))
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func (w *builder) u64(v uint64) []byte { return w.AppendUint64(nil, v) }

func TestPcapngCorrupt(t *testing.T) {
	bothOrders(t, func(t *testing.T, w *builder) {
		w.section().describe(1, 0).enhanced(0, 1, "abcd", 4)
		start := slices.Clone(w.b)
		for why, bad := range map[string]func(){
			"impossible length 8":         func() { w.u32(blockEnhanced, 8, 8) },
			"impossible length 13":        func() { w.u32(blockEnhanced, 13, 13) },
			"impossible length 16777220":  func() { w.u32(blockEnhanced, 16<<20+4, 0) },
			"two lengths, 16 and 20":      func() { w.u32(77, 16, 0, 20) },
			"cut short":                   func() { w.u32(77, 1000, 0) },
			"packet of interface 1":       func() { w.enhanced(1, 0, "abcd", 4) },
			"packet block of 28 bytes":    func() { w.block(blockEnhanced, make([]byte, 16)) },
			"packet of 4294967295 bytes":  func() { w.block(blockEnhanced, w.body(0, 0, 0, math.MaxUint32, 1, 0)) },
			"packet of 5 bytes in a":      func() { w.block(blockPacket, w.body(0, 0, 0, 5, 5, 0)) },
			"simple packet of 5 bytes":    func() { w.simple("", 5) },
			"description of 16 bytes":     func() { w.block(blockInterface, make([]byte, 4)) },
			"section header of 16 bytes":  func() { w.block(blockSection, w.body(sectionMagic)) },
			"section without byte order":  func() { w.block(blockSection, make([]byte, 16)) },
			"simple packet without an in": func() { w.section().simple("", 0) },
			"pcapng of version":           func() { w.block(blockSection, w.body(sectionMagic, 0x00020002, 0, 0)) },
		} {
			t.Run(why, func(t *testing.T) {
				w.b = slices.Clone(start)
				bad()
				check(t, w.b, []seen{{1000, "abcd", 4, 1, 0}}, why)
			})
		}
	})
}

func (w *builder) body(values ...uint32) []byte {
	return (&builder{AppendByteOrder: w.AppendByteOrder}).u32(values...).b
}

// TestClock has resolutions, and times that 64 bits of nanoseconds cannot say. The values are from arbitrary
// precision: floor(ticks * 10^9 / resolution) + offset * 10^9.
func TestClock(t *testing.T) {
	for _, c := range []struct {
		resolution byte
		offset     int64
		ticks      uint64
		want       int64
	}{
		{6, 0, 1_700_000_000_123_456, 1_700_000_000_123_456_000},
		{0, 0, 17, 17_000_000_000},
		{9, 5, 17, 5_000_000_017},
		{9, -5, 17, -4_999_999_983},
		{12, 0, 123_456_789, 123_456},
		{28, 0, math.MaxUint64, 1},
		{29, 0, math.MaxUint64, 0},
		{127, 0, math.MaxUint64, 0},
		{0x80, 0, 3, 3_000_000_000},
		{0x80 | 32, 0, 1700000000<<32 | 1<<31, 1_700_000_000_500_000_000},
		{0x80 | 63, 0, math.MaxUint64, 1_999_999_999},
		{0x80 | 64, 0, math.MaxUint64, 999_999_999},
		{0x80 | 127, 0, math.MaxUint64, 0},
		{6, 0, math.MaxUint64, math.MaxInt64},
		{0, 0, math.MaxUint64, math.MaxInt64},
		{0x80, 0, math.MaxUint64, math.MaxInt64},
		{9, math.MaxInt64, 1, math.MaxInt64},
		{9, math.MinInt64, 1, math.MinInt64 + 1},
		{9, 1, math.MaxInt64, math.MaxInt64},
	} {
		k := newClock(c.resolution, saturatingSeconds(c.offset))
		if got := k.nanoseconds(c.ticks); got != c.want {
			t.Errorf("resolution %#x, offset %d, %d ticks: %d, want %d", c.resolution, c.offset, c.ticks, got, c.want)
		}
	}
}
