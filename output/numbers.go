package output

import (
	"math"
	"strconv"
)

// numbers writes numbers, and remembers how it wrote them: most of those of a window are shares of some dozen packets,
// which come again and again. One goroutine uses it.
type numbers [512]struct {
	of   uint64 // the number's bits
	n    uint8  // bytes of text; 0: none yet
	text [shortText]byte
}

// shortText is how long the longest text is: -1.7976931348623157e+308.
const shortText = 24

// append writes the shortest number that reads back as v, with an exponent where v is below 1e-4 or not below 1e6: what
// strconv's format g does. There is room for twice shortText bytes.
func (m *numbers) append(dst []byte, v float64) []byte {
	of := math.Float64bits(v)
	if of == 0 {
		return append(dst, '0')
	}
	known := &m[of*0x9e3779b97f4a7c15>>55]
	if known.of == of && known.n > 0 {
		n := len(dst)
		*(*[shortText]byte)(dst[n : n+shortText]) = known.text
		return dst[:n+int(known.n)]
	}
	start := len(dst)
	if v >= 1e-4 && v < 1e6 {
		dst = appendNumber(dst, v)
	} else {
		dst = strconv.AppendFloat(dst, v, 'g', -1, 64)
	}
	known.of, known.n = of, uint8(copy(known.text[:], dst[start:]))
	return dst
}
