package conv

import (
	"math"
	"unsafe"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/gemm"
)

// args is what a transform reads, with strides in bytes. gen knows the offsets.
//
// src is a matrix whose elements are runs of channels, srcRow and srcCol apart;
// dst likewise. The transform runs on tiles of them, srcTile and dstTile apart.
type args[T gemm.Float] struct {
	src, dst                   *T
	temp                       *T // tempSize elements
	bias                       *T // of an output transform
	srcRow, srcCol             int
	dstRow, dstCol             int
	tiles                      int
	srcTile, dstTile, channels int
	mask                       unsafe.Pointer
	_                          [2]uint32  // MXCSR as it was and as the kernel sets it
	_                          [5]uintptr // the assembly's own addresses
}

// tempSize holds a tile of the widest vectors.
const tempSize = maxTile * maxTile * 16

// maxTile is the largest input tile.
const maxTile = 6

// transforms are those of a level, for tiles of 4x4 and of 2x2 outputs.
type transforms[T gemm.Float] struct {
	lanes                                                int
	input4, output4, gradient4, filter4, filterGradient4 func(*args[T])
	input2, output2, gradient2, filter2, filterGradient2 func(*args[T])
}

func activeTransforms[T gemm.Float]() *transforms[T] {
	var z T
	if _, ok := any(z).(float32); ok {
		return any(transforms32(cpu.Active())).(*transforms[T])
	}
	return any(&portableTransforms64).(*transforms[T])
}

var (
	portableTransforms32 = portableTransforms[float32]()
	portableTransforms64 = portableTransforms[float64]()
)

// portableTransforms are the definition of those in assembly, which gen writes.
// Lavin and Gray, Fast algorithms for convolutional neural networks, CVPR 2016,
// has the idea; the transforms follow from the polynomial whose roots are the
// points (Cook and Toom).
func portableTransforms[T gemm.Float]() transforms[T] {
	// F(4x4,3x3): points 0, +-a, +-b and infinity, with a^2 = 1/2 and b^2 = 2.
	const p, q, pq = .5, 2, 2.5 // a^2, b^2, their sum; their product is 1
	a, b := T(math.Sqrt(p)), T(math.Sqrt(q))
	const na, nb = 1 / (2 * p * (p - q)), 1 / (2 * q * (q - p))
	return transforms[T]{
		lanes: 1,
		input4: portable(6, 6, func(x *[maxTile]T) [maxTile]T {
			ea, oa := x[4]-q*x[2], a*(x[3]-q*x[1])
			eb, ob := x[4]-p*x[2], b*(x[3]-p*x[1])
			return [maxTile]T{x[0] + x[4] - pq*x[2], ea + oa, ea - oa, eb + ob, eb - ob, x[1] + x[5] - pq*x[3]}
		}),
		output4: portable(6, 4, func(x *[maxTile]T) [maxTile]T {
			sa, da, sb, db := x[1]+x[2], a*(x[1]-x[2]), x[3]+x[4], b*(x[3]-x[4])
			return [maxTile]T{x[0] + sa + sb, da + db, p*sa + q*sb, p*da + q*db + x[5]}
		}),
		gradient4: portable(4, 6, func(x *[maxTile]T) [maxTile]T {
			ea, oa := x[0]+p*x[2], a*(x[1]+p*x[3])
			eb, ob := x[0]+q*x[2], b*(x[1]+q*x[3])
			return [maxTile]T{x[0], ea + oa, ea - oa, eb + ob, eb - ob, x[3]}
		}),
		filter4: portable(3, 6, func(x *[maxTile]T) [maxTile]T {
			ea, oa := na*(x[0]+p*x[2]), na*a*x[1]
			eb, ob := nb*(x[0]+q*x[2]), nb*b*x[1]
			return [maxTile]T{x[0], ea + oa, ea - oa, eb + ob, eb - ob, x[2]}
		}),
		filterGradient4: portable(6, 3, func(x *[maxTile]T) [maxTile]T {
			sa, da := na*(x[1]+x[2]), na*a*(x[1]-x[2])
			sb, db := nb*(x[3]+x[4]), nb*b*(x[3]-x[4])
			return [maxTile]T{x[0] + sa + sb, da + db, p*sa + q*sb + x[5]}
		}),
		// F(2x2,3x3): points 0, 1, -1 and infinity.
		input2: portable(4, 4, func(x *[maxTile]T) [maxTile]T {
			return [maxTile]T{x[0] - x[2], x[1] + x[2], x[2] - x[1], x[3] - x[1]}
		}),
		output2: portable(4, 2, func(x *[maxTile]T) [maxTile]T {
			return [maxTile]T{x[0] + x[1] + x[2], x[1] - x[2] + x[3]}
		}),
		gradient2: portable(2, 4, func(x *[maxTile]T) [maxTile]T {
			return [maxTile]T{x[0], x[0] + x[1], x[0] - x[1], x[1]}
		}),
		filter2: portable(3, 4, func(x *[maxTile]T) [maxTile]T {
			e, o := (x[0]+x[2])/2, x[1]/2
			return [maxTile]T{x[0], e + o, e - o, x[2]}
		}),
		filterGradient2: portable(4, 3, func(x *[maxTile]T) [maxTile]T {
			s, d := (x[1]+x[2])/2, (x[1]-x[2])/2
			return [maxTile]T{x[0] + s, d, s + x[3]}
		}),
	}
}

func at[T any](p *T, bytes int) *T { return (*T)(unsafe.Add(unsafe.Pointer(p), bytes)) }

// portable applies f, which maps ins numbers to outs, to the columns and then to
// the rows of each tile.
func portable[T gemm.Float](ins, outs int, f func(*[maxTile]T) [maxTile]T) func(*args[T]) {
	return func(p *args[T]) {
		size := int(unsafe.Sizeof(*p.src))
		var temp [maxTile][maxTile]T
		for t := range p.tiles {
			for c := range p.channels {
				src, dst := t*p.srcTile+c*size, t*p.dstTile+c*size
				for j := range ins {
					var x [maxTile]T
					for i := range ins {
						x[i] = *at(p.src, src+i*p.srcRow+j*p.srcCol)
					}
					y := f(&x)
					for i := range outs {
						temp[i][j] = y[i]
					}
				}
				for i := range outs {
					y := f(&temp[i])
					for j := range outs {
						v := y[j]
						if p.bias != nil {
							v += *at(p.bias, c*size)
						}
						*at(p.dst, dst+i*p.dstRow+j*p.dstCol) = v
					}
				}
			}
		}
	}
}
