// Package exfiltration finds clients that send out far more than they fetch and than their peers do, the same the other way
// round, and DNS queries that carry data.
package exfiltration
