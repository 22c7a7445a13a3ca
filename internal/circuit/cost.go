package circuit

// Cost is an estimate of a circuit's size.
type Cost struct {
	Gates float64 // NAND2 equivalents
	Depth float64 // levels of gates
}

// Cost estimates the area and the depth of the circuit without registers.
func (c *Circuit) Cost() Cost {
	var cost Cost
	needed := c.needed()
	for i := range c.nodes {
		if !needed[i] {
			continue
		}
		n := &c.nodes[i]
		w := float64(n.width())
		arg := func(k int) float64 { return float64(c.nodes[n.args[k]].width()) }
		switch n.op {
		case opAdd, opSub:
			cost.Gates += 6 * w
		case opMul:
			cost.Gates += 6.5 * arg(0) * arg(1)
		case opRows:
			k := float64(n.k)
			cut := min(arg(0), arg(1), k)
			cost.Gates += 6.5 * (arg(0)*arg(1) - cut*cut/2)
		case opSquare:
			k := float64(n.k)
			cost.Gates += 6.5 * max(1, arg(0)*arg(0)/2-k*k/4)
		case opShlBy, opShrBy:
			cost.Gates += 2.5 * w * arg(1)
		case opSelect:
			cost.Gates += 2.5 * w
		case opLog2:
			cost.Gates += 3 * arg(0)
		case opLess, opEqual, opMin, opMax:
			cost.Gates += 4 * arg(0)
		case opTable:
			cost.Gates += .35 * w * float64(len(n.values))
		}
	}
	return cost
}

func (c *cell) delay() int { return 1 }
