package output

// Line is a line of JSON of a live run, with the packet time at which it was made.
type Line struct {
	At   int64  // ns since the Unix epoch
	Text []byte // without the line end; nobody changes it any more
}

// LineQueue takes lines, as a FlowQueue takes flow records, but from any one goroutine at a time.
type LineQueue struct{ *queue[Line] }

// Lines accepts lines in the order of their times.
func (q LineQueue) Lines(lines ...Line) error { return q.offer(lines) }

// LineFiles returns a queue before files NAME-TIME.ndjson in the directory, whatever the format of records is. They are
// rotated as those of records are.
func (l Live) LineFiles(name string) LineQueue {
	l.Config.Format = NDJSON.String()
	due := func(line *Line) int64 { return line.At }
	to := newFiles(l, name, due, func(target Target) recordSink[Line] { return &lineSink{Target: target} })
	return LineQueue{newQueue(name, to, l.Config)}
}

// lineSink writes lines as they are.
type lineSink struct {
	Target
	buf []byte
}

func (s *lineSink) write(lines []Line) error {
	s.buf = s.buf[:0]
	for _, line := range lines {
		s.buf = append(append(s.buf, line.Text...), '\n')
	}
	_, err := s.Write(s.buf)
	return err
}

// Flush does nothing: every line was written.
func (s *lineSink) Flush() error { return nil }
