package report

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	barWidth     = 7
	categoryPad  = 12 // between the groups of two categories
	labelAngle   = math.Pi / 5
	barHeight    = 300
	minBarsWidth = 480
)

func (b *Bars) category() vg.Length { return vg.Length(len(b.Groups)*barWidth + categoryPad) }

func (b *Bars) size() (width, height vg.Length) {
	return max(minBarsWidth, vg.Length(len(b.Categories))*b.category()+120), barHeight
}

func (b *Bars) build() (*plot.Plot, error) {
	p := newPlot(b.Title, "", b.YLabel)
	for i, g := range b.Groups {
		if len(g.Values) != len(b.Categories) {
			return nil, fmt.Errorf("report: %d values in group %q for %d categories", len(g.Values), g.Name, len(b.Categories))
		}
		values := make(plotter.Values, len(g.Values))
		for j, v := range g.Values {
			if !math.IsNaN(v) {
				values[j] = v
			}
		}
		bars, err := plotter.NewBarChart(values, barWidth)
		if err != nil {
			return nil, fmt.Errorf("report: bars %q: %w", g.Name, err)
		}
		bars.LineStyle.Width = 0
		bars.Color = palette[i%len(palette)]
		bars.Offset = (vg.Length(i) - vg.Length(len(b.Groups)-1)/2) * barWidth
		p.Add(bars)
		p.Legend.Add(g.Name, bars)
	}
	p.NominalX(b.Categories...)
	p.X.Tick.Label.Rotation = labelAngle
	p.X.Tick.Label.XAlign = draw.XRight
	p.X.Tick.Label.YAlign = draw.YTop
	p.X.Min, p.X.Max = -0.6, float64(len(b.Categories))-0.4
	// Room for the legend above the bars.
	p.Y.Min, p.Y.Max = 0, p.Y.Max*(1.05+0.06*float64(len(b.Groups)))
	p.Legend.Top = true
	return p, nil
}

// Set puts a value into a category and a group, adding them to the panel if
// they are new.
func (b *Bars) Set(category, group string, value float64) {
	c := slices.Index(b.Categories, category)
	if c < 0 {
		c = len(b.Categories)
		b.Categories = append(b.Categories, category)
		for i := range b.Groups {
			b.Groups[i].Values = append(b.Groups[i].Values, math.NaN())
		}
	}
	g := slices.IndexFunc(b.Groups, func(g Group) bool { return g.Name == group })
	if g < 0 {
		g = len(b.Groups)
		b.Groups = append(b.Groups, Group{group, slices.Repeat([]float64{math.NaN()}, len(b.Categories))})
	}
	b.Groups[g].Values[c] = value
}
