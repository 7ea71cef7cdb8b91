package afpacket

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/net/bpf"
)

// Config is the settings of the rings on one interface.
type Config struct {
	RingSize     int           `mapstructure:"ring_size"`     // bytes of each ring, rounded down to whole blocks
	BlockSize    int           `mapstructure:"block_size"`    // bytes of a block, a multiple of 65536
	BlockTimeout time.Duration `mapstructure:"block_timeout"` // a block is handed over when it is this old, full or not
	Poll         time.Duration `mapstructure:"poll"`          // how long Read waits for a block at most
	Snaplen      int           `mapstructure:"snaplen"`       // bytes captured of a frame at most
	Promiscuous  bool          `mapstructure:"promiscuous"`   // also what is for other stations
	Timestamps   string        `mapstructure:"timestamps"`    // kernel, or hardware: by the network card
}

// The bounds of the settings.
const (
	BlockUnit = 64 << 10 // a multiple of every page size
	// minBlocks is how many a ring needs: from four on, the kernel looks for room a quarter of the ring ahead. In a
	// smaller one it finds none in the moment in which a block is handed over, and drops packets though blocks are free:
	// see TestSmallRings.
	minBlocks       = 4
	MaxBlockSize    = 16 << 20
	MaxRingSize     = 2 << 30 // the kernel wants less than 4 GiB
	MinBlockTimeout = time.Millisecond
	// MaxBlockTimeout keeps a packet, which may wait for twice as long, within the half second that packet time stays
	// behind the clock while nothing arrives.
	MaxBlockTimeout = 200 * time.Millisecond
	MinPoll         = time.Millisecond
	MaxPoll         = time.Second
	MinSnaplen      = 64
	blockOverhead   = 256 // at least the headers of a block and of a frame
)

// Where timestamps come from.
const (
	KernelTimestamps   = "kernel"
	HardwareTimestamps = "hardware"
)

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		RingSize: 64 << 20, BlockSize: 4 << 20, BlockTimeout: 100 * time.Millisecond, Poll: 100 * time.Millisecond,
		Snaplen: 262144, Promiscuous: true, Timestamps: KernelTimestamps,
	}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y". Whether the memory is there and the card
// has timestamps is known only when the rings open.
func (c Config) Validate() error {
	var problems []error
	check := func(ok bool, key string, got any, want string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf("%s: got %v, want "+want, append([]any{key, got}, args...)...))
		}
	}
	block := c.BlockSize >= BlockUnit && c.BlockSize <= MaxBlockSize && c.BlockSize%BlockUnit == 0
	check(block, "block_size", c.BlockSize, "a multiple of %d up to %d", BlockUnit, MaxBlockSize)
	if block {
		least := minBlocks * c.BlockSize
		check(c.RingSize >= least && c.RingSize <= MaxRingSize, "ring_size", c.RingSize, "%d (four blocks) to %d", least, MaxRingSize)
		check(c.Snaplen >= MinSnaplen && c.Snaplen <= c.BlockSize-blockOverhead, "snaplen", c.Snaplen,
			"%d to %d (what fits in a block)", MinSnaplen, c.BlockSize-blockOverhead)
	}
	check(c.BlockTimeout >= MinBlockTimeout && c.BlockTimeout <= MaxBlockTimeout, "block_timeout", c.BlockTimeout,
		"%v to %v", MinBlockTimeout, MaxBlockTimeout)
	check(c.Poll >= MinPoll && c.Poll <= MaxPoll, "poll", c.Poll, "%v to %v", MinPoll, MaxPoll)
	check(c.Timestamps == KernelTimestamps || c.Timestamps == HardwareTimestamps, "timestamps",
		fmt.Sprintf("%q", c.Timestamps), "%s or %s", KernelTimestamps, HardwareTimestamps)
	return errors.Join(problems...)
}

// Options are what Open needs besides its configuration.
type Options struct {
	Iface uint16 // becomes Frame.Iface

	// Seed chooses the ring of each pair of hosts: the same for several interfaces with as many rings, where it is the
	// same. What it is, nobody should be able to guess.
	Seed uint32

	// Filter is a program for frames of the interface's link type as they are in a capture file, VLAN tags included;
	// the packets that it returns 0 for are neither captured nor counted. Empty: everything passes. It is only read.
	Filter []bpf.RawInstruction
}
