// Package telemetry tells others how a live run does: Prometheus metrics and health over HTTP, and readiness and a
// watchdog to systemd.
//
// All is read from the run's own books when somebody asks (see Monitor), so that nothing is counted twice and the packet
// path knows nothing of it. Labels come from closed sets, never from traffic: see Table.
package telemetry
