package nn

import (
	"fmt"
	"math"
	"strings"

	"github.com/isrlu/isrlu/internal/adam"
)

// An Optimizer changes weights by their gradients. Make one with SGD, Adam or
// AdamW, and change its numbers where others are wanted.
type Optimizer struct {
	Name string // "sgd", "adam" or "adamw"
	// Momentum of sgd: v = Momentum v + g, w -= rate v. With Nesterov the step is
	// g + Momentum v.
	Momentum float64
	Nesterov bool
	// Beta1, Beta2 and Epsilon of adam and adamw (Kingma and Ba 2015).
	Beta1, Beta2, Epsilon float64
	// WeightDecay is added to the gradient as WeightDecay w by sgd and adam; adamw
	// takes rate WeightDecay w off the weight itself (Loshchilov and Hutter 2019).
	// It applies to weights, not to biases and scales.
	WeightDecay float64
}

// SGD returns stochastic gradient descent with momentum.
func SGD(momentum float64) Optimizer { return Optimizer{Name: "sgd", Momentum: momentum} }

// Adam returns Adam with the numbers of its paper.
func Adam() Optimizer { return Optimizer{Name: "adam", Beta1: .9, Beta2: .999, Epsilon: 1e-8} }

// AdamW returns Adam with decoupled weight decay.
func AdamW(weightDecay float64) Optimizer {
	o := Adam()
	o.Name, o.WeightDecay = "adamw", weightDecay
	return o
}

// OptimizerNames lists what ParseOptimizer takes.
var OptimizerNames = []string{"adam", "adamw", "sgd"}

// ParseOptimizer returns the optimizer of that name with its usual numbers.
func ParseOptimizer(name string) (Optimizer, error) {
	switch name {
	case "adam":
		return Adam(), nil
	case "adamw":
		return AdamW(.01), nil
	case "sgd":
		return SGD(.9), nil
	}
	return Optimizer{}, fmt.Errorf("nn: unknown optimizer %q; known: %s", name, strings.Join(OptimizerNames, ", "))
}

func (o *Optimizer) check() error {
	unit := func(name string, v float64) error {
		if !(v >= 0 && v < 1) {
			return fmt.Errorf("nn: %s must be at least 0 and less than 1, got %v", name, v)
		}
		return nil
	}
	if _, err := ParseOptimizer(o.Name); err != nil {
		return err
	}
	if !(o.WeightDecay >= 0) || math.IsInf(o.WeightDecay, 0) {
		return fmt.Errorf("nn: weight decay must be at least 0 and finite, got %v", o.WeightDecay)
	}
	if o.Name == "sgd" {
		return unit("momentum", o.Momentum)
	}
	if err := unit("beta1", o.Beta1); err != nil {
		return err
	}
	if !(o.Epsilon > 0) {
		return fmt.Errorf("nn: epsilon must be positive, got %v", o.Epsilon)
	}
	return unit("beta2", o.Beta2)
}

// slots returns the number of averages that the optimizer keeps of each weight.
func (o *Optimizer) slots() int {
	switch {
	case o.Name != "sgd":
		return 2
	case o.Momentum != 0:
		return 1
	}
	return 0
}

// update changes w by the gradient g times scale. step counts from 1.
func update[T Float](o *Optimizer, w, g []T, state [][]T, step int, rate, scale, decay float64) {
	s, k := T(scale), T(decay)
	if o.Name == "sgd" {
		r, momentum := T(rate), T(o.Momentum)
		for i := range w {
			d := g[i]*s + k*w[i]
			if len(state) > 0 {
				v := momentum*state[0][i] + d
				state[0][i] = v
				if o.Nesterov {
					d += momentum * v
				} else {
					d = v
				}
			}
			w[i] -= r * d
		}
		return
	}
	// w -= rate m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps), with the corrections in the
	// constants.
	c1 := 1 - math.Pow(o.Beta1, float64(step))
	c2 := math.Sqrt(1 - math.Pow(o.Beta2, float64(step)))
	c := adam.Constants[T]{
		Rate: T(rate * c2 / c1), Scale: s, Decay: k, Shrink: 1,
		Beta1: T(o.Beta1), Rest1: T(1 - o.Beta1), Beta2: T(o.Beta2), Rest2: T(1 - o.Beta2),
		Epsilon: T(o.Epsilon * c2),
	}
	if o.Name == "adamw" {
		c.Shrink, c.Decay = T(1-rate*decay), 0
	}
	adam.Update(w, g, state[0], state[1], &c)
}
