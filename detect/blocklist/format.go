package blocklist

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// Format says how a list's lines are written; see docs/BLOCKLISTS.md.
type Format string

// The formats.
const (
	Auto       Format = ""           // the file's beginning tells
	Plain      Format = "plain"      // an address, a network or a range in each line
	CSV        Format = "csv"        // records of fields, one or all of which are addresses
	AlienVault Format = "alienvault" // reputation.data
	DShield    Format = "dshield"    // start, end, mask, separated by tabs
	P2P        Format = "p2p"        // name:start-end
)

// formats are the names that a setting may have; those after the first five are plain lists by their makers' names.
var formats = []struct {
	name   string
	format Format
}{
	{"plain", Plain}, {"csv", CSV}, {"alienvault", AlienVault}, {"dshield", DShield}, {"p2p", P2P},
	{"cidr", Plain}, {"emerging", Plain}, {"firehol", Plain}, {"drop", Plain},
}

// Source is where a list comes from.
type Source struct {
	Name   string
	Path   string
	Format Format
	Column string // of CSV: its number, from 1, or its name; "": the header tells, or all are looked at
}

// WantSource says what ParseSource takes.
const WantSource = "PATH, NAME=PATH or NAME:FORMAT=PATH, FORMAT any of plain, csv, csv/COLUMN, alienvault, dshield, p2p, " +
	"cidr, emerging, firehol, drop"

// ParseSource reads a setting: PATH, NAME=PATH or NAME:FORMAT=PATH. A list without a name is called as its file, without
// what is behind the first dot.
func ParseSource(text string) (Source, error) {
	problem := fmt.Errorf("got %s, want %s", quote(text), WantSource)
	head, path, named := strings.Cut(text, "=")
	if !named {
		base, _, _ := strings.Cut(filepath.Base(text), ".")
		head, path = base, text
	}
	s := Source{Path: path}
	var format string
	var given bool
	if named {
		s.Name, format, given = strings.Cut(head, ":")
	} else {
		s.Name = head
	}
	if s.Name == "" || path == "" || strings.ContainsAny(s.Name, " \t/\"") {
		return s, problem
	}
	if !given {
		return s, nil
	}
	format, column, hasColumn := strings.Cut(format, "/")
	for _, f := range formats {
		if f.name == format {
			s.Format = f.format
		}
	}
	if n, err := strconv.Atoi(column); s.Format == Auto || hasColumn && (s.Format != CSV || column == "" || err == nil && n < 1) {
		return s, problem
	}
	s.Column = column
	return s, nil
}

// sampleLines is how many lines tell the format.
const sampleLines = 200

// detectFormat returns the format of most lines at the beginning of a file, Plain where nothing speaks for another.
func detectFormat(sample []byte) Format {
	votes := map[Format]int{}
	seen := 0
	for line := range strings.Lines(string(sample)) {
		if line = strings.TrimSpace(line); line != "" {
			votes[formatOf(line)]++
			seen++
		}
		if seen == sampleLines {
			break
		}
	}
	best := Plain
	for _, f := range [...]Format{AlienVault, DShield, P2P, CSV} {
		if votes[f] > votes[best] {
			best = f
		}
	}
	return best
}

// formatOf returns the format that a line speaks for, Auto where it speaks for none.
func formatOf(line string) Format {
	if fields := strings.SplitN(line, "#", 4); len(fields) == 4 && isAddress(fields[0]) && isNumber(fields[1]) && isNumber(fields[2]) {
		return AlienVault
	}
	line = uncomment(line)
	if line == "" {
		return Auto
	}
	if tabs := strings.Split(line, "\t"); len(tabs) >= 3 && isAddress(tabs[0]) && isAddress(tabs[1]) && isNumber(tabs[2]) {
		return DShield
	}
	if name, span, ok := cutLast(line, ':'); ok && name != "" && !isAddress(line) {
		if from, to, ok := strings.Cut(span, "-"); ok && isAddress(from) && isAddress(to) {
			return P2P
		}
	}
	first := line
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		first = line[:i]
	}
	switch comma := strings.IndexByte(strings.TrimSuffix(line, ","), ','); {
	case comma >= 0:
		return CSV
	case looksLikeAddress(first):
		return Plain
	}
	return Auto
}

func cutLast(text string, sep byte) (before, after string, ok bool) {
	if i := strings.LastIndexByte(text, sep); i >= 0 {
		return text[:i], text[i+1:], true
	}
	return text, "", false
}

func isAddress(text string) bool {
	_, why := parsePrefix(text)
	return why == ""
}

func isNumber(text string) bool {
	_, err := strconv.ParseUint(text, 10, 32)
	return err == nil
}
