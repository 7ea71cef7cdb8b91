package resident

import "reflect"

// page is the smallest one of any system, bytes.
const page = 4096

// Touch makes every page of s be there: write, which must write to an element and leave what is in it, is called with one
// on each. An atomic addition of 0 does, where the compiler may leave out a plain assignment.
//
// Memory that is fresh from the system is better written before it is read: a read gets the one page of zeros that all
// share, and the write that comes after takes that out again from under all threads, which interrupts other processors.
func Touch[T any](s []T, write func(*T)) {
	step := max(page/int(max(reflect.TypeFor[T]().Size(), 1)), 1)
	for i := 0; i < len(s); i += step {
		write(&s[i])
	}
	if len(s) > 0 {
		write(&s[len(s)-1])
	}
}
