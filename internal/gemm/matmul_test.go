package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/internal/guard"
)

// TestMatmulMatchesTheDefinition walks shapes around the edges of tiles and
// blocks, all transposes and strides, with operands that end at a protected page.
func TestMatmulMatchesTheDefinition(t *testing.T) {
	for name, tiles := range levels() {
		t.Run(name, func(t *testing.T) { testMatmul(t, tiles, 1e-6) })
	}
	t.Run("float64", func(t *testing.T) { testMatmul(t, &portable64, 1e-14) })
}

func testMatmul[T Float](t *testing.T, tiles *tiles[T], tolerance float64) {
	r := rand.New(rand.NewPCG(3, 4))
	shapes := [][3]int{{1, 1, 1}, {5, 7, 300}, {1, 200, 70}, {200, 1, 33}, {30, 33, 256}, {60, 70, 257}, {3, 3, 0}, {70, 300, 0}}
	if !testing.Short() {
		shapes = append(shapes, [][3]int{{100, 129, 257}, {169, 161, 40}, {337, 40, 513}, {180, 2100, 270}, {500, 70, 1030}}...)
	}
	for i, s := range shapes {
		for trans := range 4 {
			if s[0]*s[1]*s[2] > 1<<24 && trans%3 != 0 {
				continue // the definition takes its time
			}
			for pad := range 2 {
				p := Matmul[T]{
					Rows: s[0], Cols: s[1], Depth: s[2], TransA: trans&1 != 0, TransB: trans&2 != 0,
					ARow: s[2] + pad, BRow: s[1] + 2*pad, CRow: s[1] + 3*pad, Accumulate: pad == 1 && i%2 == 0,
				}
				aRows, bRows := s[0], s[2]
				if p.TransA {
					aRows, p.ARow = s[2], s[0]+pad
				}
				if p.TransB {
					bRows, p.BRow = s[1], s[2]+pad
				}
				a := fill(r, guard.End[T](t, max(0, aRows*p.ARow-pad)))
				b := fill(r, guard.End[T](t, max(0, bRows*p.BRow-pad*(2-trans>>1))))
				c := fill(r, guard.End[T](t, (p.Rows-1)*p.CRow+p.Cols))
				var bias []T
				if i%3 != 0 {
					bias = fill(r, guard.End[T](t, p.Cols))
				}
				checkMatmul(t, tiles, &p, c, a, b, bias, tolerance)
			}
		}
	}
}

func checkMatmul[T Float](t *testing.T, tiles *tiles[T], p *Matmul[T], c, a, b, bias []T, tolerance float64) {
	t.Helper()
	before := append([]T(nil), c...)
	scratch := guard.End[T](t, p.scratch(tiles))
	for i := range scratch {
		scratch[i] = T(math.NaN()) // what Run did not write must not count
	}
	seen := make([]int, p.Rows*p.Cols)
	p.run(tiles, c, a, b, bias, scratch, func(i, rows, j, cols int) {
		for x := i; x < i+rows; x++ {
			for y := j; y < j+cols; y++ {
				seen[x*p.Cols+y]++
				c[x*p.CRow+y] *= 2 // exact, and wrong if it comes too early
			}
		}
	})
	if tiles == active[T]() {
		checkPacked(t, p, c, before, a, b, bias)
	}
	for i := range p.Rows {
		for j := range p.Cols {
			sum, scale := 0.0, 0.0
			add := func(v float64) { sum, scale = sum+v, scale+math.Abs(v) }
			if p.Accumulate {
				add(float64(before[i*p.CRow+j]))
			}
			if bias != nil {
				add(float64(bias[j]))
			}
			for k := range p.Depth {
				x, y := i*p.ARow+k, k*p.BRow+j
				if p.TransA {
					x = k*p.ARow + i
				}
				if p.TransB {
					y = j*p.BRow + k
				}
				add(float64(a[x]) * float64(b[y]))
			}
			if got := float64(c[i*p.CRow+j]) / 2; !(math.Abs(got-sum) <= tolerance*scale) {
				t.Fatalf("%+v: c[%d,%d] = %v, want %v", *p, i, j, got, sum)
			}
			if n := seen[i*p.Cols+j]; n != 1 {
				t.Fatalf("%+v: the epilogue saw element %d, %d %d times", *p, i, j, n)
			}
		}
	}
	for i, v := range c {
		if i%p.CRow >= p.Cols && v != before[i] {
			t.Fatalf("%+v: wrote beside row %d", *p, i/p.CRow)
		}
	}
}

// checkPacked requires half of c, to the bit, from the packed b.
func checkPacked[T Float](t *testing.T, p *Matmul[T], c, before, a, b, bias []T) {
	t.Helper()
	packed := guard.End[T](t, p.PackedSize())
	p.Pack(packed, b)
	q := *p
	q.Packed = true
	got := append([]T(nil), before...)
	q.Run(got, a, packed, bias, guard.End[T](t, q.Scratch()), nil)
	for i := range p.Rows {
		for j := range p.Cols {
			if at := i*p.CRow + j; 2*got[at] != c[at] {
				t.Fatalf("%+v: c[%d,%d] is %v from packed weights, else %v", *p, i, j, got[at], c[at]/2)
			}
		}
	}
}

// TestMatmulHasOneOrder: an element's bits depend on Depth alone, not on the rows
// and columns around it, nor on how the operands are stored.
func TestMatmulHasOneOrder(t *testing.T) {
	for name, tiles := range levels() {
		r := rand.New(rand.NewPCG(5, 6))
		const n, depth = 211, 600
		a, b := fill(r, make([]float32, n*depth)), fill(r, make([]float32, depth*n))
		whole := make([]float32, n*n)
		p := Matmul[float32]{Rows: n, Cols: n, Depth: depth, ARow: depth, BRow: n, CRow: n}
		p.run(tiles, whole, a, b, nil, make([]float32, p.scratch(tiles)), nil)
		at := make([]float32, n*depth)
		for i := range n {
			for k := range depth {
				at[k*n+i] = a[i*depth+k]
			}
		}
		for _, i := range []int{0, 13, 14, 100, 210} {
			for _, j := range []int{0, 15, 31, 32, 210} {
				for _, trans := range []bool{false, true} {
					one := []float32{0}
					p := Matmul[float32]{Rows: 1, Cols: 1, Depth: depth, ARow: depth, BRow: n, CRow: 1}
					x := a[i*depth:]
					if trans {
						p.TransA, p.ARow, x = true, n, at[i:]
					}
					p.run(tiles, one, x, b[j:], nil, make([]float32, p.scratch(tiles)), nil)
					if math.Float32bits(one[0]) != math.Float32bits(whole[i*n+j]) {
						t.Fatalf("%s: element %d, %d is %v alone and %v among others", name, i, j, one[0], whole[i*n+j])
					}
				}
			}
		}
	}
}

func TestMatmulPanicsOnShortSlices(t *testing.T) {
	ok := Matmul[float32]{Rows: 3, Cols: 4, Depth: 5, ARow: 5, BRow: 4, CRow: 4}
	for want, sizes := range map[string][4]int{"a": {12, 14, 20, 4}, "b": {12, 15, 19, 4}, "c": {11, 15, 20, 4}, "bias": {12, 15, 20, 3}} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "gemm: "+want+" has ") {
					t.Errorf("a short %s: %s", want, got)
				}
			}()
			ok.Run(make([]float32, sizes[0]), make([]float32, sizes[1]), make([]float32, sizes[2]), make([]float32, sizes[3]), make([]float32, ok.Scratch()), nil)
		}()
	}
}
