package nn

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestLossesHaveTheirValues(t *testing.T) {
	m := newModelOf[float64](t, Network{Input: Shape{3}, Layers: Sequential{Activation{Function: "identity"}}}, Options{Batch: 2})
	x := []float64{1, 2, 3, 1000, 0, -1000}
	r := m.Evaluate(Batch[float64]{X: x, Labels: []int{2, 1}}, SoftmaxCrossEntropy)
	// The first: -log(e^3/(e + e^2 + e^3)); the second: 1000.
	if want := (math.Log(math.E+math.Exp(2)+math.Exp(3)) - 3 + 1000) / 2; math.Abs(r.Loss-want) > 1e-9 || r.Correct != 1 {
		t.Errorf("%+v, want a loss of %v and 1 right", r, want)
	}
	r = m.Evaluate(Batch[float64]{X: x[:3], Labels: []int{0}}, MeanSquaredError)
	if want := (0. + 4 + 9) / 3; math.Abs(r.Loss-want) > 1e-12 || r.Correct != 0 {
		t.Errorf("%+v, want %v", r, want)
	}
	r = m.Evaluate(Batch[float64]{X: x[:3], Targets: []float64{1, 0, 1}}, MeanSquaredError)
	if want := (0. + 4 + 4) / 3; math.Abs(r.Loss-want) > 1e-12 {
		t.Errorf("%+v, want %v", r, want)
	}
	p := make([]float64, 3)
	Softmax(p, []float64{1000, 1000, -1000})
	if p[0] != .5 || p[1] != .5 || p[2] != 0 {
		t.Errorf("softmax %v", p)
	}
}

// Both ways to the cross-entropy agree, for outputs of any size, and where there is
// no gradient to write.
func TestCrossEntropyOfManyClasses(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, classes := range []int{manyClasses, 17, 76, 300} {
		for _, size := range []float64{.1, 1, 10, 100} {
			y := make([]float32, classes)
			for i := range y {
				y[i] = float32(size * r.NormFloat64())
			}
			label := r.IntN(classes)
			want, got := make([]float32, classes), make([]float32, classes)
			wantLoss := crossEntropy(want, y, label, 3)
			exps := make([]float32, classes)
			for _, loss := range []float64{crossEntropyOfMany(got, y, exps, label, 3), crossEntropyOfMany(nil, y, exps, label, 3)} {
				if math.Abs(loss-wantLoss) > 1e-6*max(1, wantLoss) {
					t.Errorf("%d classes of size %v: loss %v, want %v", classes, size, loss, wantLoss)
				}
			}
			for i := range got {
				// Ten ulp of the largest gradient, 1/3: in Go the sum is made term by term.
				if math.Abs(float64(got[i]-want[i])) > 3e-7 {
					t.Errorf("%d classes of size %v: gradient %d is %v, want %v", classes, size, i, got[i], want[i])
				}
			}
		}
	}
	// What is not finite shows in the loss, which then ends the training.
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		y := make([]float32, 20)
		y[3] = bad
		if loss := crossEntropyOfMany(make([]float32, 20), y, nil, 1, 1); !math.IsNaN(loss) {
			t.Errorf("an output of %v has the loss %v", bad, loss)
		}
	}
}
