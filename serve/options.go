package serve

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"
)

// Options are how a server works. A zero stands for the default, which the fields tell.
type Options struct {
	// MaxDelay is how long a request may wait for others to join its batch. 0, the default,
	// runs what is there as soon as an engine is free.
	MaxDelay time.Duration
	// QueueRows is the most samples that wait, of each model; 1024.
	QueueRows int
	// MaxRows is the most samples of a request; QueueRows at most, and by default.
	MaxRows int
	// MaxBody is the most bytes of a request's body; 16 MiB.
	MaxBody int64
	// MaxMemory is the most bytes of all bodies, numbers and answers together; 256 MiB.
	MaxMemory int64
	// MaxConcurrent is the most requests that are worked on or wait, counted from when
	// their body has arrived; 512.
	MaxConcurrent int
	// MaxConnections is the most connections that are open; 1024. Others wait in the
	// system's queue.
	MaxConnections int
	// Timeout is the longest that a request waits for its outputs; 30 s.
	Timeout time.Duration
	// HeaderTimeout, ReadTimeout and WriteTimeout are how long a client may take to send
	// the header of a request, all of a request, and to take its answer: 5 s, 15 s, 15 s.
	HeaderTimeout, ReadTimeout, WriteTimeout time.Duration
	// IdleTimeout is how long a connection may stay open between requests; 2 min.
	IdleTimeout time.Duration
	// DrainDelay is how long a server that is to end says that it is not ready, and still
	// accepts requests, so that others learn it; 0.
	DrainDelay time.Duration
	// ShutdownTimeout is how long it then waits for the requests that it has; 30 s.
	ShutdownTimeout time.Duration
	// Tokens, if not nil, are the bearer tokens that clients must show.
	Tokens *Tokens
	// TLS, if not nil, is used for all connections.
	TLS *tls.Config
	// Log takes what happens; by default nothing is logged.
	Log *slog.Logger
	// Version is that of the program, for clients.
	Version string
}

// WithDefaults returns the options with defaults for zeros.
func (o Options) WithDefaults() Options {
	defaultTo(&o.QueueRows, 1024)
	defaultTo(&o.MaxRows, o.QueueRows)
	defaultTo(&o.MaxBody, 16<<20)
	defaultTo(&o.MaxMemory, 256<<20)
	defaultTo(&o.MaxConcurrent, 512)
	defaultTo(&o.MaxConnections, 1024)
	defaultTo(&o.Timeout, 30*time.Second)
	defaultTo(&o.HeaderTimeout, 5*time.Second)
	defaultTo(&o.ReadTimeout, 15*time.Second)
	defaultTo(&o.WriteTimeout, 15*time.Second)
	defaultTo(&o.IdleTimeout, 2*time.Minute)
	defaultTo(&o.ShutdownTimeout, 30*time.Second)
	defaultTo(&o.Version, "(unknown)")
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func defaultTo[T comparable](field *T, value T) {
	if *field == *new(T) {
		*field = value
	}
}

// Check returns an error that names the option that is out of its range.
func (o Options) Check() error {
	o = o.WithDefaults()
	for _, f := range []struct {
		name        string
		value, most int64
	}{
		{"QueueRows", int64(o.QueueRows), 1 << 24},
		{"MaxRows", int64(o.MaxRows), int64(o.QueueRows)},
		{"MaxBody", o.MaxBody, 1 << 30},
		{"MaxMemory", o.MaxMemory, 1 << 40},
		{"MaxConcurrent", int64(o.MaxConcurrent), 1 << 20},
		{"MaxConnections", int64(o.MaxConnections), 1 << 20},
	} {
		if f.value < 1 || f.value > f.most {
			return fmt.Errorf("serve: %s must be from 1 to %d, got %d", f.name, f.most, f.value)
		}
	}
	if o.MaxMemory < 4*o.MaxBody {
		return fmt.Errorf("serve: MaxMemory must be at least 4 times MaxBody, %d, got %d: a request's numbers and answer need memory too", 4*o.MaxBody, o.MaxMemory)
	}
	for _, f := range []struct {
		name     string
		value    time.Duration
		positive bool
	}{
		{"MaxDelay", o.MaxDelay, false},
		{"DrainDelay", o.DrainDelay, false},
		{"Timeout", o.Timeout, true},
		{"HeaderTimeout", o.HeaderTimeout, true},
		{"ReadTimeout", o.ReadTimeout, true},
		{"WriteTimeout", o.WriteTimeout, true},
		{"IdleTimeout", o.IdleTimeout, true},
		{"ShutdownTimeout", o.ShutdownTimeout, true},
	} {
		if f.value < 0 || f.positive && f.value == 0 || f.value > 24*time.Hour {
			return fmt.Errorf("serve: %s must be from 0 to 24h, got %s", f.name, f.value)
		}
	}
	if o.MaxDelay >= o.Timeout {
		return fmt.Errorf("serve: MaxDelay must be less than Timeout, %s, got %s", o.Timeout, o.MaxDelay)
	}
	return nil
}
