package config

import "strings"

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Key   string // the key, or what else the text is about: a variable's name, a flag, a file
	Text  string // "got X, want Y"
	Where string // where the value was given: FILE:LINE, a variable, a flag; "" where Key says it
}

// String returns "key: got X, want Y", followed by the place in brackets where there is one.
func (p Problem) String() string {
	if p.Where == "" {
		return p.Key + ": " + p.Text
	}
	return p.Key + ": " + p.Text + " (" + p.Where + ")"
}

// Error is everything that is wrong with a configuration.
type Error struct{ Problems []Problem }

// Error returns one problem per line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// unknown describes a name that is none of the known ones; kind is what it should have been.
func unknown(kind, name string, known []string) string {
	if near := closest(name, known); near != "" {
		return "got an unknown " + kind + ", want a known one; did you mean " + near + "?"
	}
	return "got an unknown " + kind + ", want one that 'weir config explain' lists"
}

// closest returns the known name that was most likely meant, or "": one that ends with the name's words, else one
// that a few typing mistakes make of it.
func closest(name string, known []string) string {
	name = strings.ToLower(name)
	for _, k := range known {
		if strings.HasSuffix(k, "."+name) {
			return k
		}
	}
	best, least := "", max(2, min(len(name), 40)/4)+1
	for _, k := range known {
		if len(name) > 2*len(k) {
			continue
		}
		if d := distance(name, strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is the Levenshtein distance of a and b in bytes: the least number of insertions, deletions and
// substitutions that turn one into the other (Levenshtein 1966), one row of the table at a time.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
