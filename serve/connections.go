package serve

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// A limitListener has no more than so many connections open; others wait in the system's
// queue.
type limitListener struct {
	net.Listener
	places chan struct{}
	once   sync.Once
	closed chan struct{}
}

func newLimitListener(l net.Listener, most int) net.Listener {
	return &limitListener{Listener: l, places: make(chan struct{}, most), closed: make(chan struct{})}
}

func (l *limitListener) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &limitedConn{Conn: c, free: func() { <-l.places }}, nil
}

func (l *limitListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	once sync.Once
	free func()
}

func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.free)
	return err
}

// Connections knows which connections have a request, or may have one on the way.
// http.Server.Shutdown alone would drop requests of connections that were just accepted:
// it does not answer what arrives after it was called.
type connections struct {
	mu    sync.Mutex
	state map[net.Conn]http.ConnState
	count map[http.ConnState]int
	quiet chan struct{} // closed when there are none, if somebody waits for that
}

func newConnections() *connections {
	return &connections{state: map[net.Conn]http.ConnState{}, count: map[http.ConnState]int{}}
}

// change is the http.Server's ConnState.
func (c *connections) change(conn net.Conn, now http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if was, known := c.state[conn]; known {
		c.count[was]--
	}
	if now == http.StateClosed || now == http.StateHijacked {
		delete(c.state, conn)
	} else {
		c.state[conn] = now
		c.count[now]++
	}
	if c.quiet != nil && c.busy() == 0 {
		close(c.quiet)
		c.quiet = nil
	}
}

func (c *connections) busy() int { return c.count[http.StateNew] + c.count[http.StateActive] }

// wait returns when all connections are idle or closed, or with those that have a request
// when ctx ends.
func (c *connections) wait(ctx context.Context) (active int) {
	c.mu.Lock()
	quiet := make(chan struct{})
	if c.busy() == 0 {
		close(quiet)
	} else {
		c.quiet = quiet
	}
	c.mu.Unlock()
	select {
	case <-quiet:
		return 0
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count[http.StateActive]
}
