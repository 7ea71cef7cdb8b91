package telemetry

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonic returns what CLOCK_MONOTONIC says.
func monotonic() (time.Duration, error) {
	var now unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return time.Duration(now.Nano()), err
}
