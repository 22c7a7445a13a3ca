package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/guard"
)

// levels returns the tiles that this process can run.
func levels() map[string]*tiles[float32] {
	m := map[string]*tiles[float32]{}
	for _, l := range cpu.Available() {
		m[l.String()] = level32(l)
	}
	return m
}

func fill[T Float](r *rand.Rand, v []T) []T {
	for i := range v {
		v[i] = T(r.NormFloat64())
	}
	return v
}

// reference computes a product from its definition in float64, and the sum of
// the magnitudes of the terms, to which rounding errors are proportional.
func reference[T Float](p *Product[T], width int, c, a, b, bias []T) (want, scale []float64) {
	want, scale = make([]float64, p.Rows*p.Cols), make([]float64, p.Rows*p.Cols)
	panel := p.BPanel
	if panel == 0 {
		panel = width
	}
	for i := range p.Rows {
		for j := range p.Cols {
			sum, size := 0.0, 0.0
			add := func(x float64) { sum, size = sum+x, size+math.Abs(x) }
			if p.Accumulate {
				add(float64(c[i*p.CRow+j]))
			}
			if bias != nil {
				add(float64(bias[j]))
			}
			for s := range p.Segments {
				for k := range p.Depth {
					add(float64(a[s*p.ASegment+k*p.AStep+i*p.ARow]) *
						float64(b[s*p.BSegment+k*p.BStep+j/width*panel+j%width]))
				}
			}
			want[i*p.Cols+j], scale[i*p.Cols+j] = sum, size
		}
	}
	return want, scale
}

// TestProductsMatchTheDefinition walks all tile shapes, with operands that end
// at a protected page and result columns beyond the product that must not change.
func TestProductsMatchTheDefinition(t *testing.T) {
	for name, tiles := range levels() {
		t.Run(name, func(t *testing.T) { testProducts(t, tiles, 1e-6) })
	}
	t.Run("float64", func(t *testing.T) { testProducts(t, &portable64, 1e-14) })
}

func testProducts[T Float](t *testing.T, tiles *tiles[T], tolerance float64) {
	r := rand.New(rand.NewPCG(1, 2))
	width := tiles.lanes * tiles.vectors
	check := func(p Product[T], hasBias bool) {
		t.Helper()
		a := fill(r, guard.End[T](t, (p.Segments-1)*p.ASegment+(p.Depth-1)*p.AStep+(p.Rows-1)*p.ARow+1))
		panels := (p.Cols - 1) / width
		panel := p.BPanel
		if panel == 0 {
			panel = width
		}
		last := p.Cols - panels*width
		if panels > 0 && p.BPanel != 0 && panel < width {
			last = width
		}
		b := fill(r, guard.End[T](t, (p.Segments-1)*p.BSegment+(p.Depth-1)*p.BStep+panels*panel+last))
		c := fill(r, guard.End[T](t, (p.Rows-1)*p.CRow+p.Cols))
		before := append([]T(nil), c...)
		var bias []T
		if hasBias {
			bias = fill(r, guard.End[T](t, p.Cols))
		}
		want, scale := reference(&p, width, c, a, b, bias)
		p.run(tiles, c, a, b, bias, nil)
		for i := range c {
			row, col := i/p.CRow, i%p.CRow
			if col >= p.Cols {
				if c[i] != before[i] {
					t.Fatalf("%+v: wrote beside row %d", p, row)
				}
				continue
			}
			k := row*p.Cols + col
			if !(math.Abs(float64(c[i])-want[k]) <= tolerance*scale[k]) {
				t.Fatalf("%+v: c[%d,%d] = %v, want %v", p, row, col, c[i], want[k])
			}
		}
	}
	for rows := 1; rows <= 2*tiles.rows+1; rows++ {
		for cols := 1; cols <= 2*width+1; cols++ {
			if testing.Short() && (rows > 3 && rows < tiles.rows-1 || cols%5 > 1) {
				continue
			}
			// A matrix product, rows of a contiguous.
			check(Product[T]{Rows: rows, Cols: cols, Segments: 1, Depth: 5, AStep: 1, ARow: 5, BStep: cols, CRow: cols}, true)
			// A transposed, as in the gradient of weights.
			check(Product[T]{Rows: rows, Cols: cols, Segments: 3, Depth: 2, AStep: rows, ARow: 1, ASegment: 2*rows + 3, BStep: cols, BSegment: 2*cols + 1, CRow: cols + 3, Accumulate: true}, false)
			// A window, with packed columns.
			check(Product[T]{Rows: rows, Cols: cols, Segments: 2, Depth: 6, AStep: 1, ARow: 2, ASegment: 11, BStep: width, BSegment: 6 * width, BPanel: 12 * width, CRow: cols + 1}, rows%2 == 0)
		}
	}
}

func TestEmptyProducts(t *testing.T) {
	for name, tiles := range levels() {
		c := []float32{1, 2, 3, 4, 5, 6}
		p := Product[float32]{Rows: 2, Cols: 3, CRow: 3}
		p.run(tiles, c, nil, nil, []float32{7, 8, 9}, nil)
		if got := fmt.Sprint(c); got != "[7 8 9 7 8 9]" {
			t.Errorf("%s: no terms and a bias: %s", name, got)
		}
		p.Accumulate = true
		p.run(tiles, c, nil, nil, nil, nil)
		if got := fmt.Sprint(c); got != "[7 8 9 7 8 9]" {
			t.Errorf("%s: accumulating no terms: %s", name, got)
		}
		p.Rows = 0
		p.run(tiles, nil, nil, nil, nil, nil)
	}
}

// TestNaNAndInfinityPass: no tile may skip a term because a factor is 0.
func TestNaNAndInfinityPass(t *testing.T) {
	for name, tiles := range levels() {
		a, b := []float32{0, 1}, []float32{float32(math.Inf(1)), 2}
		c := make([]float32, 1)
		p := Product[float32]{Rows: 1, Cols: 1, Segments: 1, Depth: 2, AStep: 1, ARow: 2, BStep: 1, CRow: 1}
		p.run(tiles, c, a, b, nil, nil)
		if c[0] == c[0] {
			t.Errorf("%s: 0*Inf + 2 = %v, want NaN", name, c[0])
		}
	}
}

// TestSubnormalsAreZeroInAssemblyAlone: the tiles take subnormal numbers as 0 for
// their speed, and leave the rounding of Go's own arithmetic as it was.
func TestSubnormalsAreZeroInAssemblyAlone(t *testing.T) {
	const tiny = 1e-40
	for name, tiles := range levels() {
		for rows := 1; rows <= 15; rows++ {
			for cols := 1; cols <= 32; cols++ {
				a, b := make([]float32, rows), make([]float32, cols)
				for i := range a {
					a[i] = tiny
				}
				for i := range b {
					b[i] = 1e30
				}
				c := make([]float32, rows*cols)
				p := Product[float32]{Rows: rows, Cols: cols, Segments: 1, Depth: 1, AStep: 1, ARow: 1, BStep: cols, CRow: cols}
				p.run(tiles, c, a, b, nil, nil)
				for i, v := range c {
					if assembly := name != cpu.Portable.String(); (v == 0) != assembly {
						t.Fatalf("%s: %dx%d: element %d is %v", name, rows, cols, i, v)
					}
				}
				if half := a[0] / 2; half == 0 {
					t.Fatalf("%s: %dx%d: subnormal numbers are 0 after the product", name, rows, cols)
				}
			}
		}
	}
}

// TestRowsDoNotDependOnTheirTile: bits of a row must not change with the rows
// beside it, or results would depend on how work is split.
func TestRowsDoNotDependOnTheirTile(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const rows, cols, depth = 31, 37, 50
	a, b := fill(r, make([]float32, rows*depth)), fill(r, make([]float32, depth*cols))
	for name, tiles := range levels() {
		p := Product[float32]{Rows: rows, Cols: cols, Segments: 1, Depth: depth, AStep: 1, ARow: depth, BStep: cols, CRow: cols}
		all := make([]float32, rows*cols)
		p.run(tiles, all, a, b, nil, nil)
		p.Rows = 1
		for i := range rows {
			one := make([]float32, cols)
			p.run(tiles, one, a[i*depth:], b, nil, nil)
			for j := range one {
				if one[j] != all[i*cols+j] {
					t.Fatalf("%s: row %d alone differs in column %d: %v, %v", name, i, j, one[j], all[i*cols+j])
				}
			}
		}
	}
}

// TestAdditionsAreInOrder: an element begins with its bias, adds the products by
// segment and depth and comes to what was in c last, on every level. The factors
// have so few bits that products are exact and a fused operation rounds like two.
func TestAdditionsAreInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	few := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.IntN(1<<13)-1<<12) / 64
		}
		return v
	}
	const segments, depth = 3, 40
	for name, tiles := range levels() {
		for rows := 1; rows <= tiles.rows; rows++ {
			for cols := 1; cols <= tiles.lanes*tiles.vectors; cols++ {
				a, b, bias, c := few(rows*segments*depth), few(segments*depth*cols), few(cols), few(rows*cols)
				want := make([]float32, len(c))
				for i := range want {
					sum := bias[i%cols]
					for k := range segments * depth {
						sum += float32(a[i/cols*segments*depth+k] * b[k*cols+i%cols])
					}
					want[i] = sum + c[i]
				}
				p := Product[float32]{Rows: rows, Cols: cols, Segments: segments, Depth: depth,
					ASegment: depth, AStep: 1, ARow: segments * depth, BSegment: depth * cols, BStep: cols, CRow: cols, Accumulate: true}
				p.run(tiles, c, a, b, bias, nil)
				for i := range c {
					if c[i] != want[i] {
						t.Fatalf("%s: %dx%d: element %d is %v, want %v", name, rows, cols, i, c[i], want[i])
					}
				}
			}
		}
	}
}

func TestShortSlicesPanic(t *testing.T) {
	p := Product[float32]{Rows: 2, Cols: 3, Segments: 1, Depth: 4, AStep: 1, ARow: 4, BStep: 3, CRow: 3}
	for what, f := range map[string]func(){
		"of a": func() { p.Run(make([]float32, 6), make([]float32, 7), make([]float32, 12), nil) },
		"of b": func() { p.Run(make([]float32, 6), make([]float32, 8), make([]float32, 11), nil) },
		"of c": func() { p.Run(make([]float32, 5), make([]float32, 8), make([]float32, 12), nil) },
		"bias": func() { p.Run(make([]float32, 6), make([]float32, 8), make([]float32, 12), make([]float32, 2)) },
		"reads ": func() {
			(&Product[float32]{Rows: 2, Cols: 3, Segments: 1, Depth: 4, AStep: -1, ARow: 4, BStep: 3, CRow: 3}).Run(make([]float32, 6), make([]float32, 8), make([]float32, 12), nil)
		},
	} {
		func() {
			defer func() {
				if m := fmt.Sprint(recover()); !strings.Contains(m, what) {
					t.Errorf("%s: panic %q", what, m)
				}
			}()
			f()
		}()
	}
}

func TestPack(t *testing.T) {
	const rows, cols = 7, 45
	r := rand.New(rand.NewPCG(5, 6))
	b := fill(r, make([]float32, rows*cols))
	width := Width[float32]()
	for _, transposed := range []bool{false, true} {
		row, col := cols, 1
		if transposed {
			row, col = 1, rows
		}
		packed := make([]float32, PackedSize[float32](rows, cols))
		pack(active[float32](), packed, b, rows, cols, row, col)
		for k := range rows {
			for j := range (cols + width - 1) / width * width {
				want := float32(0)
				if j < cols {
					want = b[k*row+j*col]
				}
				if got := packed[j/width*rows*width+k*width+j%width]; got != want {
					t.Fatalf("transposed %v: (%d, %d) is %v, want %v", transposed, k, j, got, want)
				}
			}
		}
	}
}

func TestRunDoesNotAllocate(t *testing.T) {
	p := Product[float32]{Rows: 20, Cols: 40, Segments: 1, Depth: 8, AStep: 1, ARow: 8, BStep: 40, CRow: 40}
	c, a, b := make([]float32, 800), make([]float32, 160), make([]float32, 320)
	if n := testing.AllocsPerRun(10, func() { p.Run(c, a, b, nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkSubnormals has products of subnormal numbers, as the gradients of a
// trained network are: they must not take longer than others.
func BenchmarkSubnormals(b *testing.B) {
	const rows, cols, depth = 14, 32, 512
	p := Product[float32]{Rows: rows, Cols: cols, Segments: 1, Depth: depth, AStep: 1, ARow: depth, BStep: cols, CRow: cols}
	for name, tiles := range levels() {
		for _, tiny := range []float32{1, 1e-39} {
			x, y := make([]float32, rows*depth), make([]float32, depth*cols)
			for i := range x {
				x[i] = tiny
			}
			for i := range y {
				y[i] = 1
			}
			c := make([]float32, rows*cols)
			b.Run(fmt.Sprintf("%s/%v", name, tiny), func(b *testing.B) {
				for b.Loop() {
					p.run(tiles, c, x, y, nil, nil)
				}
			})
		}
	}
}

func BenchmarkProduct(b *testing.B) {
	for _, s := range []struct{ rows, cols, depth int }{{512, 512, 512}, {28, 32, 288}, {14, 64, 576}, {100, 256, 3136}} {
		for _, l := range cpu.Available() {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", s.rows, s.cols, s.depth, l), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 2))
				t := level32(l)
				width := t.lanes * t.vectors
				p := Product[float32]{Rows: s.rows, Cols: s.cols, Segments: 1, Depth: s.depth, AStep: 1, ARow: s.depth,
					BStep: width, BPanel: s.depth * width, CRow: s.cols}
				x, y := fill(r, make([]float32, s.rows*s.depth)), fill(r, make([]float32, s.depth*((s.cols+width-1)/width*width)))
				c := make([]float32, s.rows*s.cols)
				for b.Loop() {
					p.run(t, c, x, y, nil, nil)
				}
				b.ReportMetric(2e-9*float64(s.rows*s.cols*s.depth)*float64(b.N)/b.Elapsed().Seconds(), "GFLOP/s")
			})
		}
	}
}
