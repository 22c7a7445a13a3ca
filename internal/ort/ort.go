// Package ort runs ONNX models in ONNX Runtime, the peer that judges this module's
// models and times: by a process of node with the npm package onnxruntime-node,
// which holds the native library. Nothing else of this module depends on it.
package ort

import (
	"bufio"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Variable is the environment variable with the folder in which
// "npm install onnxruntime-node" ran.
const Variable = "ISRLU_ONNXRUNTIME"

//go:embed ort.js
var script string

// A Runtime is a running process, for one goroutine at a time.
type Runtime struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	err *strings.Builder
	end error // why it is not there any more
}

// A Tensor is an input or output. Either Floats or Ints has the elements, by Type:
// float32 and float64 are floats; int64, int32, uint8, int8 and bool are
// not.
type Tensor struct {
	Name   string
	Type   string
	Dims   []int64
	Floats []float32
	Ints   []int64
}

// Start starts ONNX Runtime from the folder that holds
// node_modules/onnxruntime-node; if it is empty, from that in the environment
// variable.
func Start(dir string) (*Runtime, error) {
	if dir == "" {
		dir = os.Getenv(Variable)
	}
	if dir == "" {
		return nil, fmt.Errorf("ort: no folder of ONNX Runtime; run \"npm install onnxruntime-node\" in a folder and name it by %s", Variable)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("ort: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "onnxruntime-node")); err != nil {
		return nil, fmt.Errorf("ort: %s has no node_modules/onnxruntime-node; run \"npm install onnxruntime-node\" there", dir)
	}
	r := &Runtime{err: new(strings.Builder)}
	r.cmd = exec.Command("node", "-e", script, dir)
	r.cmd.Stderr = r.err
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("ort: %w", err)
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("ort: %w", err)
	}
	r.out = bufio.NewReaderSize(out, 1<<20)
	r.cmd.WaitDelay = patience
	if err := r.cmd.Start(); errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("ort: node is not there; install Node.js: %w", err)
	} else if err != nil {
		return nil, fmt.Errorf("ort: %w", err)
	}
	if _, err := r.answer(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// patience is the time that a process has to end in.
const patience = 10 * time.Second

// Close ends the process.
func (r *Runtime) Close() {
	if r.end == nil {
		r.stop(errors.New("ort: the runtime is closed"))
	}
}

// stop ends the process, by force if it does not end with its input.
func (r *Runtime) stop(why error) {
	r.end = why
	r.in.Close()
	kill := time.AfterFunc(patience, func() { r.cmd.Process.Kill() })
	defer kill.Stop()
	r.cmd.Wait() // its status adds nothing to why
}

type header struct {
	Op      string        `json:"op,omitempty"`
	ID      int           `json:"id,omitempty"`
	Path    string        `json:"path,omitempty"`
	Size    int           `json:"size,omitempty"`
	Threads int           `json:"threads,omitempty"`
	Runs    int           `json:"runs,omitempty"`
	Tensors []tensorEntry `json:"tensors,omitempty"`

	Error   string   `json:"error,omitempty"`
	Inputs  []string `json:"inputs,omitempty"`
	Outputs []string `json:"outputs,omitempty"`
	Times   []int64  `json:"times,omitempty"`
}

type tensorEntry struct {
	Name string  `json:"name"`
	Type string  `json:"type"`
	Dims []int64 `json:"dims"`
	Size int     `json:"size"`
}

func (r *Runtime) ask(h header, data ...[]byte) (header, error) {
	if r.end != nil {
		return header{}, r.end
	}
	line, err := json.Marshal(h)
	if err != nil {
		return header{}, fmt.Errorf("ort: %w", err)
	}
	for _, b := range append([][]byte{append(line, '\n')}, data...) {
		if _, err := r.in.Write(b); err != nil {
			return header{}, r.died(err)
		}
	}
	return r.answer()
}

func (r *Runtime) answer() (header, error) {
	line, err := r.out.ReadBytes('\n')
	if err != nil {
		return header{}, r.died(err)
	}
	var h header
	if err := json.Unmarshal(line, &h); err != nil {
		return header{}, r.died(fmt.Errorf("an answer that is not JSON: %.100q", line))
	}
	if h.Error != "" {
		return header{}, errors.New("ONNX Runtime: " + h.Error)
	}
	return h, nil
}

// died ends what is left of the process, and returns what it said.
func (r *Runtime) died(err error) error {
	r.cmd.Process.Kill() // it may be alive, and wait for what does not come
	r.stop(nil)
	text := strings.TrimSpace(r.err.String())
	if lines := strings.Split(text, "\n"); len(lines) > 5 {
		text = strings.Join(lines[:5], "\n")
	}
	r.end = fmt.Errorf("ort: node ended: %w\n%s", err, text)
	return r.end
}

// A Session is a model that ONNX Runtime has loaded.
type Session struct {
	Inputs, Outputs []string

	r  *Runtime
	id int
}

// Open loads a model that has no external data, to run on so many threads.
func (r *Runtime) Open(model []byte, threads int) (*Session, error) {
	return r.open(header{Op: "open", Size: len(model), Threads: threads}, model)
}

// OpenFile loads the model at path.
func (r *Runtime) OpenFile(path string, threads int) (*Session, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("ort: %w", err)
	}
	return r.open(header{Op: "open", Path: path, Threads: threads})
}

func (r *Runtime) open(h header, data ...[]byte) (*Session, error) {
	a, err := r.ask(h, data...)
	if err != nil {
		return nil, err
	}
	return &Session{Inputs: a.Inputs, Outputs: a.Outputs, r: r, id: a.ID}, nil
}

// Close frees the model.
func (s *Session) Close() error {
	_, err := s.r.ask(header{Op: "close", ID: s.id})
	return err
}

// Run runs the model and returns its outputs in their order.
func (s *Session) Run(inputs ...Tensor) ([]Tensor, error) {
	out, _, err := s.Time(1, inputs...)
	return out, err
}

// Time runs the model so often, one run after the other, and returns the outputs
// of the last run and the time of each.
func (s *Session) Time(runs int, inputs ...Tensor) ([]Tensor, []time.Duration, error) {
	if runs < 1 {
		return nil, nil, fmt.Errorf("ort: %d runs", runs)
	}
	h := header{Op: "run", ID: s.id, Runs: runs}
	var data [][]byte
	for _, t := range inputs {
		b, err := encode(t)
		if err != nil {
			return nil, nil, err
		}
		dims := append([]int64{}, t.Dims...) // not null
		h.Tensors = append(h.Tensors, tensorEntry{Name: t.Name, Type: t.Type, Dims: dims, Size: len(b)})
		data = append(data, b)
	}
	a, err := s.r.ask(h, data...)
	if err != nil {
		return nil, nil, err
	}
	data = data[:0]
	for _, e := range a.Tensors { // all, also if one cannot be read
		b := make([]byte, e.Size)
		if _, err := io.ReadFull(s.r.out, b); err != nil {
			return nil, nil, s.r.died(err)
		}
		data = append(data, b)
	}
	var outputs []Tensor
	for i, e := range a.Tensors {
		t, err := decode(e, data[i])
		if err != nil {
			return nil, nil, err
		}
		outputs = append(outputs, t)
	}
	var times []time.Duration
	for _, ns := range a.Times {
		times = append(times, time.Duration(ns))
	}
	return outputs, times, nil
}

func encode(t Tensor) ([]byte, error) {
	var b []byte
	switch t.Type {
	case "float32":
		for _, x := range t.Floats {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
	case "float64":
		for _, x := range t.Floats {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(x)))
		}
	case "int64":
		for _, x := range t.Ints {
			b = binary.LittleEndian.AppendUint64(b, uint64(x))
		}
	case "int32":
		for _, x := range t.Ints {
			b = binary.LittleEndian.AppendUint32(b, uint32(x))
		}
	case "uint8", "int8", "bool":
		for _, x := range t.Ints {
			b = append(b, byte(x))
		}
	default:
		return nil, fmt.Errorf("ort: input %q has the type %q, which is not supported", t.Name, t.Type)
	}
	return b, nil
}

func decode(e tensorEntry, b []byte) (Tensor, error) {
	t := Tensor{Name: e.Name, Type: e.Type, Dims: e.Dims}
	switch e.Type {
	case "float32":
		for i := 0; i < len(b); i += 4 {
			t.Floats = append(t.Floats, math.Float32frombits(binary.LittleEndian.Uint32(b[i:])))
		}
	case "float64":
		for i := 0; i < len(b); i += 8 {
			t.Floats = append(t.Floats, float32(math.Float64frombits(binary.LittleEndian.Uint64(b[i:]))))
		}
	case "int64":
		for i := 0; i < len(b); i += 8 {
			t.Ints = append(t.Ints, int64(binary.LittleEndian.Uint64(b[i:])))
		}
	case "int32":
		for i := 0; i < len(b); i += 4 {
			t.Ints = append(t.Ints, int64(int32(binary.LittleEndian.Uint32(b[i:]))))
		}
	case "uint8", "bool":
		for _, x := range b {
			t.Ints = append(t.Ints, int64(x))
		}
	case "int8":
		for _, x := range b {
			t.Ints = append(t.Ints, int64(int8(x)))
		}
	default:
		return Tensor{}, fmt.Errorf("ort: output %q has the type %q, which is not supported", e.Name, e.Type)
	}
	return t, nil
}
