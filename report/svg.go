package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A chart is a drawing as marks with pixel positions. The template "chart" of
// html.tmpl turns it into SVG, so that names pass through its escaping; colours
// and dashes are classes of html.css, which know of dark screens and paper.
type chart struct {
	ID          string
	Title, Desc string
	W, H        num
	Clip        *mark // the area that marks with Clipped keep to
	Marks       []mark
}

// A mark is one shape: "path", "rect", "circle" or "text".
type mark struct {
	Kind, Class string
	X, Y, W, H  num
	D           string // of a path
	Text        string
	Tip         string // shown on hover, read aloud
	Clipped     bool
	Clip        string // the chart's clip path, filled in by done
}

// num is a coordinate. A tenth of a pixel is enough, and makes small files.
type num float64

func (n num) String() string {
	v := float64(n)
	if math.IsNaN(v) {
		v = 0
	}
	v = math.Round(min(max(v, -9999), 9999)*10) / 10
	return strconv.FormatFloat(v+0, 'f', -1, 64) // + 0 turns -0 into 0
}

func (c *chart) add(ms ...mark) { c.Marks = append(c.Marks, ms...) }

func (c *chart) text(x, y float64, class, text string) {
	c.add(mark{Kind: "text", X: num(x), Y: num(y), Class: class, Text: text})
}

func (c *chart) rect(x, y, w, h float64, class, tip string) {
	if w > 0 && h > 0 {
		c.add(mark{Kind: "rect", X: num(x), Y: num(y), W: num(w), H: num(h), Class: class, Tip: tip})
	}
}

func (c *chart) segment(x1, y1, x2, y2 float64, class string) {
	c.add(mark{Kind: "path", Class: class, D: fmt.Sprintf("M%v %vL%v %v", num(x1), num(y1), num(x2), num(y2))})
}

func (c *chart) done() *chart {
	for i := range c.Marks {
		if c.Marks[i].Clipped {
			c.Marks[i].Clip = "url(#" + c.ID + "-clip)"
		}
	}
	return c
}

// rename gives the chart another ID, where a page has several of one kind.
func (c *chart) rename(id string) {
	c.ID = id
	c.done()
}

const colours, dashes = 7, 4 // of html.css

// styleClass is the colour and the dashes of the i-th activation. Their numbers
// have no common divisor: 28 activations pass before a pair comes again. Blue and
// sky, vermilion and orange differ in their dashes as well.
func styleClass(i int) string { return fmt.Sprintf("c%d d%d", i%colours, i%dashes) }

// shorten cuts a name that would run out of its place.
func shorten(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// A scale maps values to pixels.
type scale struct {
	lo, hi float64 // values
	a, b   float64 // pixels
	log    bool
}

func (s scale) at(v float64) float64 {
	lo, hi := s.lo, s.hi
	if s.log {
		v, lo, hi = math.Log(v), math.Log(lo), math.Log(hi)
	}
	return s.a + (v-lo)/(hi-lo)*(s.b-s.a)
}

// shows tells whether v has a place on the scale, in sight or not.
func (s scale) shows(v float64) bool { return finite(v) && (!s.log || v > 0) }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// marks returns the values to mark: multiples of 1, 2 or 5 times a power of ten,
// on a logarithmic scale over more than a decade those numbers themselves.
func (s scale) marks(whole bool) []float64 {
	var vs []float64
	if s.log && s.hi/s.lo > 8 {
		factors := []float64{1, 2, 5}
		if s.hi/s.lo > 1e3 {
			factors = factors[:1]
		}
		every := math.Ceil(math.Log10(s.hi/s.lo) / 8) // decades between marks
		for e := math.Floor(math.Log10(s.lo)); e <= math.Log10(s.hi); e += max(1, every) {
			for _, f := range factors {
				if v := f * math.Pow(10, e); v >= s.lo*(1-1e-9) && v <= s.hi*(1+1e-9) {
					vs = append(vs, v)
				}
			}
		}
		return vs
	}
	step := niceStep((s.hi - s.lo) / 5)
	if whole {
		step = max(1, step)
	}
	if !(step > 0) || math.IsInf(step, 0) {
		return nil
	}
	for i := math.Ceil(s.lo/step - 1e-9); i*step <= s.hi+step*1e-9 && len(vs) < 20; i++ {
		vs = append(vs, i*step+0)
	}
	return vs
}

// tickLabels writes marks with as many decimals as tell them apart.
func tickLabels(vs []float64) []string {
	step := math.Inf(1)
	for i := 1; i < len(vs); i++ {
		step = min(step, vs[i]-vs[i-1])
	}
	labels := make([]string, len(vs))
	for i, v := range vs {
		switch a := math.Abs(v); {
		case a >= 1e5 || a > 0 && a < 1e-4:
			labels[i] = strconv.FormatFloat(v, 'g', 3, 64)
		case math.IsInf(step, 0) || len(vs) > 2 && vs[2]-vs[1] > 1.5*(vs[1]-vs[0]):
			labels[i] = strconv.FormatFloat(v, 'g', 4, 64)
		default:
			decimals := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
			labels[i] = strconv.FormatFloat(v, 'f', decimals, 64)
		}
	}
	return labels
}

// A curve is one line of a plot. Thin ones are single seeds behind their mean.
type curve struct {
	name  string
	x, y  []float64
	style int
	thin  bool
	dots  bool
}

// A plotSpec describes a plot of lines. Ranges that are equal, such as both
// zero, are found from the curves.
type plotSpec struct {
	id, title, desc string
	xlabel          string
	curves          []curve
	xlo, xhi        float64
	ylo, yhi        float64
	logY, wholeX    bool
	axes            bool // lines through the origin
}

// plotLines draws the curves, or returns nil if there is no point to draw.
func plotLines(p plotSpec) *chart {
	const w, h, left, right, top, bottom = 420, 270, 50, 408, 12, 226
	x := scale{lo: p.xlo, hi: p.xhi, a: left, b: right}
	y := scale{lo: p.ylo, hi: p.yhi, a: bottom, b: top, log: p.logY}
	if x.lo == x.hi {
		x.lo, x.hi = extent(p.curves, x, y, true)
	}
	if y.lo == y.hi {
		y.lo, y.hi = extent(p.curves, x, y, false)
	}
	if !(x.lo <= x.hi && y.lo <= y.hi) {
		return nil
	}
	if x.lo == x.hi {
		x.lo, x.hi = x.lo-1, x.hi+1
	}
	c := &chart{ID: p.id, Title: p.title, Desc: p.desc, W: w, H: h}
	c.Clip = &mark{X: left, Y: top, W: right - left, H: bottom - top}
	c.grid(x, y, p)
	// Thin lines lie below strong ones, and solid ones below dashed ones, whose
	// gaps leave them in sight where both run together.
	for _, layer := range []struct{ thin, solid bool }{{true, true}, {true, false}, {false, true}, {false, false}} {
		for _, l := range p.curves {
			if l.thin == layer.thin && (l.style%dashes == 0) == layer.solid {
				c.curve(l, x, y)
			}
		}
	}
	return c.done()
}

func (c *chart) grid(x, y scale, p plotSpec) {
	xs, ys := x.marks(p.wholeX), y.marks(false) // no marks where y has no range
	for i, label := range tickLabels(xs) {
		at := x.at(xs[i])
		c.segment(at, y.a, at, y.b, "grid")
		c.text(at, y.a+16, "tick mid", label)
	}
	for i, label := range tickLabels(ys) {
		at := y.at(ys[i])
		c.segment(x.a, at, x.b, at, "grid")
		c.text(x.a-6, at+4, "tick end", label)
	}
	if p.axes {
		for _, l := range [][4]float64{{x.at(0), y.a, x.at(0), y.b}, {x.a, y.at(0), x.b, y.at(0)}} {
			c.segment(l[0], l[1], l[2], l[3], "axis")
			c.Marks[len(c.Marks)-1].Clipped = true
		}
	} else {
		c.segment(x.a, y.a, x.b, y.a, "axis")
	}
	c.text((x.a+x.b)/2, y.a+36, "label mid", p.xlabel)
}

// curve draws a line with gaps where it has no value.
func (c *chart) curve(l curve, x, y scale) {
	var d strings.Builder
	verb := byte('M')
	class := "line " + styleClass(l.style)
	if l.thin {
		class = "thin " + styleClass(l.style)
	}
	var dots []mark
	for i := range l.x {
		if !x.shows(l.x[i]) || !y.shows(l.y[i]) {
			verb = 'M'
			continue
		}
		px, py := num(x.at(l.x[i])), num(y.at(l.y[i]))
		fmt.Fprintf(&d, "%c%v %v", verb, px, py)
		verb = 'L'
		if l.dots {
			dots = append(dots, mark{Kind: "circle", X: px, Y: py, W: 2.2, Class: "dot " + styleClass(l.style), Clipped: true,
				Tip: fmt.Sprintf("%s: %.6g at %g", l.name, l.y[i], l.x[i])})
		}
	}
	if d.Len() > 0 {
		c.add(mark{Kind: "path", Class: class, D: d.String(), Tip: l.name, Clipped: true})
		c.add(dots...)
	}
}

// extent returns the range of the curves in x or y, with a little room around a
// range of y. What lies outside a given range of x does not count.
func extent(cs []curve, x, y scale, ofX bool) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, l := range cs {
		for i := range l.x {
			if !x.shows(l.x[i]) || !y.shows(l.y[i]) {
				continue
			}
			v := l.x[i]
			if !ofX {
				if l.x[i] < x.lo || l.x[i] > x.hi {
					continue
				}
				v = l.y[i]
			}
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if ofX || lo > hi {
		return lo, hi
	}
	if y.log {
		f := max(math.Pow(hi/lo, 0.05), 1.02)
		return lo / f, hi * f
	}
	room := 0.06 * (hi - lo)
	if room == 0 {
		room = max(0.01*math.Abs(hi), 1e-6)
	}
	return lo - room, hi + room
}
