package packet

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/pcapgo"
)

// sharedData returns the directory of real captures, or skips the test where there is none. They lie beside the
// module's root; WEIR_SHARED names another place for their parent.
func sharedData(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("WEIR_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	dir = filepath.Join(dir, "data")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no real captures: %v", err)
	}
	return dir
}

// captures calls f with the path of every file that may be a capture under dir.
func captures(t *testing.T, dir string, f func(path string)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".pcap", ".pcapng", ".cap", ".trace", ".gz", ".mcap", ".dmp":
			f(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// readCapture calls f with every frame of a pcap or pcapng file up to the first error. The frame is borrowed.
func readCapture(path string, f func(link uint16, frame []byte, wire uint32)) {
	file, err := os.Open(path)
	if err != nil {
		return
	}
	defer file.Close()
	r := bufio.NewReader(file)
	if magic, _ := r.Peek(2); bytes.Equal(magic, h("1f8b")) {
		zip, err := gzip.NewReader(r)
		if err != nil {
			return
		}
		r = bufio.NewReader(zip)
	}
	next := func() (uint16, []byte, gopacket.CaptureInfo, error) { return 0, nil, gopacket.CaptureInfo{}, io.EOF }
	if magic, _ := r.Peek(4); bytes.Equal(magic, h("0a0d0d0a")) {
		if ng, err := pcapgo.NewNgReader(r, pcapgo.NgReaderOptions{WantMixedLinkType: true}); err == nil {
			next = func() (uint16, []byte, gopacket.CaptureInfo, error) {
				data, info, err := ng.ReadPacketData()
				if err != nil {
					return 0, nil, info, err
				}
				port, err := ng.Interface(info.InterfaceIndex)
				return uint16(port.LinkType), data, info, err
			}
		}
	} else if pcap, err := pcapgo.NewReader(r); err == nil {
		pcap.SetSnaplen(1 << 20) // many files break their own promise
		next = func() (uint16, []byte, gopacket.CaptureInfo, error) {
			data, info, err := pcap.ReadPacketData()
			return uint16(pcap.LinkType()), data, info, err
		}
	}
	for {
		link, frame, info, err := next()
		if err != nil {
			return
		}
		f(link, frame, uint32(info.Length))
	}
}

// TestCaptures runs every real frame through the decoder: each has a verdict, a reused Packet equals a fresh one, the
// payload lies inside the frame, and the pair hash is that of the decoded addresses, in both directions and spread
// evenly over shards.
func TestCaptures(t *testing.T) {
	dir := sharedData(t)
	files, frames := 0, 0
	var verdicts [Verdicts]int
	pairs := map[[2]Addr]uint32{}
	var dirty Packet
	captures(t, dir, func(path string) {
		files++
		readCapture(path, func(link uint16, frame []byte, wire uint32) {
			frames++
			for _, opt := range []Options{{}, {Tunnels: AllTunnels, Checksums: true}} {
				var p Packet
				v := Decode(&p, link, frame, wire, opt)
				if again := Decode(&dirty, link, frame, wire, opt); again != v || dirty != p {
					t.Errorf("%s: reused %v %+v, fresh %v %+v", path, again, dirty, v, p)
				}
				verdicts[v]++
				if v != OK {
					continue
				}
				if int(p.PayloadOff+p.PayloadCap) > len(frame) || p.PayloadCap > p.PayloadLen {
					t.Errorf("%s: payload outside the frame: %+v", path, p)
				}
				got := PairHash(link, frame, wire, opt)
				if want := HashPair(p.Src, p.Dst); got != want || HashPair(p.Dst, p.Src) != want {
					t.Errorf("%s: pair hash %x, want %x: %+v", path, got, want, p)
				}
				a, b := p.Src, p.Dst
				if b.Less(a) {
					a, b = b, a
				}
				pairs[[2]Addr{a, b}] = got
			}
		})
	})
	t.Logf("%d files, %d frames", files, frames)
	for v, n := range verdicts {
		t.Logf("%7d %v", n, Verdict(v))
	}
	if frames == 0 {
		t.Fatal("not one frame")
	}
	hashes := make([]uint32, 0, len(pairs))
	for _, hash := range pairs {
		hashes = append(hashes, hash)
	}
	checkSpread(t, hashes)
}
