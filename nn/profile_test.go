package nn

import (
	"strings"
	"testing"
)

// TestOperationsKnowTheirLayer holds for layers inside residual ones and for
// those around them.
func TestOperationsKnowTheirLayer(t *testing.T) {
	for _, unfused := range []bool{false, true} {
		m := newModelOf[float32](t, everyLayer, Options{Batch: 2, Unfused: unfused})
		if len(m.layerOf) != len(m.ops) {
			t.Fatalf("%d layers for %d operations", len(m.layerOf), len(m.ops))
		}
		built := map[int]bool{}
		for i, o := range m.ops {
			l := m.layers[m.layerOf[i]]
			built[m.layerOf[i]] = true
			kinds := ""
			switch o.(type) {
			case *convolution[float32]:
				kinds = "conv2d depthwise_conv2d"
			case *dense[float32]:
				kinds = "dense"
			case *batchNorm[float32]:
				kinds = "batch_norm"
			case *standalone[float32]:
				kinds = "activation"
			case *fork[float32]:
				kinds = "residual product concat"
			case *join[float32]:
				kinds = "residual"
			case *product[float32]:
				kinds = "product"
			case *concat[float32]:
				kinds = "concat"
			case *affine[float32]:
				kinds = "affine"
			case *dropout[float32]:
				kinds = "dropout"
			case *view[float32]:
				kinds = "flatten"
			default:
				kinds = "max_pool avg_pool global_avg_pool"
			}
			if !strings.Contains(kinds, l.Kind) {
				t.Errorf("operation %d, a %T, is said to be of layer %s", i, o, l.Name)
			}
		}
		for i, l := range m.layers {
			if built[i] == l.Fused {
				t.Errorf("layer %s: fused %v, operations of its own %v", l.Name, l.Fused, built[i])
			}
		}
	}
}

func TestProfileCountsWhileItIsOn(t *testing.T) {
	m := newModelOf[float32](t, everyLayer, Options{Batch: 4, Threads: 2})
	b := randomBatch(m, 4, 1)
	m.Gradients(b, SoftmaxCrossEntropy)
	if m.LayerTimes() != nil {
		t.Error("times without a profile")
	}
	m.Profile(true)
	for i, time := range m.LayerTimes() {
		if time != (LayerTime{}) {
			t.Errorf("layer %d has %v before the first call", i, time)
		}
	}
	m.Predict(b.X)
	for i, l := range m.Layers() {
		time := m.LayerTimes()[i]
		if time.Backward != 0 || l.Fused && time.Forward != 0 || l.MACs > 0 && time.Forward <= 0 {
			t.Errorf("layer %s of a prediction: %v", l.Name, time)
		}
	}
	m.Profile(true)
	m.Gradients(b, SoftmaxCrossEntropy)
	for i, l := range m.Layers() {
		time := m.LayerTimes()[i]
		if l.Fused && time != (LayerTime{}) || l.MACs > 0 && (time.Forward <= 0 || time.Backward <= 0) {
			t.Errorf("layer %s of a step: %v", l.Name, time)
		}
	}
	m.Profile(false)
	if m.LayerTimes() != nil {
		t.Error("times after the profile")
	}
}

func TestProfileAllocatesNothingInAStep(t *testing.T) {
	m := newModelOf[float32](t, everyLayer, Options{Batch: 4, Threads: 1})
	b := randomBatch(m, 4, 1)
	step := func() { m.Gradients(b, SoftmaxCrossEntropy) }
	off := testing.AllocsPerRun(5, step)
	m.Profile(true)
	if on := testing.AllocsPerRun(5, step); on != off {
		t.Errorf("%v allocations, and %v without the profile", on, off)
	}
}
