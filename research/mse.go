package research

import (
	"math"
	"math/rand/v2"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/payload"
)

// Of BitTorrent's Message Stream Encryption, in bytes: a public key; its padding at most; what comes before the padding of the
// third message (two hashes, verification constant, methods, length) and after it (length); of the fourth (constant, method,
// length); and BitTorrent's own handshake.
const (
	mseKey      = 96
	mseMostPad  = 512
	mseThird    = 20 + 20 + 8 + 4 + 2
	mseThirdEnd = 2
	mseFourth   = 8 + 4 + 2
	btHandshake = 68
	btBlock     = 16<<10 + 13
	mseSegment  = 1448 // of a full segment
	mseLeast    = 5    // packets with payload: with fewer, nothing is judged
)

// SimulatedMSE returns starts of flows of encrypted BitTorrent, made from its description: everything is random from the first
// byte on both ways, as with transports, but the lengths of the handshake are bounded. What the description leaves open differs
// between programs, and is drawn: how long paddings are, which of the first messages go together, and what follows. One
// program's captures have but its own habits. The same seed gives the same flows.
func SimulatedMSE(n int, seed uint64) []flowtable.Record {
	s := mse{simulation{r: rand.New(rand.NewPCG(seed, 0)), meter: payload.NewMeter()}}
	return s.records(n, s.flow)
}

// mse draws flows.
type mse struct{ simulation }

// flow draws a flow.
func (s *mse) flow() {
	s.send(1, mseKey+s.pad())
	s.send(-1, mseKey+s.pad())
	third, fourth := mseThird+mseThirdEnd, mseFourth
	if s.likely(.5) { // else the program pads no more
		third += s.pad()
	}
	if s.likely(.5) {
		fourth += s.pad()
	}
	switch s.r.IntN(3) { // the initiator's handshake: within the third message, right after it, or after the answer
	case 0:
		s.send(1, third+btHandshake)
		s.answer(fourth)
	case 1:
		s.send(1, third)
		s.send(1, btHandshake)
		s.answer(fourth)
	default:
		s.send(1, third)
		s.send(-1, fourth)
		s.send(1, btHandshake)
		s.messages(-1, btHandshake)
		s.messages(1, 0) // which extensions there are is known now
	}
	s.transfer()
}

// answer sends the fourth message and the other handshake, together or not.
func (s *mse) answer(fourth int) {
	if s.likely(.5) {
		s.messages(-1, fourth+btHandshake)
	} else {
		s.send(-1, fourth)
		s.messages(-1, btHandshake)
	}
	s.messages(1, 0)
}

// messages sends first, and what a peer says at the beginning: extensions, what it has, choices; each by itself or with the one
// before.
func (s *mse) messages(side, first int) {
	held := first
	say := func(bytes int) {
		if held > 0 && s.likely(.4) {
			s.send(side, held)
			held = 0
		}
		held += bytes
	}
	if s.likely(.6) {
		say(6 + s.between(50, 450)) // extended handshake
	}
	switch s.r.IntN(3) {
	case 0:
		say(5) // all or nothing
	case 1:
		say(5 + int(math.Exp2(11*s.r.Float64()))) // bit field
	}
	if s.likely(.3) {
		say(7) // port
	}
	for range s.r.IntN(4) {
		say([]int{5, 9, 17}[s.r.IntN(3)])
	}
	if held > 0 {
		s.send(side, held)
	}
}

// transfer sends requests one way and blocks the other, or nothing more.
func (s *mse) transfer() {
	side := 1 - 2*s.r.IntN(2)
	for range s.r.IntN(4) {
		s.send(-side, []int{5, 9}[s.r.IntN(2)])
		s.send(side, 17*s.between(1, 30))
		s.send(-side, btBlock)
	}
}

func (s *mse) pad() int { return s.r.IntN(mseMostPad + 1) }
