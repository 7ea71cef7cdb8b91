package afpacket

import (
	"testing"
	"time"
)

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for want, change := range map[string]func(c *Config){
		"block_size: got 65535, want a multiple of 65536 up to 16777216":               func(c *Config) { c.BlockSize = 65535 },
		"block_size: got 33554432, want a multiple of 65536 up to 16777216":            func(c *Config) { c.BlockSize = 32 << 20 },
		"ring_size: got 16777215, want 16777216 (four blocks) to 2147483648":           func(c *Config) { c.RingSize = 16<<20 - 1 },
		"ring_size: got 2147483649, want 16777216 (four blocks) to 2147483648":         func(c *Config) { c.RingSize = 2<<30 + 1 },
		"snaplen: got 63, want 64 to 4194048 (what fits in a block)":                   func(c *Config) { c.Snaplen = 63 },
		"snaplen: got 65536, want 64 to 65280 (what fits in a block)":                  func(c *Config) { c.Snaplen, c.BlockSize = 65536, 65536 },
		"block_timeout: got 999µs, want 1ms to 200ms":                                  func(c *Config) { c.BlockTimeout = 999 * time.Microsecond },
		"poll: got 1.001s, want 1ms to 1s":                                             func(c *Config) { c.Poll = 1001 * time.Millisecond },
		"timestamps: got \"\", want kernel or hardware":                                func(c *Config) { c.Timestamps = "" },
		"poll: got 0s, want 1ms to 1s\ntimestamps: got \"x\", want kernel or hardware": func(c *Config) { c.Poll, c.Timestamps = 0, "x" },
	} {
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}
