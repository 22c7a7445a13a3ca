package onnx

import (
	"errors"
	"fmt"
	"math"

	"github.com/isrlu/isrlu/nn"
)

// evaluate adds a stage to the report. Outputs that are not finite are a
// notFiniteError.
func (t *tuning) evaluate(name string, m *nn.Model[float32]) error {
	out := m.Output()
	outputs := out[len(out)-1]
	var right, same, predictions int
	var squares, size float64
	err := t.batches(t.options.Test, first(t.options.Test.Len()), "testing: "+name, func(x []float32, labels []int) error {
		y, want := m.Predict(x), t.teacher.Predict(x)
		for i := 0; i < len(y); i += outputs {
			answer := predicted(y[i : i+outputs])
			if answer == predicted(want[i:i+outputs]) {
				same++
			}
			predictions++
			if t.options.Unlabeled {
				continue
			}
			if l := labels[i/outputs]; l < 0 || l >= max(outputs, 2) {
				return fmt.Errorf("onnx: a test sample has the label %d, but the model has %d outputs; without labels set Unlabeled", l, outputs)
			} else if l == answer {
				right++
			}
		}
		for i, v := range y {
			if !isFinite(v) {
				return notFiniteError{name}
			}
			d := float64(v) - float64(want[i])
			squares += d * d
			size += float64(want[i]) * float64(want[i])
		}
		return nil
	})
	if err != nil {
		return err
	}
	if size == 0 {
		return errors.New("onnx: the original's outputs are 0 for all test samples: there is nothing to measure by; give samples such as the model was trained on")
	}
	s := TuneStage{Name: name, Accuracy: float64(right) / float64(predictions), Agreement: float64(same) / float64(predictions), Error: math.Sqrt(squares / size)}
	if t.options.Unlabeled {
		s.Accuracy = math.NaN()
	}
	t.report.Stages = append(t.report.Stages, s)
	return nil
}

// A notFiniteError tells that the outputs of a stage are not finite.
type notFiniteError struct{ stage string }

func (e notFiniteError) Error() string {
	return fmt.Sprintf("onnx: the outputs of the %s model for the test samples are not finite; are the samples normalized as those that it was trained on?", e.stage)
}

// predicted returns the class that outputs name.
func predicted(y []float32) int {
	if len(y) == 1 {
		if y[0] > 0 {
			return 1
		}
		return 0
	}
	best := 0
	for i, v := range y {
		if v > y[best] {
			best = i
		}
	}
	return best
}
