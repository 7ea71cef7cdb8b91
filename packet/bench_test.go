package packet

import (
	"fmt"
	"testing"
)

// BenchmarkDecode: one frame of each kind, in the cache.
func BenchmarkDecode(b *testing.B) {
	for _, s := range allSamples() {
		switch s.name {
		case "ethernet", "ethernet ipv6", "udp", "802.1q", "mpls", "sll", "raw", "hop by hop", "later fragment", "icmp echo", "vxlan":
		default:
			continue
		}
		b.Run(s.name, func(b *testing.B) {
			var p Packet
			for b.Loop() {
				Decode(&p, s.link, s.frame, uint32(len(s.frame)), s.opt)
			}
		})
	}
}

// BenchmarkDecodeChecksums: a TCP segment of 1460 bytes with its checksum verified.
func BenchmarkDecodeChecksums(b *testing.B) {
	frame := eth(0x0800, v4(ProtoTCP, tcp4(string(make([]byte, 1460)))))
	b.SetBytes(int64(len(frame)))
	var p Packet
	for b.Loop() {
		Decode(&p, LinkEthernet, frame, uint32(len(frame)), Options{Checksums: true})
	}
}

var sink uint32

func BenchmarkSum16(b *testing.B) {
	for _, n := range []int{20, 64, 512, 1460, 9000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			data := make([]byte, n)
			b.SetBytes(int64(n))
			for b.Loop() {
				sink += uint32(sum16(data, 0))
			}
		})
	}
}

func BenchmarkPairHash(b *testing.B) {
	for _, s := range allSamples() {
		switch s.name {
		case "ethernet", "ethernet ipv6", "802.1q", "mpls", "vxlan":
		default:
			continue
		}
		b.Run(s.name, func(b *testing.B) {
			for b.Loop() {
				sink += PairHash(s.link, s.frame, 0, s.opt)
			}
		})
	}
}

func BenchmarkCommunityID(b *testing.B) {
	id := make([]byte, 0, 64)
	for b.Loop() {
		id = AppendCommunityID(id[:0], 0, 4, ProtoTCP, addr1, addr2, 1234, 80, false)
	}
}
