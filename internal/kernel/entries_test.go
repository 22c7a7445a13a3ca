package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/isrlu/isrlu/internal/cpu"
)

// An entry is one kernel of the tables.
type entry[T float32 | float64] struct {
	level cpu.Level
	id    ID
	prec  Precision
	dir   string
	// Exactly one of the two is set.
	unary  Unary[T]
	binary Binary[T]
	stream bool // dst must be aligned to StreamAlign
}

func (e entry[T]) String() string {
	var zero T
	return fmt.Sprintf("%v/%v/%s/%d/%T", e.level, e.id, e.dir, e.prec, zero)
}

func (s *Set[T]) each(f func(dir string, u Unary[T], b Binary[T])) {
	f("Forward", s.Forward, nil)
	f("Stream", s.Stream, nil)
	f("Backward", nil, s.Backward)
	f("BackwardOutput", nil, s.BackwardOutput)
	f("Second", s.Second, nil)
	f("Inverse", s.Inverse, nil)
	f("ParamGrad0", nil, s.ParamGrad0)
	f("ParamGrad1", nil, s.ParamGrad1)
}

func tableOf[T float32 | float64](l cpu.Level) Table[T] {
	var t any
	switch any(T(0)).(type) {
	case float32:
		t = Float32(l)
	default:
		t = Float64(l)
	}
	return t.(Table[T])
}

// entries returns the kernels that the tables of the available levels hold.
func entries[T float32 | float64]() []entry[T] {
	var all []entry[T]
	for _, l := range cpu.Available() {
		for id := ID(0); id < NumIDs; id++ {
			for p := Precision(0); p < NumPrecisions; p++ {
				s := tableOf[T](l).Own(id, p)
				s.each(func(dir string, u Unary[T], b Binary[T]) {
					if u != nil || b != nil {
						all = append(all, entry[T]{l, id, p, dir, u, b, dir == "Stream"})
					}
				})
			}
		}
	}
	return all
}

// truth returns the portable Exact kernel that defines e.
func truth[T float32 | float64](e entry[T]) entry[T] {
	s := tableOf[T](cpu.Portable).Own(e.id, Exact)
	want := e.dir
	if e.stream {
		want = "Forward"
	}
	r := entry[T]{level: cpu.Portable, id: e.id, prec: Exact, dir: want}
	s.each(func(dir string, u Unary[T], b Binary[T]) {
		if dir == want {
			r.unary, r.binary = u, b
		}
	})
	return r
}

// run applies the kernel; b is ignored by unary ones.
func (e entry[T]) run(dst, a, b []T) {
	p := testParams[T](e.id)
	if len(dst) == 0 {
		// Kernels must do nothing for n = 0, whatever the pointers are.
		z := &aligned[T](1)[0]
		if e.unary != nil {
			e.unary(z, z, 0, &p[0])
		} else {
			e.binary(z, z, z, 0, &p[0])
		}
		return
	}
	if e.unary != nil {
		e.unary(&dst[0], &a[0], len(dst), &p[0])
	} else {
		e.binary(&dst[0], &a[0], &b[0], len(dst), &p[0])
	}
}

// testParams are typical parameters, none of them 1, which could hide a
// missing product.
func testParams[T float32 | float64](id ID) [NumParams]T {
	switch id {
	case ISRLU, ISRU:
		return ISRParams[T](1.75)
	case ISRUSigmoid:
		// Not 1.75, with which 1 - alpha w^2 of saturated outputs would be a power of
		// two: see rsqrt14IsWrong.
		return ISRUSigmoidParams[T](1.7, 0.6)
	case DyISRU:
		return DyISRUParams[T](1.5, 0.7)
	case ELU:
		return ELUParams(T(1.3))
	}
	return [NumParams]T{0.3, 0.7, 1.1, 0.9, 1.3, 0.6, 0.8, 1.2}
}

// specials are the values at which formulas break.
func specials[T float32 | float64]() []T {
	var v []float64
	for _, x := range []float64{0, math.SmallestNonzeroFloat32, 0x1p-127, 0x1p-126, 0x1.fffffep-127,
		1e-30, 0x1p-24, 0x1p-12, 0.5, 1, 0x1.000002p0, 2, 9, 17.5, 88, 89, 100, 104, 110, 745, 0x1p12, 1.8e19, 1.9e19, 0x1p60, 1e30,
		math.MaxFloat32, math.SmallestNonzeroFloat64, 0x1p-1022, 1e-160, 1e155, math.MaxFloat64, math.Inf(1), math.NaN()} {
		v = append(v, x, -x)
	}
	v = append(v, math.Copysign(math.NaN(), -1))
	var r []T
	for _, x := range v {
		r = append(r, T(x))
	}
	return r
}

// inputs returns n values: the special ones, then normally distributed ones of
// several scales and random bit patterns.
func inputs[T float32 | float64](n int, seed uint64) []T {
	r := rand.New(rand.NewPCG(seed, 7))
	v := specials[T]()
	r.Shuffle(len(v), func(i, j int) { v[i], v[j] = v[j], v[i] })
	for len(v) < n {
		switch r.IntN(4) {
		case 0:
			v = append(v, fromBits[T](r.Uint64()))
		case 1:
			v = append(v, T(r.NormFloat64()*20))
		default:
			v = append(v, T(r.NormFloat64()))
		}
	}
	if rsqrt14IsWrong {
		avoidPowersOfTwo(v)
	}
	return v[:n]
}

// outputs returns n values within the range of any curve of testParams, for
// kernels that are given the output.
func outputs[T float32 | float64](e entry[T], n int, seed uint64) []T {
	x := inputs[T](n, seed)
	if e.dir != "BackwardOutput" && e.dir != "Inverse" {
		return x
	}
	f := entry[T]{id: e.id, unary: tableOf[T](cpu.Portable).Own(e.id, Exact).Forward}
	f.run(x, x, nil)
	return x
}

func fromBits[T float32 | float64](u uint64) T {
	if isFloat32[T]() {
		return T(math.Float32frombits(uint32(u)))
	}
	return T(math.Float64frombits(u))
}

func isFloat32[T float32 | float64]() bool {
	_, ok := any(T(0)).(float32)
	return ok
}

// same reports whether two results are the same bits, or both NaN.
func same[T float32 | float64](x, y T) bool {
	return x != x && y != y || x == y && math.Signbit(float64(x)) == math.Signbit(float64(y))
}

// distance is |x-y| in units of half an ulp of y, at most: 2^-24 |y| in float32.
func distance[T float32 | float64](x, y T) float64 {
	if same(x, y) || x == y {
		return 0
	}
	if x != x || y != y || math.IsInf(float64(x), 0) || math.IsInf(float64(y), 0) {
		return math.Inf(1)
	}
	half, least := 0x1p-53, math.SmallestNonzeroFloat64
	if isFloat32[T]() {
		half, least = 0x1p-24, math.SmallestNonzeroFloat32
	}
	return math.Abs(float64(x)-float64(y)) / math.Max(math.Abs(float64(y))*half, least)
}
