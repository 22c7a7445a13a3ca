package main

// The cells of recurrent networks. Their gates and states are activations whose
// parameters stand side by side.
const (
	gateParams  = 0
	stateParams = 16 // internal/kernel's NumParams
)

// A cell is a pair of functions that cells are made for. The first of each pair are
// the usual ones, the second those of the inverse square root.
type cell struct{ gate, state string }

func (c cell) name() string { return c.gate + c.state }

func cellKernels() []*rowKernel {
	ks := []*rowKernel{{name: "add", unroll: 4, build: func(r *rowB) { r.Store(0, r.Add(r.In(0), r.In(1))) }}}
	for _, gate := range []string{"Sigmoid", "ISRUSigmoid"} {
		for _, state := range []string{"Tanh", "ISRU"} {
			c := cell{gate, state}
			ks = append(ks,
				&rowKernel{name: "lstmForward" + c.name(), unroll: 1, build: c.lstmForward},
				&rowKernel{name: "lstmBackward" + c.name(), unroll: 1, build: c.lstmBackward},
				&rowKernel{name: "gruForward" + c.name(), unroll: 1, build: c.gruForward},
				&rowKernel{name: "gruBackward" + c.name(), unroll: 1, build: c.gruBackward})
		}
	}
	return ks
}

func (c cell) gated(r *rowB, x V) V { return r.apply(c.gate, "Forward", gateParams, x) }
func (c cell) stated(r *rowB, x V) V {
	return r.apply(c.state, "Forward", stateParams, x)
}

// gateBack is dy times the derivative at the output y of a gate.
func (c cell) gateBack(r *rowB, dy, y V) V {
	return r.apply(c.gate, "BackwardOutput", gateParams, dy, y)
}

func (c cell) stateBack(r *rowB, dy, y V) V {
	return r.apply(c.state, "BackwardOutput", stateParams, dy, y)
}

// Streams: i, f, g, o, the old c, c, s, h.
func (c cell) lstmForward(r *rowB) {
	i := c.gated(r, r.In(0)).As("input")
	r.Store(0, i)
	g := c.stated(r, r.In(2)).As("g")
	r.Store(2, g)
	ig := r.Mul(i, g)
	f := c.gated(r, r.In(1)).As("f")
	r.Store(1, f)
	cell := r.FMA(f, r.In(4), ig).As("c")
	r.Store(5, cell)
	o := c.gated(r, r.In(3)).As("o")
	r.Store(3, o)
	s := c.stated(r, cell).As("s")
	r.Store(6, s)
	r.Store(7, r.Mul(o, s))
}

// Streams: i, f, g, o, the old c, s, dh, dy, dc.
func (c cell) lstmBackward(r *rowB) {
	dh := r.Add(r.In(6), r.In(7)).As("dh")
	o, s := r.In(3).As("o"), r.In(5).As("s")
	r.Store(3, c.gateBack(r, r.Mul(dh, s), o))
	dc := r.Add(r.In(8), c.stateBack(r, r.Mul(dh, o), s)).As("dc")
	i, g := r.In(0).As("input"), r.In(2).As("g")
	r.Store(0, c.gateBack(r, r.Mul(dc, g), i))
	r.Store(2, c.stateBack(r, r.Mul(dc, i), g))
	f := r.In(1).As("f")
	r.Store(1, c.gateBack(r, r.Mul(dc, r.In(4)), f))
	r.Store(8, r.Mul(dc, f))
}

// Streams: r, z, n of the input's projection, then of the state's, the old h, h.
func (c cell) gruForward(r *rowB) {
	reset := c.gated(r, r.Add(r.In(0), r.In(3))).As("r")
	r.Store(0, reset)
	n := c.stated(r, r.FMA(reset, r.In(5), r.In(2))).As("n")
	r.Store(2, n)
	z := c.gated(r, r.Add(r.In(1), r.In(4))).As("z")
	r.Store(1, z)
	r.Store(7, r.FMA(z, r.Sub(r.In(6), n), n)) // (1-z) n + z h
}

// Streams: r, z, n of the input's projection, then of the state's, the old h, dh,
// dy.
func (c cell) gruBackward(r *rowB) {
	dh := r.Add(r.In(7), r.In(8)).As("dh")
	z, n := r.In(1).As("z"), r.In(2).As("n")
	dz := c.gateBack(r, r.Mul(dh, r.Sub(r.In(6), n)), z).As("dz")
	r.Store(1, dz)
	r.Store(4, dz)
	dn := c.stateBack(r, r.Mul(dh, r.Sub(r.Const(1), z)), n).As("dn")
	r.Store(2, dn)
	r.Store(7, r.Mul(dh, z))
	reset := r.In(0).As("r")
	dr := c.gateBack(r, r.Mul(dn, r.In(5)), reset).As("dr")
	r.Store(0, dr)
	r.Store(3, dr)
	r.Store(5, r.Mul(dn, reset))
}
