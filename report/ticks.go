package report

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// ticks marks an axis at multiples of 1, 2 or 5 times a power of ten, about
// six of them.
type ticks struct{}

func (ticks) Ticks(least, most float64) []plot.Tick {
	step := niceStep((most - least) / 6)
	if !(step > 0) || math.IsInf(step, 0) {
		return nil
	}
	decimals := max(0, int(-math.Floor(math.Log10(step)+1e-9)))
	var ts []plot.Tick
	for i := math.Ceil(least/step - 1e-9); i*step <= most+step*1e-9; i++ {
		v := i * step
		label := strconv.FormatFloat(v+0, 'f', decimals, 64) // + 0 turns -0 into 0
		if math.Abs(v) >= 1e6 {
			label = strconv.FormatFloat(v, 'g', 4, 64)
		}
		ts = append(ts, plot.Tick{Value: v, Label: label})
	}
	return ts
}

// niceStep rounds to the nearest of 1, 2, 5 and 10 times a power of ten.
func niceStep(raw float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	switch m := raw / power; {
	case m < 1.5:
		return power
	case m < 3.5:
		return 2 * power
	case m < 7.5:
		return 5 * power
	}
	return 10 * power
}
