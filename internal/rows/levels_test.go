package rows

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/guard"
	"github.com/isrlu/isrlu/internal/kernel"
)

// TestLevelsAgree: the kernels of every level have the bits of the portable ones,
// with special values among the elements, on slices that end at a protected page,
// with every stride, and touch nothing between the rows. Only sums are made in
// another order, and kernels that start from an estimate of the inverse square root
// are compared with the activations' own, or within a bound, elsewhere.
func TestLevelsAgree(t *testing.T) {
	for _, l := range cpu.Available() {
		for id := range numKernels {
			t.Run(l.String()+"/"+kernelNames[id], func(t *testing.T) { testLevel(t, l, id) })
		}
	}
}

func testLevel(t *testing.T, l cpu.Level, id kernelID) {
	r := rand.New(rand.NewPCG(uint64(id), 9))
	estimates := strings.Contains(kernelNames[id], "ISRU")
	growing := id == scaledMax || id == expSum || id == multiply || id == dot || id == softmaxBackward
	for _, n := range lengths() {
		rows := 1 + n%4
		var got, want args[float32]
		var gotStreams, wantStreams [9][]float32
		// Several special values in a sum are NaN on every level.
		special := n%2 == 0
		for i := range gotStreams {
			stride := []int{n, n + 5, 0}[r.IntN(3)]
			gotStreams[i] = guarded[float32](t, r, (rows-1)*stride+n, special)
			wantStreams[i] = clone(gotStreams[i])
			got.set(i, gotStreams[i], stride)
			want.set(i, wantStreams[i], stride)
		}
		for i := range got.in {
			got.in[i] = unsafe.Pointer(unsafe.SliceData(guarded[float32](t, r, rows, false)))
			want.in[i] = got.in[i]
		}
		var gotOut, wantOut [2][]float32
		for i := range got.out {
			gotOut[i], wantOut[i] = guard.End[float32](t, rows), make([]float32, rows)
			got.out[i] = unsafe.Pointer(&gotOut[i][0])
			want.out[i] = unsafe.Pointer(&wantOut[i][0])
		}
		gate, state := kernel.ISRParams[float32](.8), kernel.ISRParams[float32](1.75)
		if id == dyISRU || id == dyISRUBackward || id == dyISRUSums {
			gate = kernel.DyISRUParams[float32](1.5, .7)
		}
		copy(got.params[:], gate[:])
		copy(got.params[kernel.NumParams:], state[:])
		want.params = got.params
		first := n
		if growing {
			first = max(1, n-2)
		}
		got.grow(tableOf[float32](l)[id], rows, first, n)
		want.grow(tableOf[float32](cpu.Portable)[id], rows, first, n)
		for i := range gotStreams {
			if what := fmt.Sprintf("%d rows of %d: stream %d", rows, n, i); !estimates {
				check(t, what, gotStreams[i], wantStreams[i])
			} else if !special {
				for j, v := range gotStreams[i] {
					if !close32(float64(v), float64(wantStreams[i][j]), 1e-5) {
						t.Fatalf("%s: element %d is %v, want %v", what, j, v, wantStreams[i][j])
					}
				}
			}
		}
		for i := range gotOut {
			for j, v := range gotOut[i] {
				w := wantOut[i][j]
				if !special && !close32(float64(v), float64(w), 1e-5*math.Sqrt(float64(n))) {
					t.Fatalf("%d rows of %d: result %d of row %d is %v, want %v", rows, n, i, j, v, w)
				}
				if special && (v != v) != (w != w) && !math.IsInf(float64(v), 0) && !math.IsInf(float64(w), 0) {
					t.Fatalf("%d rows of %d with special values: result %d of row %d is %v, want %v", rows, n, i, j, v, w)
				}
			}
		}
	}
}

// close32 reports whether x is y up to a difference, relative where y is large.
func close32(x, y, bound float64) bool {
	if x == y || x != x && y != y {
		return true
	}
	return math.Abs(x-y) <= bound*(1+math.Abs(y))
}
