package research

import (
	"fmt"
	"slices"
	"strings"
)

// Choice chooses labels: those with one of some values in a column.
type Choice struct {
	Column string
	Values []string
}

// ParseChoice reads COLUMN=VALUE,... as --positive takes it.
func ParseChoice(text string) (Choice, error) {
	column, values, _ := strings.Cut(text, "=")
	c := Choice{Column: column, Values: strings.Split(values, ",")}
	if !slices.Contains(truth(), column) || slices.Contains(c.Values, "") {
		return c, fmt.Errorf("got %q, want COLUMN=VALUE,... with a column of %s", text, strings.Join(truth(), ", "))
	}
	return c, nil
}

// Label is what a row of a labels file says of its flow; empty where it does not.
type Label struct{ Class, Family, Transport, Workload string }

func (t Label) value(column string) string {
	switch column {
	case "class":
		return t.Class
	case "family":
		return t.Family
	case "transport":
		return t.Transport
	case "workload":
		return t.Workload
	}
	return ""
}

func (c Choice) chooses(t Label) bool { return slices.Contains(c.Values, t.value(c.Column)) }

func anyChooses(choices []Choice, t Label) bool {
	return slices.ContainsFunc(choices, func(c Choice) bool { return c.chooses(t) })
}
