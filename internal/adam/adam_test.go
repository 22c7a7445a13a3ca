package adam

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/guard"
)

var constants = Constants[float32]{
	Rate: .003, Scale: .7, Decay: .01, Shrink: .999, Beta1: .9, Rest1: .1, Beta2: .999, Rest2: .001, Epsilon: 1e-8,
}

// TestLevelsAgree: every level has the bits of the definition, at every length, on
// slices that end at a protected page, with special values among them.
func TestLevelsAgree(t *testing.T) {
	special := []float32{0, float32(math.Copysign(0, -1)), 1e-40, -1e-40, math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}
	checked := 0
	for _, l := range cpu.Available() {
		k := level(l)
		if k == nil {
			continue
		}
		checked++
		r := rand.New(rand.NewPCG(1, 1))
		for _, n := range []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 100, blockSize + 5} {
			var got, want [4][]float32
			for i := range got {
				got[i] = guard.End[float32](t, n)
				for j := range got[i] {
					got[i][j] = float32(r.NormFloat64())
					if r.IntN(8) == 0 {
						got[i][j] = special[r.IntN(len(special))]
					}
					if i == 3 && got[i][j] < 0 {
						got[i][j] = -got[i][j] // an average of squares
					}
				}
				want[i] = append([]float32(nil), got[i]...)
			}
			k.run(got[0], got[1], got[2], got[3], &constants)
			update(want[0], want[1], want[2], want[3], &constants)
			for i := range got {
				for j, v := range got[i] {
					if math.Float32bits(v) != math.Float32bits(want[i][j]) && (v == v || want[i][j] == want[i][j]) {
						t.Fatalf("%v, %d weights: slice %d, element %d is %v, want %v", l, n, i, j, v, want[i][j])
					}
				}
			}
		}
	}
	if checked == 0 && cpu.Active() != cpu.Portable {
		t.Error("no level was checked")
	}
}

// TestUpdateIsTheEquation, in float64 and from the definition's text.
func TestUpdateIsTheEquation(t *testing.T) {
	c := Constants[float64]{Rate: .1, Scale: 2, Decay: .5, Shrink: .9, Beta1: .8, Rest1: .2, Beta2: .6, Rest2: .4, Epsilon: .01}
	w, g, m, v := []float64{3}, []float64{-4}, []float64{.5}, []float64{2}
	Update(w, g, m, v, &c)
	d := 2*-4. + .5*3
	wantM, wantV := .8*.5+.2*d, .6*2+.4*d*d
	wantW := .9*3 - .1*wantM/(math.Sqrt(wantV)+.01)
	for i, p := range [][2]float64{{m[0], wantM}, {v[0], wantV}, {w[0], wantW}} {
		if math.Abs(p[0]-p[1]) > 1e-14 {
			t.Errorf("%d: %v, want %v", i, p[0], p[1])
		}
	}
}

func TestUpdateDoesNotAllocate(t *testing.T) {
	w, g, m, v := make([]float32, 100), make([]float32, 100), make([]float32, 100), make([]float32, 100)
	if n := testing.AllocsPerRun(10, func() { Update(w, g, m, v, &constants) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkUpdate(b *testing.B) {
	const n = 1 << 14
	w, g, m, v := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range g {
		g[i] = 1
	}
	for _, l := range cpu.Available() {
		b.Run(l.String(), func(b *testing.B) {
			k := level(l)
			for b.Loop() {
				if k == nil {
					update(w, g, m, v, &constants)
				} else {
					k.run(w, g, m, v, &constants)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/weight")
		})
	}
}
