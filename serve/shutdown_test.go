package serve

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A server that is told to end under load says so, goes on for the delay, and answers all
// that it has accepted.
func TestShutdownAnswersWhatWasAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := newServer(t, Options{DrainDelay: 5 * time.Second}, model("m", slow(2))), newPipes()
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(ctx, l) }()
		c := l.client()
		defer c.CloseIdleConnections()
		var answered, refused atomic.Int64
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				for {
					status, body, err := post(c, "http://host/v2/models/m/infer", []byte(twoNumbers))
					if err != nil {
						refused.Add(1)
						if !strings.Contains(err.Error(), "use of closed network connection") {
							t.Errorf("a request got %v", err)
						}
						return
					}
					if status != http.StatusOK || !strings.Contains(string(body), "[201]") {
						t.Errorf("got %d, %s", status, body)
					}
					answered.Add(1)
				}
			})
		}
		ready := func() int { return do(s, "GET", "/v2/health/ready", "").Code }
		time.Sleep(2500 * time.Millisecond)
		if got := ready(); got != http.StatusOK {
			t.Errorf("before the end the server answers %d", got)
		}
		begun := time.Now()
		end()
		synctest.Wait()
		if got := []int{ready(), do(s, "GET", "/v2/models/m/ready", "").Code, do(s, "GET", "/v2/health/live", "").Code}; !slices.Equal(got, []int{503, 503, 200}) {
			t.Errorf("while it ends, ready, ready of the model and live are %v", got)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		wait.Wait()
		if took := time.Since(begun); took < 5*time.Second || took > 10*time.Second {
			t.Errorf("it took %s to end", took)
		}
		// Two samples a second, for all of the time.
		if n := answered.Load(); n < 14 || refused.Load() != 8 {
			t.Errorf("%d requests were answered, %d refused", n, refused.Load())
		}
	})
}

// A connection that was accepted before the end, and whose request comes after it, gets its
// answer.
func TestShutdownAnswersNewConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := newServer(t, Options{}, model("m", engineFunc{4, sums})), newPipes()
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(ctx, l) }()
		r, _, _ := exchange(t, l, func(c net.Conn) {
			synctest.Wait() // it is accepted
			end()
			time.Sleep(time.Second)
			fmt.Fprintf(c, "POST /v2/models/m/infer HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(twoNumbers), twoNumbers)
		})
		if r == nil || r.StatusCode != http.StatusOK || !r.Close {
			t.Errorf("got %v", r)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestShutdownIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		s, l := newServer(t, Options{ShutdownTimeout: 3 * time.Second}, model("m", engineFunc{1, func(x []float32) []float32 {
			<-stuck
			return sums(x)
		}})), newPipes()
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(ctx, l) }()
		c := l.client()
		defer c.CloseIdleConnections()
		lost := make(chan error, 1)
		go func() {
			_, _, err := post(c, "http://host/v2/models/m/infer", []byte(twoNumbers))
			lost <- err
		}()
		synctest.Wait()
		begun := time.Now()
		end()
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "3s") || time.Since(begun) < 3*time.Second || time.Since(begun) > 4*time.Second {
			t.Errorf("it ended after %s with %v", time.Since(begun), err)
		}
		if err := <-lost; err == nil {
			t.Error("a request was answered by an engine that does not")
		}
		close(stuck)
	})
}

func TestClosedServersAnswer503(t *testing.T) {
	s := newServer(t, Options{}, model("m", engineFunc{4, sums}))
	s.Close()
	w := do(s, "POST", "/v2/models/m/infer", twoNumbers)
	wantError(t, w, http.StatusServiceUnavailable, "stopped")
}
