package report

import (
	"fmt"
	"math"

	"github.com/isrlu/isrlu/experiment"
)

const (
	nameGutter = 132 // pixels for names on the left of bars and dots
	nameLength = 20  // letters that fit there
)

// A bar has whiskers from low to high unless they are NaN. Part of it, from its
// foot, is drawn in the full colour.
type bar struct {
	name        string
	value, part float64
	low, high   float64
	label       string
	style       int
}

// plotBars draws bars from zero to the right, or returns nil without values.
func plotBars(id, title, desc, xlabel string, bars []bar) *chart {
	const w, row, top, right = 420, 30, 8, 318
	x := scale{a: nameGutter, b: right}
	for _, b := range bars {
		for _, v := range []float64{b.value, b.high} {
			if finite(v) {
				x.hi = max(x.hi, v)
			}
		}
	}
	if x.hi <= 0 {
		return nil
	}
	bottom := float64(top + row*len(bars))
	c := &chart{ID: id, Title: title, Desc: desc, W: w, H: num(bottom + 42)}
	c.grid(x, scale{a: bottom, b: top}, plotSpec{xlabel: xlabel})
	for i, b := range bars {
		y := float64(top + row*i)
		c.name(y+row/2+4, b.name)
		if finite(b.value) {
			part := 0.0
			if finite(b.part) {
				part = min(max(b.part, 0), b.value)
			}
			tip := b.name + ": " + b.label
			c.rect(x.a, y+6, x.at(b.value)-x.a, row-12, "pale "+styleClass(b.style), tip)
			c.rect(x.a, y+6, x.at(part)-x.a, row-12, "fill "+styleClass(b.style), tip)
		}
		end := max(b.value, 0)
		if finite(b.low) && finite(b.high) && b.high > b.low {
			lo, hi, mid := x.at(max(b.low, 0)), x.at(b.high), y+row/2
			c.segment(lo, mid, hi, mid, "whisker")
			c.segment(lo, mid-4, lo, mid+4, "whisker")
			c.segment(hi, mid-4, hi, mid+4, "whisker")
			end = max(end, b.high)
		}
		if !finite(end) {
			end = 0
		}
		c.text(x.at(end)+6, y+row/2+4, "value", b.label)
	}
	return c.done()
}

func (c *chart) name(y float64, name string) {
	c.add(mark{Kind: "text", X: nameGutter - 8, Y: num(y), Class: "name end", Text: shorten(name, nameLength), Tip: name})
}

// A dotRow holds one value for each seed, with their mean and standard
// deviation.
type dotRow struct {
	name   string
	values []float64
	mean   experiment.MeanStd
	style  int
}

// plotDots draws a row of dots for each activation, zoomed to where they are but
// never beyond what the values can be, from 0 to most. It returns nil without
// values.
func plotDots(id, title, desc, xlabel string, rows []dotRow, most float64) *chart {
	const w, row, top, right = 420, 30, 8, 404
	x := scale{lo: math.Inf(1), hi: math.Inf(-1), a: nameGutter, b: right}
	for _, r := range rows {
		for _, v := range append([]float64{r.mean.Mean - r.mean.Std, r.mean.Mean + r.mean.Std}, r.values...) {
			if finite(v) {
				x.lo, x.hi = min(x.lo, v), max(x.hi, v)
			}
		}
	}
	if x.lo > x.hi {
		return nil
	}
	room := max(0.06*(x.hi-x.lo), 1e-3*math.Abs(x.hi), 1e-9)
	x.lo, x.hi = max(x.lo-room, -room/2), min(x.hi+room, most+room/2)
	bottom := float64(top + row*len(rows))
	c := &chart{ID: id, Title: title, Desc: desc, W: w, H: num(bottom + 42)}
	c.grid(x, scale{a: bottom, b: top}, plotSpec{xlabel: xlabel})
	for i, r := range rows {
		mid := float64(top+row*i) + row/2
		c.name(mid+4, r.name)
		if m := r.mean; finite(m.Mean) {
			if finite(m.Std) {
				from, to := x.at(max(m.Mean-m.Std, x.lo)), x.at(min(m.Mean+m.Std, x.hi))
				c.rect(from, mid-6, to-from, 12, "pale "+styleClass(r.style), "")
			}
			c.add(mark{Kind: "path", Class: "mean c" + fmt.Sprint(r.style%colours), D: fmt.Sprintf("M%v %vv18", num(x.at(m.Mean)), num(mid-9))})
		}
		for _, v := range r.values {
			if finite(v) {
				c.add(mark{Kind: "circle", X: num(x.at(v)), Y: num(mid), W: 3.2, Class: "seed " + styleClass(r.style),
					Tip: fmt.Sprintf("%s: %.6g", r.name, v)})
			}
		}
	}
	return c.done()
}

// crowded is the share of exact zeros from which their bin is cut off, since it
// would press all others to the ground.
const crowded = 0.2

// histogramRange returns what the histograms of a layer have in common: the
// range that holds all but a thousandth of each at either end, and the largest
// density.
func histogramRange(hs []*experiment.Histogram) (lo, hi, top float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, h := range hs {
		width, total := binning(h)
		if !(width > 0) || total == 0 {
			continue
		}
		sum := float64(h.Below)
		for i, n := range h.Counts {
			from := h.From + float64(i)*width
			sum += float64(n)
			if n > 0 && sum > 0.001*total {
				lo = min(lo, from)
			}
			if n > 0 && sum-float64(n) < 0.999*total {
				hi = max(hi, from+width)
			}
			if !(h.Zero > crowded && from <= 0 && from+width >= 0) {
				top = max(top, float64(n)/total/width)
			}
		}
	}
	return lo, hi, top
}

func binning(h *experiment.Histogram) (width, total float64) {
	total = float64(h.Below + h.Above)
	for _, n := range h.Counts {
		total += float64(n)
	}
	if len(h.Counts) == 0 || !finite(h.From) || !finite(h.To) {
		return 0, total
	}
	return (h.To - h.From) / float64(len(h.Counts)), total
}

// plotHistogram draws one small histogram in the range and up to the density
// given, or returns nil if there is nothing to draw.
func plotHistogram(id, title, desc string, h *experiment.Histogram, lo, hi, top float64, style int) *chart {
	const w, height, bottom, ceiling = 132, 84, 66, 6
	width, total := binning(h)
	if !(width > 0) || total == 0 || !(lo < hi) || !(top > 0) {
		return nil
	}
	x := scale{lo: lo, hi: hi, a: 6, b: w - 6}
	c := &chart{ID: id, Title: title, Desc: desc, W: w, H: height}
	for i, n := range h.Counts {
		from := h.From + float64(i)*width
		if n == 0 || from+width <= lo || from >= hi {
			continue
		}
		density := float64(n) / total / width
		tall := min(density/top, 1) * (bottom - ceiling)
		a, b := x.at(max(from, lo)), x.at(min(from+width, hi))
		// A hair of overlap, or the screen shows gaps between the bins.
		c.rect(a, bottom-tall, b-a+0.2, tall, fmt.Sprintf("bin c%d", style%colours), "")
		if density > top*1.001 {
			// The bin is cut off: a gap, as in a broken axis.
			c.rect(a-1.5, ceiling+6, b-a+3, 3, "cut", "")
		}
	}
	c.segment(x.a, bottom, x.b, bottom, "axis")
	if lo < 0 && hi > 0 {
		c.segment(x.at(0), bottom, x.at(0), bottom+4, "axis")
		if at := x.at(0); at > 38 && at < w-38 {
			c.text(at, height-4, "tick mid", "0")
		}
	}
	c.text(x.a, height-4, "tick", fmt.Sprintf("%.2g", lo))
	c.text(x.b, height-4, "tick end", fmt.Sprintf("%.2g", hi))
	return c.done()
}

// plotStrip draws learned values as ticks on a line, with a triangle where they
// began.
func plotStrip(id, title, desc string, values []float64, begin, lo, hi float64, style int) *chart {
	const w, h, mid = 240, 26, 14
	x := scale{lo: lo, hi: hi, a: 6, b: w - 6}
	c := &chart{ID: id, Title: title, Desc: desc, W: w, H: h}
	c.segment(x.a, mid, x.b, mid, "axis")
	if finite(begin) {
		c.add(mark{Kind: "path", Class: "begin", D: fmt.Sprintf("M%v %vl-4 7h8z", num(x.at(begin)), num(mid+3))})
	}
	for _, v := range values {
		if finite(v) {
			c.add(mark{Kind: "path", Class: fmt.Sprintf("learned c%d", style%colours), D: fmt.Sprintf("M%v %vv14", num(x.at(v)), num(mid-7))})
		}
	}
	return c.done()
}
