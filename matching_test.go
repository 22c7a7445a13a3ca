package isrlu

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// A gap is the largest |f - g| at arguments from 0 to 20, and the one at
// infinity; for odd functions, and for gates, which are odd but for 1/2, that
// is all. Between 20 and infinity the differences here are smaller than at
// either end.
type gap struct{ finite, at, infinite float64 }

func gapOf(f *Function, g func(x float64) float64) gap {
	const step, n = 1e-3, 20000
	x, y := make([]float64, n+1), make([]float64, n+1)
	for i := range n {
		x[i] = step * float64(i)
	}
	x[n] = math.Inf(1)
	f.WithPrecision(Exact).Forward64(y, x)
	d := gap{infinite: math.Abs(y[n] - g(x[n]))}
	for i := range n {
		if e := math.Abs(y[i] - g(x[i])); e > d.finite {
			d.finite, d.at = e, x[i]
		}
	}
	return d
}

func (d gap) size() float64 { return max(d.finite, d.infinite) }

// String returns the size and where it is, as the document has them.
func (d gap) String() string {
	at := "∞"
	switch {
	case math.Abs(d.finite-d.infinite) < 1e-4:
		at = fmt.Sprintf("%.2f and ∞", d.at)
	case d.finite > d.infinite:
		at = fmt.Sprintf("%.2f", d.at)
	}
	return fmt.Sprintf("%.4f at %s", d.size(), at)
}

// least returns the place of the minimum of a function with one.
func least(lo, hi float64, f func(float64) float64) float64 {
	for hi-lo > 1e-7 {
		a, b := lo+(hi-lo)/3, hi-(hi-lo)/3
		if f(a) < f(b) {
			hi = b
		} else {
			lo = a
		}
	}
	return lo
}

// TestMatchingOfTanhAndLogistic computes what docs/recurrent.md says of how well
// ISRU takes the place of tanh, and the ISRU sigmoid that of the logistic
// function.
func TestMatchingOfTanhAndLogistic(t *testing.T) {
	data, err := os.ReadFile("docs/recurrent.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := strings.Join(strings.Fields(string(data)), " ")
	says := func(format string, args ...any) {
		t.Helper()
		if want := fmt.Sprintf(format, args...); !strings.Contains(doc, want) {
			t.Errorf("docs/recurrent.md does not say %q", want)
		}
	}

	minimax := least(0.5, 1.5, func(alpha float64) float64 { return gapOf(Must(ISRU(alpha)), math.Tanh).size() })
	for _, c := range []struct {
		name  string
		alpha float64
	}{{"2/3", 2. / 3}, {fmt.Sprintf("%.4f", minimax), minimax}, {"1", 1}} {
		says("| %s | %.4f | %.2f | %v | %v | %v |", c.name, 1/math.Sqrt(c.alpha), -3*c.alpha,
			gapOf(Must(ISRU(c.alpha)), math.Tanh),
			gapOf(Must(ISRUSigmoidScaled(c.alpha, 0.5)), logistic),
			gapOf(Must(ISRUSigmoid(c.alpha)), logistic))
	}

	for _, c := range []struct{ alpha, within float64 }{{2. / 3, 0.013}, {1, 0.054}} {
		var y [1001]float64
		for i := range y {
			y[i] = float64(i) / 1000
		}
		Must(ISRU(c.alpha)).WithPrecision(Exact).Forward64(y[:], y[:])
		largest := 0.
		for i, v := range y {
			largest = max(largest, math.Abs(v-math.Tanh(float64(i)/1000)))
		}
		if math.Abs(largest-c.within) > 5e-4 {
			t.Errorf("alpha %v: tanh differs by %v for |x| <= 1, the document says %v", c.alpha, largest, c.within)
		}
		says("within %v", c.within)
	}

	// The third derivative at 0 is 6 times the coefficient of x^3.
	const h = 1e-3
	for _, c := range []struct {
		f    *Function
		want float64
	}{{Tanh(), -2}, {Must(ISRU(2. / 3)), -2}, {Must(ISRU(1)), -3}} {
		y := []float64{h}
		c.f.WithPrecision(Exact).Forward64(y, y)
		if third := 6 * (y[0] - h) / (h * h * h); math.Abs(third-c.want) > 1e-4 {
			t.Errorf("%s: third derivative %v, want %v", c.f, third, c.want)
		}
	}

	scale := least(0.5, 1, func(s float64) float64 { return gapOf(Must(ISRUSigmoidScaled(1, s)), logistic).size() })
	says("scale %.4f is the closest to the logistic function, within %.4f",
		scale, gapOf(Must(ISRUSigmoidScaled(1, scale)), logistic).size())

	matched, plain := Must(ISRUSigmoidScaled(1, 0.5)), Must(ISRUSigmoid(1))
	at := func(f *Function, x float64) float64 {
		y := []float64{x}
		f.WithPrecision(Exact).Forward64(y, y)
		return y[0]
	}
	for _, b := range []float64{1, 2, 3} {
		same := 2 * math.Sinh(b/2)
		says("| %v | %.4f | %.4f | %.4f | %.4f | %.4f |", b, logistic(b), at(matched, b), at(plain, b), same, same/2)
		if y, z := at(matched, same), at(plain, same/2); math.Abs(y-logistic(b)) > 1e-15 || math.Abs(z-logistic(b)) > 1e-15 {
			t.Errorf("at %v: %v and %v, the logistic function is %v", b, y, z, logistic(b))
		}
	}
	for _, n := range []float64{10, 100, 1000} {
		l, m := math.Log(n-1), (n-2)/math.Sqrt(n-1)
		says("| %v | %.3g | %.3g | %.3g |", n, l, m, m/2)
		if y, z := at(matched, m), at(plain, m/2); math.Abs(y-(1-1/n)) > 1e-15 || math.Abs(z-(1-1/n)) > 1e-15 {
			t.Errorf("%v steps: %v and %v", n, y, z)
		}
	}
	for _, x := range []float64{5, 10} {
		says("| %v | %.2g | %.2g | %.2g |", x, 1-logistic(x), 1-at(matched, x), 1-at(plain, x))
	}
}
