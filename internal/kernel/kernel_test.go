package kernel

import (
	"fmt"
	"math"
	"runtime/debug"
	"strings"
	"testing"
	"unsafe"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/guard"
)

// A check examines one property of a kernel.
type check[T float32 | float64] struct {
	name string
	test func(t testing.TB, e entry[T]) error
}

func checks[T float32 | float64]() []check[T] {
	return []check[T]{
		{"reference", checkReference[T]},
		{"lengths", checkLengths[T]},
		{"in place", checkInPlace[T]},
	}
}

// tolerance is how far a kernel may be from the portable Exact one, in half
// ulps: not at all if it is Exact, else the sum of both bounds. `isrlu check`
// and the tests of package isrlu measure against the truth.
func tolerance[T float32 | float64](e entry[T]) float64 {
	switch e.prec {
	case Exact:
		return 0
	case Default:
		return 16
	}
	if isFloat32[T]() {
		return 0x1p24 / 0x1p11
	}
	return 0x1p53 / 0x1p11
}

func checkReference[T float32 | float64](t testing.TB, e entry[T]) error {
	const n = 20000
	a, b := inputs[T](n, 1), outputs(e, n, 2)
	if e.unary != nil {
		a = b
	}
	got, want := aligned[T](n), make([]T, n)
	e.run(got, a, b)
	truth(e).run(want, a, b)
	for i := range got {
		if d := distance(got[i], want[i]); d > tolerance(e) || e.prec == Exact && !same(got[i], want[i]) {
			if e.prec != Exact && absDistance(got[i], want[i]) < tolerance(e)*absUnit(e, a[i]) {
				continue
			}
			return fmt.Errorf("element %d: f(%v, %v) = %v, want %v (%.3g half ulps)", i, a[i], b[i], got[i], want[i], d)
		}
	}
	return nil
}

// absUnit is the absolute error that a kernel may have for each half ulp of
// its tolerance, which matters where the relative one is lost: (1 + curve)/2
// passes through zero, and a derivative may be subnormal before it is
// multiplied by dy.
func absUnit[T float32 | float64](e entry[T], dy T) float64 {
	half, least := 0x1p-53, math.SmallestNonzeroFloat64
	if isFloat32[T]() {
		half, least = 0x1p-24, math.SmallestNonzeroFloat32
	}
	switch {
	case e.id == ISRUSigmoid && e.unary != nil:
		return half
	case e.binary != nil:
		return math.Abs(float64(dy)) * least
	}
	return 0
}

func absDistance[T float32 | float64](x, y T) float64 { return math.Abs(float64(x) - float64(y)) }

// checkLengths runs every length up to several blocks of the widest loop, on
// slices that end, and that begin, at a page that faults when touched, at
// every alignment, and compares each element with what it is in a long call.
func checkLengths[T float32 | float64](t testing.TB, e entry[T]) (err error) {
	maxN := 200
	if testing.Short() {
		maxN = 70
	}
	const canary = 12345
	a, b := inputs[T](maxN, 3), outputs(e, maxN, 4)
	if e.unary != nil {
		a = b
	}
	whole := aligned[T](maxN)
	e.run(whole, a, b)

	type slices struct{ dst, a, b []T }
	pages := map[string]slices{
		"end":   {guard.End[T](t, maxN), guard.End[T](t, maxN), guard.End[T](t, maxN)},
		"begin": {guard.Begin[T](t, maxN), guard.Begin[T](t, maxN), guard.Begin[T](t, maxN)},
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("fault: %v", r)
		}
	}()
	for where, s := range pages {
		for n := 0; n <= maxN; n++ {
			dst, x, y := s.dst[:n], s.a[:n], s.b[:n]
			rest := s.dst[n:]
			if where == "end" {
				dst, x, y = s.dst[maxN-n:], s.a[maxN-n:], s.b[maxN-n:]
				rest = s.dst[:maxN-n]
			}
			if e.stream && n > 0 && uintptr(unsafe.Pointer(&dst[0]))%StreamAlign != 0 {
				continue
			}
			for i := range s.dst {
				s.dst[i] = canary
			}
			copy(x, a)
			copy(y, b)
			e.run(dst, x, y)
			for i := range dst {
				if !same(dst[i], whole[i]) {
					return fmt.Errorf("length %d at the %s of a page, element %d: f(%v, %v) = %v, in a longer call %v",
						n, where, i, a[i], b[i], dst[i], whole[i])
				}
			}
			for i := range rest {
				if rest[i] != canary {
					return fmt.Errorf("length %d at the %s of a page: wrote outside of the slice", n, where)
				}
			}
			for i := range x {
				if !same(x[i], a[i]) || e.binary != nil && !same(y[i], b[i]) {
					return fmt.Errorf("length %d: an input was written to", n)
				}
			}
		}
	}
	return nil
}

// checkInPlace gives the destination as each of the inputs.
func checkInPlace[T float32 | float64](t testing.TB, e entry[T]) error {
	for _, n := range []int{1, 7, 64, 133} {
		a, b := inputs[T](n, 5), outputs(e, n, 6)
		if e.unary != nil {
			a = b
		}
		want, buf := aligned[T](n), aligned[T](n)
		e.run(want, a, b)
		copy(buf, a)
		e.run(buf, buf, b)
		if i := firstDifference(buf, want); i >= 0 {
			return fmt.Errorf("length %d, dst = first input, element %d: %v, want %v", n, i, buf[i], want[i])
		}
		if e.binary == nil {
			continue
		}
		copy(buf, b)
		e.run(buf, a, buf)
		if i := firstDifference(buf, want); i >= 0 {
			return fmt.Errorf("length %d, dst = second input, element %d: %v, want %v", n, i, buf[i], want[i])
		}
	}
	return nil
}

func firstDifference[T float32 | float64](x, y []T) int {
	for i := range x {
		if !same(x[i], y[i]) {
			return i
		}
	}
	return -1
}

// aligned returns a slice that streaming kernels may write to, with room on
// both sides for what broken kernels write.
func aligned[T float32 | float64](n int) []T {
	per := StreamAlign / int(unsafe.Sizeof(T(0)))
	s := make([]T, n+3*per)
	off := int(uintptr(unsafe.Pointer(&s[0]))%StreamAlign) / int(unsafe.Sizeof(T(0)))
	return s[2*per-off:][:n]
}

func testKernels[T float32 | float64](t *testing.T) {
	for _, e := range entries[T]() {
		t.Run(e.String(), func(t *testing.T) {
			for _, c := range checks[T]() {
				if err := c.test(t, e); err != nil {
					t.Errorf("%s: %v", c.name, err)
				}
			}
		})
	}
}

func TestKernels32(t *testing.T) { testKernels[float32](t) }
func TestKernels64(t *testing.T) { testKernels[float64](t) }

// TestLevelsAreTested fails where a table has no kernels at all, or where a
// forced level does not run.
func TestLevelsAreTested(t *testing.T) {
	if err := cpu.Err(); err != nil {
		t.Fatal(err)
	}
	count := map[cpu.Level]int{}
	for _, e := range entries[float32]() {
		count[e.level]++
	}
	for _, l := range cpu.Available() {
		t.Logf("%v: %d float32 kernels", l, count[l])
		if count[l] < 30 {
			t.Errorf("%v has %d float32 kernels", l, count[l])
		}
	}
}

// breakages are ways in which a kernel may be wrong; every check set must
// notice every one of them in every kernel.
func breakages[T float32 | float64](e entry[T]) map[string]entry[T] {
	size := unsafe.Sizeof(T(0))
	wrap := func(f func(dst, a, b []T)) entry[T] {
		w := e
		if e.unary != nil {
			w.unary = func(dst, src *T, n int, p *T) {
				f(unsafe.Slice(dst, n), unsafe.Slice(src, n), nil)
			}
		} else {
			w.binary = func(dst, a, b *T, n int, p *T) {
				f(unsafe.Slice(dst, n), unsafe.Slice(a, n), unsafe.Slice(b, n))
			}
		}
		return w
	}
	beyond := func(s []T) *T { return (*T)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), uintptr(len(s))*size)) }
	return map[string]entry[T]{
		"one lane is off": wrap(func(dst, a, b []T) {
			e.run(dst, a, b)
			for i := 5; i < len(dst); i += 8 {
				dst[i] += dst[i]/2 + 1
			}
		}),
		"the tail is left out": wrap(func(dst, a, b []T) {
			n := len(dst) &^ 3
			e.run(dst[:n], a[:n], b[:min(n, len(b))])
		}),
		"writes one past the end": wrap(func(dst, a, b []T) {
			e.run(dst, a, b)
			*beyond(dst) = 1
		}),
		"reads one past the end": wrap(func(dst, a, b []T) {
			e.run(dst, a, b)
			sink64 += float64(*beyond(a))
		}),
		"writes one before the start": wrap(func(dst, a, b []T) {
			e.run(dst, a, b)
			*(*T)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(dst)), -int(size))) = 1
		}),
		"position matters": wrap(func(dst, a, b []T) {
			e.run(dst, a, b)
			if len(dst) == 3 {
				dst[2] += dst[2]/2 + 1
			}
		}),
		"writes before it reads": wrap(func(dst, a, b []T) {
			for i := range dst {
				dst[i] = 77
			}
			e.run(dst, a, b)
		}),
		"writes to its input": wrap(func(dst, a, b []T) {
			e.run(dst, a, b)
			if len(a) > 0 && &a[0] != &dst[0] {
				a[len(a)-1] = 99
			}
		}),
	}
}

var sink64 float64

func testBroken[T float32 | float64](t *testing.T) {
	seen := map[string]bool{}
	for _, e := range entries[T]() {
		if testing.Short() && seen[e.level.String()+e.dir] {
			continue
		}
		seen[e.level.String()+e.dir] = true
		for how, broken := range breakages(e) {
			caught := false
			for _, c := range checks[T]() {
				if c.test(t, broken) != nil {
					caught = true
					break
				}
			}
			if !caught {
				t.Errorf("%v: no check notices that %s", e, how)
			}
		}
	}
}

func TestBrokenKernelsAreNoticed32(t *testing.T) { testBroken[float32](t) }
func TestBrokenKernelsAreNoticed64(t *testing.T) { testBroken[float64](t) }

func TestIDsHaveNames(t *testing.T) {
	for id := ID(0); id < NumIDs; id++ {
		if n := id.String(); n == "" || strings.ToLower(n) != n {
			t.Errorf("ID %d has the name %q", int(id), n)
		}
	}
}
