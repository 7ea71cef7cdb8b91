package flowtable

import (
	"math"
	"math/rand"
	"testing"
	"time"

	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// Records of interest have the features that they have where all are computed, but for the intervals of a server whose client a SYN
// told, for those of flows that are not TCP's, of which framing and length of a first packet of interest and a hello are all, and of first packets that are not of interest as a whole; other records
// have none.
func TestInterest(t *testing.T) {
	for name, interest := range map[string]Interest{
		"silence":  {Silence: 2 * time.Second},
		"packets":  {Packets: 5},
		"whole":    {Packets: 3, Whole: FramingsOf(payload.FramingNone)},
		"framings": {Framings: FramingsOf(payload.FramingText, payload.FramingSTUN)},
		"hellos":   {Hellos: payload.HelloSTUN},
		"all": Interest{Silence: 9 * time.Second, Packets: 7, Whole: FramingsOf(payload.FramingNone)}.Or(Interest{Packets: 12, Whole: FramingsOf(payload.FramingText), Framings: FramingsOf(payload.FramingSTUN)}).
			Or(Interest{Silence: 3 * time.Second, Hellos: payload.HelloClient}),
	} {
		with, without := 0, 0
		for seed := range int64(40) {
			inputs := hostileInputs(rand.New(rand.NewSource(seed)), 400)
			speakSTUN(inputs)
			cfg := DefaultConfig()
			cfg.Features = []string{"intervals", "splt", "first_packet"}
			cfg.ActiveTimeout = []time.Duration{0, 20 * time.Second, 300 * time.Second}[seed%3]
			all, some := newRun(cfg, 1, rand.Intn), newRun(cfg, 2, rand.Intn)
			some.table.Spare(interest)
			for _, r := range []*run{all, some} {
				if err := r.hostile(inputs, rand.New(rand.NewSource(seed))); err != nil {
					t.Fatal(err)
				}
			}
			for i := range all.records {
				r, got := &all.records[i], some.records[i].Features
				want := interesting(&interest, r)
				if want == nil {
					without++
				} else {
					with++
				}
				if (got == nil) != (want == nil) {
					t.Fatalf("%s, seed %d, record of packet %d: got features %v, want %v", name, seed, r.Ordinal, got, want)
				}
				if got == nil {
					continue
				}
				for d, p := range want.Packet {
					if less := (payload.Packet{Length: p.Length, Framing: p.Framing}); got.Packet[d] == less && !whole(&interest, r) {
						want.Packet[d] = less
					}
				}
				if err := compareFeatures(got, want); err != nil || got.Hello != want.Hello {
					t.Fatalf("%s, seed %d, record of packet %d: got hello %d, want %d:\n%v", name, seed, r.Ordinal, got.Hello, want.Hello, err)
				}
			}
		}
		if with < 50 || without < 50 {
			t.Errorf("%s: got %d records with features and %d without, want some of both", name, with, without)
		}
	}
}

// speakSTUN has the beginning of every other datagram of sufficient length be a message of STUN's.
func speakSTUN(inputs []Input) {
	for i := range inputs {
		if in := &inputs[i]; in.Proto == packet.ProtoUDP && in.Ordinal%2 == 0 && len(in.Captured) >= 20 {
			copy(in.Captured, "\x00\x01\x00\x00\x21\x12\xa4\x42")
		}
	}
}

// interesting returns what of all features of a record is of interest, or nil.
func interesting(i *Interest, r *Record) *Features {
	f := *r.Features
	framing := false
	for _, p := range f.Packet {
		framing = framing || p.Length > 0 && i.Framings.Has(p.Framing)
	}
	unknown := Moments{math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	if r.Proto == packet.ProtoTCP {
		if r.ClientBy == BySYN {
			f.Interval[Down] = unknown
		}
		if i.Silence > 0 && f.Interval[Up].Max >= float64(i.Silence.Microseconds()) ||
			i.Packets > 0 && int(f.SPLT) >= i.Packets && (f.Packet[Up].Length > 0 || f.Packet[Down].Length > 0) || framing {
			return &f
		}
		return nil
	}
	if !framing && f.Hello&i.Hellos == 0 {
		return nil
	}
	less := Features{Length: f.Length, Interval: [2]Moments{unknown, unknown}, Entropy: f.Entropy, Hello: f.Hello}
	for d, p := range f.Packet {
		if i.Framings.Has(p.Framing) {
			less.Packet[d] = payload.Packet{Length: p.Length, Framing: p.Framing}
		}
	}
	return &less
}

// whole says whether all of Packet is of interest.
func whole(i *Interest, r *Record) bool {
	if r.ClientBy != BySYN {
		return r.Proto == packet.ProtoTCP && i.Whole != 0
	}
	return r.Features.Packet[Up].Length > 0 && i.Whole.Has(r.Features.Packet[Up].Framing)
}
