package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// commandLine is the environment variable with the arguments, a JSON array, for which the test binary is the program weir.
const commandLine = "WEIR_TEST_COMMAND"

func TestMain(m *testing.M) {
	text := os.Getenv(commandLine)
	if text == "" {
		os.Exit(m.Run())
	}
	var args []string
	if err := json.Unmarshal([]byte(text), &args); err != nil {
		panic(err)
	}
	os.Unsetenv(commandLine) // weir refuses variables of WEIR_ that it does not know
	os.Args = append(os.Args[:1], args...)
	main()
}

// process is weir live in a process of its own, which ends with the test.
type process struct {
	*exec.Cmd
	stderr lockedBuffer
}

// startWeir starts weir live and waits until it captures.
func startWeir(t *testing.T, args ...string) *process {
	t.Helper()
	line, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command(os.Args[0])}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "WEIR_") {
			p.Env = append(p.Env, v)
		}
	}
	p.Env, p.Stderr = append(p.Env, commandLine+"="+string(line)), &p.stderr
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() }) // where the test fails before its end
	until(t, "the capture to begin: "+strings.Join(args, " "), func() bool {
		if strings.Contains(p.stderr.String(), "weir: ") {
			t.Fatal(p.stderr.String())
		}
		return strings.Contains(p.stderr.String(), "capturing")
	})
	return p
}

// interrupt asks the process to end, which it must do without an error.
func (p *process) interrupt(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Fatalf("%v: %s", err, p.stderr.String())
	}
}

var servingAt = regexp.MustCompile(`serving metrics.*"?listen"?[=:]"?([0-9.:]+)`)

// address waits until the process serves metrics, and returns the address of them.
func (p *process) address(t *testing.T) string {
	t.Helper()
	until(t, "the server", func() bool { return servingAt.MatchString(p.stderr.String()) })
	return "http://" + servingAt.FindStringSubmatch(p.stderr.String())[1]
}
