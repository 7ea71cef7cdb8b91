package density

import "math"

// sort brings the places into ascending order, of equal ones that of the first point first: byte by byte of the numbers, from
// the last to the first (radix sort). Bytes that all have in common, such as the last ones of whole numbers, cost nothing.
func (l *line) sort() {
	const parts = 8
	var counts [parts][256]int32
	for i := range l.at {
		key := l.at[i].key()
		for part := range parts {
			counts[part][byte(key>>(8*part))]++
		}
	}
	for part := range parts {
		next, sum := &counts[part], int32(0)
		if len(l.at) == 0 || next[byte(l.at[0].key()>>(8*part))] == int32(len(l.at)) {
			continue
		}
		for i, n := range next {
			next[i], sum = sum, sum+n
		}
		for _, p := range l.at {
			to := &next[byte(p.key()>>(8*part))]
			l.spare[*to] = p
			*to++
		}
		l.at, l.spare = l.spare, l.at
	}
}

// key returns a number that is the larger the larger x is.
func (p place) key() uint64 {
	b := math.Float64bits(p.x)
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}
