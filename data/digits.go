package data

import (
	"context"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

const digitsName = "digits"

// The sizes of digits where Options has none: enough for a small convolutional
// network to be right on more than 98 of 100 test images.
const (
	digitsTrain = 10000
	digitsTest  = 2000
)

// digitSide is the height and width of an image, as in MNIST.
const digitSide = 28

// Training and test images come from streams of their own, so that no image of
// one set is in the other.
const (
	splitTrain = iota
	splitTest
)

func loadDigits(ctx context.Context, o Options) (*Set, error) {
	if o.Train == 0 {
		o.Train = digitsTrain
	}
	if o.Test == 0 {
		o.Test = digitsTest
	}
	train, err := drawDigits(ctx, o.Seed, splitTrain, o.Train)
	if err != nil {
		return nil, err
	}
	test, err := drawDigits(ctx, o.Seed, splitTest, o.Test)
	if err != nil {
		return nil, err
	}
	return &Set{
		Name:    digitsName,
		Classes: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
		Train:   train,
		Test:    test,
	}, nil
}

// drawDigits draws n images. Image i depends on seed, split and i alone, not
// on n nor on how many goroutines draw.
func drawDigits(ctx context.Context, seed uint64, split, n int) (*Images, error) {
	fields, err := glyphs()
	if err != nil {
		return nil, err
	}
	m := &Images{
		Height: digitSide, Width: digitSide, Channels: 1,
		Pixels: make([]uint8, n*digitSide*digitSide),
		Labels: make([]uint8, n),
	}
	for i := range m.Labels {
		m.Labels[i] = digitLabel(seed, split, i)
	}
	const chunk = 64 // images that a goroutine takes at once
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (n+chunk-1)/chunk) {
		wg.Go(func() {
			for ctx.Err() == nil {
				to := int(next.Add(chunk))
				from := to - chunk
				if from >= n {
					return
				}
				for i := from; i < min(to, n); i++ {
					r := newRandom(streamDrawing, seed, uint64(split), uint64(i))
					drawDigit(m.At(i), fields[m.Labels[i]], r)
				}
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return m, nil
}

// digitLabel returns the label of image i. Each run of ten images that begins
// at a multiple of ten has every digit once, in random order, so that a set of
// any size is balanced.
func digitLabel(seed uint64, split, i int) uint8 {
	order := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	newRandom(streamLabels, seed, uint64(split), uint64(i/10)).shuffle(order)
	return uint8(order[i%10])
}

// The ranges of the distortions. Lengths are in pixels, gray values of 255.
// They are wide enough that a linear model, which needs every pixel in its
// place, fails often, and narrow enough that a person reads nearly all.
const (
	minHeight, maxHeight = 14.0, 22.0 // of the digit
	minAspect, maxAspect = 0.75, 1.3  // of its width, against the font's
	maxTurn              = 0.15       // tangent of half the angle: 17 degrees
	maxShear             = 0.3
	maxShift             = 1.8
	maxBend              = 6.5          // of a control point of the elastic displacement
	minBold, maxBold     = -0.2, 0.7    // moves the outline outwards
	minSoft, maxSoft     = 0.9, 2.6     // the width of an edge
	minInk, maxInk       = 150.0, 255.0 // gray of the digit
	maxPaper             = 40.0         // gray of the background
	maxNoise             = 48.0         // amplitude of the noise of a pixel
	scratchChance        = 0.25         // that a stray stroke crosses the image
)

// Positions and distances are integers with 16 bits after the point wherever
// pixels are computed: exact, and the same on every processor.
const one = 1 << 16

func fix(v float64) int { return int(math.Floor(float64(v*one) + 0.5)) }

// drawDigit draws one digit, given its fields in all fonts, into dst.
func drawDigit(dst []uint8, fonts []*field, r *random) {
	// A blend of two fonts has a weight, a slant and serifs between theirs.
	a, b := fonts[r.below(len(fonts))], fonts[r.below(len(fonts))]
	blend := int(r.between(0, 256))

	// The map from pixels to cells: shift, turn, shear, then scale.
	height := r.between(minHeight, maxHeight)
	sy := digitCells / height
	sx := sy / r.between(minAspect, maxAspect)
	t := r.between(-maxTurn, maxTurn)
	t2 := float64(t * t)
	cos, sin := (1-t2)/(1+t2), 2*t/(1+t2)
	shear := r.bell() * maxShear
	shiftX, shiftY := r.between(-maxShift, maxShift), r.between(-maxShift, maxShift)
	xx := float64(sx * (cos + float64(shear*sin)))
	xy := float64(sx * (float64(shear*cos) - sin))
	yx := float64(sy * sin)
	yy := float64(sy * cos)
	const center = (digitSide - 1) / 2.0
	px, py := -center-shiftX, -center-shiftY
	x0 := fix(float64(xx*px) + float64(xy*py) + fieldCells/2)
	y0 := fix(float64(yx*px) + float64(yy*py) + fieldCells/2)
	xxI, xyI, yxI, yyI := fix(xx), fix(xy), fix(yx), fix(yy)

	var bend [2]displacement
	amplitude := r.between(0.3, 1) * maxBend * sy
	for k := range bend {
		bend[k].draw(r, fix(amplitude))
	}

	// An edge goes from 0 to 255 of the ramp over its width; the middle is at
	// the outline, moved outwards by bold.
	bold := fix(float64(r.between(minBold, maxBold)*sy)) / (one / fieldOne)
	steep := fix(256 / float64(r.between(minSoft, maxSoft)*sy*fieldOne))
	paper := r.between(0, 1)
	paper = float64(paper*paper) * maxPaper
	ink := r.between(minInk, maxInk)
	noise := r.between(0, 1)
	noiseI := int(float64(noise*noise) * maxNoise)
	paperI, contrast := int(paper), int(ink-paper)
	var scratch stroke
	scratched := r.chance(scratchChance)
	if scratched {
		scratch.draw(r)
	}

	var bits uint64
	for y := range digitSide {
		for x := range digitSide {
			i := y*digitSide + x
			u := x0 + xxI*x + xyI*y + bend[0][i]
			v := y0 + yxI*x + yyI*y + bend[1][i]
			d := a.at(u, v)
			if a != b {
				d += (b.at(u, v) - d) * blend >> 8
			}
			level := int(ramp[min(max(128+((d+bold)*steep>>16), 0), 255)])
			if scratched {
				level = max(level, scratch.at(x, y))
			}
			gray := paperI + (contrast*level+127)/255
			if i%4 == 0 {
				bits = r.pcg.Uint64()
			}
			// The sum of two bytes, from -255 to 255.
			grain := int(bits&255) + int(bits>>8&255) - 255
			bits >>= 16
			gray += grain * noiseI >> 8
			dst[i] = uint8(min(max(gray, 0), 255))
		}
	}
}

// ramp is a smooth step from 0 to 255.
var ramp = func() (table [256]uint8) {
	for i := range table {
		// 255 (3 t^2 - 2 t^3) with t = i/255, rounded.
		const full = 255
		table[i] = uint8((2*i*i*(3*full-2*i) + full*full) / (2 * full * full))
	}
	return table
}()

// at returns the distance at a point in 16 bits after the point, between the
// four cells around it in proportion. Outside of the grid it is the nearest
// edge's.
func (f *field) at(u, v int) int {
	const last = (fieldCells-1)*one - 1
	u, v = min(max(u, 0), last), min(max(v, 0), last)
	i := v>>16*fieldCells + u>>16
	// 8 bits of the fractions are enough and keep the products in 32 bits.
	fu, fv := u>>8&255, v>>8&255
	top := int(f[i])<<8 + (int(f[i+1])-int(f[i]))*fu
	bottom := int(f[i+fieldCells])<<8 + (int(f[i+fieldCells+1])-int(f[i+fieldCells]))*fu
	return (top + (bottom-top)*fv>>8) >> 8
}

// A displacement moves each pixel of an image along one axis: a cubic B-spline
// through random control points that stand bendStep pixels apart, as in the
// elastic distortions of Simard, Steinkraus and Platt (2003).
type displacement [digitSide * digitSide]int

const (
	bendStep   = 7
	bendPoints = digitSide/bendStep + 3
)

// bendWeights has, for each phase of a pixel between two control points, the
// weights of the four around it. They are integers whose sum is bendTotal.
var bendWeights = func() (w [bendStep][4]int) {
	const s = bendStep
	for t := range s {
		w[t] = [4]int{
			(s - t) * (s - t) * (s - t),
			3*t*t*t - 6*t*t*s + 4*s*s*s,
			-3*t*t*t + 3*t*t*s + 3*t*s*s + s*s*s,
			t * t * t,
		}
	}
	return w
}()

const bendTotal = 6 * bendStep * bendStep * bendStep

// draw makes a displacement of control points up to amplitude.
func (f *displacement) draw(r *random, amplitude int) {
	var points [bendPoints][bendPoints]int
	for i := range points {
		for j := range points[i] {
			points[i][j] = int(r.bell()*1024) * amplitude >> 10
		}
	}
	for y := range digitSide {
		var row [bendPoints]int
		wy := &bendWeights[y%bendStep]
		for j := range row {
			sum := 0
			for k, w := range wy {
				sum += w * (points[y/bendStep+k][j] >> 8)
			}
			row[j] = sum / bendTotal
		}
		for x := range digitSide {
			sum := 0
			for k, w := range bendWeights[x%bendStep] {
				sum += w * row[x/bendStep+k]
			}
			f[y*digitSide+x] = sum / bendTotal << 8
		}
	}
}

// A stroke is a thin straight line that is no part of the digit. Positions
// have 4 bits after the point.
type stroke struct {
	x, y, dx, dy int // one end, and the way to the other
	width, level int
}

func (s *stroke) draw(r *random) {
	const pixel = 16
	s.x, s.y = r.below(digitSide*pixel), r.below(digitSide*pixel)
	s.dx, s.dy = r.below(14*pixel)-7*pixel, r.below(14*pixel)-7*pixel
	s.width = pixel/2 + r.below(pixel/2)
	s.level = 60 + r.below(120)
}

// at returns the gray of the stroke at a pixel, 0 to its level.
func (s *stroke) at(x, y int) int {
	px, py := x*16-s.x, y*16-s.y
	length2 := s.dx*s.dx + s.dy*s.dy
	if dot := px*s.dx + py*s.dy; dot >= length2 {
		px, py = px-s.dx, py-s.dy
	} else if dot > 0 {
		px, py = px-s.dx*dot/length2, py-s.dy*dot/length2
	}
	d2, w2 := px*px+py*py, s.width*s.width
	if d2 >= 2*w2 {
		return 0
	}
	return s.level * (2*w2 - d2) / (2 * w2)
}
