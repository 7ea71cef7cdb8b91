package learn

import "fmt"

// limit is what a setting must be.
type limit struct {
	key  string
	got  float64
	ok   bool
	want string
}

func firstWrong(limits ...limit) error {
	for _, l := range limits {
		if !l.ok {
			return fmt.Errorf("%s: got %v, want %s", l.key, l.got, l.want)
		}
	}
	return nil
}
