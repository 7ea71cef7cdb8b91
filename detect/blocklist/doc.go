// Package blocklist finds flows with an end on a list.
package blocklist
