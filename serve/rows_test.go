package serve

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/nn"
)

// inferBody is a request with binary data, and the value of its header.
func inferBody(t testing.TB, m Model, datatype string, shape []int, data []byte, parameters string) (string, string) {
	t.Helper()
	head := `{"inputs":[{"name":"` + m.Input.Name + `","datatype":"` + datatype + `","shape":` + mustJSON(t, shape) +
		`,"parameters":{"binary_data_size":` + strconv.Itoa(len(data)) + `}}]` + parameters + `}`
	return head + string(data), strconv.Itoa(len(head))
}

// floats reads FP32.
func floats(b []byte) []float32 {
	var x []float32
	for ; len(b) >= 4; b = b[4:] {
		x = append(x, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return x
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
}

// Clients that ask at once, for several samples or one, get the bits that the model gives
// for each sample alone: for every built-in network.
func TestAnswersAreThoseOfTheModelAlone(t *testing.T) {
	for _, task := range experiment.Tasks {
		for _, name := range task.Builtins() {
			t.Run(task.Name+" "+name, func(t *testing.T) {
				description, err := experiment.Builtin(task, name)
				if err != nil {
					t.Fatal(err)
				}
				description = experiment.ForClasses(experiment.Choose(description, "isrlu"), 10)
				alone, err := nn.New[float32](description, nn.Options{Threads: 1, Seed: 1, Inference: true})
				if err != nil {
					t.Fatal(err)
				}
				defer alone.Close()
				batched, err := nn.New[float32](description, nn.Options{Batch: 5, Seed: 1, Inference: true})
				if err != nil {
					t.Fatal(err)
				}
				defer batched.Close()
				m := FromNetwork("m", batched)
				s := newServer(t, Options{MaxDelay: time.Millisecond}, m)
				defer s.Close()
				checkAgainst(t, s, m, alone)
			})
		}
	}
}

// checkAgainst asks for random samples in requests of several sizes at once.
func checkAgainst(t *testing.T, s *Server, m Model, alone *nn.Model[float32]) {
	r := rand.New(rand.NewPCG(1, 2))
	var wait sync.WaitGroup
	for _, rows := range []int{1, 3, 1, 7, 2, 1} {
		var x []float32
		var data []byte
		for range rows * m.Input.size() {
			v := r.NormFloat64()
			if m.Tokens > 0 {
				v = float64(r.IntN(m.Tokens))
				data = binary.LittleEndian.AppendUint64(data, uint64(v))
			} else {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(v)))
			}
			x = append(x, float32(v))
		}
		var want []float32
		for sample := range slices.Chunk(x, m.Input.size()) {
			want = append(want, alone.Predict(sample)...)
		}
		body, length := inferBody(t, m, m.datatype(), append([]int{rows}, m.Input.Shape...), data, `,"parameters":{"binary_data_output":true}`)
		wait.Go(func() {
			w := do(s, "POST", "/v2/models/m/infer", body, headerLength, length)
			n, err := strconv.Atoi(w.Header().Get(headerLength))
			if w.Code != http.StatusOK || err != nil {
				t.Errorf("got %d, %.200s", w.Code, w.Body)
				return
			}
			if got := floats(w.Body.Bytes()[n:]); !sameBits(got, want) {
				t.Errorf("%d samples: the bits are not those of the model", rows)
			}
		})
	}
	wait.Wait()
}

// A sample that is not finite leaves others in its batch as they are.
func TestSamplesDoNotTouchEachOther(t *testing.T) {
	m := imageModel(t, 8)
	alone := network(t, 1)
	s := newServer(t, Options{}, m)
	x := normal(rand.New(rand.NewPCG(3, 3)), 3*16)
	want := slices.Concat(slices.Clone(alone.Predict(x[:16])), slices.Clone(alone.Predict(x[32:])))
	for i := range 16 {
		x[16+i] = float32(math.Inf(1))
	}
	body, length := inferBody(t, m, "FP32", []int{3, 4, 4, 1}, appendBinary(nil, x), `,"parameters":{"binary_data_output":true}`)
	w := do(s, "POST", "/v2/models/digits/infer", body, headerLength, length)
	n, err := strconv.Atoi(w.Header().Get(headerLength))
	if w.Code != http.StatusOK || err != nil {
		t.Fatalf("got %d, %s", w.Code, w.Body)
	}
	got := floats(w.Body.Bytes()[n:])
	if !sameBits(slices.Concat(got[:3], got[6:]), want) {
		t.Errorf("got %v, expected %v", got, want)
	}
	// JSON cannot carry it.
	body, length = inferBody(t, m, "FP32", []int{3, 4, 4, 1}, appendBinary(nil, x), "")
	wantError(t, do(s, "POST", "/v2/models/digits/infer", body, headerLength, length), http.StatusUnprocessableEntity, "sample 1", "binary_data")
	wantError(t, do(s, "POST", "/predict", `{"input":[`+strings.Repeat("3e38,", 15)+`3e38]}`), http.StatusUnprocessableEntity, "sample 0")
}

// Numbers in JSON are the nearest float32, and come back so.
func TestJSONKeepsBits(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	var x []float32
	for len(x) < 2000 {
		if v := math.Float32frombits(r.Uint32()); !notFinite(v) {
			x = append(x, v)
		}
	}
	same := model("same", engineFunc{16, func(x []float32) []float32 {
		var y []float32
		for i := 0; i < len(x); i += 2 {
			y = append(y, x[i])
		}
		return y
	}})
	s := newServer(t, Options{}, same)
	var want []float32
	var in []float32
	for _, v := range x {
		want, in = append(want, v), append(in, v, 0)
	}
	for rows := range slices.Chunk(in, 2*500) {
		w := do(s, "POST", "/v2/models/same/infer", `{"inputs":[{"name":"x","datatype":"FP32","shape":[500,2],"data":`+mustJSON(t, rows)+`}]}`)
		var answer struct{ Outputs []struct{ Data []float32 } }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || len(answer.Outputs) != 1 {
			t.Fatalf("got %d, %.200s: %v", w.Code, w.Body, err)
		}
		if !sameBits(answer.Outputs[0].Data, want[:500]) {
			t.Fatal("the bits are not those that were sent")
		}
		want = want[500:]
	}
}
