package main

import (
	"bytes"
	"context"
	"os"
	"testing"
)

// BenchmarkReplay is the whole program over one capture: testdata's, or the one that WEIR_BENCH_PCAP names.
func BenchmarkReplay(b *testing.B) {
	path := demo
	if other := os.Getenv("WEIR_BENCH_PCAP"); other != "" {
		path = other
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	for b.Loop() {
		var stderr bytes.Buffer
		a := &app{stdout: &stderr, stderr: &stderr}
		if status := a.run(context.Background(), []string{"replay", "--out", b.TempDir(), path}); status != exitOK {
			b.Fatal(stderr.String())
		}
	}
}
