package flowfile

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"
)

// zstdWindow is the largest window of zstd data that is decoded, since a few bytes of header are enough to claim it.
const zstdWindow = 32 << 20

// input gives out the bytes of one file, decompressed.
type input struct {
	file        *os.File // nil: standard input
	size        int64    // bytes on disk; -1 where not known
	compression string
	plain       *bufio.Reader
	release     func()
	raw         *tap
}

// tap sees every byte as it is on disk.
type tap struct {
	from   io.Reader
	bytes  *atomic.Int64
	hash   *xxh3.Hasher // nil where nobody asked
	failed error
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	t.bytes.Add(int64(n))
	if t.hash != nil {
		t.hash.Write(p[:n]) // never fails
	}
	if err != nil && err != io.EOF {
		t.failed = err
	}
	return n, err
}

// openInput opens a file, or standard input, and looks for compression.
func openInput(name string, opt Options, read *atomic.Int64) (*input, error) {
	in := &input{size: -1, compression: "none", raw: &tap{from: opt.Stdin, bytes: read}}
	if opt.Hash {
		in.raw.hash = xxh3.New()
	}
	if name != Stdin {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("open flows: %w", err)
		}
		in.file, in.raw.from = f, f
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			in.size = info.Size()
		}
	}
	in.plain = bufio.NewReaderSize(in.raw, block)
	head, _ := in.plain.Peek(4)
	if err := in.decompress(head); err != nil {
		in.Close()
		return nil, &NotFlowsError{File: name, Found: "broken " + in.compression + " data (" + err.Error() + ")"}
	}
	return in, nil
}

func (in *input) decompress(head []byte) error {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		in.compression = "gzip"
		z, err := gzip.NewReader(in.plain)
		if err != nil {
			return err
		}
		in.plain = bufio.NewReaderSize(z, block)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		in.compression = "zstd"
		z, err := zstd.NewReader(in.plain, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return err
		}
		in.plain, in.release = bufio.NewReaderSize(z, block), z.Close
	}
	return nil
}

// sum returns the hash of the whole file, of which it reads what was left; empty where that is not known.
func (in *input) sum() string {
	if in.raw.hash == nil {
		return ""
	}
	if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{in.raw}, make([]byte, block)); err != nil {
		return ""
	}
	sum := in.raw.hash.Sum128().Bytes()
	return hex.EncodeToString(sum[:])
}

// Close closes the file.
func (in *input) Close() {
	if in.release != nil {
		in.release()
	}
	if in.file != nil {
		in.file.Close()
	}
}

// Stdin stands for standard input among the paths.
const Stdin = "-"

// flowFile is the form of the names by which files of a directory are known.
var flowFile = regexp.MustCompile(`^(flows(-[0-9TZ_]+)?\.(ndjson|csv|parquet)|conn(\.[0-9A-Za-z_:.-]+)?\.log|[^.].*\.binetflow)(\.gz|\.zst)?$`)

// expand returns the files that paths name: those of a directory, as far as they are of its runs, in the order of their names.
func expand(paths []string) ([]string, error) {
	var all []string
	for _, path := range paths {
		if path == Stdin {
			all = append(all, path)
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("open flows: %w", err)
		}
		if !info.IsDir() {
			all = append(all, path)
			continue
		}
		names, _, err := listDir(path)
		if err != nil {
			return nil, fmt.Errorf("open flows: %w", err)
		}
		before := len(all)
		for _, name := range names {
			if flowFile.MatchString(name) {
				all = append(all, filepath.Join(path, name))
			}
		}
		if len(all) == before {
			return nil, &NotFlowsError{File: path, Found: "a directory without flows.*, flows-TIME.*, conn.log or *.binetflow"}
		}
	}
	return all, nil
}

// NotFlowsError is returned for a file without flow records that can be read.
type NotFlowsError struct {
	File  string
	Found string // what it is instead
}

// Error names the file, what it is, and what would be right.
func (e *NotFlowsError) Error() string {
	return fmt.Sprintf("%s: not flow records but %s (weir reads its own NDJSON, CSV and Parquet, Argus binetflow, Zeek conn.log, netflow CSV and tables of volumes)", e.File, e.Found)
}

// errCut stands for an input that ends too early.
var errCut = errors.New("ends in the middle of a row")

// fileSize returns a file's size on disk, -1 where that is not known.
func fileSize(name string) int64 {
	if info, err := os.Stat(name); name != Stdin && err == nil && info.Mode().IsRegular() {
		return info.Size()
	}
	return -1
}

// Files returns the files of flow records that paths name: of a directory, those that Open reads.
func Files(paths []string) ([]string, error) { return expand(paths) }

// Empty says whether the file is empty: not even a header is in it.
func (e *NotFlowsError) Empty() bool { return e.Found == emptyFile }
