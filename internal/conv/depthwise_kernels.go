package conv

import (
	"unsafe"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/gemm"
)

// depthwiseArgs is what a forward kernel reads, with strides in bytes. gen knows
// the offsets. For each run, pixel p and channel c the kernel computes
//
//	dst[p*dstPixel + c] = bias[c] + sum over s < rows, t < taps of
//	    src[s*srcRow + t*srcTap + p*srcPixel + c] * weights[s*weightRow + t*weightTap + c]
//
// where a run says at which offsets from dst, src and weights it begins. The
// products of an element are added to the bias one after the other, in the order
// of s and t.
type depthwiseArgs[T gemm.Float] struct {
	dst, src, weights, bias *T
	runs                    *run
	count, rows             int
	srcRow, weightRow       int
	srcTap, weightTap       int
	srcPixel, dstPixel      int
	channels                int
	mask                    unsafe.Pointer
	_                       [2]uint32   // MXCSR as it was and as the kernel sets it
	_                       [13]uintptr // the assembly's own addresses and counts
}

// A run is a part of a row of pixels whose windows have the same taps on the
// image. Offsets are in bytes.
type run struct {
	dst, src, weights int
	taps, pixels      int
}

// depthwiseWeightArgs is what a kernel of the weights' gradient reads, with
// strides in bytes. gen knows the offsets. The kernel of r rows of t taps adds,
// for each of them and each channel c,
//
//	dw[i*dwRow + k*dwTap + c] += sum over l < lines, p < pixels of
//	    x[l*xLine + i*xRow + p*xPixel + k*xTap + c] * dy[l*dyLine + p*dyPixel + c]
//
// where the sum begins at 0 and takes the pixels in their order.
type depthwiseWeightArgs[T gemm.Float] struct {
	dw, x, dy       *T
	lines, pixels   int
	xLine, dyLine   int
	xPixel, dyPixel int
	xRow, xTap      int
	dwRow, dwTap    int
	channels        int
	mask            unsafe.Pointer
	_               [2]uint32  // MXCSR as it was and as the kernel sets it
	_               [3]uintptr // the assembly's own addresses
}

// depthwiseTaps is the most rows, and the most taps of a row, of a kernel of the
// weights' gradient.
const depthwiseTaps = 3

// depthwiseKernels are those of a level.
type depthwiseKernels[T gemm.Float] struct {
	lanes   int
	forward func(*depthwiseArgs[T])
	weights [depthwiseTaps][depthwiseTaps]func(*depthwiseWeightArgs[T]) // of rows and taps, less 1
}

func activeDepthwise[T gemm.Float]() *depthwiseKernels[T] {
	var z T
	if _, ok := any(z).(float32); ok {
		return any(depthwise32(cpu.Active())).(*depthwiseKernels[T])
	}
	return any(&portableDepthwise64).(*depthwiseKernels[T])
}

var (
	portableDepthwise32 = portableDepthwise[float32]()
	portableDepthwise64 = portableDepthwise[float64]()
)

// portableDepthwise are the definition of the kernels in assembly, which gen
// writes.
func portableDepthwise[T gemm.Float]() depthwiseKernels[T] {
	k := depthwiseKernels[T]{lanes: 1, forward: portableForward[T]}
	for i := range k.weights {
		for j := range k.weights[i] {
			k.weights[i][j] = func(p *depthwiseWeightArgs[T]) { portableWeights(p, i+1, j+1) }
		}
	}
	return k
}

func portableForward[T gemm.Float](p *depthwiseArgs[T]) {
	bias := unsafe.Slice(p.bias, p.channels)
	for _, r := range unsafe.Slice(p.runs, p.count) {
		for i := range r.pixels {
			dst := unsafe.Slice(at(p.dst, r.dst+i*p.dstPixel), p.channels)
			copy(dst, bias)
			for s := range p.rows {
				for t := range r.taps {
					src := unsafe.Slice(at(p.src, r.src+s*p.srcRow+t*p.srcTap+i*p.srcPixel), p.channels)
					addProducts(dst, src, unsafe.Slice(at(p.weights, r.weights+s*p.weightRow+t*p.weightTap), p.channels))
				}
			}
		}
	}
}

func portableWeights[T gemm.Float](p *depthwiseWeightArgs[T], rows, taps int) {
	var sums [depthwiseTaps][depthwiseTaps][blockChannels]T
	for l := range p.lines {
		for i := range p.pixels {
			dy := unsafe.Slice(at(p.dy, l*p.dyLine+i*p.dyPixel), p.channels)
			for r := range rows {
				for k := range taps {
					x := unsafe.Slice(at(p.x, l*p.xLine+r*p.xRow+i*p.xPixel+k*p.xTap), p.channels)
					addProducts(sums[r][k][:p.channels], x, dy)
				}
			}
		}
	}
	for r := range rows {
		for k := range taps {
			for c, v := range sums[r][k][:p.channels] {
				*at(p.dw, r*p.dwRow+k*p.dwTap+c*int(unsafe.Sizeof(v))) += v
			}
		}
	}
}

// addProducts adds the products of the elements of a and b to sum.
func addProducts[T gemm.Float](sum, a, b []T) {
	a, b = a[:len(sum)], b[:len(sum)]
	for i := range sum {
		sum[i] += a[i] * b[i]
	}
}
