package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/isrlu/isrlu/nn"
)

// network makes a small network for images of 4x4, with 3 classes.
func network(t testing.TB, batch int) *nn.Model[float32] {
	t.Helper()
	m, err := nn.New[float32](nn.Network{
		Input: nn.Shape{4, 4, 1},
		Layers: nn.Sequential{
			nn.Conv2D{Filters: 5, Kernel: nn.Square(3), Padding: nn.Same}, nn.Activation{Function: "isrlu"},
			nn.Flatten{}, nn.Dense{Units: 3},
		},
	}, nn.Options{Batch: batch, Threads: 1, Seed: 1, Inference: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// imageModel is the network as a model of images.
func imageModel(t testing.TB, batch int) Model {
	m := FromNetwork("digits", network(t, batch))
	m.Classes, m.Scores = []string{"cat", "dog", "owl"}, Logits
	m.Pixels = &Pixels{4, 4, 1, []float32{.25}, []float32{.5}}
	return m
}

// An engineFunc is an engine of samples of two numbers with outputs of one.
type engineFunc struct {
	batch   int
	predict func(x []float32) []float32
}

func (e engineFunc) Predict(x []float32) []float32 { return e.predict(x) }
func (e engineFunc) Batch() int                    { return e.batch }

// sums is what engines of tests compute.
func sums(x []float32) []float32 {
	var y []float32
	for i := 0; i < len(x); i += 2 {
		y = append(y, x[i]+100*x[i+1])
	}
	return y
}

// model makes a model of engines of tests.
func model(name string, engines ...Engine) Model {
	return Model{Name: name, Platform: "test", Input: Tensor{"x", []int{2}}, Output: Tensor{"y", []int{1}}, Engines: engines}
}

func newServer(t testing.TB, o Options, models ...Model) *Server {
	t.Helper()
	s, err := New(o, models...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// do sends a request to a handler. Headers are pairs of name and value.
func do(s *Server, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// wantError makes sure that an answer is an error of the protocol that has these texts.
func wantError(t testing.TB, w *httptest.ResponseRecorder, status int, wants ...string) {
	t.Helper()
	var e map[string]string
	if w.Code != status || w.Header().Get("Content-Type") != "application/json" || json.Unmarshal(w.Body.Bytes(), &e) != nil || len(e) != 1 {
		t.Errorf("got %d, %s; expected %d and an error in JSON", w.Code, w.Body, status)
	}
	for _, want := range wants {
		if !strings.Contains(e["error"], want) {
			t.Errorf("the error %q lacks %q", e["error"], want)
		}
	}
}

// mustJSON marshals.
func mustJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A pipes is a listener without a network: connections are of net.Pipe, whose time is
// that of a bubble of synctest.
type pipes struct {
	connections chan net.Conn
	once        sync.Once
	closed      chan struct{}
}

func newPipes() *pipes { return &pipes{connections: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.connections:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Net: "unix"} }

// dial connects, or returns an error if nobody accepts any more.
func (p *pipes) dial() (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.connections <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// client returns a client of it.
func (p *pipes) client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return p.dial() }, MaxIdleConnsPerHost: 100,
	}}
}

// post sends a body and returns status and answer.
func post(c *http.Client, url string, body []byte) (int, []byte, error) {
	r, err := c.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return r.StatusCode, b, err
}

// normal returns normally distributed numbers.
func normal(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// recorded returns header and body of an answer.
func recorded(w *httptest.ResponseRecorder) struct {
	header http.Header
	body   io.Reader
} {
	return struct {
		header http.Header
		body   io.Reader
	}{w.Header(), w.Body}
}
