package research

import (
	"math/rand/v2"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/payload"
)

// SimulatedTransports returns starts of flows of Shadowsocks, VMess over TCP, obfs3, obfs4 and ScrambleSuit, made from their
// descriptions: what goes through them, with the bytes that each protocol adds to it. What goes through are exchanges like those
// of TLS, HTTP, SSH and of people who talk, of lengths that are drawn. The same seed gives the same flows.
func SimulatedTransports(n int, seed uint64) []flowtable.Record {
	s := proxied{simulation: simulation{r: rand.New(rand.NewPCG(seed, 1)), meter: payload.NewMeter()}}
	return s.records(n, s.flow)
}

// proxied draws flows.
type proxied struct {
	simulation
	proxy
	head [2]int // bytes before the next chunk, up and down
}

// proxy is what a protocol adds, in bytes.
type proxy struct {
	flight [2]int // its handshake of each side, at least and at most; 0: none
	head   [2]int // before the first chunk of each side, but for the address
	chunk  int    // to each chunk
	pad    int    // to each chunk, at most, drawn
	most   int    // of a chunk
}

// proxies are Shadowsocks by the length of its salt or initial value, with authentication and without, its edition of 2022,
// VMess, with and without padding of chunks, obfs4, obfs3, whose padding comes before the handshake's end and before the first
// data, and ScrambleSuit.
var proxies = []proxy{
	{head: [2]int{16, 16}, chunk: 34, most: 0x3fff}, {head: [2]int{24, 24}, chunk: 34, most: 0x3fff},
	{head: [2]int{32, 32}, chunk: 34, most: 0x3fff}, {head: [2]int{32, 32}, chunk: 34, most: 0x3fff},
	{head: [2]int{8, 8}, most: 1 << 20}, {head: [2]int{12, 12}, most: 1 << 20}, {head: [2]int{16, 16}, most: 1 << 20},
	{head: [2]int{16 + 27 + 18, 16 + 43}, chunk: 34, most: 0xffff}, {head: [2]int{32 + 27 + 18, 32 + 59}, chunk: 34, most: 0xffff},
	{head: [2]int{16 + 18 + 8 + 57, 38}, chunk: 18, most: 8192}, {head: [2]int{16 + 18 + 8 + 65, 38}, chunk: 18, pad: 63, most: 8192},
	{flight: [2]int{141, 8192}, chunk: 21, pad: 1448, most: 1427}, {flight: [2]int{141, 8192}, chunk: 21, pad: 1448, most: 1427},
	{flight: [2]int{141, 8192}, chunk: 21, pad: 1448, most: 1427}, {flight: [2]int{192, 192 + 4097}, head: [2]int{32, 32}, most: 1 << 20},
	{flight: [2]int{192, 192 + 4097}, head: [2]int{32, 32}, most: 1 << 20}, {flight: [2]int{224, 224 + 1308}, chunk: 21, pad: 1448, most: 1427},
}

func (s *proxied) flow() {
	s.proxy = proxies[s.r.IntN(len(proxies))]
	s.head = s.proxy.head
	if s.flight[0] > 0 {
		s.send(1, s.between(s.flight[0], s.flight[1]))
		s.send(-1, s.between(s.flight[0], s.flight[1]))
	} else {
		s.head[0] += []int{7, 19, 4 + s.between(6, 40)}[s.r.IntN(3)] // address: IPv4, IPv6 or a name
		if s.likely(.1) {
			s.write(1, 0) // the address before what is proxied
		}
	}
	switch s.r.IntN(5) {
	case 0:
		s.tls()
	case 1:
		s.exchange(s.between(1, 4), 60, 1500, 100, 60_000)
	case 2:
		s.ssh()
	case 3:
		s.poll()
	default:
		s.exchange(s.between(3, 12), 1, 600, 1, 900)
	}
}

// exchange writes requests and answers of lengths whose logarithm is uniform.
func (s *proxied) exchange(times, up, mostUp, down, mostDown int) {
	for range times {
		s.write(1, s.log(up, mostUp))
		for range 1 + s.r.IntN(2) {
			s.write(-1, s.log(down, mostDown))
		}
	}
}

func (s *proxied) tls() {
	s.write(1, []int{s.between(180, 320), 517, s.between(500, 750), s.between(1500, 1900)}[s.r.IntN(4)])
	if s.likely(.2) {
		s.write(-1, s.between(140, 260)) // resumed
	} else {
		s.write(-1, s.between(1200, 5500))
	}
	s.write(1, s.between(60, 160))
	if s.likely(.5) {
		s.write(-1, s.between(50, 600))
	}
	s.exchange(s.between(1, 4), 60, 2000, 60, 60_000)
}

// poll asks the same again and again.
func (s *proxied) poll() {
	question, answer := s.log(30, 800), s.log(30, 800)
	for range s.between(3, 12) {
		s.write(1, question)
		s.write(-1, answer)
	}
}

func (s *proxied) ssh() {
	for _, lengths := range [][2]int{{15, 45}, {700, 1700}, {48, 1300}} {
		s.write(1, s.between(lengths[0], lengths[1]))
		s.write(-1, s.between(lengths[0], lengths[1]))
	}
	s.exchange(s.between(3, 8), 16, 200, 16, 700)
}

// write writes what is proxied in chunks, all at once.
func (s *proxied) write(side, bytes int) {
	d := (1 - side) / 2
	sum := s.head[d] + bytes
	s.head[d] = 0
	for ; bytes > 0; bytes -= s.most {
		sum += s.chunk
		if s.pad > 0 {
			sum += s.r.IntN(s.pad + 1)
		}
	}
	s.send(side, sum)
}
