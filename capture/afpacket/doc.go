// Package afpacket captures from a network interface of Linux through AF_PACKET sockets with TPACKET_V3 rings
// (packet(7), Documentation/networking/packet_mmap.rst of the kernel).
//
// Open gives one Ring or several, each to be read by a goroutine of its own. A ring is memory that the kernel and the
// reader share, divided into blocks: the kernel fills a block and hands it over when it is full or old enough
// (block_timeout), Read hands its frames out where they lie, and the next Read gives the block back. Nothing is copied,
// and one wait serves some thousand frames. The package speaks with the kernel by golang.org/x/sys/unix: a packet of
// gopacket/afpacket is valid until the next one, so that a batch of them takes a copy of each, and three times the CPU
// (BenchmarkRing: 0.021 s for a million packets of 336 bytes, 0.056 s with gopacket and copies); it knows no fanout by a
// program either.
//
// Several rings share an interface as a fanout group, whose BPF program hashes the two IP addresses, whichever comes
// first, so that both directions of a pair of hosts and all its fragments meet in one ring: see spread.
//
// What is captured is what comes in and what goes out. A mirror port only has the former; on the loopback interface,
// where each packet is both, the latter is left out. The kernel takes the outer VLAN tag off a frame before anybody
// sees it. Read puts it back, and a filter is rewritten to find it where it was: see tagged.
package afpacket
