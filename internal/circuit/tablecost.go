package circuit

// tableGates estimates a look-up: the table's columns as decision diagrams that share
// what they have in common.
func (c *cell) tableGates(u span) float64 {
	a := c.args[0]
	k := a.width()
	value := func(i int) int64 { return c.values[min(i, len(c.values)-1)] }
	type pair struct{ lo, hi int }
	known := map[pair]int{} // functions by those for the bit 0 and 1; -f is the inverse of f
	const one = 1
	gates := 0.0
	level := make([]int, 1<<k)
	for bit := u.lo; bit < u.hi; bit++ {
		fs := level[:1<<k]
		for i := range fs {
			fs[i] = one
			if value(i)>>min(bit, 63)&1 == 0 {
				fs[i] = -one
			}
		}
		for n, v := len(fs)/2, 0; n > 0; n, v = n/2, v+1 {
			for i := 0; i < n; i++ {
				lo, hi := fs[2*i], fs[2*i+1]
				if lo == hi {
					fs[i] = lo
					continue
				}
				sign := 1
				if lo < 0 {
					lo, hi, sign = -lo, -hi, -1
				}
				p := pair{lo<<4 | v, hi}
				f, ok := known[p]
				if !ok {
					f = len(known) + 2
					known[p] = f
					switch {
					case lo == one && hi == -one:
					case lo == one || hi == one || hi == -one:
						gates += tableAnd
					case lo == -hi:
						gates += tableXor
					default:
						gates += tableMux
					}
				}
				fs[i] = f * sign
			}
		}
	}
	return gates
}

const (
	tableAnd = 0.9
	tableXor = 2.0
	tableMux = 1.9
)
