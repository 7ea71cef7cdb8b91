package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	llsys "github.com/landlock-lsm/go-landlock/landlock/syscall"

	"github.com/weir-sensor/weir/internal/netnstest"
	"github.com/weir-sensor/weir/internal/sendtest"
	"github.com/weir-sensor/weir/sensor"
)

// What is done to a sensor that has given up root: its interface goes down and up, it rotates, and ends.
func TestLiveGivesUpPrivileges(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip("needs a user nobody")
	}
	landlock := "on"
	if v, err := llsys.LandlockGetABIVersion(); err != nil || v < 3 {
		t.Logf("without Landlock, which the kernel has not: version %d, %v", v, err)
		landlock = "auto"
	}
	netnstest.Pair(t, "wire0", "wire1")
	netnstest.Run(t, "ip link set wire0 mtu 9000")
	netnstest.Run(t, "ip link set wire1 mtu 9000")
	for _, args := range [][]string{{"--shards", "2", "--windows"}, {"--engine", "pcap"}} {
		dir := filepath.Join(t.TempDir(), "out")
		leftover(t, dir, nobody)
		kept := filepath.Join(filepath.Dir(dir), "kept") // weir makes it
		ledger := dropRun(t, nobody, append([]string{"live", "-i", "wire1", "--out", dir, "--set", "privileges.user=nobody",
			"--set", "privileges.landlock=" + landlock, "--set", "output.rotate.size=65536", "--write-pcap", kept}, args...))
		if sent := uint64(2 * len(demoFrames(t))); ledger.Packets != sent || ledger.Capture.Dropped+ledger.Capture.Unread != 0 {
			t.Errorf("%v: got %d packets, capture %+v, want %d", args, ledger.Packets, ledger.Capture, sent)
		}
		if status, stdout, stderr := command(t, nil, "parity", kept); status != exitOK || owner(t, kept) != nobody.Uid {
			t.Errorf("%v: parity: status %d, %s%s, owner %s", args, status, stdout, stderr, owner(t, kept))
		}
		names := names(t, dir)
		flows := 0
		for _, name := range names {
			if strings.Contains(name, "partial") {
				t.Errorf("%v: left %s", args, name)
			}
			if strings.HasPrefix(name, "flows-2") && name != "flows-20200101T000000Z.ndjson" {
				flows++
			}
			if owner := owner(t, filepath.Join(dir, name)); owner != nobody.Uid {
				t.Errorf("%v: %s belongs to %s, want %s", args, name, owner, nobody.Uid)
			}
		}
		if text, err := os.ReadFile(filepath.Join(dir, "flows-20200101T000000Z.ndjson")); string(text) != "{}\n" {
			t.Errorf("%v: what a killed run left: got %q, %v, want one line", args, text, err)
		}
		if flows < 2 {
			t.Errorf("%v: got %v, want it rotated", args, names)
		}
	}
}

// leftover makes a directory of a user's, with an incomplete file of theirs.
func leftover(t *testing.T, dir string, u *user.User) {
	t.Helper()
	partial := filepath.Join(dir, ".flows-20200101T000000Z.ndjson.partial")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(partial, []byte("{}\n{"), 0o644)); err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Dir(dir), filepath.Dir(filepath.Dir(dir))} { // as t.TempDir made them
		err = errors.Join(err, os.Chmod(path, 0o755))
	}
	if err := errors.Join(err, os.Chown(dir, uid, -1), os.Chown(partial, uid, -1)); err != nil {
		t.Fatal(err)
	}
}

func owner(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(int(info.Sys().(*syscall.Stat_t).Uid))
}

// dropRun runs weir live in a process of its own, looks at its threads, and sends the demo capture twice, with an outage of
// the interface in between.
func dropRun(t *testing.T, u *user.User, args []string) (ledger sensor.Ledger) {
	t.Helper()
	weir := startWeir(t, append(args, unhurried...)...)
	threads, err := filepath.Glob("/proc/" + strconv.Itoa(weir.Process.Pid) + "/task/*/status")
	if err != nil || len(threads) < 3 {
		t.Fatalf("got %d threads, %v", len(threads), err)
	}
	for _, path := range threads {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		for _, want := range []string{"\nUid:\t" + u.Uid + "\t" + u.Uid + "\t" + u.Uid + "\t" + u.Uid + "\n",
			"\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n", "\nNoNewPrivs:\t1\n"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: %q is missing in\n%s", path, want, text)
			}
		}
	}
	sendDemo(t)
	netnstest.Run(t, "ip link set wire1 down")
	netnstest.Run(t, "ip link set wire1 up")
	netnstest.Carries(t, "wire0")
	sendDemo(t)
	weir.interrupt(t)
	text, err := os.ReadFile(filepath.Join(args[4], "ledger.json"))
	if err == nil {
		err = json.Unmarshal(text, &ledger)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ledger
}

// sendDemo sends the demo capture into wire0 and waits until it has come out.
func sendDemo(t *testing.T) {
	t.Helper()
	frames, before := demoFrames(t), received(t, "wire1")
	sender, err := sendtest.NewSender("wire0", false)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	if err := sender.Send(frames); err != nil {
		t.Fatal(err)
	}
	until(t, "the frames to arrive", func() bool { return received(t, "wire1")-before == uint64(len(frames)) })
}
