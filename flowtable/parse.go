package flowtable

import "strings"

// ParseHistory is the inverse of Append: it returns the history of the letters, of which those beyond the 36th are left
// out. It is false where one of them is no letter of a history.
func ParseHistory(letters []byte) (h History, ok bool) {
	for i, c := range letters {
		code := strings.IndexByte(historyLetters, c)
		if code <= 0 {
			return History{}, false
		}
		if word := i / lettersPerWord; word < len(h) {
			h[word] |= uint64(code) << (5 * (i % lettersPerWord))
		}
	}
	return h, true
}

// ParseConnState is the inverse of String.
func ParseConnState(name string) (ConnState, bool) { return named(name, SHR) }

// ParseState is the inverse of String.
func ParseState(name string) (State, bool) { return named(name, Reset) }

// ParseClientBy is the inverse of String.
func ParseClientBy(name string) (ClientBy, bool) { return named(name, ByFirst) }

// ParseEndReason is the inverse of String.
func ParseEndReason(name string) (EndReason, bool) { return named(name, EndReasons-1) }

// named returns the value up to last that has a name.
func named[T interface {
	~uint8
	String() string
}](name string, last T) (v T, ok bool) {
	for ; v <= last; v++ {
		if v.String() == name {
			return v, true
		}
	}
	return 0, false
}
