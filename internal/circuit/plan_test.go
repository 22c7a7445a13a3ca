package circuit

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/isrlu/isrlu/internal/eda"
	"github.com/isrlu/isrlu/internal/yosys"
)

func TestStagesRunForward(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for i := range 40 {
		nl := randomCircuit(r, 20, 10+i).lower()
		for stages := range 6 {
			p := nl.schedule(stages)
			nl.reads(func(r ref, by int) {
				if by < len(nl.cells) && p.stage[r.cell] > p.stage[by] {
					t.Fatalf("cell %d of stage %d reads cell %d of stage %d", by, p.stage[by], r.cell, p.stage[r.cell])
				}
			})
		}
	}
}

func TestMoreStagesAreShorter(t *testing.T) {
	c := unit()
	whole := c.PipelineCost(1)
	if whole.RegisterBits != 10 || whole.Depth != c.Cost().Depth {
		t.Errorf("one stage: %+v, circuit %+v", whole, c.Cost())
	}
	last := whole.Depth
	for stages := 2; stages < 8; stages++ {
		p := c.PipelineCost(stages)
		if p.Depth > last || p.Depth < whole.Depth/stages || len(p.StageDepths) != stages {
			t.Errorf("%d stages: %+v", stages, p)
		}
		last = p.Depth
	}
	if last > whole.Depth*2/5 {
		t.Errorf("7 stages have %d gates in a row, one has %d", last, whole.Depth)
	}
}

// A sum of two registered inputs is moved behind the cut if that saves bits.
func TestFewRegisters(t *testing.T) {
	c, x := New(0, 1<<16-1)
	y := x.Low(8).Mul(x.Shr(8))
	c.Output(y.Add(y.Shr(3)).Less(c.Const(10000)))
	if p := c.PipelineCost(2); p.RegisterBits > 16+1 {
		t.Errorf("%+v", p)
	}
}

// The estimates drive a search, so they must order circuits as synthesis does.
func TestCostIsNearYosys(t *testing.T) {
	eda.Need(t, "yosys")
	two := func(w int, f func(a, b Wire) Wire) *Circuit {
		c, x := New(0, 1<<(2*w)-1)
		c.Output(f(x.Low(w), x.Shr(w)))
		return c
	}
	roots := make([]int64, 64)
	for i := range roots {
		roots[i] = int64(math.Round(65536 / math.Sqrt(1+float64(i)/64*3)))
	}
	circuits := map[string]*Circuit{
		"unit":    unit(),
		"sum":     two(20, Wire.Add),
		"product": two(12, Wire.Mul),
		"rows":    two(12, func(a, b Wire) Wire { return a.MulRows(b, 11) }),
		"square":  two(16, func(a, b Wire) Wire { return a.Mul(a) }),
		"scaled":  two(12, func(a, b Wire) Wire { return a.Mul(a.c.Const(0x5a5)) }),
		"shift":   two(16, func(a, b Wire) Wire { return a.ShlBy(b.Low(4)) }),
		"table":   two(6, func(a, b Wire) Wire { return a.Table(roots) }),
		"less":    two(16, Wire.Less),
	}
	for name, c := range circuits {
		a, err := eda.Synthesize(context.Background(), verilog(t, c, Module{Name: "unit"}), "unit", yosys.Gates)
		if err != nil {
			t.Fatal(err)
		}
		cost := c.Cost()
		ratios := []float64{cost.Gates / a.Gates, float64(cost.Depth) / float64(a.Depth)}
		if slices.Max(ratios) > 1.4 || slices.Min(ratios) < 0.7 {
			t.Errorf("%s: estimate %+v, Yosys %.0f gates, depth %d", name, cost, a.Gates, a.Depth)
		}
	}
}
