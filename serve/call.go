package serve

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"
)

// requestID is the header that names a request in logs.
const requestID = "X-Request-Id"

// A call is what is known of a request that is being answered.
type call struct {
	http.ResponseWriter
	id       string
	endpoint string
	model    string
	rows     int
	status   int
	rejected string
	held     reservation
	err      error
}

// WriteHeader keeps the status.
func (c *call) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write is the writer's; a status that was not told is 200.
func (c *call) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	return c.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (c *call) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// wrap makes a handler of a function: it names, authorizes, counts and logs requests, and
// answers with the error that the function returns. open is for those without a token.
func (s *Server) wrap(endpoint string, open bool, h func(http.ResponseWriter, *http.Request, *call) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		c := &call{ResponseWriter: w, endpoint: endpoint, id: idOf(r), held: reservation{from: s.memory}}
		w.Header().Set(requestID, c.id)
		s.metrics.inFlight.Inc()
		defer s.metrics.inFlight.Dec()
		defer c.held.release()
		defer func() {
			if v := recover(); v != nil {
				s.o.Log.Error("a request failed", "request_id", c.id, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
				s.fail(c, failf(http.StatusInternalServerError, "the server failed on this request; the log has the reason"))
			}
			took := time.Since(begun)
			s.metrics.request(c, took)
			s.logCall(r, c, took)
		}()
		err := error(nil)
		if !open {
			err = s.authorize(w, r)
		}
		if err == nil {
			err = h(c, r, c)
		}
		if err != nil {
			s.fail(c, err)
		}
	})
}

// fail answers with an error.
func (s *Server) fail(c *call, err error) {
	e := asRequestError(err)
	c.err = e
	if e.reason != "" {
		c.rejected = e.reason
		c.Header().Set("Retry-After", retryAfter)
	}
	if e.status == statusClientGone {
		c.status = e.status
		return
	}
	if c.status == 0 { // else the answer has begun
		_ = s.writeJSON(c, e.status, map[string]string{"error": e.text})
	}
}

// logCall logs a request: at debug if all is well, at warn if it is the server's fault.
func (s *Server) logCall(r *http.Request, c *call, took time.Duration) {
	level := slog.LevelDebug
	switch {
	case c.status >= 500:
		level = slog.LevelWarn
	case c.status >= 400:
		level = slog.LevelInfo
	}
	if !s.o.Log.Enabled(r.Context(), level) {
		return
	}
	fields := []slog.Attr{
		slog.String("request_id", c.id), slog.String("remote", r.RemoteAddr), slog.String("method", shorten(r.Method)), slog.String("path", shortenPath(r.URL.Path)),
		slog.Int("status", c.status), slog.Duration("took", took),
	}
	if c.model != "" {
		fields = append(fields, slog.String("model", c.model))
	}
	if c.rows > 0 {
		fields = append(fields, slog.Int("rows", c.rows))
	}
	if c.err != nil {
		fields = append(fields, slog.String("error", c.err.Error()))
	}
	s.o.Log.LogAttrs(r.Context(), level, "request", fields...)
}

func shortenPath(path string) string {
	if len(path) > 256 {
		return path[:256] + "..."
	}
	return path
}

// idOf returns the name that the client gave the request, or a new one.
func idOf(r *http.Request) string {
	id := r.Header.Get(requestID)
	if len(id) < 1 || len(id) > 128 {
		return rand.Text()
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' {
			return rand.Text()
		}
	}
	return id
}
