package blocklist

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
)

// Load reads all lists. The error names each that cannot be read.
func Load(sources []Source) ([]*List, error) {
	var lists []*List
	var problems []error
	for _, s := range sources {
		l, err := s.Load()
		lists, problems = append(lists, l), append(problems, err)
	}
	return lists, errors.Join(problems...)
}

// Update is what the lists are when they are read again.
type Update struct {
	Changes  []string // a line for each list that is another one
	Problems []string // a line for each list that cannot be read, and stays as it was
	table    *Table   // nil: all lists are the same
}

// Reread reads all lists again, and changes nothing. A list that cannot be read any more, or of which nothing can be used,
// stays as it is. One goroutine at a time may call Reread and Apply, also another one than the engine's.
func (d *Detector) Reread() Update {
	runtime.GC() // what earlier calls left makes room for another table beside the one in force
	var u Update
	old := d.table.Load().Lists
	lists := slices.Clone(old)
	for i, was := range old {
		switch l, err := was.again(); {
		case err != nil:
			u.Problems = append(u.Problems, fmt.Sprintf("%v; the last one, of %d prefixes, stays", err, was.Prefixes()))
		case l.SHA256 != was.SHA256:
			lists[i] = l
			u.Changes = append(u.Changes, fmt.Sprintf("list %s: %d -> %d prefixes%s", l.Name, was.Prefixes(), l.Prefixes(), l.complaint()))
		}
	}
	if !slices.Equal(lists, old) {
		u.table = NewTable(lists)
	}
	return u
}

// again reads the list again, in the format that is configured.
func (l *List) again() (*List, error) {
	s := l.Source
	s.Format = l.configured
	now, err := s.Load()
	if err == nil && now.Size == 0 && l.Size > 0 {
		return nil, fmt.Errorf("read list %s: %s is empty", l.Name, l.Path)
	}
	return now, err
}

// Apply takes over what Reread returned. The engine's goroutine goes on with it from the next batch on.
func (d *Detector) Apply(u Update) {
	if u.table != nil {
		d.table.Store(u.table)
	}
}

// Reload is Reread and Apply.
func (d *Detector) Reload() Update {
	u := d.Reread()
	d.Apply(u)
	return u
}

// Lists returns the lists in force, which are borrowed. Any goroutine may call it.
func (d *Detector) Lists() []*List { return d.table.Load().Lists }

// Warnings returns a line for each list of which something was not used, or that has nothing. Any goroutine may call it.
func (d *Detector) Warnings() []string {
	var lines []string
	for _, l := range d.Lists() {
		if l.Bad > 0 || l.Prefixes() == 0 {
			lines = append(lines, "list "+l.Name+": "+fmt.Sprint(l.Prefixes())+" prefixes"+l.complaint())
		}
	}
	return lines
}

// complaint says how many lines are bad, and which is the first, for the end of a sentence; "": none is.
func (l *List) complaint() string {
	i := slices.IndexFunc(l.Problems, func(p Problem) bool { return !p.Used })
	switch {
	case l.Bad == 0:
		return ""
	case i < 0: // all that were kept are warnings
		return fmt.Sprintf(", %d bad lines", l.Bad)
	case l.Bad == 1:
		return fmt.Sprintf(", 1 bad line: %s:%d: %s", l.Path, l.Problems[i].Line, l.Problems[i].Text)
	}
	return fmt.Sprintf(", %d bad lines, the first %s:%d: %s", l.Bad, l.Path, l.Problems[i].Line, l.Problems[i].Text)
}
