package report

import (
	"fmt"
	"slices"

	"github.com/isrlu/isrlu"
)

// curvePoints is enough for a panel: less than half a unit apart.
const curvePoints = 801

var curveLabels = map[isrlu.Direction]string{
	isrlu.Forward:          "f(x)",
	isrlu.Backward:         "f'(x)",
	isrlu.SecondDerivative: "f''(x)",
}

// Curves draws functions on [from, to], a panel for each direction: Forward is
// their values, Backward their derivatives, SecondDerivative that, for those
// which have it.
func Curves(fs []*isrlu.Function, directions []isrlu.Direction, from, to float64) (*Figure, error) {
	x := make([]float64, curvePoints)
	for i := range x {
		t := float64(i) / (curvePoints - 1)
		x[i] = from*(1-t) + to*t
	}
	var row []Panel
	for _, d := range directions {
		label, ok := curveLabels[d]
		if !ok {
			return nil, fmt.Errorf("report: no curve for direction %v", d)
		}
		panel := &Lines{XLabel: "x", YLabel: label}
		for i, f := range fs {
			if d == isrlu.SecondDerivative && !f.HasSecondDerivative() {
				continue
			}
			panel.Series = append(panel.Series, Series{Name: f.String(), X: x, Y: sample(f, d, x), Style: i})
		}
		row = append(row, panel)
	}
	return &Figure{Rows: [][]Panel{row}}, nil
}

func sample(f *isrlu.Function, d isrlu.Direction, x []float64) []float64 {
	f = f.WithPrecision(isrlu.Exact)
	y := make([]float64, len(x))
	switch d {
	case isrlu.Forward:
		f.Forward64(y, x)
	case isrlu.Backward:
		f.Backward64(y, slices.Repeat([]float64{1}, len(x)), x)
	case isrlu.SecondDerivative:
		f.SecondDerivative64(y, x)
	}
	return y
}
