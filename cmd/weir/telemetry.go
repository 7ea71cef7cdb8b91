package main

import (
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/internal/telemetry"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/sensor"
)

// reports tell others how a live run does: whoever scrapes metrics, and the service manager.
type reports struct {
	log     *slog.Logger
	server  *telemetry.Server
	service *telemetry.Service
	ended   chan struct{}
	running sync.WaitGroup

	mu      sync.Mutex
	reloads telemetry.Reloads
}

// newReports opens the port and the service manager's socket. A port that cannot be opened is a usage error.
func (l *live) newReports() (*reports, error) {
	server, err := telemetry.Listen(l.config.Telemetry)
	if err != nil {
		return nil, usageError{err}
	}
	service, err := telemetry.NewService(l.environ)
	r := &reports{log: l.log, server: server, service: service, ended: make(chan struct{})}
	r.warn(err)
	return r, nil
}

// begin says that packets are captured, and answers from now on.
func (r *reports) begin(run *sensor.Live, sources []capture.Live, meters []*meter, queues map[string]liveSink) {
	monitor := telemetry.NewMonitor(func() telemetry.Books { return r.books(run, sources, meters, queues) })
	info, _ := debug.ReadBuildInfo()
	version, commit := identity(version, commit, info)
	r.server.Serve(monitor, telemetry.Build{Version: version, Commit: commit}, r.log)
	if at := r.server.Addr(); at != "" {
		r.log.Info("serving metrics", "listen", at)
	}
	r.warn(r.service.Ready())
	r.running.Go(func() { r.service.Watch(monitor, run.Stopping(), r.ended) })
	r.running.Go(func() {
		select {
		case <-run.Stopping():
			r.warn(r.service.Stopping())
		case <-r.ended: // by a panic, before the run was
		}
	})
}

// books asks the run for what it has counted. The rings come after the shards, and the outputs last, so that nothing has
// left a stage that has not entered it.
func (r *reports) books(run *sensor.Live, sources []capture.Live, meters []*meter, queues map[string]liveSink) telemetry.Books {
	b := telemetry.Books{Capturing: true, Ledger: run.Ledger(), Outputs: map[string]output.Status{}}
	r.mu.Lock()
	b.Reloads = r.reloads
	r.mu.Unlock()
	for i, src := range sources {
		for _, part := range capture.Parts(src) {
			b.Sources = append(b.Sources, telemetry.Source{Shard: i, Stats: part.Stats()})
		}
	}
	for _, m := range meters {
		b.Busy = append(b.Busy, time.Duration(m.busy.Load()))
	}
	for name, q := range queues {
		b.Outputs[name] = q.Status()
	}
	select {
	case <-run.Stopping():
		b.Capturing = false
	default:
	}
	return b
}

// reloading says that the configuration is being read again.
func (r *reports) reloading() { r.warn(r.service.Reloading()) }

// reloaded says how that went.
func (r *reports) reloaded(err error) {
	r.mu.Lock()
	r.reloads.Add(time.Now(), err)
	r.mu.Unlock()
	r.warn(r.service.Reloaded(err))
}

// end stops answering.
func (r *reports) end() {
	close(r.ended)
	r.running.Wait()
	r.warn(errors.Join(r.server.Close(), r.service.Close()))
}

// warn logs what went wrong with telling others, which is no reason not to capture.
func (r *reports) warn(err error) {
	if err != nil {
		r.log.Warn("telemetry", "problem", err)
	}
}
