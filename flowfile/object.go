package flowfile

import (
	"bytes"
	"encoding/json"
)

// The faults of a line of JSON.
var (
	noObject  = fault{want: "not a JSON object of names and values"}
	cutObject = fault{want: "the JSON object ends early"}
)

// object reads a JSON object that is not nested, on one line, into the cells of the columns that are wanted. Values of
// others are passed over, and not looked at closely. Arrays and objects are cells with their text.
type object struct {
	place map[string]int
	names []string // of the columns, in the order of the last line
	at    []int    // their cells; -1: not wanted
	spare []byte   // text of strings with escapes
}

func newObject(columns []string) *object {
	o := &object{place: map[string]int{}}
	for i, name := range columns {
		o.place[name] = i
	}
	return o
}

// fill fills in the cells from a line. It returns the zero fault where that went well.
func (o *object) fill(line []byte, cells []cell) fault {
	clear(cells)
	o.spare = o.spare[:0]
	i := skipSpace(line, 0)
	if i >= len(line) || line[i] != '{' {
		return noObject
	}
	i = skipSpace(line, i+1)
	if i < len(line) && line[i] == '}' {
		return o.end(line, i+1)
	}
	for member := 0; ; member++ {
		if i >= len(line) {
			return cutObject
		}
		if line[i] != '"' {
			return noObject
		}
		name, next, f := o.quoted(line, i)
		if f.want != "" {
			return f
		}
		if i = skipSpace(line, next); i >= len(line) {
			return cutObject
		} else if line[i] != ':' {
			return noObject
		}
		var c cell
		if c, i, f = o.value(line, skipSpace(line, i+1)); f.want != "" {
			return f
		}
		if at := o.find(member, name); at >= 0 {
			cells[at] = c
		}
		if i = skipSpace(line, i); i >= len(line) {
			return cutObject
		}
		switch line[i] {
		case ',':
			i = skipSpace(line, i+1)
		case '}':
			return o.end(line, i+1)
		default:
			return noObject
		}
	}
}

// end says whether nothing but space follows.
func (o *object) end(line []byte, i int) fault {
	if skipSpace(line, i) < len(line) {
		return noObject
	}
	return fault{}
}

// maxMembers is how many members of a line are remembered, as a guess for the next one.
const maxMembers = 1024

// find returns the cell of a name, -1 where it is not wanted: most lines have their members in the order of the last one.
func (o *object) find(member int, name []byte) int {
	if member < len(o.names) && string(name) == o.names[member] {
		return o.at[member]
	}
	at, ok := o.place[string(name)]
	if !ok {
		at = -1
	}
	switch {
	case member < len(o.names):
		o.names[member], o.at[member] = string(name), at
	case member == len(o.names) && member < maxMembers:
		o.names, o.at = append(o.names, string(name)), append(o.at, at)
	}
	return at
}

// quoted returns the text of the string that begins at i, and where it has ended.
func (o *object) quoted(line []byte, i int) ([]byte, int, fault) {
	begin := i + 1
	n := bytes.IndexByte(line[begin:], '"')
	if n < 0 {
		return nil, 0, cutObject
	}
	if s := line[begin : begin+n]; bytes.IndexByte(s, '\\') < 0 {
		return s, begin + n + 1, fault{}
	}
	end := endOfString(line, i)
	if end < 0 {
		return nil, 0, cutObject
	}
	var s string
	if json.Unmarshal(line[i:end], &s) != nil {
		return nil, 0, noObject
	}
	from := len(o.spare)
	o.spare = append(o.spare, s...)
	return o.spare[from:len(o.spare):len(o.spare)], end, fault{}
}

// endOfString returns where the string that begins at i has ended, -1 where it has not.
func endOfString(line []byte, i int) int {
	for i++; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// value returns the value that begins at i, and where it has ended.
func (o *object) value(line []byte, i int) (cell, int, fault) {
	if i >= len(line) {
		return cell{}, 0, cutObject
	}
	switch c := line[i]; {
	case c == '"':
		s, next, f := o.quoted(line, i)
		return cell{kind: text, text: s}, next, f
	case c == '[' || c == '{':
		end := endOfNested(line, i)
		if end < 0 {
			return cell{}, 0, cutObject
		}
		return cell{kind: text, text: line[i:end]}, end, fault{}
	case c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z':
		end := i + 1
		for end < len(line) && inLiteral[line[end]] {
			end++
		}
		literal := line[i:end]
		switch {
		case string(literal) == "null":
			return cell{kind: null}, end, fault{}
		case c >= 'a' && string(literal) != "true" && string(literal) != "false":
			if end == len(line) {
				return cell{}, 0, cutObject
			}
			return cell{}, 0, noObject
		}
		return cell{kind: text, text: literal}, end, fault{}
	}
	return cell{}, 0, noObject
}

// inLiteral says which bytes numbers, true, false and null are made of.
var inLiteral = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' || c == '-' || c == '+'
	}
	return t
}()

// endOfNested returns where the array or object that begins at i has ended, -1 where it has not.
func endOfNested(line []byte, i int) int {
	depth := 0
	for i < len(line) {
		switch line[i] {
		case '"':
			if i = endOfString(line, i); i < 0 {
				return -1
			}
			continue
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return -1
}

func skipSpace(line []byte, i int) int {
	for i < len(line) && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r') {
		i++
	}
	return i
}
