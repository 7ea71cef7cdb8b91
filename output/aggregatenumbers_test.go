package output

import (
	"slices"
	"testing"

	"github.com/weir-sensor/weir/aggregate"
)

// The numbers that detectors are given of a row have the names of its columns, and are as many.
func TestNumbersAreColumns(t *testing.T) {
	check := func(names []string, numbers int, columns []string) {
		if len(names) != numbers {
			t.Errorf("%d names of %d numbers", len(names), numbers)
		}
		for _, name := range names {
			if !slices.Contains(columns, name) {
				t.Errorf("%s is no column", name)
			}
		}
	}
	check(aggregate.TupleNumbers(), len((&aggregate.Tuple{}).Numbers(nil)), columnNames(tupleFields(nil)))
	check(aggregate.StepNumbers(), len((&aggregate.Step{}).Numbers(nil)), columnNames(stepFields(nil)))
}

func columnNames[T any](fields []Field[T]) (names []string) {
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return names
}
