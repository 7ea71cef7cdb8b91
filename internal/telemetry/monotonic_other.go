//go:build !linux

package telemetry

import (
	"errors"
	"time"
)

// monotonic returns an error: only Linux's service manager asks for it.
func monotonic() (time.Duration, error) { return 0, errors.ErrUnsupported }
