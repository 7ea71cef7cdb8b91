package telemetry

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Service tells the service manager that started the process how it does, by the protocol of sd_notify(3): datagrams to
// the socket that NOTIFY_SOCKET names. Where nobody asked for it, its methods do nothing.
type Service struct {
	conn     net.Conn      // nil: nobody asked
	interval time.Duration // within which the manager wants to hear of the process; 0: it does not
}

// NewService returns the service that the environment ("NAME=value" each) describes.
func NewService(environ []string) (*Service, error) {
	vars := map[string]string{}
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		vars[name] = value
	}
	s := &Service{}
	path := vars["NOTIFY_SOCKET"]
	if path == "" {
		return s, nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"}) // @ begins an abstract name
	if err != nil {
		return s, fmt.Errorf("open NOTIFY_SOCKET: %w", err)
	}
	s.conn = conn
	// The variables are inherited: WATCHDOG_PID says whom they are for.
	if pid := vars["WATCHDOG_PID"]; pid == "" || pid == strconv.Itoa(os.Getpid()) {
		if usec, err := strconv.ParseInt(vars["WATCHDOG_USEC"], 10, 64); err == nil && usec > 0 {
			s.interval = time.Duration(min(usec, int64(time.Hour/time.Microsecond))) * time.Microsecond
		}
	}
	return s, nil
}

// Ready says that packets are captured.
func (s *Service) Ready() error { return s.tell("READY=1\nSTATUS=capturing") }

// Reloading says that the configuration is being read again, until Reloaded. The manager wants to know since when, by the
// clock that the system has counted from its start (CLOCK_MONOTONIC).
func (s *Service) Reloading() error {
	if s.conn == nil {
		return nil
	}
	since, err := monotonic()
	if err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	return s.tell(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", since.Microseconds()))
}

// Reloaded says that packets are captured, and whether with what was read again.
func (s *Service) Reloaded(err error) error {
	if err == nil {
		return s.Ready()
	}
	return s.tell("READY=1\nSTATUS=capturing; the last reload failed and changed nothing")
}

// Stopping says that the end has begun.
func (s *Service) Stopping() error { return s.tell("STOPPING=1\nSTATUS=writing what is left") }

// Watch says that the process works, at half the interval, while the shards answer within a quarter of it. Once stopping
// is closed, it says so in any case: shards that end do not answer, and the manager has a time limit for that. It returns
// when done is closed.
func (s *Service) Watch(m *Monitor, stopping, done <-chan struct{}) {
	if s.conn == nil || s.interval == 0 {
		return
	}
	ticker := time.NewTicker(s.interval / 2)
	defer ticker.Stop()
	for {
		if s.works(m, stopping) {
			s.tell("WATCHDOG=1") // what is not heard the manager acts upon
		}
		select {
		case <-done:
			return
		case <-ticker.C:
		}
	}
}

func (s *Service) works(m *Monitor, stopping <-chan struct{}) bool {
	if _, _, answered := m.Look(s.interval / 4); answered {
		return true
	}
	select {
	case <-stopping:
		return true
	default:
		return false
	}
}

func (s *Service) tell(what string) error {
	if s.conn == nil {
		return nil
	}
	if _, err := s.conn.Write([]byte(what)); err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	return nil
}

// Close closes the socket.
func (s *Service) Close() error {
	if s.conn == nil {
		return nil
	}
	return s.conn.Close()
}
