package hdl

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/isrlu/isrlu/internal/circuit"
)

// Options say what a unit shall be.
type Options struct {
	// Function is what [ParseFunction] takes, such as "isrlu", "isru:3" or "isrlu'".
	Function string
	// Format is that of the input and of the output.
	Format Format
	// Bound is the greatest error allowed, in units in the last place of the format at
	// the true value; 0 stands for 1. Rounding alone takes 1/2.
	Bound float64
	// Family restricts the search to one of [Families]; empty for all.
	Family string
}

// DefaultBound is the error allowed where Options name none: the output is one of the
// two neighbours of the true value.
const DefaultBound = 1

// Parameters of units lie in [minParameter, maxParameter]: beyond, the formats hold
// next to nothing but the function's ends.
const (
	minParameter = 1.0 / (1 << 16)
	maxParameter = 1 << 16
)

// A Unit is a circuit for a function in a format, with the least estimated area that
// the search found. It is immutable and may be shared by goroutines.
type Unit struct {
	function *Function
	format   Format
	bound    float64
	design   *design
	err      Error

	once  sync.Once
	table []uint32 // all outputs, for formats of at most 16 bits

	numbers numbers // for [Unit.Forward] and [Unit.Backward]
}

// New searches for the unit with the least area that keeps to the bound. In formats of
// at most 16 bits that holds for all inputs; in wider ones it is verified on more than
// a million, see [Unit.Verify]. It takes a few seconds; when ctx is done, New ends
// with its error.
//
// A bound that cannot be met is an error that says which format would do.
func New(ctx context.Context, o Options) (*Unit, error) { return Search(ctx, o, nil) }

// Search is [New] with progress, which is told how many of the ways to build the unit
// have been tried; in formats of more than 16 bits there may be several rounds.
func Search(ctx context.Context, o Options, progress func(done, total int)) (*Unit, error) {
	f, bound, err := o.check()
	if err != nil {
		return nil, err
	}
	t := newTruth(f, o.Format)
	for margin := 1.0; ; margin *= 0.97 {
		s := newSearcher(t, bound*margin)
		s.stop = func() bool { return ctx.Err() != nil }
		s.progress = progress
		list := structures(t, bound*margin)
		if o.Family != "" {
			list = slices.DeleteFunc(list, func(st *structure) bool { return st.family != o.Family })
			if len(list) == 0 {
				return nil, fmt.Errorf("hdl: there is no unit for %s in %s by %q; leave the family out", f, o.Format, o.Family)
			}
		}
		d := s.best(list)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if d == nil {
			return nil, unreachable(t, bound, o.Family, list)
		}
		u := &Unit{function: f, format: o.Format, bound: bound, design: d}
		if t.all {
			u.err = t.measure(d.circuit)
			return u, nil
		}
		if u.err, err = u.Verify(ctx, 1<<20, nil); err != nil {
			return nil, err
		}
		if u.err.Ulps <= bound {
			return u, nil
		}
	}
}

// Check returns an error that names what is wrong with the options and what would do.
// Whether the bound can be met, [New] alone finds out.
func (o Options) Check() error {
	_, _, err := o.check()
	return err
}

// check returns the function and the bound of valid options.
func (o Options) check() (*Function, float64, error) {
	f, err := ParseFunction(o.Function)
	if err != nil {
		return nil, 0, err
	}
	if o.Format == (Format{}) {
		return nil, 0, errors.New("hdl: no format; name one such as q4.11")
	}
	for _, p := range f.params {
		if p < minParameter || p > maxParameter {
			return nil, 0, fmt.Errorf("hdl: the parameters of a unit must be from 2^-16 to 2^16, got %s", f)
		}
	}
	if o.Family != "" && !slices.Contains(Families(), o.Family) {
		return nil, 0, fmt.Errorf("hdl: unknown family %q; known: %s", o.Family, strings.Join(Families(), ", "))
	}
	bound := o.Bound
	if bound == 0 {
		bound = DefaultBound
	}
	if math.IsNaN(bound) || bound <= 0 || bound > 1<<20 {
		return nil, 0, fmt.Errorf("hdl: the error must be a positive number of ulps, got %v; 1 is usual", bound)
	}
	if bound < 0.5 {
		return nil, 0, fmt.Errorf("hdl: an error of %v ulp in %s: rounding alone takes up to half of an ulp; ask for more, or for %s",
			bound, o.Format, finer(o.Format, bound))
	}
	if f.name == "rsqrt" && !o.Format.IsFloat() && o.Format.integer == 0 {
		n := o.Format.fraction
		return nil, 0, fmt.Errorf("hdl: the inverse square root of a number below 1 is above 1, which %s cannot hold; %s could hold it for all inputs",
			o.Format, fixedName((n+1)/2, n))
	}
	return f, bound, nil
}

// finer names a format in which an error of so many ulps of the given one is one that
// units keep to.
func finer(f Format, bound float64) string {
	// 0.6 ulp leaves the arithmetic a tenth besides rounding.
	more := max(1, int(math.Ceil(math.Log2(0.6/bound))))
	if f.IsFloat() {
		if f == BFloat16() && more <= 3 {
			return fmt.Sprintf("float16, with an error of %.3g ulp there", math.Ldexp(bound, 3))
		}
		return fmt.Sprintf("a format with %d bits of fraction, which there is not", f.fraction+more)
	}
	return fmt.Sprintf("%s with an error of %.3g ulp there", fixedName(f.integer, f.fraction+more), math.Ldexp(bound, more))
}

// fixedName names a fixed-point format with its width, which may be beyond what units
// have.
func fixedName(m, n int) string {
	if w := 1 + m + n; w > MaxBits {
		return fmt.Sprintf("q%d.%d (%d bits, more than the %d that units have)", m, n, w, MaxBits)
	}
	return fmt.Sprintf("q%d.%d (%d bits)", m, n, 1+m+n)
}

// unreachable returns the error for a bound that no structure of the list keeps to,
// which are those of a family, or all if it is empty.
func unreachable(t *truth, bound float64, family string, list []*structure) error {
	closest := math.Inf(1)
	for _, st := range list {
		if c := st.make(st.sizes(func(k knob) int { return k.most })); c != nil {
			closest = min(closest, t.measure(c).Ulps)
		}
	}
	text := fmt.Sprintf("hdl: no unit found for %s in %s with an error of at most %v ulp", t.f, t.format, bound)
	if family != "" {
		text += fmt.Sprintf(" by %q", family)
	}
	// Asking for what is printed must do.
	if closest = math.Ceil(1e4*closest) / 1e4; closest > bound && !math.IsInf(closest, 1) {
		text += fmt.Sprintf("; the closest has %.4f; ask for that, or for ", closest)
	} else {
		text += "; ask for "
	}
	if family != "" {
		return fmt.Errorf("%sany family", text)
	}
	return fmt.Errorf("%s%s", text, finer(t.format, bound/2))
}

// Families are the ways to build a unit: by an inverse square root, or directly, for
// any function.
func Families() []string {
	return []string{"rsqrt", "table", "linear", "quadratic", "cubic", "exponential"}
}

// structures returns all ways to build a unit for the truth.
func structures(t *truth, bound float64) []*structure {
	if t.format.IsFloat() {
		return append(rsqrtFloat(t, bound), directFloat(t, bound)...)
	}
	return append(rsqrtFixed(t, bound), directFixed(t, bound)...)
}

// Function returns what the unit computes.
func (u *Unit) Function() *Function { return u.function }

// Format returns the format of its input and output.
func (u *Unit) Format() Format { return u.format }

// Bound returns the greatest error that was allowed, in ulps.
func (u *Unit) Bound() float64 { return u.bound }

// Error returns how far the outputs are from the function.
func (u *Unit) Error() Error { return u.err }

// Family returns which of [Families] the unit is built by.
func (u *Unit) Family() string { return u.design.family }

// Architecture describes how the unit is built, with its sizes.
func (u *Unit) Architecture() string { return u.design.String() }

// Name returns the name of the Verilog module, such as isrlu_1_q4_11: function,
// parameters and format.
func (u *Unit) Name() string {
	return u.function.identifier() + "_" + strings.ReplaceAll(u.format.String(), ".", "_")
}

// Eval sets dst[i] to the bits that the unit puts out for the bits src[i]: bit for bit
// what the Verilog does. Bits above the format's are ignored. The slices are equally
// long and may be the same.
func (u *Unit) Eval(dst, src []uint64) {
	in := make([]int64, len(src))
	for i, b := range src {
		in[i] = u.format.wire(b)
	}
	u.design.circuit.Evaluator().Run(in, in)
	for i, y := range in {
		dst[i] = uint64(y) & u.format.mask()
	}
}

// outputs returns the outputs for all inputs of a format of at most 16 bits.
func (u *Unit) outputs() []uint32 {
	u.once.Do(func() {
		all := make([]uint64, 1<<u.format.Bits())
		for i := range all {
			all[i] = uint64(i)
		}
		u.Eval(all, all)
		u.table = make([]uint32, len(all))
		for i, y := range all {
			u.table[i] = uint32(y)
		}
	})
	return u.table
}

// Verify measures the error on [Corners] and n random inputs, or on all inputs if n is
// 0, which takes minutes for 32 bits. Progress, if not nil, is told how many of how
// many inputs are done.
func (u *Unit) Verify(ctx context.Context, n int64, progress func(done, total int64)) (Error, error) {
	total, next := int64(1)<<u.format.Bits(), func(i int64) uint64 { return uint64(i) }
	if n != 0 {
		corners, random := Corners(u.format), sampler(u.format, 2)
		total = n + int64(len(corners))
		next = func(i int64) uint64 {
			if i < int64(len(corners)) {
				return corners[i]
			}
			return random()
		}
	}
	e := Error{All: n == 0}
	ev := u.design.circuit.Evaluator()
	const chunk = 1 << 16
	t := &truth{f: u.function, format: u.format}
	for from := int64(0); from < total; from += chunk {
		if err := ctx.Err(); err != nil {
			return Error{}, err
		}
		t.bits, t.inputs, t.values = t.bits[:0], t.inputs[:0], t.values[:0]
		for i := from; i < min(from+chunk, total); i++ {
			t.add(next(i))
		}
		t.run(ev, &e)
		if progress != nil {
			progress(e.Inputs, total)
		}
	}
	if ev.Broken() {
		return Error{}, fmt.Errorf("hdl: %s: a value of the circuit left its interval", u.Name())
	}
	return e.end(), nil
}

// Cost is the estimated size of the unit without registers.
func (u *Unit) Cost() circuit.Cost { return u.design.circuit.Cost() }
