package telemetry_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-sensor/weir/internal/telemetry"
)

// manager is a service manager's socket.
func manager(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// heard returns the next message, or fails the test where none comes within two minutes.
func heard(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1000)
	n, err := conn.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func TestServiceTells(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "notify"), "@weir-test-" + strconv.Itoa(os.Getpid())} {
		conn := manager(t, name)
		s, err := telemetry.NewService([]string{"HOME=/", "NOTIFY_SOCKET=" + name})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Ready(); err != nil {
			t.Error(err)
		}
		if got := heard(t, conn); strings.Split(got, "\n")[0] != "READY=1" {
			t.Errorf("got %q, want READY=1", got)
		}
		if err := s.Stopping(); err != nil {
			t.Error(err)
		}
		if got := heard(t, conn); strings.Split(got, "\n")[0] != "STOPPING=1" {
			t.Errorf("got %q, want STOPPING=1", got)
		}
		s.Watch(always(someBooks()), nil, nil) // returns: there is no watchdog
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The watchdog hears of the process again and again, not while a shard does not answer, and then again; and in any case
// once the end has begun.
func TestServiceWatch(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	conn := manager(t, name)
	s, err := telemetry.NewService([]string{"NOTIFY_SOCKET=" + name, "WATCHDOG_USEC=20000",
		"WATCHDOG_PID=" + strconv.Itoa(os.Getpid())})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var mute atomic.Bool
	unheard, answer := make(chan bool, 1), make(chan bool)
	m := telemetry.NewMonitor(func() telemetry.Books {
		if mute.Load() {
			unheard <- true
			<-answer
		}
		return someBooks()
	})
	stopping, done, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() { defer close(ended); s.Watch(m, stopping, done) }()
	for range 3 {
		if got := heard(t, conn); got != "WATCHDOG=1" {
			t.Errorf("got %q, want WATCHDOG=1", got)
		}
	}
	mute.Store(true)
	<-unheard // a shard does not answer; what was said before is read first, up to what another says now
	other, err := telemetry.NewService([]string{"NOTIFY_SOCKET=" + name})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Ready(); err != nil {
		t.Fatal(err)
	}
	for !strings.HasPrefix(heard(t, conn), "READY=1") {
	}
	if n := silent(t, conn, 5*20*time.Millisecond); n > 0 {
		t.Errorf("got %d bytes while a shard does not answer, want none", n)
	}
	close(stopping)
	if got := heard(t, conn); got != "WATCHDOG=1" {
		t.Errorf("stopping: got %q, want WATCHDOG=1", got)
	}
	close(done)
	<-ended
	answer <- true
}

// silent returns the length of the next message within that time, 0 where there is none.
func silent(t *testing.T, conn *net.UnixConn, within time.Duration) int {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	n, err := conn.Read(make([]byte, 100))
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	return n
}

func TestServiceUnasked(t *testing.T) {
	s, err := telemetry.NewService([]string{"WATCHDOG_USEC=1"})
	if err != nil || s.Ready() != nil || s.Stopping() != nil || s.Close() != nil {
		t.Errorf("got %v, want nothing done", err)
	}
	s.Watch(always(someBooks()), nil, nil)
	s, err = telemetry.NewService([]string{"NOTIFY_SOCKET=/no/such/socket"})
	if err == nil || !strings.HasPrefix(err.Error(), "open NOTIFY_SOCKET: ") || s.Ready() != nil {
		t.Errorf("got %v, want open NOTIFY_SOCKET: ..., and a service that does nothing", err)
	}
	name := filepath.Join(t.TempDir(), "notify")
	manager(t, name)
	other, err := telemetry.NewService([]string{"NOTIFY_SOCKET=" + name, "WATCHDOG_USEC=1", "WATCHDOG_PID=1"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.Watch(always(someBooks()), nil, nil) // returns: the watchdog is another process's
}
