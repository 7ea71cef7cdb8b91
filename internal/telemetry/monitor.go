package telemetry

import (
	"sync"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/sensor"
)

// Books are what a live run says of itself at one moment. Whoever has them does not change them.
type Books struct {
	Capturing bool // the sources are open, and the run has not been asked to end
	Ledger    sensor.Ledger
	Sources   []Source
	Busy      []time.Duration          // of each shard: what it has spent on packets it had read
	Outputs   map[string]output.Status // by what is written where
	Reloads   Reloads
}

// Reloads say how often the configuration, and what else can be read again, was read again. The times are those of the
// last one, zero where there was none.
type Reloads struct {
	Succeeded, Failed         uint64
	LastSucceeded, LastFailed time.Time
}

// Add counts a reload that ended at a time, with an error or without.
func (r *Reloads) Add(at time.Time, err error) {
	if err != nil {
		r.Failed, r.LastFailed = r.Failed+1, at
		return
	}
	r.Succeeded, r.LastSucceeded = r.Succeeded+1, at
}

// Source is what one interface gives to one shard.
type Source struct {
	Shard int
	capture.Stats
}

// Monitor asks a run for its books, which takes an answer of every shard. However many want to know, there is one
// question under way at a time, and nobody waits for longer than they say. Any goroutine may call its methods.
type Monitor struct {
	ask func() Books

	mu    sync.Mutex
	asked chan struct{} // closed when the question under way is answered; nil: there is none
	last  *Books        // nil: no question was answered so far
	at    time.Time     // of last
}

// NewMonitor returns a monitor of the run that ask asks. ask may take as long as it likes, and is called on a goroutine
// of its own.
func NewMonitor(ask func() Books) *Monitor { return &Monitor{ask: ask} }

// Look returns the latest books, nil where there are none so far, and how old they are. Where no answer comes within wait,
// answered is false, and the books are those of an earlier one.
func (m *Monitor) Look(wait time.Duration) (books *Books, age time.Duration, answered bool) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-m.question():
		answered = true
	case <-timer.C:
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last != nil {
		age = time.Since(m.at)
	}
	return m.last, age, answered
}

// question returns what is closed when the question under way is answered. Where there is none, it asks.
func (m *Monitor) question() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.asked != nil {
		return m.asked
	}
	asked := make(chan struct{})
	m.asked = asked
	go func() {
		books := m.ask()
		m.mu.Lock()
		m.last, m.at, m.asked = &books, time.Now(), nil
		m.mu.Unlock()
		close(asked)
	}()
	return asked
}
