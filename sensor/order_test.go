package sensor_test

import (
	"context"
	"encoding/binary"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/sensor"
)

// frames is a Source of frames made one by one.
type frames struct {
	left, n int
	make    func(n int) (time int64, wire uint32, link uint16, frame []byte)
}

func (s *frames) Read(b *capture.Batch) error {
	if s.left == 0 {
		return io.EOF
	}
	b.Frames, b.Data = b.Frames[:0], b.Data[:0]
	for len(b.Frames) < cap(b.Frames) && s.left > 0 {
		at, wire, link, frame := s.make(s.n)
		b.Frames = append(b.Frames, capture.Frame{Time: at, Off: uint32(len(b.Data)), Len: uint32(len(frame)), Wire: wire, Link: link})
		b.Data = append(b.Data, frame...)
		s.n++
		s.left--
	}
	return nil
}

func (*frames) Close() error { return nil }

// ipv4 is a packet from a host of its own to one of a few, with the given length and fragment fields.
func ipv4(source, target int, length, id, fragment uint16) []byte {
	p := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, packet.ProtoUDP, 0, 0, 10, byte(source >> 16), byte(source >> 8), byte(source),
		192, 0, 2, byte(target), 0x80, 0, 0, 53, 0, 10, 0, 0, 'x', 'y'}
	binary.BigEndian.PutUint16(p[2:], length)
	binary.BigEndian.PutUint16(p[4:], id)
	binary.BigEndian.PutUint16(p[6:], fragment)
	return p
}

// Inputs on which shards could come to differ, each with more records at the end than one hand-over takes.
func TestSameRecordsWithAnyShards(t *testing.T) {
	const ms = int64(time.Millisecond)
	for name, src := range map[string]frames{
		"a flood that ends while thousands of records wait": {left: 40_000, make: func(n int) (int64, uint32, uint16, []byte) {
			return int64(n) * 1000, 60, packet.LinkRaw, ipv4(n, n%5, 30, 0, 0)
		}},
		"one instant": {left: 20_000, make: func(n int) (int64, uint32, uint16, []byte) {
			return 0, 60, packet.LinkRaw, ipv4(n%9000, n%5, 30, 0, 0)
		}},
		"time jumps, then late packets": {left: 20_000, make: func(n int) (int64, uint32, uint16, []byte) {
			at := int64(n%5000) * ms
			if n == 5000 {
				at += 1e12
			}
			return at, 60, packet.LinkRaw, ipv4(n%5000, 1, 30, 0, 0)
		}},
		"segments without a length, cut": {left: 5000, make: func(n int) (int64, uint32, uint16, []byte) {
			return int64(n) * ms, 1500, packet.LinkNull, append([]byte{2, 0, 0, 0}, ipv4(n%100, 1, 0, 0, 0)...)
		}},
		"first fragments, then all the later ones": {left: 20_000, make: func(n int) (int64, uint32, uint16, []byte) {
			if n < 10_000 {
				return int64(n) * 1000, 60, packet.LinkRaw, ipv4(n, 1, 30, uint16(n), 0x2000)
			}
			return int64(n) * 1000, 60, packet.LinkRaw, ipv4(n-10_000, 1, 30, uint16(n-10_000), 2)
		}},
	} {
		var want []flowtable.Record
		for _, shards := range []int{1, 2, 3, 8} {
			for _, batch := range []int{1, 300, 4096} {
				opt := sensor.Options{Config: sensor.Config{Shards: shards, Batch: batch}, Flow: flowtable.DefaultConfig()}
				opt.Flow.Idle.UDP = 20 * time.Millisecond
				var sink recordSink
				source := src
				ledger, err := sensor.Run(context.Background(), &source, &sink, opt)
				if err != nil || ledger.Check() != nil {
					t.Fatalf("%s: %v, %v", name, err, ledger.Check())
				}
				if want == nil {
					want = sink.records
				}
				if !slices.Equal(sink.records, want) {
					t.Errorf("%s: records of %d shards and batches of %d differ from those of one shard", name, shards, batch)
				}
			}
		}
		if len(want) < 100 {
			t.Errorf("%s: got %d records", name, len(want))
		}
	}
}
