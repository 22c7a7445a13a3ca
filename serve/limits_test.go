package serve

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const twoNumbers = `{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]}`

// slow is an engine that takes a second.
func slow(batch int) Engine {
	return engineFunc{batch, func(x []float32) []float32 {
		time.Sleep(time.Second)
		return sums(x)
	}}
}

// serving runs a server on pipes in a bubble of synctest.
func serving(t *testing.T, o Options, models ...Model) (*Server, *pipes) {
	t.Helper()
	s, l := newServer(t, o, models...), newPipes()
	ctx, ended := t.Context(), make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s, l
}

func TestLargeBodiesAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := serving(t, Options{MaxBody: 1000}, model("m", engineFunc{4, sums}))
		c := l.client()
		defer c.CloseIdleConnections()
		large := strings.Repeat(" ", 2000)
		for _, body := range []io.Reader{strings.NewReader(large), struct{ io.Reader }{strings.NewReader(large)}} { // announced, and chunked
			r, err := c.Post("http://host/v2/models/m/infer", "", body)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(r.Body)
			r.Body.Close()
			if r.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(text), "1000 bytes") || err != nil {
				t.Errorf("got %d, %s, %v", r.StatusCode, text, err)
			}
		}
		if used := s.memory.used.Load(); used != 0 {
			t.Errorf("%d bytes are still held", used)
		}
	})
}

// exchange sends text on a connection and returns the answer's status, and what an error
// says; sent is what of the text was taken.
func exchange(t *testing.T, l *pipes, send func(net.Conn)) (*http.Response, string, time.Duration) {
	t.Helper()
	c, err := l.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begun := time.Now()
	go send(c)
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return nil, "", time.Since(begun)
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return r, string(text), time.Since(begun)
}

func TestSlowClientsAreCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{HeaderTimeout: 2 * time.Second, ReadTimeout: 5 * time.Second, IdleTimeout: time.Minute}
		s, l := serving(t, o, model("m", engineFunc{4, sums}))
		r, _, took := exchange(t, l, func(c net.Conn) { fmt.Fprint(c, "POST /v2/models/m/infer HTTP/1.1\r\nHost:") })
		if r != nil || took != o.HeaderTimeout {
			t.Errorf("half a header was answered with %v after %s", r, took)
		}
		r, text, took := exchange(t, l, func(c net.Conn) {
			fmt.Fprintf(c, "POST /v2/models/m/infer HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n{", len(twoNumbers))
			for {
				time.Sleep(time.Second)
				if _, err := fmt.Fprint(c, " "); err != nil {
					return
				}
			}
		})
		if r == nil || r.StatusCode != http.StatusRequestTimeout || !r.Close || took != o.ReadTimeout || !strings.Contains(text, "did not arrive in time") {
			t.Errorf("a slow body was answered with %v, %s after %s", r, text, took)
		}
		if _, _, took := exchange(t, l, func(net.Conn) {}); took != o.HeaderTimeout {
			t.Errorf("a connection that sends nothing was closed after %s", took)
		}
		if used := s.memory.used.Load(); used != 0 {
			t.Errorf("%d bytes are still held", used)
		}
	})
}

// A client that does not take its answer holds its memory no longer than it may.
func TestClientsThatDoNotReadAreCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := serving(t, Options{WriteTimeout: 3 * time.Second}, model("m", engineFunc{4, sums}))
		c, err := l.dial()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "POST /v2/models/m/infer HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(twoNumbers), twoNumbers)
		synctest.Wait()
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if used := s.memory.used.Load(); used != 0 {
			t.Errorf("%d bytes are still held", used)
		}
	})
}

func TestHeadersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l := serving(t, Options{}, model("m", engineFunc{4, sums}))
		r, _, _ := exchange(t, l, func(c net.Conn) {
			fmt.Fprintf(c, "GET /v2 HTTP/1.1\r\nHost: h\r\nX: %s\r\n\r\n", strings.Repeat("x", 32<<10))
		})
		if r == nil || r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("got %v", r)
		}
	})
}

func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l := serving(t, Options{MaxConnections: 2, IdleTimeout: time.Minute, HeaderTimeout: time.Second}, model("m", engineFunc{4, sums}))
		for range 2 {
			if _, err := l.dial(); err != nil {
				t.Fatal(err)
			}
		}
		begun := time.Now()
		c, err := l.dial() // waits until one of the others is closed
		if err != nil || time.Since(begun) != time.Second {
			t.Errorf("a third connection was accepted after %s: %v", time.Since(begun), err)
		}
		c.Close()
	})
}

// rejected sends requests at once and counts the answers by status.
func rejected(t *testing.T, s *Server, path, body string, n int) map[int]int {
	t.Helper()
	var wait sync.WaitGroup
	var mu sync.Mutex
	counts := map[int]int{}
	for range n {
		wait.Go(func() {
			w := do(s, "POST", path, body)
			mu.Lock()
			defer mu.Unlock()
			counts[w.Code]++
			if w.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
				t.Error("a rejection says not when to come again")
			}
		})
	}
	wait.Wait()
	return counts
}

func TestLoadBeyondTheLimitsIsRejected(t *testing.T) {
	for name, o := range map[string]Options{
		"queue": {QueueRows: 4}, "concurrency": {MaxConcurrent: 5}, "memory": {MaxMemory: 3000, MaxBody: 100}, "timeout": {Timeout: 4500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, o, model("m", slow(1)))
				counts := rejected(t, s, "/v2/models/m/infer", twoNumbers, 20)
				if counts[200] < 1 || counts[200] > 8 || counts[200]+counts[503] != 20 {
					t.Errorf("got %v", counts)
				}
				if name != "memory" && counts[200] != 4 && counts[200] != 5 {
					t.Errorf("%d were answered", counts[200])
				}
				want := fmt.Sprintf("isrlu_rejected_total{reason=%q} %d\n", name, counts[503])
				if page := do(s, "GET", "/metrics", "").Body.String(); !strings.Contains(page, want) {
					t.Errorf("the metrics lack %q", want)
				}
				if used := s.memory.used.Load(); used != 0 {
					t.Errorf("%d bytes are still held", used)
				}
				if w := do(s, "POST", "/v2/models/m/infer", twoNumbers); w.Code != 200 {
					t.Errorf("when the load is over: %d, %s", w.Code, w.Body)
				}
			})
		})
	}
}

// The work of a client that leaves is dropped.
func TestClientsThatLeaveAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		o := Options{Log: slog.New(slog.NewTextHandler(&log, nil))}
		s, l := serving(t, o, model("m", slow(1)))
		var all []net.Conn
		for range 5 {
			c, err := l.dial()
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(c, "POST /v2/models/m/infer HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(twoNumbers), twoNumbers)
			all = append(all, c)
		}
		synctest.Wait()
		b := s.models["m"].batcher
		if b.rows != 4 {
			t.Errorf("%d samples wait, expected 4", b.rows)
		}
		for _, c := range all {
			c.Close()
		}
		synctest.Wait()
		if b.rows != 0 {
			t.Errorf("%d samples wait for clients that are gone", b.rows)
		}
		if n := strings.Count(log.String(), "status=499"); n != 5 {
			t.Errorf("%d clients were seen to leave:\n%s", n, log.String())
		}
	})
}

func TestHandlerWorksInServersOfOthers(t *testing.T) {
	s := newServer(t, Options{}, model("m", engineFunc{4, sums}))
	h := httptest.NewServer(s.Handler())
	defer h.Close()
	if status, body, err := post(h.Client(), h.URL+"/v2/models/m/infer", []byte(twoNumbers)); status != 200 || err != nil {
		t.Errorf("got %d, %s, %v", status, body, err)
	}
}
