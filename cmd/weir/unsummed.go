package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/weir-sensor/weir/capture"
)

// unsummedName is the file beside a kept ring's with the numbers, from 0, of its frames that are Unsummed, which a capture
// file cannot say: one in each line.
func unsummedName(ring string) string { return strings.TrimSuffix(ring, ".pcap") + ".unsummed" }

// unsummedWriter writes that file.
type unsummedWriter struct {
	to   *bufio.Writer
	read uint64 // frames so far
}

func (w *unsummedWriter) add(b *capture.Batch) error {
	var digits [20]byte
	for i := range b.Frames {
		if b.Frames[i].Unsummed {
			line := append(strconv.AppendUint(digits[:0], w.read+uint64(i), 10), '\n')
			if _, err := w.to.Write(line); err != nil {
				return err
			}
		}
	}
	w.read += uint64(len(b.Frames))
	return nil
}

// unsummedSource marks the frames of a kept ring that the file names.
type unsummedSource struct {
	capture.Source
	file  *os.File // nil: there is none
	lines *bufio.Scanner
	read  uint64 // frames so far
	next  uint64 // the next one that is marked
	more  bool   // there is a next one
}

func markUnsummed(src capture.Source, name string) (capture.Source, error) {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return src, nil
	}
	if err != nil {
		return nil, err
	}
	s := &unsummedSource{Source: src, file: file, lines: bufio.NewScanner(file)}
	if err := s.advance(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return s, nil
}

func (s *unsummedSource) advance() (err error) {
	if s.more = s.lines.Scan(); s.more {
		s.next, err = strconv.ParseUint(s.lines.Text(), 10, 64)
	} else {
		err = s.lines.Err()
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", s.file.Name(), err)
	}
	return nil
}

// Read implements capture.Source.
func (s *unsummedSource) Read(b *capture.Batch) error {
	if err := s.Source.Read(b); err != nil {
		return err
	}
	for i := range b.Frames {
		if s.more && s.next == s.read {
			b.Frames[i].Unsummed = true
			if err := s.advance(); err != nil {
				return err
			}
		}
		s.read++
	}
	return nil
}

// Close implements capture.Source.
func (s *unsummedSource) Close() error { return errors.Join(s.Source.Close(), s.file.Close()) }
