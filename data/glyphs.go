package data

import (
	"fmt"
	"math"
	"sync"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gomonobolditalic"
	"golang.org/x/image/font/gofont/gomonoitalic"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/gofont/gosmallcaps"
	"golang.org/x/image/font/gofont/gosmallcapsitalic"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// A field holds the distance of each point of a grid to the outline of a
// digit, positive inside: a signed distance field. From it, strokes can be
// made thinner, bolder and softer, and two digits blended, without drawing the
// outline again.
//
// The digit is as high as digitCells and stands in the middle.
type field [fieldCells * fieldCells]int16

const (
	digitCells = 40
	// fieldBand is how far from the outline distances are known; beyond it
	// they are fieldBand. It leaves room for bold and soft strokes.
	fieldBand  = 8
	fieldCells = digitCells + 2*fieldBand
	// fieldOne is the distance of one cell.
	fieldOne = 256
)

// fonts returns the Go fonts.
func fonts() [][]byte {
	return [][]byte{
		goregular.TTF, goitalic.TTF, gomedium.TTF, gomediumitalic.TTF, gobold.TTF, gobolditalic.TTF,
		gomono.TTF, gomonoitalic.TTF, gomonobold.TTF, gomonobolditalic.TTF,
		gosmallcaps.TTF, gosmallcapsitalic.TTF,
	}
}

// glyphs returns the digits of all fonts, by digit and font. They are drawn at
// the first call.
var glyphs = sync.OnceValues(func() (digits [10][]*field, err error) {
	for _, ttf := range fonts() {
		f, err := sfnt.Parse(ttf)
		if err != nil {
			return digits, fmt.Errorf("data: font: %w", err)
		}
		for d := range digits {
			outline, err := outlineOf(f, rune('0'+d))
			if err != nil {
				return digits, fmt.Errorf("data: digit %d: %w", d, err)
			}
			digits[d] = append(digits[d], newField(outline))
		}
		zero, err := openZero(f)
		if err != nil {
			return digits, fmt.Errorf("data: open zero: %w", err)
		}
		digits[0] = append(digits[0], newField(zero))
	}
	return digits, nil
})

type point struct{ x, y float64 }

type line struct{ a, b point }

// openZero returns the outline of a zero without a slash, which the Go fonts
// lack: the letter O, narrowed.
func openZero(f *sfnt.Font) ([]line, error) {
	const narrow = 0.75
	outline, err := outlineOf(f, 'O')
	for i := range outline {
		l := &outline[i]
		for _, p := range []*point{&l.a, &l.b} {
			p.x = fieldCells/2 + float64(narrow*(p.x-fieldCells/2))
		}
	}
	return outline, err
}

// outlineOf returns the outline of a character as lines, in cells.
func outlineOf(f *sfnt.Font, r rune) ([]line, error) {
	var buf sfnt.Buffer
	index, err := f.GlyphIndex(&buf, r)
	if err != nil {
		return nil, err
	}
	// At 1024 pixels, coordinates rounded to 1/64 pixel are as good as exact.
	segments, err := f.LoadGlyph(&buf, index, fixed.I(1024), nil)
	if err != nil {
		return nil, err
	}
	bounds := segments.Bounds()
	height := bounds.Max.Y - bounds.Min.Y
	if height <= 0 {
		return nil, fmt.Errorf("glyph %d is empty", index)
	}
	cell := digitCells / float64(height)
	toCells := func(p fixed.Point26_6) point {
		// Twice the distance from the middle of the box is an integer.
		dx, dy := 2*p.X-bounds.Min.X-bounds.Max.X, 2*p.Y-bounds.Min.Y-bounds.Max.Y
		return point{
			float64(float64(dx)*cell)/2 + fieldCells/2,
			float64(float64(dy)*cell)/2 + fieldCells/2,
		}
	}
	var lines []line
	var pen point
	to := func(p point) {
		lines = append(lines, line{pen, p})
		pen = p
	}
	for _, s := range segments {
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			pen = toCells(s.Args[0])
		case sfnt.SegmentOpLineTo:
			to(toCells(s.Args[0]))
		case sfnt.SegmentOpQuadTo:
			// The fonts' curves are short; four lines stay within a tenth
			// of a cell.
			const steps = 4
			a, b, c := pen, toCells(s.Args[0]), toCells(s.Args[1])
			for k := 1; k <= steps; k++ {
				t := float64(k) / steps
				to(lerp(lerp(a, b, t), lerp(b, c, t), t))
			}
		default:
			return nil, fmt.Errorf("glyph %d has a cubic curve", index)
		}
	}
	return lines, nil
}

func lerp(a, b point, t float64) point {
	return point{a.x + float64(t*(b.x-a.x)), a.y + float64(t*(b.y-a.y))}
}

// newField computes the distances from an outline whose contours are closed.
func newField(outline []line) *field {
	var squares [fieldCells * fieldCells]float64
	var winding [fieldCells * fieldCells]int
	for i := range squares {
		squares[i] = fieldBand * fieldBand
	}
	for _, l := range outline {
		// Distances matter only within the band around the line.
		dx, dy := l.b.x-l.a.x, l.b.y-l.a.y
		length2 := float64(dx*dx) + float64(dy*dy)
		x0, x1 := cellsAround(l.a.x, l.b.x)
		y0, y1 := cellsAround(l.a.y, l.b.y)
		for y := y0; y <= y1; y++ {
			for x := x0; x <= x1; x++ {
				px, py := float64(x)-l.a.x, float64(y)-l.a.y
				if length2 > 0 {
					t := (float64(px*dx) + float64(py*dy)) / length2
					t = min(max(t, 0), 1)
					px -= float64(t * dx)
					py -= float64(t * dy)
				}
				i := y*fieldCells + x
				squares[i] = min(squares[i], float64(px*px)+float64(py*py))
			}
		}
		// Every point to the right of the line on its rows winds around it
		// once more. Rows belong to half-open intervals, so that a row
		// through a corner counts it once.
		direction, top, bottom := 1, l.a, l.b
		if top.y > bottom.y {
			direction, top, bottom = -1, l.b, l.a
		}
		for y := int(math.Ceil(top.y)); float64(y) < bottom.y; y++ {
			t := (float64(y) - top.y) / (bottom.y - top.y)
			for x := int(math.Ceil(lerp(top, bottom, t).x)); x < fieldCells; x++ {
				winding[y*fieldCells+x] += direction
			}
		}
	}
	f := new(field)
	for i := range f {
		d := int16(math.Floor(float64(math.Sqrt(squares[i])*fieldOne) + 0.5))
		if winding[i] == 0 {
			d = -d
		}
		f[i] = d
	}
	return f
}

// cellsAround returns the first and the last cell within fieldBand of the
// interval between a and b.
func cellsAround(a, b float64) (first, last int) {
	if a > b {
		a, b = b, a
	}
	return max(int(math.Ceil(a-fieldBand)), 0), min(int(math.Floor(b+fieldBand)), fieldCells-1)
}
