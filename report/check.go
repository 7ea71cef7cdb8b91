package report

import (
	"fmt"
	"strings"
)

// check finds what no form could show: IDs that are no names of files, or that two tables, plots or sections have, and
// rows that are longer or shorter than their table.
func (r *Report) check() error {
	seen := map[string]bool{}
	name := func(kind, id string) error {
		if !isName(id) {
			return fmt.Errorf("report: %s %q: an ID is made of a-z, 0-9 and -", kind, id)
		}
		if seen[kind+id] {
			return fmt.Errorf("report: %s %q is there twice", kind, id)
		}
		seen[kind+id] = true
		return nil
	}
	for _, s := range r.Sections {
		if err := name("section", s.ID); err != nil {
			return err
		}
		for i := range s.Tables {
			if err := name("table", s.Tables[i].ID); err != nil {
				return err
			}
			if err := s.Tables[i].check(); err != nil {
				return err
			}
		}
		for i := range s.Plots {
			if err := name("plot", s.Plots[i].ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Table) check() error {
	for _, rows := range [][][]Cell{t.Rows, t.All} {
		for i, row := range rows {
			if len(row) != len(t.Columns) {
				return fmt.Errorf("report: table %q: row %d has %d cells, want %d", t.ID, i, len(row), len(t.Columns))
			}
		}
	}
	return nil
}

func isName(id string) bool {
	return id != "" && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// anchors are the IDs that links can lead to, with what has them: the first of each name, sections before tables and
// plots, these before cells.
type anchors map[string]any

// anchors returns the report's, where tables show at most rows rows.
func (r *Report) anchors(rows int) anchors {
	a := anchors{}
	for i := range r.Sections {
		a.claim(r.Sections[i].ID, &r.Sections[i])
	}
	for _, s := range r.Sections {
		for i := range s.Tables {
			a.claim(s.Tables[i].ID, &s.Tables[i])
		}
		for i := range s.Plots {
			a.claim(s.Plots[i].ID, &s.Plots[i])
		}
	}
	for _, s := range r.Sections {
		for _, t := range s.Tables {
			for _, row := range t.Rows[:min(rows, len(t.Rows))] {
				for i := range row {
					a.claim(row[i].ID, &row[i])
				}
			}
		}
	}
	return a
}

// claim gives an ID to what has it first, if it is one that means the same in every form.
func (a anchors) claim(id string, owner any) {
	if id == "" || strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		return
	}
	if _, taken := a[id]; !taken {
		a[id] = owner
	}
}

// own returns the ID if it is the owner's, else "".
func (a anchors) own(id string, owner any) string {
	if id == "" || a[id] != owner {
		return ""
	}
	return id
}

// link returns where a cell leads to, "" for nowhere: links lead into the report, and to something that is shown.
func (a anchors) link(c *Cell) string {
	id, ok := strings.CutPrefix(c.Link, "#")
	if _, shown := a[id]; !ok || !shown {
		return ""
	}
	return c.Link
}
