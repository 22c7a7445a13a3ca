package bench

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/call"
)

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int{"1": 1, "4096": 4096, "4Ki": 4096, "16Mi": 16 << 20, "1Gi": 1 << 30, "3k": 3000, "2M": 2000000} {
		if got, err := ParseSize(s); got != want || err != nil {
			t.Errorf("ParseSize(%q) = %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "0", "-1", "4K", "4KiB", "Ki", "1.5Ki", "4 Ki", "2Gi", "5000M", "99999999999999999999", "4Mk"} {
		if got, err := ParseSize(s); err == nil || !strings.Contains(err.Error(), `"`+s+`"`) {
			t.Errorf("ParseSize(%q) = %d, %v", s, got, err)
		}
	}
}

func TestFormatSizeIsParsed(t *testing.T) {
	for _, n := range []int{1, 100, 1000, 1024, 4096, 5000, 1536, 1 << 19, 1<<19 + 1, 16 << 20, 1 << 30} {
		if got, err := ParseSize(FormatSize(n)); got != n || err != nil {
			t.Errorf("%d is written %q and read as %d, %v", n, FormatSize(n), got, err)
		}
	}
}

func TestQuartiles(t *testing.T) {
	q1, median, q3 := Quartiles([]float64{5, 1, 4, 2, 3})
	if q1 != 2 || median != 3 || q3 != 4 {
		t.Errorf("got %v %v %v", q1, median, q3)
	}
	q1, median, q3 = Quartiles([]float64{4, 1})
	if q1 != 1.75 || median != 2.5 || q3 != 3.25 {
		t.Errorf("got %v %v %v", q1, median, q3)
	}
	if _, median, _ = Quartiles(nil); !math.IsNaN(median) {
		t.Errorf("median of nothing is %v", median)
	}
}

func options() Options {
	return Options{
		Functions:  []*isrlu.Function{isrlu.Must(isrlu.ISRLU(1)), isrlu.ReLU()},
		Precisions: call.Precisions,
		Directions: []isrlu.Direction{isrlu.Forward, isrlu.Backward, isrlu.BackwardFromOutput},
		Placements: []Placement{InPlace, Separate},
		SIMD:       []string{isrlu.SIMDLevel()},
		Sizes:      []int{256, 1000},
		Time:       time.Microsecond,
	}
}

func TestEveryCellIsMeasured(t *testing.T) {
	for _, typ := range []call.Type{call.Float32, call.Float64, call.BFloat16, call.Float16} {
		o := options()
		o.Type = typ
		last := 0
		o.Progress = func(done, total int) {
			if done != last+1 || done > total {
				t.Errorf("progress from %d to %d of %d", last, done, total)
			}
			last = done
		}
		results, err := Run(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		// For each size the copy, and in each direction and placement three
		// precisions of ISRLU and one of ReLU.
		if want := 2 * (1 + 3*2*(3+1)); len(results) != want {
			t.Fatalf("%v: %d results, want %d", typ, len(results), want)
		}
		for _, r := range results {
			bytes := float64(2 * typ.Size())
			if strings.HasPrefix(r.Direction, "backward") {
				bytes = float64(3 * typ.Size())
			}
			if !(r.NsPerElement > 0) || r.Q1 > r.NsPerElement || r.Q3 < r.NsPerElement || r.Samples < minSamples ||
				math.Abs(r.GBPerS*r.NsPerElement-bytes) > 1e-9 || !(r.CopyRatio > 0) {
				t.Errorf("%v: %+v", typ, r)
			}
			if r.Function == Copy && r.CopyRatio != 1 {
				t.Errorf("the copy takes %v times itself", r.CopyRatio)
			}
		}
	}
}

func TestSlowerWorkTakesLonger(t *testing.T) {
	o := options()
	o.Sizes = []int{1 << 12}
	o.SIMD = []string{"portable"}
	o.Directions = []isrlu.Direction{isrlu.Forward}
	o.Precisions = []isrlu.Precision{isrlu.Exact}
	o.Time = time.Millisecond
	results, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	// Portable Go with a square root and a division takes ten times as long as
	// the copy, or more.
	for _, r := range results {
		if strings.HasPrefix(r.Function, "isrlu") && r.CopyRatio < 3 {
			t.Errorf("%s %s takes %.2f times the copy", r.Function, r.Placement, r.CopyRatio)
		}
	}
}

// In place, a burst must not drive elements to where arithmetic is slow.
func TestBurstsKeepElementsNormal(t *testing.T) {
	ops := newOperands[float32](4096)
	for _, info := range isrlu.Functions() {
		f := isrlu.Must(isrlu.New(info.Name))
		for _, d := range []isrlu.Direction{isrlu.Forward, isrlu.Backward, isrlu.BackwardFromOutput} {
			if !call.Has(f, d, call.Float32) {
				continue
			}
			c := Cell{Placement: InPlace, Elements: 4096, f: f, direction: d}
			timer := newTimer(&c, ops, 0)
			timer.calls = burst
			timer.burst()
			slow := 0
			for _, v := range ops.dst {
				if a := math.Abs(float64(v)); a != 0 && a < 0x1p-126 || math.IsNaN(a) {
					slow++
				}
			}
			if slow > 40 {
				t.Errorf("%s %v: %d of 4096 elements are subnormal or NaN after a burst", info.Name, d, slow)
			}
		}
	}
}

func TestRunStopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	o := options()
	o.Progress = func(done, total int) { cancel() }
	o.Time = 2 * time.Second // the first cell's turn ends after a tenth of it
	start := time.Now()
	if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("stopping took %v", took)
	}
}

func TestTooLargeSizesAreRefused(t *testing.T) {
	if err := enoughMemory(math.MaxInt); err == nil {
		t.Skip("this system does not tell its memory")
	}
	if err := enoughMemory(1 << 20); err != nil {
		t.Error(err)
	}
}

// The clock is that of a processor that there is, and twice the same.
func TestClockIsPlausible(t *testing.T) {
	a, b := ClockGHz(), ClockGHz()
	if a < .1 || a > 10 || math.Abs(a-b) > .5*a {
		t.Errorf("got %v and %v GHz", a, b)
	}
	t.Logf("%.3f and %.3f GHz", a, b)
}
