package flowfile

import (
	"bytes"
	"strconv"
)

const (
	nsPerSecond = 1_000_000_000
	// maxSeconds bounds numbers of seconds, so that their ns fit.
	maxSeconds = 9_000_000_000
)

// parseSeconds reads a decimal number of a unit of which so many make a second, as ns; digits beyond ns are cut off. Numbers
// with an exponent are read as doubles.
func parseSeconds(b []byte, units int64) (int64, bool) {
	digits := b
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		digits = b[1:]
	}
	head, fraction, point := bytes.Cut(digits, []byte{'.'})
	s, ok := parseUint(head)
	if !ok || s >= uint64(maxSeconds*units) || point && len(fraction) == 0 {
		return parseExponent(b, units)
	}
	ns, scale := int64(s)*(nsPerSecond/units), nsPerSecond/units
	for _, c := range fraction {
		if c < '0' || c > '9' {
			return parseExponent(b, units)
		}
		scale /= 10
		ns += int64(c-'0') * scale
	}
	if negative {
		ns = -ns
	}
	return ns, true
}

func parseExponent(b []byte, units int64) (int64, bool) {
	if !bytes.ContainsAny(b, "eE") || bytes.ContainsAny(b, "xX_nN") {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if limit := float64(maxSeconds * units); err != nil || !(v > -limit && v < limit) {
		return 0, false
	}
	return int64(v * float64(nsPerSecond/units)), true
}

// parseTime reads a date with time, UTC where it names no zone, or seconds since the epoch, as ns since the epoch:
//
//	2026-11-21T11:30:00.123456789Z    2026/11/21 11:30:00.123456    2026-11-21 11:30:00+01:00    1795260600.123456
func parseTime(b []byte) (int64, bool) {
	if len(b) < len("2026-11-21T11:30:00") || b[4] != '-' && b[4] != '/' {
		return parseSeconds(b, 1)
	}
	year, month, day := pair(b)*100+pair(b[2:]), pair(b[5:]), pair(b[8:])
	hour, minute, second := pair(b[11:]), pair(b[14:]), pair(b[17:])
	if b[7] != b[4] || b[10] != 'T' && b[10] != ' ' || b[13] != ':' || b[16] != ':' {
		return 0, false
	}
	if year < 1900 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour < 0 || hour > 23 ||
		minute < 0 || minute > 59 || second < 0 || second > 60 {
		return 0, false
	}
	ns := (((daysBefore(year, month, day)*24+hour)*60+minute)*60 + second)
	if ns < -maxSeconds || ns > maxSeconds {
		return 0, false
	}
	ns *= nsPerSecond
	rest := b[19:]
	if len(rest) > 0 && rest[0] == '.' {
		rest = rest[1:]
		scale := int64(nsPerSecond)
		for len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' {
			scale /= 10
			ns += int64(rest[0]-'0') * scale
			rest = rest[1:]
		}
		if scale == nsPerSecond {
			return 0, false
		}
	}
	zone, ok := parseZone(rest)
	return ns - zone, ok
}

// parseZone reads what stands behind a time: nothing, Z or +01:00, as ns east.
func parseZone(b []byte) (int64, bool) {
	switch {
	case len(b) == 0, len(b) == 1 && b[0] == 'Z':
		return 0, true
	case len(b) != 6 || b[0] != '+' && b[0] != '-' || b[3] != ':':
		return 0, false
	}
	hours, minutes := pair(b[1:]), pair(b[4:])
	if hours < 0 || hours > 23 || minutes < 0 || minutes > 59 {
		return 0, false
	}
	ns := (hours*60 + minutes) * 60 * nsPerSecond
	if b[0] == '-' {
		ns = -ns
	}
	return ns, true
}

// pair reads two digits; what is none gives a number that is far below 0.
func pair(b []byte) int64 {
	high, low := b[0]-'0', b[1]-'0'
	if high > 9 || low > 9 {
		return -100_000
	}
	return int64(high)*10 + int64(low)
}

func daysIn(year, month int64) int64 {
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 29
	}
	return int64([...]uint8{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1])
}

// daysBefore returns the days from 1970-01-01 to a date of the Gregorian calendar: years begin in March, so that the day
// that leap years have is their last.
func daysBefore(year, month, day int64) int64 {
	month -= 3
	if month < 0 {
		month, year = month+12, year-1
	}
	return 365*year + year/4 - year/100 + year/400 + (153*month+2)/5 + day - 1 - 719468
}
