// Package payload measures the bytes of one payload: their entropy, the bits set, and what of them is printable.
package payload
