package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isrlu/isrlu"
)

func sampleFigure(t *testing.T) *Figure {
	t.Helper()
	fs := []*isrlu.Function{isrlu.Must(isrlu.ISRLU(1)), isrlu.ReLU()}
	fig, err := Curves(fs, []isrlu.Direction{isrlu.Forward, isrlu.Backward, isrlu.SecondDerivative}, -5, 5)
	if err != nil {
		t.Fatal(err)
	}
	bars := &Bars{Title: "bars", YLabel: "ns"}
	bars.Set("isrlu", "4Ki", 0.1)
	bars.Set("relu", "64Ki", 0.2)
	fig.Rows = append(fig.Rows, []Panel{bars})
	fig.Title = "a <title> & more"
	return fig
}

func TestPNGDecodes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.png")
	if err := sampleFigure(t).WriteFile(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	colours := map[any]bool{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			colours[img.At(x, y)] = true
		}
	}
	for _, c := range palette[:2] {
		if !colours[c] {
			t.Errorf("no pixel has the colour %v of a line", c)
		}
	}
}

func TestSVGIsXMLWithTheNames(t *testing.T) {
	var b bytes.Buffer
	if err := sampleFigure(t).Write(&b, "svg"); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for dec := xml.NewDecoder(&b); ; {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"isrlu:1", "relu", "f&#39;&#39;(x)", "64Ki", "a &lt;title&gt; &amp; more"} {
		if !strings.Contains(text, want) {
			t.Errorf("the drawing lacks %q", want)
		}
	}
}

func TestFailedPlotLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.svg")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	nan := Series{Name: "nan", X: []float64{0, 1}, Y: []float64{0, math.NaN()}}
	fig := &Figure{Rows: [][]Panel{{&Lines{Series: []Series{nan}}}}}
	if err := fig.WriteFile(path); err == nil {
		t.Fatal("a NaN was drawn")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "before" || len(entries) != 1 {
		t.Errorf("file holds %q (%v), folder %v", data, err, entries)
	}
}

func TestCurvesAreTheFunctions(t *testing.T) {
	f := isrlu.Must(isrlu.ISRLU(3))
	fig, err := Curves([]*isrlu.Function{f}, []isrlu.Direction{isrlu.Forward, isrlu.Backward, isrlu.SecondDerivative}, -5, 5)
	if err != nil {
		t.Fatal(err)
	}
	r := func(x float64) float64 { return 1 / math.Sqrt(1+3*x*x) }
	for i, want := range []func(x float64) float64{
		func(x float64) float64 { return x * r(x) },
		func(x float64) float64 { return math.Pow(r(x), 3) },
		func(x float64) float64 { return -9 * x * math.Pow(r(x), 5) },
	} {
		s := fig.Rows[0][i].(*Lines).Series[0]
		if s.Name != "isrlu:3" || s.X[0] != -5 || s.X[len(s.X)-1] != 5 {
			t.Errorf("series %q from %v to %v", s.Name, s.X[0], s.X[len(s.X)-1])
		}
		for j, x := range s.X[:len(s.X)/2] {
			if w := want(x); math.Abs(s.Y[j]-w) > 1e-13 {
				t.Fatalf("panel %d at %v: %v, want %v", i, x, s.Y[j], w)
			}
		}
	}
}

func TestTicksAreRound(t *testing.T) {
	for _, c := range []struct {
		least, most float64
		want        string
	}{
		{-5, 5, "-4 -2 0 2 4"},
		{0, 1, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{0, 0.031, "0.000 0.005 0.010 0.015 0.020 0.025 0.030"},
		{0, 2.4e7, "0 5e+06 1e+07 1.5e+07 2e+07"},
	} {
		var labels []string
		for _, tick := range (ticks{}).Ticks(c.least, c.most) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("[%v, %v]: %s, want %s", c.least, c.most, got, c.want)
		}
	}
}

func TestPlotFormatNamesTheRemedy(t *testing.T) {
	for _, path := range []string{"a.gif", "a", ""} {
		if _, err := PlotFormat(path); err == nil || !strings.Contains(err.Error(), ".svg or .png") {
			t.Errorf("PlotFormat(%q): %v", path, err)
		}
	}
	if f, err := PlotFormat("x/A.PNG"); f != "png" || err != nil {
		t.Errorf("got %q, %v", f, err)
	}
}

func TestLegendIsWhereThereIsRoom(t *testing.T) {
	for _, c := range []struct {
		y    []float64
		left bool
	}{{[]float64{1, 2, 4}, true}, {[]float64{4, 1, 2}, false}} {
		p, err := (&Lines{Series: []Series{{Name: "a", X: []float64{1, 2, 3}, Y: c.y}}}).build()
		if err != nil {
			t.Fatal(err)
		}
		if p.Legend.Left != c.left {
			t.Errorf("%v: left is %v", c.y, p.Legend.Left)
		}
	}
}
