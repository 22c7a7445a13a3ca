package onnx

import (
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// Models whose functions the engine does not have are loaded when these are swapped.
func TestSwappedModelsAreLoaded(t *testing.T) {
	r := startRuntime(t)
	for _, to := range []string{"isrlu:3", "isru:0.5", "isru_sigmoid:2,0.5", "elu:0.5"} {
		for _, m := range torchModels(t) {
			if m.Name == "convs" || strings.HasPrefix(m.Name, "transformer") || strings.HasSuffix(m.Name, "_half") {
				continue
			}
			if isRecurrentModel(m.Name) {
				continue // see TestSwappedRecurrentModelsAreLoaded
			}
			if to == "elu:0.5" && m.Name == "mlp_double" {
				continue // ONNX Runtime has no Elu of float64
			}
			t.Run(to+"/"+m.Name, func(t *testing.T) {
				if _, err := m.Model.Swap(SwapOptions{Nodes: []string{"*"}, To: to}); err != nil {
					t.Fatal(err)
				}
				data, err := m.Model.Encode()
				if err != nil {
					t.Fatal(err)
				}
				l := loadModel(t, m.Model, LoadOptions{Options: nn.Options{Batch: 2}})
				compareWithRuntime(t, r, l, data, m.Input, 1e-4)
				if !slices.ContainsFunc(l.Activations(), func(a LoadedActivation) bool { return a.Function == to }) {
					t.Errorf("the activations are %v", l.Activations())
				}
			})
		}
	}
}

// channelAlphas is an ISRLU, ISRU or ISRU sigmoid with its own alpha in each channel.
func channelAlphas(form string) *graphBuilder {
	b := newBuilder(0, 2, 4, 4)
	x := b.conv("input", 2, 3, 3)
	alpha := b.positive(3, 1, 1)
	m := b.node("Clip", []string{x, b.number(-30000), b.number(30000)})
	n := m
	if form == "isrlu" {
		m = b.node("Max", []string{x, b.number(-30000)})
		n = b.node("Min", []string{m, b.number(0)})
	}
	one := float32(1)
	if form == "isru_sigmoid" {
		one = 4
	}
	square := b.node("Mul", []string{b.node("Mul", []string{n, alpha}), n})
	x = b.node("Div", []string{m, b.node("Sqrt", []string{b.node("Add", []string{square, b.number(one)})})})
	if form == "isru_sigmoid" {
		x = b.node("Add", []string{x, b.number(.5)})
	}
	b.gemm(b.node("Flatten", []string{x}), 12, 3)
	return b
}

func (b *graphBuilder) last() string { return b.g.Node[len(b.g.Node)-1].Output[0] }

func TestAlphasOfChannelsAreLearned(t *testing.T) {
	for _, form := range []string{"isrlu", "isru", "isru_sigmoid"} {
		t.Run(form, func(t *testing.T) {
			b := channelAlphas(form)
			m := b.model(t, 13, b.last())
			alpha := slices.IndexFunc(b.g.Initializer, func(t *onnxpb.TensorProto) bool { return len(t.Dims) == 3 })
			before, err := m.floats(b.g.Initializer[alpha])
			if err != nil {
				t.Fatal(err)
			}
			l := loadModel(t, m, LoadOptions{Options: nn.Options{Batch: 2}})
			a := l.Model().Activations()
			if len(a) != 1 || a[0].Learned == nil || len(a[0].Learned.Value) != 3 || !strings.HasPrefix(a[0].Function, form+":") {
				t.Fatalf("activations %+v", a)
			}
			in := torchTensor{Name: "input", Type: "float32", Shape: []int{2, 2, 4, 4}, Values: make([]float64, 64)}.random(3)
			trainSteps(t, l, in, 5)
			if err := l.Store(); err != nil {
				t.Fatal(err)
			}
			after, err := m.floats(b.g.Initializer[alpha])
			if err != nil {
				t.Fatal(err)
			}
			for i := range after {
				if after[i] == before[i] {
					t.Errorf("alpha %d is not trained: %v", i, after)
				}
			}
			data, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			compareWithRuntime(t, startRuntime(t), l, data, in, 1e-5)
		})
	}
}

func TestSharedConstantsAreStoredIfTheyAgree(t *testing.T) {
	b := newBuilder(0, 4)
	w, bias := b.weight(4, 4), b.weight(4)
	x := b.node("Gemm", []string{"input", w, bias})
	m := b.model(t, 13, b.node("Gemm", []string{x, w, b.weight(4)}))
	l := loadModel(t, m, LoadOptions{Options: nn.Options{Batch: 2}})
	params := l.Model().Parameters()
	for _, p := range params {
		p.Value[1] = 7
	}
	if err := l.Store(); err != nil {
		t.Fatal(err)
	}
	if x, err := m.floats(b.g.Initializer[0]); err != nil || x[1] != 7 {
		t.Errorf("%v is stored: %v", x, err)
	}
	before, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	params[0].Value[2], params[1].Value[0] = 8, 9
	if err := l.Store(); err == nil || !strings.Contains(err.Error(), w) {
		t.Errorf("weights that differ: %v", err)
	}
	if after, err := m.Encode(); err != nil || !slices.Equal(before, after) {
		t.Errorf("an error changes the model: %v", err)
	}
}

func TestLoadOptionsAreChecked(t *testing.T) {
	b := newBuilder(0, 0, 4)
	model := b.model(t, 13, b.node("MatMul", []string{"input", b.weight(4, 3)}))
	for _, c := range []struct {
		o    LoadOptions
		want string
	}{
		{LoadOptions{}, "dimension 1 of input \"input\" is open"},
		{LoadOptions{Shape: []int{3}}, "Shape [3] has 1"},
		{LoadOptions{Shape: []int{3, 5}}, "dimension 2 of input \"input\" is 4 in the model, but 5"},
		{LoadOptions{Shape: []int{-3, 4}}, "-3 in Shape"},
		{LoadOptions{Shape: []int{3, 4}, Output: "hidden"}, "no output \"hidden\""},
		{LoadOptions{Shape: []int{3, 4}, Options: nn.Options{Batch: -1}}, "batch"},
	} {
		if l, err := Load[float32](model, c.o); err == nil {
			l.Close()
			t.Errorf("%+v is taken", c.o)
		} else if !strings.HasPrefix(err.Error(), "onnx: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %q does not say %q", c.o, err, c.want)
		}
	}
	l := loadModel(t, model, LoadOptions{Shape: []int{3, 0}})
	if got := l.Input(); !slices.Equal(got.Shape, []int{3, 4}) || got.BatchAxis != 0 || got.Tokens {
		t.Errorf("input %+v", got)
	}
	two := newBuilder(0, 4)
	two.g.Input = append(two.g.Input, valueInfo("other", onnxpb.TensorProto_FLOAT, 0, 4))
	if _, err := Load[float32](two.model(t, 13, two.node("Add", []string{"input", "other"})), LoadOptions{}); err == nil || !strings.Contains(err.Error(), `2 inputs ("input", "other")`) {
		t.Errorf("two inputs: %v", err)
	}
}
