// Package transport finds pluggable transports and other fully encrypted protocols by how their flows begin.
//
//	flow record ─ Vectorizer ─▶ numbers ─ Model ─▶ log-odds ─▶ per server, over clients and hours ─▶ alert
//	          └── shapes: first flights, bursts, opcodes, poll ladders ──────────┘
//
// Nothing that is looked at names a host, a port or a time: a model fitted on one network judges another. The same code
// makes the numbers that a model is fitted to and those that it judges, and a contract in the model file says which ones
// they are.
package transport
