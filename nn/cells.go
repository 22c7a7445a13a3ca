package nn

import (
	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/rows"
)

// The cells of recurrent layers in separate passes over each row, with any
// functions. For the usual functions fused kernels take their place.

// lstmCell is the cell of an LSTM; the columns of its gates are i, f, g and o.
type lstmCell[T Float] struct {
	gate, state *isrlu.Function
}

func (l *lstmCell[T]) forward(d *direction[T], t, from, to int) {
	u := d.units
	for n := from; n < to; n++ {
		gates := d.rows(d.gates, t, 4*u, n, n+1)
		before, c := d.rows(d.c, d.before(t), u, n, n+1), d.rows(d.c, d.after(t), u, n, n+1)
		s, h := d.rows(d.s, t, u, n, n+1), d.rows(d.h, d.after(t), u, n, n+1)
		i, f, g, o := gates[:u], gates[u:2*u], gates[2*u:3*u], gates[3*u:]
		forward(l.gate, gates[:2*u], gates[:2*u])
		forward(l.state, g, g)
		forward(l.gate, o, o)
		for j := range c {
			c[j] = f[j]*before[j] + i[j]*g[j]
		}
		forward(l.state, s, c)
		for j := range h {
			h[j] = o[j] * s[j]
		}
	}
}

func (l *lstmCell[T]) backward(d *direction[T], t, from, to int, dy []T, dyRow int, scratch []T) {
	u := d.units
	for n := from; n < to; n++ {
		gates := d.rows(d.gates, t, 4*u, n, n+1)
		before, s := d.rows(d.c, d.before(t), u, n, n+1), d.rows(d.s, t, u, n, n+1)
		dh, dc, dy := d.rows(d.dh, 0, u, n, n+1), d.rows(d.dc, 0, u, n, n+1), dy[(n-from)*dyRow:][:u]
		i, f, g, o := gates[:u], gates[u:2*u], gates[2*u:3*u], gates[3*u:]
		di, df, dg, do := scratch[:u], scratch[u:2*u], scratch[2*u:3*u], scratch[3*u:4*u]
		for j := range dh {
			v := dh[j] + dy[j]
			do[j] = v * s[j]
			dh[j] = v * o[j]
		}
		backwardFromOutput(l.state, dh, dh, s)
		for j, v := range dh {
			v += dc[j]
			di[j], df[j], dg[j] = v*g[j], v*before[j], v*i[j]
			dc[j] = v * f[j]
		}
		backwardFromOutput(l.gate, gates[:2*u], scratch[:2*u], gates[:2*u])
		backwardFromOutput(l.state, g, dg, g)
		backwardFromOutput(l.gate, o, do, o)
	}
}

// gruCell is the cell of a GRU; the columns of its projections are r, z and n.
type gruCell[T Float] struct {
	gate, state *isrlu.Function
}

func (g *gruCell[T]) forward(d *direction[T], t, from, to int) {
	u := d.units
	for k := from; k < to; k++ {
		x, hidden := d.rows(d.gates, t, 3*u, k, k+1), d.rows(d.hidden, t, 3*u, k, k+1)
		before, h := d.rows(d.h, d.before(t), u, k, k+1), d.rows(d.h, d.after(t), u, k, k+1)
		r, z, n := x[:u], x[u:2*u], x[2*u:]
		for j, v := range hidden[:2*u] {
			x[j] += v
		}
		forward(g.gate, x[:2*u], x[:2*u])
		for j, v := range hidden[2*u:] {
			n[j] += r[j] * v
		}
		forward(g.state, n, n)
		for j := range h {
			h[j] = (1-z[j])*n[j] + z[j]*before[j]
		}
	}
}

func (g *gruCell[T]) backward(d *direction[T], t, from, to int, dy []T, dyRow int, scratch []T) {
	u := d.units
	for k := from; k < to; k++ {
		x, hidden := d.rows(d.gates, t, 3*u, k, k+1), d.rows(d.hidden, t, 3*u, k, k+1)
		before, dh, dy := d.rows(d.h, d.before(t), u, k, k+1), d.rows(d.dh, 0, u, k, k+1), dy[(k-from)*dyRow:][:u]
		r, z, n, hn := x[:u], x[u:2*u], x[2*u:], hidden[2*u:]
		dr, dz, dn := scratch[:u], scratch[u:2*u], scratch[2*u:3*u]
		for j := range dh {
			v := dh[j] + dy[j]
			dz[j] = v * (before[j] - n[j])
			dn[j] = v * (1 - z[j])
			dh[j] = v * z[j]
		}
		backwardFromOutput(g.state, n, dn, n)
		for j, v := range n {
			dr[j] = v * hn[j]
			hn[j] = v * r[j]
		}
		backwardFromOutput(g.gate, x[:2*u], scratch[:2*u], x[:2*u])
		copy(hidden[:2*u], x[:2*u])
	}
}

// rnnCell is the cell of an RNN.
type rnnCell[T Float] struct{ state *isrlu.Function }

func (r *rnnCell[T]) forward(d *direction[T], t, from, to int) {
	forward(r.state, d.rows(d.h, d.after(t), d.units, from, to), d.rows(d.gates, t, d.units, from, to))
}

func (r *rnnCell[T]) backward(d *direction[T], t, from, to int, dy []T, dyRow int, _ []T) {
	u := d.units
	dh := d.rows(d.dh, 0, u, from, to)
	for n := range to - from {
		rows.Add(dh[n*u:][:u], dy[n*dyRow:][:u])
	}
	backwardFromOutput(r.state, d.rows(d.gates, t, u, from, to), dh, d.rows(d.h, d.after(t), u, from, to))
}
