// Package resident has memory there before it is used.
package resident
