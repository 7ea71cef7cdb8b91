package detect

import (
	"hash/maphash"
	"time"
)

// standing is an alert that was raised and may be raised again.
type standing struct {
	count       uint64
	first, last int64
	score       float64 // when it was written last
	id          string
}

// suppressor holds back what was said already.
type suppressor struct {
	every time.Duration
	table *Table[identity, standing]
	seed  maphash.Seed
}

func newSuppressor(cfg Config) *suppressor {
	return &suppressor{cfg.Suppress, NewTable[identity, standing](cfg.MaxStanding), maphash.MakeSeed()}
}

// pass fills in the alert's count, times and id, and says whether it is to be written: it is new, the same was not said
// for cfg.Suppress, or its score is twice that of when it was written last.
func (s *suppressor) pass(a *Alert, detector int) bool {
	key := a.identity(detector)
	st, fresh := s.table.Put(key, maphash.Comparable(s.seed, key))
	if fresh || a.Time-st.last >= int64(s.every) {
		*st = standing{first: a.Time, score: a.Score}
		a.First = a.Time
		st.id = a.id()
		fresh = true
	}
	st.count++
	st.last = max(st.last, a.Time)
	a.Count, a.First, a.Last, a.ID = st.count, st.first, st.last, st.id
	if !fresh && !(a.Score >= 2*st.score && a.Score > st.score) {
		return false
	}
	st.score = a.Score
	return true
}

// Tune has the engine go on with another cfg.Suppress, in the middle of a run; the alerts that stand stay.
func (e *Engine) Tune(cfg Config) { e.standing.every = cfg.Suppress }
