package nn

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/internal/safetensors"
)

// everyState is a small network with all that a checkpoint must keep: running
// means, dropout, learned parameters.
var everyState = Network{
	Name: "small", Input: Shape{6, 6, 1}, Activation: "isrlu:learn",
	Layers: Sequential{
		Conv2D{Filters: 3, Kernel: Square(3), Padding: Same}, BatchNorm{}, Activation{},
		Dropout{Rate: .2},
		Residual{Body: Sequential{Conv2D{Filters: 3, Kernel: Square(1)}, Activation{Function: "isru:2:learn-channel"}}},
		Flatten{}, Dense{Units: 4},
	},
}

// batchOf draws a batch, the same for the same step.
func batchOf[T Float](m *Model[T], step int) Batch[T] {
	return randomBatch(m, m.Batch(), uint64(step))
}

func newTrainer[T Float](t *testing.T, o Optimizer) *Trainer[T] {
	t.Helper()
	m, err := New[T](everyState, Options{Batch: 5, Seed: 3, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	tr, err := NewTrainer(m, TrainerOptions{Optimizer: o, Schedule: Cosine(.01, .001, 20), ClipNorm: 1})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func train[T Float](t *Trainer[T], until int) {
	for t.Steps() < until {
		t.Step(batchOf(t.Model(), t.Steps()))
	}
}

// saved returns the bytes of a trainer's checkpoint.
func saved[T Float](t *testing.T, tr *Trainer[T]) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "saved.safetensors")
	if err := tr.Save(path, map[string]string{"who": "test"}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestResumedTrainingEqualsUninterrupted(t *testing.T) {
	t.Run("float32", testResume[float32])
	t.Run("float64", testResume[float64])
}

func testResume[T Float](t *testing.T) {
	nesterov := SGD(.9)
	nesterov.Nesterov, nesterov.WeightDecay = true, 1e-3
	for name, o := range map[string]Optimizer{"sgd": SGD(0), "momentum": SGD(.9), "nesterov": nesterov, "adam": Adam(), "adamw": AdamW(.1)} {
		whole := newTrainer[T](t, o)
		train(whole, 12)
		want := saved(t, whole)
		for _, at := range []int{0, 1, 7, 12} {
			first := newTrainer[T](t, o)
			train(first, at)
			second, metadata, err := Resume[T](write(t, saved(t, first)), Options{Threads: 1 + at%3, Seed: 99, Batch: 2})
			if err != nil {
				t.Fatal(err)
			}
			if second.Steps() != at || !maps.Equal(metadata, map[string]string{"who": "test"}) {
				t.Errorf("%s: resumed at step %d with %v, expected %d", name, second.Steps(), metadata, at)
			}
			train(second, 12)
			if !bytes.Equal(saved(t, second), want) {
				t.Errorf("%s: stopped at step %d, the end differs from that of an uninterrupted training", name, at)
			}
			second.Model().Close()
		}
	}
}

func TestLoadedModelHasTheSameBits(t *testing.T) {
	t.Run("float32", testLoad[float32])
	t.Run("float64", testLoad[float64])
}

func testLoad[T Float](t *testing.T) {
	tr := newTrainer[T](t, Adam())
	train(tr, 3)
	m := tr.Model()
	nan := T(math.Float64frombits(0x7ff8_0000_2000_0000))
	copy(m.Parameters()[0].Value, []T{nan, T(math.Inf(-1)), T(math.Copysign(0, -1)), 5e-45})
	path := filepath.Join(t.TempDir(), "m.safetensors")
	for what, save := range map[string]func() error{
		"model":   func() error { return m.Save(path, nil) },
		"trainer": func() error { return tr.Save(path, nil) },
	} {
		if err := save(); err != nil {
			t.Fatal(err)
		}
		got, metadata, err := Load[T](path, Options{Inference: true, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if metadata == nil || len(metadata) != 0 {
			t.Errorf("metadata of the %s: %v", what, metadata)
		}
		for i, p := range got.Parameters() {
			q := m.Parameters()[i]
			if p.Name != q.Name || !slices.EqualFunc(p.Value, q.Value, sameBits) {
				t.Errorf("parameter %s of the %s differs", q.Name, what)
			}
		}
		got.Close()
	}
}

func sameBits[T Float](a, b T) bool {
	if sizeOf[T]() == 4 {
		return math.Float32bits(float32(a)) == math.Float32bits(float32(b))
	}
	return math.Float64bits(float64(a)) == math.Float64bits(float64(b))
}

// mustFail loads and resumes a file that neither may take.
func mustFail(t *testing.T, what string, data []byte, want string) {
	t.Helper()
	path := write(t, data)
	m, _, err := Load[float32](path, Options{})
	tr, _, err2 := Resume[float32](path, Options{Threads: 1})
	for _, err := range []error{err, err2} {
		if err == nil || !strings.Contains(err.Error(), path) || !strings.HasPrefix(err.Error(), "nn: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, expected one with the file's name and %q", what, err, want)
		}
	}
	if m != nil || tr != nil {
		t.Errorf("%s: a model with the error", what)
	}
}

func TestDamagedCheckpointsAreErrors(t *testing.T) {
	tr := newTrainer[float32](t, Adam())
	train(tr, 2)
	data := saved(t, tr)
	for i := range 50 {
		mustFail(t, fmt.Sprintf("truncated at %d of 50", i), data[:len(data)*i/50], "")
	}
	mustFail(t, "truncated by a byte", data[:len(data)-1], "truncated")
	mustFail(t, "a byte more", append(slices.Clone(data), 0), "follow the last tensor")
	r := rand.New(rand.NewPCG(1, 2))
	header := 8 + int(binary.LittleEndian.Uint64(data))
	for i := range 400 {
		at := r.IntN(len(data))
		if i%2 == 0 {
			at = r.IntN(header)
		}
		bad := slices.Clone(data)
		bad[at] ^= 1 << r.IntN(8)
		mustFail(t, fmt.Sprintf("byte %d is %#02x and not %#02x", at, bad[at], data[at]), bad, "")
	}
}

// edit replaces text in the header, and makes the length and the digest right
// again.
func edit(data []byte, old, new string) []byte {
	n := binary.LittleEndian.Uint64(data)
	header := bytes.Replace(data[8:8+n], []byte(old), []byte(new), 1)
	return reseal(slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header, data[8+n:]))
}

// reseal makes the digest of a file right, if it has one.
func reseal(data []byte) []byte {
	_, rest, ok := bytes.Cut(data, []byte(`"digest":"`))
	if !ok || len(rest) < 64 {
		return data
	}
	digest := rest[:64] // in data itself
	copy(digest, noDigest)
	sum := sha256.Sum256(data)
	hex.Encode(digest, sum[:])
	return data
}

func TestWrongCheckpointsSayWhatIsWrong(t *testing.T) {
	tr := newTrainer[float32](t, Adam())
	train(tr, 1)
	data := saved(t, tr)
	for _, c := range []struct{ old, new, want string }{
		{`{`, `[`, "not a JSON object"},
		{`}}`, `}`, "too early"},
		{`"shape":[3,3,1,3]`, `"shape":[3,1,3,3]`, `tensor "1.conv2d.weight" has shape [3 1 3 3], expected [3 3 1 3]`},
		{`"shape":[3,3,1,3]`, `"shape":[3,3,1,4]`, `tensor "1.conv2d.weight": [3 3 1 4] of F32 does not take 108 bytes`},
		{`"shape":[3,3,1,3]`, `"shape":[3,3,-1,-3]`, `[3 3 -1 -3] is no shape`},
		{`"shape":[3,3,1,3]`, `"shape":[4294967296,4294967296,4294967296]`, `is no shape`},
		{`"shape":[3,3,1,3]`, `"shape":"x"`, `tensor "1.conv2d.weight"`},
		{`"dtype":"F32"`, `"dtype":"I32"`, "type I32, expected F32"},
		{`"data_offsets":[0,108]`, `"data_offsets":[108,0]`, "no range"},
		{`"data_offsets":[0,108]`, `"data_offsets":[0,112]`, "does not take 112 bytes"},
		{`"data_offsets":[108,120]`, `"data_offsets":[104,120]`, "overlap"},
		{`"data_offsets":[108,120]`, `"data_offsets":[112,120]`, "no tensor has bytes 108 to 112"},
		{`"data_offsets":[0,108]`, `"data_offsets":[0,99999999]`, "out of range"},
		{`"data_offsets":[0,108]`, `"data_offsets":[0,9999999999999999999]`, `tensor "1.conv2d.weight"`},
		{`"data_offsets":[0,108]`, `"offsets":[0,108]`, `"offsets"`},
		{`"1.conv2d.weight":`, `"1.conv2d.wait":`, `tensor "1.conv2d.weight" is missing`},
		{`"1.conv2d.bias":`, `"1.conv2d.weight":`, "twice"},
		{`"digest":`, `"dijest":`, `lacks "digest"`},
		{`"network":`, `"netwerk":`, "not a checkpoint"},
		{`"version":"1"`, `"version":"2"`, `version is "2"`},
		{`\"type\":\"conv2d\"`, `\"type\":\"conv3d\"`, `"conv3d"`},
		{`\"units\":4`, `\"units\":5`, `tensor "7.dense.weight" has shape [108 4], expected [108 5]`},
		{`\"units\":4`, `\"units\":2000000`, "more weights"},
		{`\"input\":[6,6,1]`, `\"input\":[60000,60000,1]`, "elements"},
	} {
		mustFail(t, c.new, edit(data, c.old, c.new), c.want)
	}
	long := slices.Clone(data)
	copy(long, binary.LittleEndian.AppendUint64(nil, safetensors.MaxHeader+1))
	mustFail(t, "long header", long, "more than 16777216")
	copy(long, binary.LittleEndian.AppendUint64(nil, math.MaxUint64))
	mustFail(t, "longest header", long, "more than 16777216")
	mustFail(t, "empty", nil, "truncated")

	for _, c := range []struct{ old, new, want string }{
		{`\"step\":1,`, `\"step\":-1,`, "step is -1"},
		{`\"batch\":5`, `\"batch\":0`, "batch is 0"},
		{`\"batch\":5`, `\"batch\":999999999`, "batch is 999999999"},
		{`\"precision\":\"default\"`, `\"precision\":\"rough\"`, `"rough"`},
		{`\"loss\":\"softmax_cross_entropy\"`, `\"loss\":\"x\"`, `"x"`},
		{`\"name\":\"adam\"`, `\"name\":\"adan\"`, `"adan"`},
		{`\"name\":\"adam\"`, `\"name\":\"sgd\"`, `"optimizer.0.1.conv2d.weight" is extra`},
		{`\"beta1\":0.9`, `\"beta1\":9`, "beta1"},
		{`\"name\":\"cosine\"`, `\"name\":\"sine\"`, `"sine"`},
		{`"optimizer.1.1.conv2d.bias"`, `"optimizer.2.1.conv2d.bias"`, `"optimizer.1.1.conv2d.bias" is missing`},
	} {
		path := write(t, edit(data, c.old, c.new))
		if _, _, err := Resume[float32](path, Options{}); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, expected %q", c.new, err, c.want)
		}
	}
	if _, _, err := Load[float64](write(t, data), Options{}); err == nil || !strings.Contains(err.Error(), "type F32, expected F64") {
		t.Errorf("loaded as float64: %v", err)
	}
	for _, missing := range []string{filepath.Join(t.TempDir(), "none"), t.TempDir()} {
		if _, _, err := Load[float32](missing, Options{}); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("%s: %v", missing, err)
		}
	}
}

func TestModelCheckpointCannotBeResumed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := newTrainer[float32](t, Adam()).Model().Save(path, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Resume[float32](path, Options{}); err == nil || !strings.Contains(err.Error(), "without the state of its training") {
		t.Errorf("got %v", err)
	}
}

func TestLearnedParametersOfAFileMustBePositive(t *testing.T) {
	tr := newTrainer[float32](t, Adam())
	path := filepath.Join(t.TempDir(), "m.safetensors")
	for _, v := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		for _, p := range tr.Model().Parameters() {
			if p.Least != 0 {
				p.Value[0] = float32(v)
			}
		}
		if err := tr.Save(path, nil); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Load[float32](path, Options{}); err == nil || !strings.Contains(err.Error(), "positive and finite") {
			t.Errorf("%v: %v", v, err)
		}
	}
}

func TestFailedSaveLeavesTheOldFile(t *testing.T) {
	tr := newTrainer[float32](t, Adam())
	dir := t.TempDir()
	path := filepath.Join(dir, "m.safetensors")
	old := []byte("old")
	if err := os.WriteFile(path, old, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := tr.Save(path, map[string]string{"network": ""}); err == nil || !strings.Contains(err.Error(), `"network"`) {
		t.Errorf("reserved key: %v", err)
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, old) {
		t.Error("the old file is gone")
	}
	// What a killed process left is no obstacle.
	if err := os.WriteFile(path+".tmp", old, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := tr.Save(path, nil); err != nil {
		t.Error(err)
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("the folder has %v", list)
	}
	for _, bad := range []string{filepath.Join(dir, "none", "m"), dir} {
		if err := tr.Save(bad, nil); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// Whatever a file holds, reading it ends with an error or a model, not with a
// panic, also where its digest is right.
func FuzzReadCheckpoint(f *testing.F) {
	m, err := New[float32](everyState, Options{Batch: 2, Seed: 1, Threads: 1})
	if err != nil {
		f.Fatal(err)
	}
	defer m.Close()
	tr, err := NewTrainer(m, TrainerOptions{Optimizer: SGD(.9), Schedule: Constant(.1)})
	if err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(f.TempDir(), "m.safetensors")
	for _, save := range []func(string, map[string]string) error{tr.Save, m.Save} {
		if err := save(path, map[string]string{"a": "b"}); err != nil {
			f.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = reseal(slices.Clone(data))
		c, err := readCheckpoint(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		// Larger ones are right as well but take the fuzzer's memory.
		for _, d := range c.network.Input {
			if d > 64 {
				return
			}
		}
		x := make([]float32, max(0, c.network.Input.Size()))
		if m, err := load[float32](c, Options{Threads: 1, Inference: true}); err == nil {
			m.Predict(x)
			m.Close()
		}
		if c.trainer != nil && c.trainer.Batch <= 64 {
			if t, err := resume[float32](c, Options{Threads: 1}); err == nil {
				t.Step(Batch[float32]{X: x, Labels: []int{0}})
				t.Model().Close()
			}
		}
	})
}
