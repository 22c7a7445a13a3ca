//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// A process is a server in a process of its own.
type process struct {
	cmd *exec.Cmd
	url string
	log bytes.Buffer
}

// startProcess starts the command with arguments, and waits until it says that it is
// ready. A socket, if there is one, is passed as systemd does.
func startProcess(t *testing.T, command string, socket *os.File, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(command, args...)}
	if socket != nil {
		// The variables hold the number of the process, which only itself knows.
		p.cmd = exec.Command("/bin/sh", append([]string{"-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"`, "sh", command}, args...)...)
		p.cmd.ExtraFiles = []*os.File{socket}
	}
	p.cmd.Stderr = &p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // it has ended unless the test has failed
	if p.url, err = bufio.NewReader(out).ReadString('\n'); err != nil {
		_ = p.cmd.Wait()
		t.Fatalf("it did not begin: %s", p.log.String())
	}
	p.url = strings.TrimSpace(p.url)
	return p
}

// end sends SIGTERM and waits until the process has ended as it should.
func (p *process) end(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil || !strings.Contains(p.log.String(), "all requests are answered") {
		t.Errorf("it ended with %v: %s", err, p.log.String())
	}
}

// A load is clients that ask one after the other until they are told to end. Half of them
// keep their connection, half make a new one each time.
type load struct {
	answered atomic.Int64
	wait     sync.WaitGroup
	each     chan struct{} // receives for each answer that somebody waits for
	ended    chan struct{}
	mu       sync.Mutex
	failures []string
}

func startLoad(url string, clients int, body []byte, again func(error) bool) *load {
	l := &load{each: make(chan struct{}), ended: make(chan struct{})}
	for i := range clients {
		l.wait.Go(func() {
			c := &http.Client{Transport: &http.Transport{DisableKeepAlives: i%2 == 0}}
			defer c.CloseIdleConnections()
			for {
				select {
				case <-l.ended:
					return
				default:
				}
				err := askOnce(c, url, body)
				for again(err) {
					err = askOnce(c, url, body)
				}
				if err != nil {
					l.mu.Lock()
					l.failures = append(l.failures, fmt.Sprintf("client %d: %v", i, err))
					l.mu.Unlock()
				}
				l.answered.Add(1)
				select {
				case l.each <- struct{}{}:
				default:
				}
			}
		})
	}
	return l
}

func askOnce(c *http.Client, url string, body []byte) error {
	r, err := c.Post(url+"/predict", "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err == nil && (r.StatusCode != http.StatusOK || !bytes.Contains(text, []byte(`"label"`))) {
		err = fmt.Errorf("got %d, %.100s", r.StatusCode, text)
	}
	return err
}

// until waits until so many more requests were answered.
func (l *load) until(more int64) {
	for range more {
		<-l.each
	}
}

func (l *load) end(t *testing.T) {
	t.Helper()
	close(l.ended)
	l.wait.Wait()
	if len(l.failures) > 0 {
		t.Errorf("of %d requests %d were lost, by %q", l.answered.Load(), len(l.failures), l.failures)
	}
}

// restarts is how many restarts a test makes; ISRLU_RESTARTS sets it.
func restarts(t *testing.T) int {
	if testing.Short() {
		return 1
	}
	return numberFrom(t, "ISRLU_RESTARTS", 2)
}

// restart lets new processes take over from old ones, and ends the load.
func (l *load) restart(t *testing.T, old *process, start func() *process) {
	t.Helper()
	for range restarts(t) {
		l.until(100)
		next := start()
		l.until(100)
		old.end(t)
		old = next
	}
	l.until(100)
	l.end(t)
	old.end(t)
}

// A new process takes over the socket that was passed to the old one, under load. No
// request is lost, whether its connection is new or kept.
func TestRollingRestartLosesNoAnswer(t *testing.T) {
	p := newPredicting(t)
	command := buildCommand(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	l.Close() // the file keeps it open
	args := []string{"serve", p.checkpoint, "--listen", "systemd", "--drain-delay", "1s"}
	old := startProcess(t, command, socket, args...)
	clients := startLoad(old.url, 8, p.test.Pixels[:784], func(error) bool { return false })
	clients.restart(t, old, func() *process { return startProcess(t, command, socket, args...) })
}

// Processes that share a port take over from one another too. But Linux resets a
// connection that is in the queue of the process that ends, unless net.ipv4.tcp_migrate_req
// is 1: a client asks again, since nobody has seen its request.
func TestProcessesShareAPort(t *testing.T) {
	p := newPredicting(t)
	command := buildCommand(t)
	args := []string{"serve", p.checkpoint, "--reuse-port", "--drain-delay", "1s", "--listen"}
	old := startProcess(t, command, nil, append(args, "127.0.0.1:0")...)
	address := strings.TrimPrefix(old.url, "http://")
	var resets atomic.Int64
	clients := startLoad(old.url, 8, p.test.Pixels[:784], func(err error) bool {
		reset := errors.Is(err, syscall.ECONNRESET)
		if reset {
			resets.Add(1)
		}
		return reset
	})
	clients.restart(t, old, func() *process { return startProcess(t, command, nil, append(args, address)...) })
	if n := resets.Load(); n > 10*int64(restarts(t)) {
		t.Errorf("%d connections were reset in %d restarts", n, restarts(t))
	}
}
