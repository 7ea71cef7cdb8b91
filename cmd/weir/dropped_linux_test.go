package main

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/internal/netdev"
	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/internal/sendtest"
	"github.com/weir-sensor/weir/sensor"
)

const (
	lostLine    = `level=WARN msg="packets were lost"`
	droppedLine = "rx_dropped"
)

// What is captured and then has no protocol to take it is in rx_dropped, and is not lost: nothing is warned of.
func TestLiveCapturedAndDropped(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	queue := netdev.OpenBacklog()
	defer queue.Close()
	var frames [][]byte
	for _, tags := range []string{"8100000588a80006", "88a8000581000006", "810000058847 00010140"} { // QinQ, 802.1ad, MPLS in a VLAN
		between, err := hex.DecodeString(strings.ReplaceAll(tags, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		for n := range uint32(100) {
			frame := slices.Insert(datagram(n), 12, between...)
			if between[5] == 0x47 { // the label is on IP itself
				frame = slices.Delete(frame, 22, 24)
			}
			frames = append(frames, frame)
		}
	}
	for _, engine := range []string{"afpacket", "pcap"} {
		dir, before := t.TempDir(), received(t, "wire1")
		weir := startWeir(t, append([]string{"live", "-i", "wire1", "--engine", engine, "--out", dir}, unhurried...)...)
		sendAll(t, frames)
		until(t, "the frames to arrive", func() bool { return received(t, "wire1")-before == uint64(len(frames)) })
		for said := range 2 {
			if err := weir.Process.Signal(unix.SIGUSR1); err != nil {
				t.Fatal(err)
			}
			until(t, "the ledger", func() bool { return strings.Count(weir.stderr.String(), "msg=ledger") > said })
		}
		weir.interrupt(t)
		ledger, said := lastLedger(t, dir), weir.stderr.String()
		if c := ledger.Capture; ledger.Packets != uint64(len(frames)) || ledger.Flow != ledger.Packets || c.InterfaceDropped != ledger.Packets {
			t.Errorf("%s: got %d packets, %d in flows, %+v, want %d, all in flows and dropped by the interface", engine, ledger.Packets, ledger.Flow, c, len(frames))
		}
		if n := queue.Count(); n > 0 {
			t.Skipf("something else has filled the kernel's queue: %d packets dropped", n)
		}
		if ledger.Capture.BacklogDropped != 0 || strings.Contains(said, lostLine) || strings.Count(said, droppedLine) != 1 {
			t.Errorf("%s: got %d that the queue had no room for, want none, no warning, and one line on the counter:\n%s", engine, ledger.Capture.BacklogDropped, said)
		}
	}
}

// What the kernel's queue before the ring has no room for is lost, and counted as that.
func TestLiveFullBacklog(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	if runtime.NumCPU() < 2 {
		t.Skip("needs a processor that sends and one that receives")
	}
	netnstest.Pair(t, "wire0", "wire1")
	queue := netdev.OpenBacklog()
	defer queue.Close()
	dir := t.TempDir()
	weir := startWeir(t, append([]string{"live", "-i", "wire1", "--shards", "1", "--out", dir}, unhurried...)...)
	sent := floodBacklog(t, queue)
	weir.interrupt(t)
	ledger, said, lost := lastLedger(t, dir), weir.stderr.String(), queue.Count()
	c := ledger.Capture
	if c.BacklogDropped != lost || c.InterfaceDropped != lost || !strings.Contains(said, lostLine) || !strings.Contains(said, "net.core.netdev_max_backlog") || strings.Contains(said, droppedLine) {
		t.Errorf("got %+v, want %d dropped by the queue, and a warning of that alone:\n%s", c, lost, said)
	}
	// The sender is told what found no room, and sends it again; older kernels keep it to themselves.
	if got := ledger.Packets + c.Unread + c.Dropped; got != sent && got+c.BacklogDropped != sent {
		t.Errorf("got %d packets, %+v, want %d", got, c, sent)
	}
}

// floodBacklog has one CPU receive what others send, until that is too much. It returns how many frames were sent.
func floodBacklog(t *testing.T, queue *netdev.Backlog) (sent uint64) {
	t.Helper()
	if err := os.WriteFile("/sys/class/net/wire1/queues/rx-0/rps_cpus", []byte("2"), 0); err != nil {
		t.Skipf("needs packet steering: %v", err)
	}
	for range 50 { // for the receiver to have more to do
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(unix.ETH_P_ALL>>8|unix.ETH_P_ALL<<8&0xff00))
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
	}
	var frames [][]byte
	for n := range uint32(300) {
		frames = append(frames, datagram(n))
	}
	var senders []*sendtest.Sender // none has as many frames under way as the queue has room for
	for range 16 {
		sender, err := sendtest.NewSender("wire0", true)
		if err != nil {
			t.Fatal(err)
		}
		defer sender.Close()
		senders = append(senders, sender)
	}
	for queue.Count() == 0 {
		if sent > 500_000 {
			t.Skip("this machine receives faster than it sends")
		}
		var sending sync.WaitGroup
		for _, sender := range senders {
			sending.Go(func() {
				if err := sender.Send(frames); err != nil {
					t.Error(err)
				}
			})
		}
		sending.Wait()
		sent += uint64(len(senders) * len(frames))
	}
	received(t, "wire1") // and what is under way gets to the ring
	return sent
}

func sendAll(t *testing.T, frames [][]byte) {
	t.Helper()
	sender, err := sendtest.NewSender("wire0", true)
	if err == nil {
		err = sender.Send(frames)
		sender.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// lastLedger returns the ledger of a run that has ended.
func lastLedger(t *testing.T, dir string) (ledger sensor.Ledger) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "ledger.json"))
	if err == nil {
		err = json.Unmarshal(text, &ledger)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ledger
}
