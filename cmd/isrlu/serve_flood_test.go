//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A flooder sends one kind of request that the server must refuse.
type flooder struct {
	name   string
	status []int // answers have one of them, or in a flood 503: no memory is left
	send   func(c *http.Client, url string) (*http.Response, error)
}

// posts sends a body, and a header if there is one.
func posts(body func() io.Reader, header ...string) func(c *http.Client, url string) (*http.Response, error) {
	return func(c *http.Client, url string) (*http.Response, error) {
		r, err := http.NewRequest("POST", url+"/v2/models/a/infer", body())
		if err != nil {
			return nil, err
		}
		if len(header) > 0 {
			r.Header.Set(header[0], header[1])
		}
		return c.Do(r)
	}
}

func text(s string) func() io.Reader { return func() io.Reader { return strings.NewReader(s) } }

// slowly announces a large body, sends little of it, and waits for the answer.
func slowly(_ *http.Client, url string) (*http.Response, error) {
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	fmt.Fprint(c, "POST /v2/models/a/infer HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n{")
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil {
		r.Body.Close()
	}
	return r, err
}

var flooders = []flooder{
	{"announced too large", []int{413}, posts(text(strings.Repeat(" ", 5<<20)))},
	{"chunked too large", []int{408, 413}, posts(func() io.Reader { return struct{ io.Reader }{strings.NewReader(strings.Repeat(" ", 5<<20))} })},
	{"malformed", []int{400}, posts(text(`{"inputs":[{"name":"input","shape":[1,28`))},
	{"deep", []int{400}, posts(text(strings.Repeat(`{"a":`, 200000)))},
	{"many objects", []int{400}, posts(text(`{"inputs":[` + strings.Repeat("{},", 1e6) + `{}]}`))},
	{"many names", []int{400}, posts(text(`{"x":{` + manyNames(300000) + `}}`))},
	{"many numbers", []int{413}, posts(text(`{"inputs":[{"data":[` + strings.Repeat("1,", 2e6-100) + `1]}]}`))},
	{"claims", []int{400, 413}, posts(text(`{"inputs":[{"name":"input","shape":[1000000000,28,28,1],"datatype":"FP32","data":[1]}]}`))},
	{"compressed", []int{415}, posts(text("x"), "Content-Encoding", "gzip")},
	{"slow", []int{408}, slowly},
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%x":0,`, i)
	}
	return b.String() + `"z":0`
}

// ask returns the status of an answer, 0 if the connection was closed before.
func (f flooder) ask(c *http.Client, url string) int {
	r, err := f.send(c, url)
	if err != nil {
		return 0
	}
	r.Body.Close()
	return r.StatusCode
}

// closes tells whether a connection may be closed while it sends what nobody reads.
func (f flooder) closes() bool { return slices.Contains(f.status, http.StatusRequestEntityTooLarge) }

// Requests that are too large, slow or malformed get their error. Under a flood of them
// memory stays bounded, none gets anything but its error or that there is no memory for
// it, and the server answers others afterwards. ISRLU_FLOOD sets how many of each kind 8
// clients send.
func TestFloodIsRefusedInBoundedMemory(t *testing.T) {
	each := numberFrom(t, "ISRLU_FLOOD", 1)
	p := newPredicting(t)
	s := startProcess(t, buildCommand(t), nil, "serve", p.checkpoint, "--listen", "127.0.0.1:0", "--max-body", "4Mi", "--max-memory", "64Mi", "--read-timeout", "2s")
	before := peakMemory(t, s.cmd.Process.Pid)
	counts := map[string]map[int]int{}
	for _, f := range flooders {
		counts[f.name] = map[int]int{}
		status := 0
		for tries := 0; status == 0 && tries < 10; tries++ {
			if status = f.ask(http.DefaultClient, s.url); !f.closes() {
				break
			}
		}
		if !slices.Contains(f.status, status) {
			t.Errorf("%s, by itself: the answer was %d, want one of %v", f.name, status, f.status)
		}
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	for range 8 {
		for _, f := range flooders {
			wait.Go(func() {
				c := &http.Client{Transport: &http.Transport{}}
				defer c.CloseIdleConnections()
				for range each {
					status := f.ask(c, s.url)
					mu.Lock()
					counts[f.name][status]++
					mu.Unlock()
				}
			})
		}
	}
	wait.Wait()
	for _, f := range flooders {
		for status, n := range counts[f.name] {
			right := slices.Contains(f.status, status) || status == http.StatusServiceUnavailable || status == 0 && f.closes()
			if !right {
				t.Errorf("%s: %d answers were %d", f.name, n, status)
			}
		}
	}
	if err := askOnce(http.DefaultClient, s.url, p.test.Pixels[:784]); err != nil {
		t.Errorf("after the flood: %v", err)
	}
	peak := peakMemory(t, s.cmd.Process.Pid)
	t.Logf("peak memory before the flood %d MiB, after it %d MiB; %v", before>>20, peak>>20, counts)
	// The requests' 64 MiB, twice for what the collector has not found yet, and buffers of
	// connections.
	if grown := peak - before; grown > 192<<20 {
		t.Errorf("the flood took %d MiB", grown>>20)
	}
	s.end(t)
}

// peakMemory is the most memory that a process has had, in bytes.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	for line := range strings.Lines(string(readFile(t, fmt.Sprintf("/proc/%d/status", pid)))) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("the process has no VmHWM")
	return 0
}
