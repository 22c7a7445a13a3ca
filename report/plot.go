package report

import (
	"fmt"
	"image/color"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isrlu/isrlu/internal/atomicfile"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A Series is a named line of points. Style chooses its colour and dashes, so
// that one thing looks alike in all panels.
type Series struct {
	Name  string
	X, Y  []float64
	Style int
}

// A Lines panel draws series over common axes.
type Lines struct {
	Title, XLabel, YLabel string
	Series                []Series
}

// A Group is one bar in every category. A NaN value draws none.
type Group struct {
	Name   string
	Values []float64
}

// A Bars panel draws groups of bars side by side in each category.
type Bars struct {
	Title, YLabel string
	Categories    []string
	Groups        []Group
}

// A Panel is Lines or Bars.
type Panel interface {
	build() (*plot.Plot, error)
	size() (width, height vg.Length)
}

// A Figure is a title over rows of panels.
type Figure struct {
	Title string
	Rows  [][]Panel
}

// The colours of Okabe and Ito, told apart by colour-blind eyes too, without
// their yellow, which is too pale for a line.
var palette = []color.RGBA{
	{0x00, 0x72, 0xb2, 0xff}, // blue
	{0xd5, 0x5e, 0x00, 0xff}, // vermilion
	{0x00, 0x9e, 0x73, 0xff}, // green
	{0xcc, 0x79, 0xa7, 0xff}, // purple
	{0xe6, 0x9f, 0x00, 0xff}, // orange
	{0x56, 0xb4, 0xe9, 0xff}, // sky
	{0x30, 0x30, 0x30, 0xff}, // nearly black
}

// PlotFormats lists the extensions that WriteFile takes.
var PlotFormats = []string{".svg", ".png"}

// PlotFormat returns the format, "svg" or "png", that the extension of path
// chooses.
func PlotFormat(path string) (string, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".svg", ".png":
		return ext[1:], nil
	}
	return "", fmt.Errorf("cannot tell the format of plot file %q; end its name in %s", path, strings.Join(PlotFormats, " or "))
}

// WriteFile draws the figure into a file, SVG or PNG by its extension. The
// file appears whole or not at all.
func (f *Figure) WriteFile(path string) error {
	format, err := PlotFormat(path)
	if err != nil {
		return err
	}
	if err := atomicfile.Replace(path, func(w io.Writer) error { return f.Write(w, format) }); err != nil {
		return fmt.Errorf("cannot write plot file: %w", err)
	}
	return nil
}

// Write draws the figure as "svg" or "png".
func (f *Figure) Write(w io.Writer, format string) error {
	width, height := f.size()
	var c interface {
		vg.CanvasSizer
		io.WriterTo
	}
	switch format {
	case "svg":
		c = vgsvg.New(width, height)
	case "png":
		c = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(144))}
	default:
		return fmt.Errorf("report: unknown plot format %q", format)
	}
	if err := f.draw(draw.New(c)); err != nil {
		return err
	}
	_, err := c.WriteTo(w)
	return err
}

const (
	titleHeight  = 28
	titleAdvance = 8 // the width of a letter, amply
	margin       = 10
	gap          = 18
)

func (f *Figure) size() (width, height vg.Length) {
	width = vg.Length(len(f.Title)) * titleAdvance
	for _, row := range f.Rows {
		rowWidth, rowHeight := rowSize(row)
		width = max(width, rowWidth)
		height += rowHeight
	}
	return width, height + f.titleHeight()
}

func rowSize(row []Panel) (width, height vg.Length) {
	for _, p := range row {
		w, h := p.size()
		width += w
		height = max(height, h)
	}
	return width, height
}

func (f *Figure) titleHeight() vg.Length {
	if f.Title == "" {
		return 0
	}
	return titleHeight
}

func (f *Figure) draw(c draw.Canvas) error {
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	if f.Title != "" {
		sty := textStyle(14)
		sty.XAlign, sty.YAlign = draw.XCenter, draw.YCenter
		c.FillText(sty, vg.Point{X: c.Center().X, Y: c.Max.Y - titleHeight/2 - 2}, f.Title)
		c = draw.Crop(c, 0, 0, 0, -titleHeight)
	}
	top := c.Max.Y
	for _, row := range f.Rows {
		_, rowHeight := rowSize(row)
		left := c.Min.X
		for _, p := range row {
			plt, err := p.build()
			if err != nil {
				return err
			}
			w, _ := p.size()
			area := c
			area.Min = vg.Point{X: left + margin, Y: top - rowHeight + margin}
			area.Max = vg.Point{X: left + w - gap, Y: top - margin}
			plt.Draw(area)
			left += w
		}
		top -= rowHeight
	}
	return nil
}

func textStyle(size font.Length) draw.TextStyle {
	sty := plot.New().Title.TextStyle
	sty.Font.Size = size
	sty.Font.Variant = "Sans"
	return sty
}

// newPlot sets what all panels share: a sans-serif face, a pale grid, and
// axes in grey.
func newPlot(title, xlabel, ylabel string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, xlabel, ylabel
	p.Title.TextStyle.Font.Size = 12
	p.Title.Padding = 6
	grey := color.Gray{0x60}
	for _, sty := range []*draw.TextStyle{
		&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle,
		&p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle,
	} {
		sty.Font.Variant = "Sans"
	}
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.LineStyle.Color = grey
		axis.Tick.LineStyle.Color = grey
		axis.Padding = 0
		axis.Tick.Marker = ticks{}
	}
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{0xd8}, color.Gray{0xd8}
	p.Add(grid)
	return p
}

func (l *Lines) size() (width, height vg.Length) { return 400, 320 }

func (l *Lines) build() (*plot.Plot, error) {
	p := newPlot(l.Title, l.XLabel, l.YLabel)
	var thumbnails []plot.Thumbnailer
	// The first series comes to lie on top.
	for _, s := range slices.Backward(l.Series) {
		line, err := plotter.NewLine(points(s))
		if err != nil {
			return nil, fmt.Errorf("report: line %q: %w", s.Name, err)
		}
		line.Width = 1.6
		line.Color = palette[s.Style%len(palette)]
		// Beyond the palette, the same colours come again in dashes.
		if n := s.Style / len(palette); n > 0 {
			line.Dashes = []vg.Length{vg.Length(6 / n), vg.Length(2 + n)}
		}
		p.Add(line)
		thumbnails = append(thumbnails, line)
	}
	for i, s := range l.Series {
		p.Legend.Add(s.Name, thumbnails[len(thumbnails)-1-i])
	}
	p.Legend.Top, p.Legend.Left = true, !l.fall()
	p.Legend.XOffs, p.Legend.YOffs = 8, -4
	if !p.Legend.Left {
		p.Legend.XOffs = -8
	}
	p.Legend.Padding = 2
	return p, nil
}

// fall tells whether the series end lower than they begin: then there is room for the
// legend on the right.
func (l *Lines) fall() bool {
	change := 0.0
	for _, s := range l.Series {
		if n := len(s.Y); n > 0 {
			change += s.Y[n-1] - s.Y[0]
		}
	}
	return change < 0
}

func points(s Series) plotter.XYs {
	xys := make(plotter.XYs, len(s.X))
	for i := range xys {
		xys[i] = plotter.XY{X: s.X[i], Y: s.Y[i]}
	}
	return xys
}
