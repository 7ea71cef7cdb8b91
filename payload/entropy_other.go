//go:build !amd64

package payload

func hasVectors() bool { return false }

func sumVectors([]byte, *parts, *[tableBytes + 1]int64, *[8]int64) {
	panic("bug: this processor cannot count in vectors")
}
