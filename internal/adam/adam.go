// Package adam updates weights as Adam and AdamW do (Kingma and Ba 2015; Loshchilov
// and Hutter 2019). The kernels are assembly that gen writes, for float32; Go is
// the reference, and all levels agree to the bit.
package adam

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/noescape"
)

// Constants are what all weights of a step share. gen knows their order.
type Constants[T gemm.Float] struct {
	Rate                       T // with both corrections of the first steps
	Scale                      T // of the gradient
	Decay                      T // of the weight, added to the gradient
	Shrink                     T // of the weight, apart from the gradient
	Beta1, Rest1, Beta2, Rest2 T // of the averages, and 1 less them
	Epsilon                    T // with the correction of v
}

// args is what a kernel reads. gen knows the offsets.
type args struct {
	w, g, m, v *float32
	n          int
	mask       unsafe.Pointer
	constants  Constants[float32]
}

// A kernel updates n weights, n > 0.
type kernel struct {
	update func(*args)
	lanes  int
}

// blockSize bounds one call: the scheduler cannot stop a goroutine inside assembly.
const blockSize = 1 << 16

// Update sets, element by element,
//
//	d = Scale g + Decay w
//	m = Beta1 m + Rest1 d
//	v = Beta2 v + Rest2 d^2
//	w = Shrink w - Rate m / (sqrt(v) + Epsilon)
//
// It panics if the lengths differ. The slices must not overlap.
func Update[T gemm.Float](w, g, m, v []T, c *Constants[T]) {
	var z T
	if _, ok := any(z).(float32); ok {
		if k := level(cpu.Active()); k != nil {
			k.run(any(w).([]float32), any(g).([]float32), any(m).([]float32), any(v).([]float32), any(c).(*Constants[float32]))
			return
		}
	}
	update(w, g, m, v, c)
}

func check(w, g, m, v int) {
	if g != w || m != w || v != w {
		panic(fmt.Sprintf("adam: %d weights, but %d gradients and %d and %d averages", w, g, m, v))
	}
}

func (k *kernel) run(w, g, m, v []float32, c *Constants[float32]) {
	check(len(w), len(g), len(m), len(v))
	p := args{constants: *c}
	for from := 0; from < len(w); from += blockSize {
		p.w, p.g, p.m, p.v = &w[from], &g[from], &m[from], &v[from]
		p.n = min(blockSize, len(w)-from)
		if rest := p.n % k.lanes; rest != 0 {
			p.mask = gemm.Mask(k.lanes, rest)
		}
		k.update(noescape.Pointer(&p))
	}
}

// update is the definition. Conversions keep the compiler from fusing a product
// with an addition.
func update[T gemm.Float](w, g, m, v []T, c *Constants[T]) {
	check(len(w), len(g), len(m), len(v))
	for i := range w {
		d := T(g[i]*c.Scale) + T(c.Decay*w[i])
		mi := T(c.Beta1*m[i]) + T(c.Rest1*d)
		vi := T(c.Beta2*v[i]) + T(T(c.Rest2*d)*d)
		m[i], v[i] = mi, vi
		// The square root of a float32 by way of float64 rounds to the same bits.
		w[i] = T(c.Shrink*w[i]) - T(c.Rate*mi)/(T(math.Sqrt(float64(vi)))+c.Epsilon)
	}
}
