package bench

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseProductShape(t *testing.T) {
	for s, want := range map[string]ProductShape{"1": {1, 1, 1}, "512": {512, 512, 512}, "100x256x3136": {100, 256, 3136}, "1x67108864x1": {1, 1 << 26, 1}} {
		if got, err := ParseProductShape(s); got != want || err != nil {
			t.Errorf("ParseProductShape(%q) = %v, %v", s, got, err)
		}
		if got, err := ParseProductShape(want.String()); got != want || err != nil {
			t.Errorf("%v is written %q and read as %v, %v", want, want.String(), got, err)
		}
	}
	for _, s := range []string{"", "0", "512x", "x512", "1x2", "1x2x0", "1x2x3x4", "-1", "1X2X3", "2 x2x2", "8193", "2147483647", "99999999999", "1x67108865x1"} {
		if got, err := ParseProductShape(s); err == nil || !strings.Contains(err.Error(), `"`+s+`"`) {
			t.Errorf("ParseProductShape(%q) = %v, %v", s, got, err)
		}
	}
}

func TestParseTransposes(t *testing.T) {
	if got, err := ParseTransposes([]string{"all"}); err != nil || !slices.Equal(got, Transposes) {
		t.Errorf("all is %v, %v", got, err)
	}
	if got, err := ParseTransposes([]string{"tn", "nn", "tn"}); err != nil || !slices.Equal(got, []string{"tn", "nn"}) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := ParseTransposes([]string{"nn", "n"}); err == nil || !strings.Contains(err.Error(), `"n"`) || !strings.Contains(err.Error(), "nn, nt") {
		t.Errorf("got %v", err)
	}
}

// What is timed is the product that the row names.
func TestProductsComputeWhatTheyName(t *testing.T) {
	s := ProductShape{5, 37, 11}
	for _, transpose := range Transposes {
		var f factors
		f.grow(s, transpose)
		f.fill()
		f.product(s, transpose)()
		for i := range s.M {
			for j := range s.N {
				want := 0.0
				for k := range s.K {
					a, b := f.a[i*s.K+k], f.b[k*s.N+j]
					if transpose[0] == 't' {
						a = f.a[k*s.M+i]
					}
					if transpose[1] == 't' {
						b = f.b[j*s.K+k]
					}
					want += float64(a) * float64(b)
				}
				if got := float64(f.c[i*s.N+j]); math.Abs(got-want) > 1e-5 {
					t.Fatalf("%s: element %d, %d is %v, want %v", transpose, i, j, got, want)
				}
			}
		}
	}
}

func TestEveryProductIsMeasured(t *testing.T) {
	last := 0
	o := ProductOptions{
		Shapes: []ProductShape{{8, 8, 8}, {1, 64, 32}}, Transposes: []string{"nn", "tt"}, Time: time.Microsecond,
		Progress: func(done, total int) {
			if done != last+1 || done > total {
				t.Errorf("progress from %d to %d of %d", last, done, total)
			}
			last = done
		},
	}
	all, err := Products(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	results := all.Products
	if len(results) != 4 || results[1].Transpose != "tt" || results[2].ProductShape != o.Shapes[1] {
		t.Fatalf("got %+v", results)
	}
	for _, r := range results {
		flops := 2 * float64(r.M*r.N*r.K)
		if !(r.MS > 0) || r.Q1 > r.MS || r.Q3 < r.MS || r.Samples < minSamples ||
			math.Abs(r.GFLOPS*r.MS*1e6-flops) > 1e-6*flops || math.Abs(r.PeakPercent*all.PeakGFLOPS-100*r.GFLOPS) > 1e-6*r.GFLOPS {
			t.Errorf("%+v", r)
		}
	}
}

func TestProductsStopWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	o := ProductOptions{Shapes: []ProductShape{{8, 8, 8}}, Transposes: Transposes, Progress: func(int, int) { cancel() }}
	if _, err := Products(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestPeakIsMeasured(t *testing.T) {
	if got := PeakGFLOPS(); !(got > 0) || math.IsInf(got, 0) {
		t.Errorf("%v GFLOP/s", got)
	}
}
