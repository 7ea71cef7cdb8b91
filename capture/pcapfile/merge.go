package pcapfile

import (
	"io"

	"github.com/weir-sensor/weir/capture"
)

// Merged is a Source of the frames of several sources in the order of their times. Of each source the order stays as it
// is; of frames with the same time those of the first source come first.
type Merged struct{ parts []*part }

// part is a source with its frames that are still to come.
type part struct {
	src   capture.Source
	batch capture.Batch
	next  int
	err   error
}

// Merge returns the frames of the sources, which it owns from now on.
func Merge(sources ...capture.Source) *Merged {
	m := &Merged{}
	for _, src := range sources {
		m.parts = append(m.parts, &part{src: src, batch: capture.Batch{Frames: make([]capture.Frame, 0, 1024)}})
	}
	return m
}

// Read implements capture.Source. The first error of any source is its own, once all frames before it were read.
func (m *Merged) Read(b *capture.Batch) error {
	b.Frames, b.Data = b.Frames[:0], b.Data[:0]
	for len(b.Frames) < cap(b.Frames) {
		p, err := m.first()
		if p == nil {
			if len(b.Frames) > 0 {
				break // the error comes again
			}
			return err
		}
		f := p.batch.Frames[p.next]
		data := p.batch.Bytes(p.next)
		f.Off = uint32(len(b.Data))
		b.Data = append(b.Data, data...)
		b.Frames = append(b.Frames, f)
		p.next++
	}
	return nil
}

// first returns the part with the earliest frame, or nil with io.EOF or the error that a part has met.
func (m *Merged) first() (first *part, err error) {
	for _, p := range m.parts {
		if p.err == nil && p.next == len(p.batch.Frames) {
			p.next = 0
			if p.err = p.src.Read(&p.batch); p.err != nil {
				p.batch.Frames = p.batch.Frames[:0]
			}
		}
		switch {
		case p.err != nil && p.err != io.EOF:
			return nil, p.err
		case p.err == nil && (first == nil || p.batch.Frames[p.next].Time < first.batch.Frames[first.next].Time):
			first = p
		}
	}
	if first == nil {
		return nil, io.EOF
	}
	return first, nil
}

// Close implements capture.Source.
func (m *Merged) Close() (err error) {
	for _, p := range m.parts {
		if e := p.src.Close(); err == nil {
			err = e
		}
	}
	return err
}
