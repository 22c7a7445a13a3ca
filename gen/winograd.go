package main

import (
	"fmt"
	"math"
	"strings"
)

// A transform is one of the linear maps of a Winograd convolution (Lavin and
// Gray, Fast algorithms for convolutional neural networks, CVPR 2016), written
// for one dimension. A kernel applies it to the columns and then to the rows of
// in x in matrices of vectors of channels.
type transform struct {
	name      string
	ins, outs int
	// build returns the outputs, in an order that lets go of the inputs early.
	// bias, which is nil but in the rows of an output transform, is added to all.
	build func(b *B, x []V, bias V) []V
	bias  bool // whether the transform takes one
}

// Of F(4x4,3x3) with the points 0, +-sqrt(1/2), +-sqrt(2) and infinity. They make
// products of the points 1 and 2.5, and errors 2.4 times smaller than the usual
// 0, +-1, +-2 do; internal/conv measures them.
var (
	pointA, pointB = math.Sqrt(.5), math.Sqrt(2)
	squareA        = .5
	squareB        = 2.
)

// The transforms of a tile size, m outputs of n inputs, are named Input (n to
// n), Output (n to m), Gradient (m to n, the transpose of Output), Filter (3 to
// n) and FilterGradient (n to 3, the transpose of Filter).
var transforms = []transform{
	{name: "input4", ins: 6, outs: 6, build: func(b *B, x []V, _ V) []V {
		outer, p, q := b.Const(squareA+squareB), b.Const(squareA), b.Const(squareB)
		t0 := b.FNMA(outer, x[2], b.Add(x[0], x[4]))
		t1, t2 := pair(b, b.FNMA(q, x[2], x[4]), b.Const(pointA), b.FNMA(q, x[1], x[3]))
		t3, t4 := pair(b, b.FNMA(p, x[2], x[4]), b.Const(pointB), b.FNMA(p, x[1], x[3]))
		t5 := b.FNMA(outer, x[3], b.Add(x[1], x[5]))
		return []V{t0, t1, t2, t3, t4, t5}
	}},
	{name: "output4", ins: 6, outs: 4, bias: true, build: func(b *B, x []V, bias V) []V {
		s1, d1 := b.Add(x[1], x[2]), b.Sub(x[1], x[2])
		s2, d2 := b.Add(x[3], x[4]), b.Sub(x[3], x[4])
		y0 := plus(b, b.Add(b.Add(x[0], s1), s2), bias)
		y1 := b.FMA(b.Const(pointB), d2, product(b, b.Const(pointA), d1, bias))
		y2 := b.FMA(b.Const(squareB), s2, product(b, b.Const(squareA), s1, bias))
		y3 := b.FMA(b.Const(pointA*squareA), d1, b.FMA(b.Const(pointB*squareB), d2, plus(b, x[5], bias)))
		return []V{y0, y1, y2, y3}
	}},
	{name: "gradient4", ins: 4, outs: 6, build: func(b *B, x []V, _ V) []V {
		w1, w2 := pair(b, b.FMA(b.Const(squareA), x[2], x[0]), b.Const(pointA), b.FMA(b.Const(squareA), x[3], x[1]))
		w3, w4 := pair(b, b.FMA(b.Const(squareB), x[2], x[0]), b.Const(pointB), b.FMA(b.Const(squareB), x[3], x[1]))
		return []V{x[0], w1, w2, w3, w4, x[3]}
	}},
	{name: "filter4", ins: 3, outs: 6, build: func(b *B, x []V, _ V) []V {
		na, nb := 1/(2*squareA*(squareA-squareB)), 1/(2*squareB*(squareB-squareA))
		u1, u2 := pair(b, b.Mul(b.Const(na), b.FMA(b.Const(squareA), x[2], x[0])), b.Const(pointA*na), x[1])
		u3, u4 := pair(b, b.Mul(b.Const(nb), b.FMA(b.Const(squareB), x[2], x[0])), b.Const(pointB*nb), x[1])
		return []V{x[0], u1, u2, u3, u4, x[2]}
	}},
	{name: "filterGradient4", ins: 6, outs: 3, build: func(b *B, x []V, _ V) []V {
		na, nb := 1/(2*squareA*(squareA-squareB)), 1/(2*squareB*(squareB-squareA))
		s1, d1 := b.Add(x[1], x[2]), b.Sub(x[1], x[2])
		s2, d2 := b.Add(x[3], x[4]), b.Sub(x[3], x[4])
		g0 := b.FMA(b.Const(nb), s2, b.FMA(b.Const(na), s1, x[0]))
		g1 := b.FMA(b.Const(pointB*nb), d2, b.Mul(b.Const(pointA*na), d1))
		g2 := b.FMA(b.Const(squareB*nb), s2, b.FMA(b.Const(squareA*na), s1, x[5]))
		return []V{g0, g1, g2}
	}},

	// Of F(2x2,3x3) with the points 0, 1, -1 and infinity.
	{name: "input2", ins: 4, outs: 4, build: func(b *B, x []V, _ V) []V {
		return []V{b.Sub(x[0], x[2]), b.Add(x[1], x[2]), b.Sub(x[2], x[1]), b.Sub(x[3], x[1])}
	}},
	{name: "output2", ins: 4, outs: 2, bias: true, build: func(b *B, x []V, bias V) []V {
		y0 := plus(b, b.Add(x[0], b.Add(x[1], x[2])), bias)
		y1 := plus(b, b.Add(x[3], b.Sub(x[1], x[2])), bias)
		return []V{y0, y1}
	}},
	{name: "gradient2", ins: 2, outs: 4, build: func(b *B, x []V, _ V) []V {
		return []V{x[0], b.Add(x[0], x[1]), b.Sub(x[0], x[1]), x[1]}
	}},
	{name: "filter2", ins: 3, outs: 4, build: func(b *B, x []V, _ V) []V {
		u1, u2 := pair(b, b.Mul(b.Const(.5), b.Add(x[0], x[2])), b.Const(.5), x[1])
		return []V{x[0], u1, u2, x[2]}
	}},
	{name: "filterGradient2", ins: 4, outs: 3, build: func(b *B, x []V, _ V) []V {
		s, d := b.Add(x[1], x[2]), b.Sub(x[1], x[2])
		half := b.Const(.5)
		return []V{b.FMA(half, s, x[0]), b.Mul(half, d), b.FMA(half, s, x[3])}
	}},
}

// pair returns e + c*o and e - c*o: what two points that differ in sign share.
func pair(b *B, e, c, o V) (V, V) { return b.FMA(c, o, e), b.FNMA(c, o, e) }

func plus(b *B, x, bias V) V {
	if bias == nil {
		return x
	}
	return b.Add(x, bias)
}

// product returns x*y, with the bias if there is one.
func product(b *B, x, y, bias V) V {
	if bias == nil {
		return b.Mul(x, y)
	}
	return b.FMA(x, y, bias)
}

// Offsets of the fields of internal/conv's args.
const (
	wSrc, wDst, wTemp, wBias = 0, 8, 16, 24
	wSrcRow, wSrcCol         = 32, 40
	wDstRow, wDstCol         = 48, 56
	wTiles, wSrcTile         = 64, 72
	wDstTile, wChannels      = 80, 88
	wMask                    = 96
	wControl, wFlushing      = 104, 108
	// A kernel's own: src and dst of the tile and of the vector, the bias of the
	// vector.
	wTileSrc, wTileDst      = 112, 120
	wAtSrc, wAtDst, wAtBias = 128, 136, 144
)

// pass returns the program for columns, or for rows with a bias.
func (t *transform) pass(level Level, bias bool) *pass {
	b := newB(level, false)
	var x []V
	for i := 0; i < t.ins; i++ {
		x = append(x, b.In(i))
	}
	var extra V
	if bias {
		extra = b.In(t.ins)
	}
	return newPass(b, t.build(b, x, extra))
}

// constants returns those of both passes, each once, the most used first.
func constants(passes ...*pass) []poolKey {
	uses := map[poolKey]int{}
	var list []poolKey
	for _, p := range passes {
		for _, n := range p.prog {
			for _, a := range n.args {
				if a.op == opConst {
					k := poolKey{a.bits, false}
					if uses[k] == 0 {
						list = append(list, k)
					}
					uses[k]++
				}
			}
		}
	}
	return list
}

func (t *transform) symbol(l simdLevel) string { return t.name + l.name }

// winograd returns the files of the transforms.
func winograd() map[string][]byte {
	files := map[string][]byte{}
	for _, l := range simdLevels {
		var code strings.Builder
		width := 32
		switch l.level {
		case NEON:
			width = 16
		case AVX512:
			width = 8
		}
		pool := newPool("transformConst", width)
		for _, t := range transforms {
			if l.level == NEON {
				e := &neonTransform{transform: t, neon: neon{pool: pool, out: &code}}
				e.kernel(t.symbol(l))
			} else {
				e := &x86Transform{transform: t, x86: x86{level: l.level, pool: pool, out: &code}}
				e.kernel(t.symbol(l))
			}
		}
		files["transforms_"+l.file+".s"] = []byte(header + "\n//go:build !purego\n\n#include \"textflag.h\"\n\n" + pool.data() + code.String())
		files["stubs_"+l.file+".go"] = transformStubs(l)
	}
	return files
}

func transformStubs(l simdLevel) []byte {
	var s strings.Builder
	s.WriteString(header + "\n//go:build !purego\n\npackage conv\n\n")
	lanes := map[Level]int{NEON: 4, AVX2: 8, AVX512: 16}[l.level]
	fmt.Fprintf(&s, "var transforms%s = transforms[float32]{\nlanes: %d,\n", l.name, lanes)
	for _, t := range transforms {
		fmt.Fprintf(&s, "%s: %s,\n", t.name, t.symbol(l))
	}
	s.WriteString("}\n\n")
	for _, t := range transforms {
		fmt.Fprintf(&s, "//go:noescape\nfunc %s(p *args[float32])\n\n", t.symbol(l))
	}
	return gofmt(s.String())
}
