package circuit

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/isrlu/isrlu/internal/eda"
)

// randomCircuit returns a circuit of about n operations on operands of random widths,
// whose input has the given bits.
func randomCircuit(r *rand.Rand, n, bits int) *Circuit {
	lo, hi := int64(0), int64(1<<bits-1)
	if r.IntN(2) == 0 {
		lo, hi = -1<<(bits-1), 1<<(bits-1)-1
	}
	c, x := New(lo, hi)
	wires := []Wire{x}
	names := []string{"", "", "a", "reg", "valid", "y", "sum", "x_s2", "b c"}
	for range n {
		pick := func() Wire {
			if r.IntN(8) == 0 {
				return c.Const(r.Int64N(1<<r.IntN(20)) - r.Int64N(1<<r.IntN(20)))
			}
			return wires[max(r.IntN(len(wires)), r.IntN(len(wires)))]
		}
		wires = append(wires, randomOperation(r, c, pick).Named(names[r.IntN(len(names))], "comment"))
	}
	// All operations that nothing reads go into the output.
	out := wires[len(wires)-1]
	for _, w := range wires[1:] {
		out = small(out, 40).Add(small(w, 40))
	}
	c.Output(small(out, 63))
	return c
}

// small returns w, or its lowest bits.
func small(w Wire, width int) Wire {
	if w.Width() < width {
		return w
	}
	return w.Low(width - 1)
}

// positive returns w or something like it that is not negative.
func positive(w Wire) Wire {
	if lo, _ := w.Interval(); lo < 0 {
		return w.Low(min(w.Width(), 62))
	}
	return w
}

func randomOperation(r *rand.Rand, c *Circuit, pick func() Wire) Wire {
	a, b := pick(), pick()
	switch r.IntN(24) {
	case 0:
		return small(a, 60).Add(small(b, 60))
	case 1:
		return small(a, 60).Sub(small(b, 60))
	case 2:
		return small(a, 31).Mul(small(b, 31))
	case 3:
		return small(a, 50).MulDrop(small(b, 50), 38+r.IntN(20))
	case 4:
		s := small(a, 31)
		return s.MulDrop(s, r.IntN(30))
	case 5:
		return positive(small(a, 30)).MulRows(positive(small(b, 30)), 1+r.IntN(20))
	case 6:
		return small(a, 40).Shl(1 + r.IntN(20))
	case 7:
		return a.Shr(1 + r.IntN(64))
	case 8:
		return small(a, 40).ShlBy(positive(b).Low(4))
	case 9:
		return a.ShrBy(positive(b).Low(1 + r.IntN(7)))
	case 10:
		return a.Low(1 + r.IntN(62))
	case 11:
		return positive(a).Log2()
	case 12:
		return a.Bit(r.IntN(a.Width())).Select(b, pick())
	case 13:
		return a.Less(b)
	case 14:
		return a.Equal(b)
	case 15:
		return positive(a).And(positive(b))
	case 16:
		return positive(a).Or(positive(b))
	case 17:
		return positive(a).Xor(positive(b))
	case 18:
		return a.Less(b).Not()
	case 19:
		lo, hi := a.Interval()
		return a.Min(hi - r.Int64N(1+hi/2-lo/2)).Max(lo/2 + r.Int64N(7))
	case 20:
		values := make([]int64, 1+r.IntN(40))
		for i := range values {
			values[i] = r.Int64N(1<<20) - r.Int64N(1<<r.IntN(20))
		}
		return positive(a).Low(1 + r.IntN(6)).Table(values)
	case 21:
		return positive(small(a, 30)).SquareRows(r.IntN(40))
	case 22:
		return a.Invert()
	default:
		p := positive(a)
		_, hi := p.Interval()
		return p.Sub(p.Shr(1+r.IntN(2))).Narrow(0, hi)
	}
}

// inputs returns random inputs of the circuit with its extremes.
func inputs(r *rand.Rand, c *Circuit, n int) []int64 {
	lo, hi := Wire{c, 0}.Interval()
	xs := []int64{lo, hi, lo + (hi-lo)/2}
	for len(xs) < n {
		v := int64(r.Uint64()) >> r.IntN(64)
		if lo == 0 {
			v &= hi
		} else {
			v = v << (64 - Wire{c, 0}.Width()) >> (64 - Wire{c, 0}.Width())
		}
		xs = append(xs, v)
	}
	return xs
}

// Of all widths, with all numbers of stages and all handshakes, bit for bit.
func TestRandomCircuitsInIcarus(t *testing.T) {
	eda.Need(t, "iverilog")
	r := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < 63; i++ {
		c := randomCircuit(r, 2+i/2, 1+i)
		xs := inputs(r, c, 100)
		e := c.Evaluator()
		e.Check = true
		e.Run(make([]int64, len(xs)), xs)
		simulate(t, c, Module{Name: "unit", Stages: i % 6, Handshake: Handshake(i / 6 % 3)}, xs)
	}
}

func TestRandomCircuitsPassVerilatorsWarnings(t *testing.T) {
	eda.Need(t, "verilator")
	r := rand.New(rand.NewPCG(3, 4))
	for i := 0; i < 12; i++ {
		v := verilog(t, randomCircuit(r, 4+2*i, 3+5*i), Module{Name: "unit", Stages: i % 4, Handshake: Handshake(i % 3)})
		if err := eda.Lint(context.Background(), v, "unit"); err != nil {
			t.Errorf("%v\n%s", err, v)
		}
	}
}

func TestRandomCircuitInVerilator(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for long")
	}
	eda.Need(t, "verilator")
	r := rand.New(rand.NewPCG(5, 6))
	c := randomCircuit(r, 30, 16)
	lo, _ := Wire{c, 0}.Interval()
	compareAll(t, c, Module{Name: "unit", Stages: 3, Handshake: ValidReady}, lo, 1<<16)
}
