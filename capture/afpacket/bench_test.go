//go:build linux

package afpacket

import (
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/internal/sendtest"
)

// BenchmarkRing reads, and only looks at the lengths, while a sender on another CPU sends as fast as it can. What the
// kernel does to put a packet into the ring is the sender's time. It fails when a packet is lost.
func BenchmarkRing(b *testing.B) {
	netnstest.Thread(b)
	netnstest.Pair(b, "near", "far")
	rings, err := Open("near", 1, DefaultConfig(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer rings[0].Close()
	s, err := sendtest.NewSender("far", true)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	rnd := rand.New(rand.NewPCG(27, 28))
	list := packets(rnd, 4096)
	for i := range list {
		list[i].payload, list[i].tags = 4+rnd.IntN(564), nil // 328 bytes on average
	}
	frames := frames(list)
	type result struct {
		packets, bytes int
		cpu            time.Duration
		err            error
	}
	done := make(chan result)
	b.ResetTimer()
	go func() {
		runtime.LockOSThread()
		var r result
		from := threadTime()
		batch := capture.Batch{Frames: make([]capture.Frame, 0, 4096)}
		for r.err != io.EOF {
			if r.err = rings[0].Read(&batch); r.err == nil || r.err == capture.ErrIdle {
				for i := range batch.Frames {
					r.bytes += int(batch.Frames[i].Len)
				}
				r.packets += len(batch.Frames)
			}
		}
		r.cpu = threadTime() - from
		done <- r
	}()
	for left := b.N; left > 0; left -= len(frames) {
		if err := s.Send(frames[:min(left, len(frames))]); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	rings[0].Interrupt()
	r := <-done
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "packets/s")
	b.ReportMetric(r.cpu.Seconds()/float64(b.N)*1e6, "cpu-s/Mpacket")
	b.ReportMetric(float64(r.bytes)/float64(r.packets), "bytes/packet")
	if r.packets != b.N {
		b.Errorf("%d packets read of %d: %+v", r.packets, b.N, rings[0].Stats())
	}
}

// threadTime is the time that the calling thread has had of a CPU.
func threadTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
