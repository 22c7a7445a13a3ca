package hdl

import (
	"testing"
	"time"
)

func TestTmp(t *testing.T) {
	for _, format := range []string{"bfloat16", "float16"} {
		for _, spec := range []string{"sigmoid", "isru_sigmoid", "isru_sigmoid:3", "isru_sigmoid:0.25"} {
			fn, _ := ParseFunction(spec)
			fm, _ := ParseFormat(format)
			tr := newTruth(fn, fm)
			for _, bound := range []float64{0.501, 0.55, 1, 2} {
				s := newSearcher(tr, bound)
				start := time.Now()
				list := directFloat(tr, bound)
				made := time.Since(start)
				d := s.best(list)
				if d == nil {
					t.Log(spec, format, bound, "none", len(list), time.Since(start))
					continue
				}
				e := d.circuit.Evaluator()
				e.Check = true
				e.Run(make([]int64, len(tr.inputs)), tr.inputs)
				t.Log(spec, format, bound, d.gates, d, len(list), made, time.Since(start), tr.measure(d.circuit))
			}
		}
	}
}
