package detect

import (
	"cmp"
	"errors"
	"fmt"
)

// Bounds collects what is wrong with a configuration, each as "key: got X, want Y". The zero value is ready.
type Bounds struct{ problems []error }

// Bad adds a problem.
func (b *Bounds) Bad(key string, got, want any) {
	b.problems = append(b.problems, fmt.Errorf("%s: got %v, want %v", key, got, want))
}

// Err returns nil or all problems joined.
func (b *Bounds) Err() error { return errors.Join(b.problems...) }

// Between adds a problem unless low <= got <= high; NaN is refused.
func Between[T cmp.Ordered](b *Bounds, key string, got, low, high T) {
	if !(got >= low && got <= high) {
		b.Bad(key, got, fmt.Sprintf("%v to %v", low, high))
	}
}
