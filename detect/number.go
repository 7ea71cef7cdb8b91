package detect

import (
	"math"
	"strconv"
)

// Number returns a number as people write it, for messages: rounded to so many significant digits (1 or more), but to no less
// than a whole, and without an exponent from 1e-6 to below 1e15.
func Number(v float64, digits int) string {
	size := math.Abs(v)
	switch {
	case size >= 1e15 || size < 1e-6 && v != 0 || math.IsNaN(v):
		return strconv.FormatFloat(v, 'g', digits, 64)
	case size >= math.Pow10(digits-1):
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64)
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}
