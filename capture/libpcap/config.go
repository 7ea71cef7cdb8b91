package libpcap

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config says how an interface is opened. What the platform does not have is an error of Open.
type Config struct {
	Buffer      int           `mapstructure:"buffer"`      // bytes that the kernel keeps until they are read
	Snaplen     int           `mapstructure:"snaplen"`     // bytes captured of a frame at most
	Promiscuous bool          `mapstructure:"promiscuous"` // also frames for others; Any never does
	Immediate   bool          `mapstructure:"immediate"`   // each packet at once; the buffer then has room for Buffer/Snaplen of them
	Timestamps  string        `mapstructure:"timestamps"`  // whose clock, from Timestamps
	Poll        time.Duration `mapstructure:"poll"`        // how long packets may gather, and Read may wait for one
}

// The bounds of Config. A packet, which may wait for twice maxPoll, is read within the half second that packet time stays
// behind the clock.
const (
	minBuffer, maxBuffer   = 1 << 16, 1 << 30 // libpcap counts in an int
	minSnaplen, maxSnaplen = 64, 262144       // libpcap's own largest
	minPoll, maxPoll       = time.Millisecond, 200 * time.Millisecond
)

// DefaultConfig returns what suits a span port: whole frames, of everybody, a buffer for a second of a fast link.
func DefaultConfig() Config {
	return Config{Buffer: 64 << 20, Snaplen: maxSnaplen, Promiscuous: true, Timestamps: "host", Poll: 50 * time.Millisecond}
}

// Timestamps lists what may be in Config.Timestamps, as libpcap calls them (pcap-tstamp(7)). The caller owns the slice.
func Timestamps() []string {
	return []string{"host", "host_lowprec", "host_hiprec", "adapter", "adapter_unsynced"}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	var problems []error
	refuse := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.Buffer < minBuffer || c.Buffer > maxBuffer {
		refuse("buffer: got %d, want %d to %d bytes", c.Buffer, minBuffer, maxBuffer)
	}
	if c.Snaplen < minSnaplen || c.Snaplen > maxSnaplen {
		refuse("snaplen: got %d, want %d to %d bytes", c.Snaplen, minSnaplen, maxSnaplen)
	}
	if !slices.Contains(Timestamps(), c.Timestamps) {
		refuse("timestamps: got %q, want %s", c.Timestamps, strings.Join(Timestamps(), ", "))
	}
	if c.Poll < minPoll || c.Poll > maxPoll {
		refuse("poll: got %v, want %v to %v", c.Poll, minPoll, maxPoll)
	}
	return errors.Join(problems...)
}
