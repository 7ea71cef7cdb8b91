package main

import (
	"fmt"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/sensor"
)

// frameFilter applies the configuration's filter to frames of any link types, for commands without a pipeline.
type frameFilter struct {
	compile  func(link uint16) (sensor.Matcher, error) // nil: everything passes
	matchers map[uint16]sensor.Matcher                 // by link type
}

// match says whether a frame passes. The error is that of a filter that does not compile for the link type.
func (t *frameFilter) match(f *capture.Frame, frame []byte) (bool, error) {
	if t.compile == nil {
		return true, nil
	}
	m := t.matchers[f.Link]
	if m == nil {
		var err error
		if m, err = t.compile(f.Link); err != nil {
			return false, fmt.Errorf("compile filter for link type %d: %w", f.Link, err)
		}
		if t.matchers == nil {
			t.matchers = map[uint16]sensor.Matcher{}
		}
		t.matchers[f.Link] = m
	}
	return m.Match(frame, f.Wire), nil
}
