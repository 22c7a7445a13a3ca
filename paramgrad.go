package isrlu

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/kernel"
	"github.com/isrlu/isrlu/internal/noescape"
)

// gradBlock is the number of products that a kernel writes before they are
// summed; they stay in the first-level cache.
const gradBlock = 512

// ParamGrad returns the gradient with respect to parameter i: the sum over j
// of dy[j] df/da(x[j]), where a is Info().Params[i]; for ISRLU and ISRU
// df/dalpha = -1/2 (x r)^3. The products are float32, their sum is float64 in
// an order that depends on the length alone. It panics if the function has no
// parameter i.
func (f *Function) ParamGrad(i int, dy, x []float32) float64 {
	var g [1]float64
	paramGrad(f.gradKernel32(i), g[:], dy, x, max(len(x), 1), &f.p32[0])
	return g[0]
}

// ParamGrad64 is [Function.ParamGrad] in float64.
func (f *Function) ParamGrad64(i int, dy, x []float64) float64 {
	var g [1]float64
	paramGrad(f.gradKernel64(i), g[:], dy, x, max(len(x), 1), &f.p64[0])
	return g[0]
}

// ParamGradChannels sets grad[c] to the gradient with respect to parameter i
// of channel c alone. dy and x have the shape (outer, channels, inner) with
// channels = len(grad), so that their length is a multiple of
// len(grad)*inner; inner is 1 where the channel is the last dimension. f has
// the same parameter in all channels.
func (f *Function) ParamGradChannels(i int, grad []float64, dy, x []float32, inner int) {
	paramGrad(f.gradKernel32(i), grad, dy, x, inner, &f.p32[0])
}

// ParamGradChannels64 is [Function.ParamGradChannels] in float64.
func (f *Function) ParamGradChannels64(i int, grad []float64, dy, x []float64, inner int) {
	paramGrad(f.gradKernel64(i), grad, dy, x, inner, &f.p64[0])
}

func (f *Function) gradKernel32(i int) kernel.Binary[float32] {
	f.needParam(i)
	return [...]kernel.Binary[float32]{f.k32.ParamGrad0, f.k32.ParamGrad1}[i]
}

func (f *Function) gradKernel64(i int) kernel.Binary[float64] {
	f.needParam(i)
	return [...]kernel.Binary[float64]{f.k64.ParamGrad0, f.k64.ParamGrad1}[i]
}

func (f *Function) needParam(i int) {
	if i < 0 || i >= len(f.row.Params) {
		panic(fmt.Sprintf("isrlu: %s has no parameter %d", f.row.Name, i))
	}
}

func paramGrad[T float32 | float64](k kernel.Binary[T], grad []float64, dy, x []T, inner int, p *T) {
	if len(dy) != len(x) {
		panic(fmt.Sprintf("isrlu: dy has length %d, x has %d", len(dy), len(x)))
	}
	if inner < 1 || len(grad) == 0 || len(x)%(len(grad)*inner) != 0 {
		panic(fmt.Sprintf("isrlu: length %d is not a multiple of %d channels of %d elements", len(x), len(grad), inner))
	}
	clear(grad)
	var buf [gradBlock]T
	c, left := 0, inner // the channel of the next element, and what is left of its run
	for len(x) > 0 {
		n := min(len(x), gradBlock)
		k(noescape.Pointer(&buf[0]), noescape.Pointer(&dy[0]), noescape.Pointer(&x[0]), n, p)
		for b := buf[:n]; len(b) > 0; {
			m := min(left, len(b))
			grad[c] += sum(b[:m])
			b = b[m:]
			if left -= m; left == 0 {
				left = inner
				if c++; c == len(grad) {
					c = 0
				}
			}
		}
		dy, x = dy[n:], x[n:]
	}
}

// sum adds in four interleaved chains, so that it does not wait for each
// addition.
func sum[T float32 | float64](v []T) float64 {
	var s0, s1, s2, s3 float64
	for len(v) >= 4 {
		s0 += float64(v[0])
		s1 += float64(v[1])
		s2 += float64(v[2])
		s3 += float64(v[3])
		v = v[4:]
	}
	for _, e := range v {
		s0 += float64(e)
	}
	return (s0 + s1) + (s2 + s3)
}
