package experiment

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/isrlu/isrlu/hdl"
)

// A Unit is what a contender's unit of hardware computes.
type Unit struct {
	Activation string  `json:"activation"` // one of Settings.Activations
	Unit       string  `json:"unit"`       // as hdl.ParseSpec takes it
	Built      string  `json:"built"`      // how, with its sizes
	ErrorULP   float64 `json:"error_ulp"`  // the greatest, in last places of the format
	Monotone   bool    `json:"monotone"`   // the outputs are known never to fall
	// Values are the outputs, and Slopes what training takes for the derivative, at
	// points with equal distances that reach from From to To.
	From   float64   `json:"from"`
	To     float64   `json:"to"`
	Values []float64 `json:"values"`
	Slopes []float64 `json:"slopes"`
}

// The curve of a unit has so many points over [-unitSpan, unitSpan]: enough to show the
// steps of 8-bit formats.
const (
	unitPoints = 801
	unitSpan   = 4
)

// Simulated tells whether a contender's activations are those of a unit of hardware:
// its times are those of a simulation.
func Simulated(spec string) bool { return hdl.IsSpec(parseChoice(spec).activation) }

// checkUnits returns an error if a choice asks for a unit that cannot be.
func (c choice) checkUnits() error {
	if hdl.IsSpec(c.gate) {
		return errors.New("the gate: recurrent layers take no units of hardware; write a function")
	}
	if !hdl.IsSpec(c.activation) {
		return nil
	}
	_, err := hdl.ParseSpec(c.activation)
	return err
}

// findUnits searches for the contenders' units, before any work is done.
func (c *comparison) findUnits(ctx context.Context) error {
	for _, activation := range c.settings().Activations {
		if !Simulated(activation) {
			continue
		}
		s, err := hdl.ParseSpec(parseChoice(activation).activation)
		if err != nil {
			return err
		}
		u, err := c.options.Units.Unit(ctx, s)
		if err != nil {
			return fmt.Errorf("experiment: activation %q: %w", activation, err)
		}
		c.result.Units = append(c.result.Units, newUnit(activation, s, u))
	}
	return nil
}

func newUnit(activation string, s hdl.Spec, u *hdl.Unit) Unit {
	r := Unit{
		Activation: activation, Unit: s.String(), Built: u.Architecture(), ErrorULP: u.Error().Ulps, Monotone: u.Monotone(),
		From: -unitSpan, To: unitSpan, Values: make([]float64, unitPoints), Slopes: make([]float64, unitPoints),
	}
	x := r.Points()
	u.Forward64(r.Values, x)
	for i := range r.Slopes {
		r.Slopes[i] = 1
	}
	u.Backward64(r.Slopes, r.Slopes, x, s.Gradient)
	return r
}

// Points returns the inputs of Values and Slopes.
func (u *Unit) Points() []float64 {
	x := make([]float64, len(u.Values))
	for i := range x {
		x[i] = u.From + (u.To-u.From)*float64(i)/math.Max(1, float64(len(x)-1))
	}
	return x
}

// SimulationNote says what the times of simulated units are; it is empty where there
// are none.
func SimulationNote(activations []string) string {
	var names []string
	for _, a := range activations {
		if Simulated(a) {
			names = append(names, a)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("The times with %s are those of a software model of the hardware, and say nothing of the hardware's.", enumerate(names))
}
