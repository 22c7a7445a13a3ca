package hdl

import (
	"math"
	"strings"
	"testing"

	"github.com/isrlu/isrlu"
)

func mustFormat(t *testing.T, s string) Format {
	t.Helper()
	f, err := ParseFormat(s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFormatsAreParsedAsTheyPrint(t *testing.T) {
	for _, s := range []string{"q3.4", "q4.11", "q0.7", "q7.0", "q0.31", "q15.16", "bfloat16", "float16"} {
		if got := mustFormat(t, s).String(); got != s {
			t.Errorf("%s prints as %s", s, got)
		}
	}
	if got := mustFormat(t, "Q4.11").Bits(); got != 16 {
		t.Errorf("Q4.11 has %d bits, want 16", got)
	}
}

func TestWrongFormatsAreNamed(t *testing.T) {
	for s, want := range map[string]string{
		"q3.3": "7 bits", "q16.16": "33 bits", "float32": `"float32"`, "q4": `"q4"`, "q-1.9": `"q-1.9"`, "": `""`, "q4.11x": "q4.11x",
	} {
		if _, err := ParseFormat(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %s", s, err, want)
		}
	}
}

// Every value of a format is encoded as itself, and what lies between two neighbours
// as the nearer one, the even one in the middle.
func TestEncodeRoundsToNearestEven(t *testing.T) {
	for _, s := range []string{"q3.4", "q4.11", "q0.15", "bfloat16", "float16"} {
		f := mustFormat(t, s)
		for b := range uint64(1) << f.Bits() {
			x := f.Decode(b)
			if math.IsNaN(x) {
				if !math.IsNaN(f.Decode(f.Encode(x))) {
					t.Fatalf("%s: NaN is encoded as %x", s, f.Encode(x))
				}
				continue
			}
			if got := f.Encode(x); got != b {
				t.Fatalf("%s: the value %v of %x is encoded as %x", s, x, b, got)
			}
			next := f.Decode(b + 1)
			if x < f.Min() || !(next > x) || math.IsInf(next, 0) || x >= f.Max() {
				continue
			}
			middle := (x + next) / 2
			even := (b + b&1) & f.mask()
			if got := f.Encode(middle); got != even {
				t.Fatalf("%s: %v between %x and %x is encoded as %x, want %x", s, middle, b, b+1, got, even)
			}
			if got := f.Encode(math.Nextafter(middle, x)); got != b {
				t.Fatalf("%s: just below the middle of %x and the next is encoded as %x", s, b, got)
			}
		}
	}
}

func TestHalfFormatsAreThoseOfThePackage(t *testing.T) {
	b16, f16 := BFloat16(), Float16()
	for i := range 1 << 16 {
		x := isrlu.BFloat16(i).Float32()
		if got := b16.Decode(uint64(i)); got != float64(x) && !(math.IsNaN(got) && x != x) {
			t.Fatalf("bfloat16 %04x is %v, want %v", i, got, x)
		}
		x = isrlu.Float16(i).Float32()
		if got := f16.Decode(uint64(i)); got != float64(x) && !(math.IsNaN(got) && x != x) {
			t.Fatalf("float16 %04x is %v, want %v", i, got, x)
		}
		y := math.Float32frombits(uint32(i)<<16 | uint32(i*40503&0xffff))
		if y != y {
			continue
		}
		if got, want := b16.Encode(float64(y)), uint64(isrlu.ToBFloat16(y)); got != want {
			t.Fatalf("%v is bfloat16 %04x, want %04x", y, got, want)
		}
		if got, want := f16.Encode(float64(y)), uint64(isrlu.ToFloat16(y)); got != want {
			t.Fatalf("%v is float16 %04x, want %04x", y, got, want)
		}
	}
}

func TestFixedPointSaturates(t *testing.T) {
	f := mustFormat(t, "q3.4")
	for x, want := range map[float64]float64{
		100: 7.9375, -100: -8, math.Inf(1): 7.9375, math.Inf(-1): -8, 7.96: 7.9375, -8.02: -8, 0.03125: 0, 0.09375: 0.125,
	} {
		if got := f.Decode(f.Encode(x)); got != want {
			t.Errorf("%v becomes %v, want %v", x, got, want)
		}
	}
	if got := f.Encode(math.NaN()); got != 0 {
		t.Errorf("NaN becomes %x, want 0", got)
	}
}
