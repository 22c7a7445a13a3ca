package serve

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// retryAfter is how many seconds a client should wait that was rejected because of load:
// the least that the header can say.
const retryAfter = "1"

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	add := func(endpoint, method, path string, open bool, h func(http.ResponseWriter, *http.Request, *call) error) {
		mux.Handle(method+" "+path, s.wrap(endpoint, open, h))
		// Without this, another method would get an answer that is no JSON.
		allowed := method
		if method == http.MethodGet {
			allowed += ", " + http.MethodHead
		}
		mux.Handle(path, s.wrap(endpoint, true, func(w http.ResponseWriter, r *http.Request, _ *call) error {
			w.Header().Set("Allow", allowed)
			return failf(http.StatusMethodNotAllowed, "%s takes %s, got %s", r.URL.Path, method, shorten(r.Method))
		}))
	}
	add("metadata", "GET", "/v2", false, s.serverMetadata)
	add("metadata", "GET", "/v2/{$}", false, s.serverMetadata)
	add("health", "GET", "/v2/health/live", true, s.live)
	add("health", "GET", "/v2/health/ready", true, s.ready)
	for _, path := range []string{"/v2/models/{model}", "/v2/models/{model}/versions/{version}"} {
		add("metadata", "GET", path, false, s.modelMetadata)
		add("health", "GET", path+"/ready", true, s.modelReady)
		add("infer", "POST", path+"/infer", false, s.infer)
	}
	add("index", "POST", "/v2/repository/index", false, s.index)
	add("predict", "POST", "/predict", false, s.predict)
	add("predict", "POST", "/predict/{model}", false, s.predict)
	metrics := s.metrics.handler()
	add("metrics", "GET", "/metrics", false, func(w http.ResponseWriter, r *http.Request, _ *call) error {
		metrics.ServeHTTP(w, r)
		return nil
	})
	mux.Handle("/", s.wrap("other", true, func(_ http.ResponseWriter, r *http.Request, _ *call) error {
		return failf(http.StatusNotFound, "there is no %q; there are /v2 and what is below it, /predict and /metrics", shorten(r.URL.Path))
	}))
	return mux
}

func (s *Server) serverMetadata(w http.ResponseWriter, _ *http.Request, _ *call) error {
	return s.writeJSON(w, http.StatusOK, map[string]any{
		"name": "isrlu", "version": s.o.Version, "extensions": []string{"binary_tensor_data"},
	})
}

func (s *Server) live(w http.ResponseWriter, _ *http.Request, _ *call) error {
	return s.writeJSON(w, http.StatusOK, map[string]bool{"live": true})
}

// readiness is the status that tells whether the server is ready: probes and balancers
// take 503 for what it is.
func (s *Server) readiness() (status int, ready bool) {
	if s.draining.Load() {
		return http.StatusServiceUnavailable, false
	}
	return http.StatusOK, true
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request, _ *call) error {
	status, ready := s.readiness()
	return s.writeJSON(w, status, map[string]bool{"ready": ready})
}

func (s *Server) modelReady(w http.ResponseWriter, r *http.Request, c *call) error {
	m, err := s.find(r)
	if err != nil {
		return err
	}
	c.model = m.Name
	status, ready := s.readiness()
	return s.writeJSON(w, status, map[string]any{"name": m.Name, "ready": ready})
}

// A metadataTensor is the protocol's.
type metadataTensor struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"`
}

// A modelMetadata is the protocol's.
type modelMetadata struct {
	Name     string           `json:"name"`
	Versions []string         `json:"versions"`
	Platform string           `json:"platform"`
	Inputs   []metadataTensor `json:"inputs"`
	Outputs  []metadataTensor `json:"outputs"`
}

func (s *Server) modelMetadata(w http.ResponseWriter, r *http.Request, c *call) error {
	m, err := s.find(r)
	if err != nil {
		return err
	}
	c.model = m.Name
	tensor := func(t Tensor, datatype string) []metadataTensor {
		return []metadataTensor{{t.Name, datatype, append([]int{-1}, t.Shape...)}}
	}
	return s.writeJSON(w, http.StatusOK, modelMetadata{
		m.Name, []string{Version}, m.Platform, tensor(m.Input, m.datatype()), tensor(m.Output, "FP32"),
	})
}

// index lists the models, as Triton's model repository extension does.
func (s *Server) index(w http.ResponseWriter, _ *http.Request, _ *call) error {
	state := "READY"
	if _, ready := s.readiness(); !ready {
		state = "UNAVAILABLE"
	}
	list := []map[string]string{}
	for _, name := range s.names {
		list = append(list, map[string]string{"name": name, "version": Version, "state": state})
	}
	return s.writeJSON(w, http.StatusOK, list)
}

func (s *Server) infer(w http.ResponseWriter, r *http.Request, c *call) error {
	m, body, done, err := s.begin(r, c)
	if err != nil {
		return err
	}
	defer done()
	request, err := readInfer(&m.Model, s.o.MaxRows, r.Header, body, &c.held)
	if err != nil {
		return err
	}
	y, err := s.run(r.Context(), m, request.x, request.room(&m.Model), c)
	if err != nil {
		return err
	}
	return s.writeInfer(w, &m.Model, request, y)
}

func (s *Server) predict(w http.ResponseWriter, r *http.Request, c *call) error {
	if r.PathValue("model") == "" {
		if len(s.names) > 1 {
			return badRequestf("there are several models: name one, as in /predict/%s", s.names[0])
		}
		r.SetPathValue("model", s.names[0])
	}
	m, body, done, err := s.begin(r, c)
	if err != nil {
		return err
	}
	defer done()
	x, top, err := readPredict(&m.Model, s.o.MaxRows, r.Header, body, &c.held)
	if err != nil {
		return err
	}
	if text := r.URL.Query().Get("top"); text != "" {
		if top, err = strconv.Atoi(text); err != nil || top < 0 {
			return badRequestf("top must be a number of classes, got %q", shorten(text))
		}
	}
	rows := int64(len(x) / m.in)
	// Probabilities and numbers with their text.
	room := rows * (int64(m.out)*(4+8+2*numberText) + predictionText)
	y, err := s.run(r.Context(), m, x, room, c)
	if err != nil {
		return err
	}
	list, err := m.predictions(y, top)
	if err != nil {
		return err
	}
	return s.writeJSON(w, http.StatusOK, predictResponse{m.Name, list})
}

// begin finds the model of a request, reads the body and takes one of the places for
// requests, which done gives back. Bodies take none while they arrive, so that slow clients
// hold up nobody.
func (s *Server) begin(r *http.Request, c *call) (m *served, body []byte, done func(), err error) {
	if m, err = s.find(r); err != nil {
		return nil, nil, nil, err
	}
	c.model = m.Name
	// The server's own writer closes the connection of a body that is too large.
	if body, err = readBody(c.ResponseWriter, r, s.o.MaxBody, &c.held); err != nil {
		return nil, nil, nil, err
	}
	select {
	case s.slots <- struct{}{}:
		return m, body, func() { <-s.slots }, nil
	default:
		return nil, nil, nil, overloaded(rejectedConcurrency, "the server has too many requests; try again later")
	}
}

// run waits for the outputs of samples, in the order of clients. room is what the answer
// takes: an answer for which there is no memory is not worked for.
func (s *Server) run(ctx context.Context, m *served, x []float32, room int64, c *call) ([]float32, error) {
	c.rows = len(x) / m.in
	bytes := 4 * int64(c.rows*m.out)
	if m.FromEngine != nil {
		bytes *= 2
	}
	if err := c.held.take(bytes + room); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	j, err := m.submit(x)
	if err != nil {
		return nil, err
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		m.drop(j)
		return nil, ctx.Err()
	}
	if j.err != nil || m.FromEngine == nil {
		return j.y, j.err
	}
	y := make([]float32, len(j.y))
	m.FromEngine(y, j.y)
	return y, nil
}

func (s *Server) writeJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return s.write(w, status, b)
}

// write sends an answer, in bounded time.
func (s *Server) write(w http.ResponseWriter, status int, b []byte) error {
	h := w.Header()
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("X-Content-Type-Options", "nosniff")
	if s.draining.Load() {
		h.Set("Connection", "close") // the client's next request is for another process
	}
	// Writers that have no deadlines are those of tests and of callers' own servers.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.o.WriteTimeout))
	w.WriteHeader(status)
	_, _ = w.Write(b) // nobody is left to be told
	return nil
}
