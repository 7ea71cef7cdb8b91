package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"
)

const (
	// healthWait is how long the shards have to answer for the process to be well.
	healthWait = 5 * time.Second

	// Whatever strangers can make the server hold or do.
	maxConnections = 32
	maxScrapes     = 4       // at a time; others get status 503
	maxHeader      = 8 << 10 // bytes of a request
	readTimeout    = 5 * time.Second
	writeTimeout   = 15 * time.Second // of which healthWait may go by first
	idleTimeout    = time.Minute

	// closeWait is how long answers under way have at the end.
	closeWait = time.Second
)

// Server answers GET and HEAD of /metrics, /healthz and /readyz. Its methods are called by one goroutine.
type Server struct {
	listener net.Listener // nil: off
	http     *http.Server // nil: Serve was not called
}

// Listen opens the port, so that one in use is known before anything else starts. Connections wait until Serve. The
// configuration must be valid; where it says off, the server does nothing.
func Listen(c Config) (*Server, error) {
	if c.Listen == "" {
		return &Server{}, nil
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err // without the address, which is there already
		}
		return nil, fmt.Errorf("telemetry.listen: listen on %s: %w", c.Listen, err)
	}
	return &Server{listener: l}, nil
}

// Addr returns where the server listens, "" where it is off.
func (s *Server) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Serve begins to answer, until Close. The log is told of requests that end in a panic, and of connections that cannot be
// accepted.
func (s *Server) Serve(m *Monitor, build Build, log *slog.Logger) {
	if s.listener == nil {
		return
	}
	s.http = &http.Server{
		Handler:           Handler(m, build),
		ReadTimeout:       readTimeout,
		ReadHeaderTimeout: readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	go func() {
		if err := s.http.Serve(netutil.LimitListener(s.listener, maxConnections)); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are no longer served", "problem", err)
		}
	}()
}

// Close stops answering and frees the port. Answers under way have a second.
func (s *Server) Close() error {
	switch {
	case s.listener == nil:
		return nil
	case s.http == nil:
		return s.listener.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeWait)
	defer cancel()
	if err := s.http.Shutdown(ctx); err == nil {
		return nil
	}
	return s.http.Close()
}

// Handler returns what answers the requests.
func Handler(m *Monitor, build Build) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(NewRegistry(m, build), promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, problem := m.health()
		answer(w, problem)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, m.ready()) })
	return mux
}

// answer says ok, or with status 503 what the problem is.
func answer(w http.ResponseWriter, problem string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if problem != "" {
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, problem+"\n")
		return
	}
	io.WriteString(w, "ok\n")
}

// health returns the books, and why the process does not work, or "".
func (m *Monitor) health() (*Books, string) {
	books, age, answered := m.Look(healthWait)
	switch {
	case answered:
		return books, ""
	case books == nil:
		return nil, "no shard has answered so far"
	}
	return books, fmt.Sprintf("a shard has not answered for %s", age.Round(time.Second))
}

// ready returns why the run does not capture and write, or "".
func (m *Monitor) ready() string {
	books, problem := m.health()
	if problem != "" {
		return problem
	}
	if !books.Capturing {
		return "not capturing"
	}
	for _, name := range books.outputs() {
		if books.Outputs[name].Stuck {
			return "stuck: " + name
		}
	}
	return ""
}
