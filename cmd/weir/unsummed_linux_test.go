package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/internal/netnstest"
)

// What this host sends without a checksum, as its network card would fill it in, is not a bad one; a replay of what was
// kept knows that, too.
func TestLiveUnsummed(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	dir, kept := t.TempDir(), t.TempDir()
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	const datagrams = 50
	ledger := liveRun(t, dir, []string{"-i", "lo", "--shards", "1", "--out", dir, "--write-pcap", kept}, func() {
		before := received(t, "lo")
		client, err := net.Dial("udp4", server.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		for range datagrams {
			if _, err := client.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "the datagrams", func() bool { return received(t, "lo")-before >= datagrams })
	})
	marks, err := os.ReadFile(filepath.Join(kept, "ring-0.unsummed"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(marks), "\n"); n < datagrams {
		t.Skipf("needs a loopback interface that leaves checksums open: %d of %d did", n, datagrams)
	}
	if ledger.BadChecksum != 0 || ledger.Flow < datagrams {
		t.Errorf("got %d bad checksums of %d packets, want none", ledger.BadChecksum, ledger.Flow)
	}
	if status, stdout, stderr := command(t, nil, "parity", kept); status != exitOK {
		t.Errorf("parity: got status %d, %s%s", status, stdout, stderr)
	}
	// Without the marks the same packets have bad checksums.
	replayed := t.TempDir()
	if status, _, stderr := command(t, nil, "replay", "--out", replayed, filepath.Join(kept, "ring-0.pcap")); status != exitOK {
		t.Fatal(stderr)
	}
	if books := readLedger(t, replayed); books.BadChecksum < datagrams {
		t.Errorf("a replay without the marks: got %d bad checksums, want %d, or the test proves nothing", books.BadChecksum, datagrams)
	}
}
