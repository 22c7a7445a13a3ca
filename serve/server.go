package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// A Server answers requests for models.
type Server struct {
	o        Options
	models   map[string]*served
	names    []string
	metrics  *metrics
	memory   *memory
	slots    chan struct{}
	draining atomic.Bool
	handler  http.Handler
}

// A served is a model with its queue.
type served struct {
	Model
	*batcher
}

// New makes a server of models, whose workers it starts: [Server.Close] ends them. The
// engines stay the caller's, and must not be used by others until then.
func New(o Options, models ...Model) (*Server, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if len(models) == 0 {
		return nil, errors.New("serve: there is no model to serve")
	}
	o = o.WithDefaults()
	s := &Server{o: o, models: map[string]*served{}, memory: &memory{most: o.MaxMemory}, slots: make(chan struct{}, o.MaxConcurrent)}
	for i := range models {
		m := &models[i]
		if err := m.check(); err != nil {
			return nil, err
		}
		if s.models[m.Name] != nil {
			return nil, fmt.Errorf("serve: two models are called %q; give them different names", m.Name)
		}
		s.models[m.Name] = &served{Model: *m}
		s.names = append(s.names, m.Name)
	}
	s.metrics = newMetrics(s.memory)
	s.metrics.ready.Set(1)
	for _, m := range s.models {
		m.batcher = newBatcher(&m.Model, o, s.metrics.of(&m.Model), func(v any) {
			s.o.Log.Error("the engine failed", "model", m.Name, "panic", fmt.Sprint(v))
		})
	}
	slices.Sort(s.names)
	s.handler = s.routes()
	return s, nil
}

// Handler returns what answers requests, for a server of the caller's own. That must set
// the timeouts and the limits of connections that [Server.Serve] sets by the options.
func (s *Server) Handler() http.Handler { return s.handler }

// Close ends the workers, after they have run what is queued. Requests that come later
// get the status 503.
func (s *Server) Close() {
	for _, m := range s.models {
		m.stop()
	}
}

// Serve answers the requests of a listener's connections until ctx ends; it is for one call. Then the server
// says that it is not ready; after [Options.DrainDelay] it closes the listener, answers
// all requests that it has, and returns nil. If that takes longer than
// [Options.ShutdownTimeout], it closes the connections and returns an error.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	open := newConnections()
	server := &http.Server{
		ConnState:         open.change,
		Handler:           s.handler,
		TLSConfig:         s.o.TLS.Clone(),
		ReadHeaderTimeout: s.o.HeaderTimeout,
		ReadTimeout:       s.o.ReadTimeout,
		// An answer may have to wait for all of them. Where it begins, it gets its own time.
		WriteTimeout:   s.o.ReadTimeout + s.o.Timeout + s.o.WriteTimeout,
		IdleTimeout:    s.o.IdleTimeout,
		MaxHeaderBytes: maxHeader,
		HTTP2:          &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:       slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug),
	}
	l = newLimitListener(l, s.o.MaxConnections)
	ended := make(chan error, 1)
	go func() {
		if s.o.TLS != nil {
			ended <- server.ServeTLS(l, "", "")
		} else {
			ended <- server.Serve(l)
		}
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: cannot accept connections: %w", err)
	case <-ctx.Done():
	}
	s.drain()
	if s.o.DrainDelay > 0 {
		select {
		case err := <-ended:
			return fmt.Errorf("serve: cannot accept connections: %w", err)
		case <-time.After(s.o.DrainDelay):
		}
	}
	s.o.Log.Info("shutting down", "timeout", s.o.ShutdownTimeout)
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.ShutdownTimeout)
	defer cancel()
	// First the listener alone: see connections.
	l.Close()
	<-ended
	if active := open.wait(bounded); active > 0 {
		server.Close()
		return fmt.Errorf("serve: %d requests were not answered within the shutdown timeout, %s; their connections were closed", active, s.o.ShutdownTimeout)
	}
	if err := server.Shutdown(bounded); err != nil {
		server.Close()
	}
	s.o.Log.Info("all requests are answered")
	return nil
}

// maxHeader bounds the header of a request. On a connection of HTTP/2 there are up to
// maxStreams requests at once, and streamBuffer bytes of them that nobody has read.
const (
	maxHeader    = 16 << 10
	maxStreams   = 32
	streamBuffer = 128 << 10
)

// drain makes the server say that it is not ready, and clients leave their connections.
func (s *Server) drain() {
	s.draining.Store(true)
	s.metrics.ready.Set(0)
	s.o.Log.Info("no longer ready", "drain_delay", s.o.DrainDelay)
}

// find returns the model that a request names.
func (s *Server) find(r *http.Request) (*served, error) {
	name := r.PathValue("model")
	m := s.models[name]
	if m == nil {
		return nil, failf(http.StatusNotFound, "there is no model %q; there are %s", shorten(name), strings.Join(s.names, ", "))
	}
	if v := r.PathValue("version"); v != "" && v != Version {
		return nil, failf(http.StatusNotFound, "there is no version %q of the model %s; there is %s", shorten(v), name, Version)
	}
	return m, nil
}
