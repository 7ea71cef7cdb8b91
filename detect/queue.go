package detect

// queue holds what waits, in its order.
type queue[T any] struct {
	items []T
	head  int
}

func (q *queue[T]) push(v ...T) {
	if len(q.items)+len(v) > cap(q.items) && q.head > len(q.items)/2 { // make room at the front
		q.items = q.items[:copy(q.items, q.items[q.head:])]
		q.head = 0
	}
	q.items = append(q.items, v...)
}

// waiting returns what waits, borrowed until the next push.
func (q *queue[T]) waiting() []T { return q.items[q.head:] }

// at returns what has n before it, nil where there is none.
func (q *queue[T]) at(n int) *T {
	if q.head+n >= len(q.items) {
		return nil
	}
	return &q.items[q.head+n]
}

// drop forgets the first n.
func (q *queue[T]) drop(n int) {
	if q.head += n; q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
}
