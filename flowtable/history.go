package flowtable

// History is Zeek's history string of one connection, five bits a letter, the first letter lowest; at most 36
// letters are kept. The zero value is the empty history.
type History [3]uint64

// Append appends the letters to dst and returns it.
func (h History) Append(dst []byte) []byte {
	for _, w := range h {
		for ; w != 0; w >>= 5 {
			dst = append(dst, historyLetters[w&31])
		}
	}
	return dst
}

// historyLetters: code 0 is none; odd codes are the client's letters, even ones the server's.
const historyLetters = "\x00SsHhAaDdFfRrCcGgTtWwIiQq^"
