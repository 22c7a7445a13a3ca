package onnx

import (
	"math/rand/v2"
	"testing"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// mutate changes some parts of a graph that bytes alone seldom change in a way that
// the decoder takes.
func mutate(g *onnxpb.GraphProto, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	numbers := []int64{-2, -1, 0, 1, 2, 3, 4, 5, 7, 12, 1 << 31, -1 << 62, 1<<62 + 1}
	var names []string
	for _, t := range g.Initializer {
		names = append(names, t.Name)
	}
	for _, v := range g.Input {
		names = append(names, v.Name)
	}
	for _, n := range g.Node {
		names = append(names, n.Output...)
	}
	pick := func(list []int64) {
		if len(list) > 0 {
			list[r.IntN(len(list))] = numbers[r.IntN(len(numbers))]
		}
	}
	tensor := func(t *onnxpb.TensorProto) {
		switch r.IntN(3) {
		case 0: // the same elements in another shape
			n, err := elements(t.Dims)
			if err == nil && n > 0 {
				t.Dims = []int64{n}
				for r.IntN(2) == 0 {
					t.Dims = append(t.Dims, 1)
					i := r.IntN(len(t.Dims))
					t.Dims[0], t.Dims[i] = t.Dims[i], t.Dims[0]
				}
			}
		case 1:
			if len(t.RawData) > 0 {
				t.RawData[r.IntN(len(t.RawData))] ^= 1 << r.IntN(8)
			}
		case 2:
			if i := len(t.Dims); i > 0 && t.Dims[i-1]%2 == 0 {
				t.Dims = append(t.Dims, 2)
				t.Dims[i-1] /= 2
			}
		}
	}
	for range 1 + r.IntN(3) {
		if len(g.Node) == 0 {
			return
		}
		n := g.Node[r.IntN(len(g.Node))]
		if sub := subgraphs(n); len(sub) > 0 && len(sub[0].Input) > 0 && r.IntN(2) == 0 {
			mutate(sub[0], r.Uint64())
			continue
		}
		switch r.IntN(8) {
		case 0:
			if len(n.Attribute) > 0 {
				a := n.Attribute[r.IntN(len(n.Attribute))]
				pick(a.Ints)
				v := numbers[r.IntN(len(numbers))]
				a.I = &v
				if a.T != nil {
					tensor(a.T)
				}
			}
		case 1:
			if i := r.IntN(len(n.Attribute) + 1); i < len(n.Attribute) {
				n.Attribute = append(n.Attribute[:i:i], n.Attribute[i+1:]...)
			}
		case 2:
			if len(n.Attribute) > 0 {
				if a := n.Attribute[r.IntN(len(n.Attribute))]; len(a.Ints) > 0 {
					a.Ints = a.Ints[1:]
				}
			}
		case 3:
			if len(n.Input) > 0 {
				n.Input[r.IntN(len(n.Input))] = append(names, "")[r.IntN(len(names)+1)]
			}
		case 4:
			if len(n.Input) > 0 {
				n.Input = n.Input[:r.IntN(len(n.Input)+1)]
			}
		case 5:
			if len(g.Initializer) > 0 {
				tensor(g.Initializer[r.IntN(len(g.Initializer))])
			}
		case 6:
			n.OpType = g.Node[r.IntN(len(g.Node))].OpType
		case 7:
			dims := g.Input[0].GetType().GetTensorType().GetShape().GetDim()
			if len(dims) > 0 {
				dims[r.IntN(len(dims))].Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: numbers[r.IntN(len(numbers))]}
			}
		}
	}
}

// fuzzedModels are models to begin with: small graphs, and recurrent layers as Scans.
func fuzzedModels(t testing.TB) (list []*Model) {
	for _, c := range graphCases {
		list = append(list, c.model(t))
	}
	for _, c := range recurrentCases() {
		if c.opset == 17 && !c.initial && c.direction != "reverse" {
			list = append(list, scanModel(t, c, "Y"))
		}
	}
	return list
}

// Whatever model the decoder takes is loaded or an error, in a time and memory that
// its size bounds; what is loaded is stored again.
func FuzzLoad(f *testing.F) {
	for _, m := range fuzzedModels(f) {
		data, err := m.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, uint64(0))
	}
	for _, m := range torchModels(f) {
		data, err := m.Model.Encode()
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 4000 {
			f.Add(data, uint64(0))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		m, err := Decode(data)
		if err != nil {
			return
		}
		if seed != 0 {
			mutate(m.proto.Graph, seed)
			if data, err = m.Encode(); err != nil {
				return
			}
			if m, err = Decode(data); err != nil {
				return
			}
		}
		loadAndStore(t, m)
	})
}

// loadAndStore loads a model, if it is one for the engine, and stores it again. It
// tells whether it was.
func loadAndStore(t *testing.T, m *Model) bool {
	o := LoadOptions{Options: nn.Options{Threads: 1, Inference: true}}
	c, err := m.convert(o)
	if err != nil {
		return false
	}
	network, steps, err := c.network()
	if err != nil {
		return false
	}
	// The engine has limits of its own, which are beyond a fuzzer's memory.
	weights := 0
	for _, s := range steps {
		for _, b := range s.step.bindings {
			if b.from != nil {
				weights += b.from.size()
			}
		}
	}
	if c.total > 1<<18 || sizeOf(network.Input) > 1<<18 || weights > 1<<18 {
		return false
	}
	l, err := load[float32](c, o)
	if err != nil {
		return false
	}
	defer l.Close()
	if err := l.Store(); err != nil {
		return false
	}
	if _, err := m.Encode(); err != nil {
		t.Error(err)
	}
	return true
}

// TestMutatedModelsAreModelsOrErrors is the fuzzer's in short.
func TestMutatedModelsAreModelsOrErrors(t *testing.T) {
	loaded, all := 0, 0
	for _, m := range fuzzedModels(t) {
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(40) {
			m, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			mutate(m.proto.Graph, seed+1)
			if data, err := m.Encode(); err == nil {
				if m, err = Decode(data); err == nil {
					all++
					if loadAndStore(t, m) {
						loaded++
					}
				}
			}
		}
	}
	if loaded == 0 || loaded == all {
		t.Errorf("%d of %d mutated models are loaded", loaded, all)
	}
}
