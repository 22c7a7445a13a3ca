package isrlu

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/kernel"
)

// A Function is an activation function with its parameters, a precision and a
// SIMD level. It is immutable and may be shared by goroutines. Make one with a
// constructor such as [ISRLU]; the zero value is not usable.
type Function struct {
	row       *row
	params    [maxParams]float64
	precision Precision
	level     cpu.Level

	k32 kernel.Set[float32]
	k64 kernel.Set[float64]
	p32 [kernel.NumParams]float32
	p64 [kernel.NumParams]float64
}

// maxParams is the most parameters that a function has.
const maxParams = 2

// bind returns the function of a row with checked parameters.
func bind(r *row, params ...float64) *Function {
	f := &Function{row: r, level: cpu.Active()}
	copy(f.params[:], params)
	if r.kernelParams != nil {
		f.p32, f.p64 = r.kernelParams(f.params)
	}
	f.pick()
	return f
}

// pick takes the kernels for the precision and level.
func (f *Function) pick() {
	p := kernel.Precision(f.precision)
	if f.row.exactOnly != nil && f.row.exactOnly(f.params) {
		p = kernel.Exact
	}
	f.k32 = kernel.Float32(f.level).Set(f.row.id, p)
	f.k64 = kernel.Float64(f.level).Set(f.row.id, p)
}

// make returns the function of a row, or an error for parameters outside
// their domains.
func (r *row) make(params ...float64) (*Function, error) {
	if len(params) != len(r.Params) {
		return nil, fmt.Errorf("isrlu: %s takes %s, got %d", r.Name, countOf(len(r.Params), "parameter"), len(params))
	}
	for i, p := range r.Params {
		if !p.domain.contains(params[i]) {
			return nil, fmt.Errorf("isrlu: %s must be %s, got %v", p.Name, p.Domain, params[i])
		}
	}
	if r.check != nil {
		if err := r.check(params); err != nil {
			return nil, err
		}
	}
	return bind(r, params...), nil
}

func countOf(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun + "s"
	case 1:
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// New returns the function of that name, as [Functions] lists them, with the
// given parameters; parameters that are left out have their defaults.
func New(name string, params ...float64) (*Function, error) {
	r := findRow(name)
	if r == nil {
		return nil, fmt.Errorf("isrlu: unknown function %q; known: %s", name, strings.Join(Names(), ", "))
	}
	if len(params) > len(r.Params) {
		return nil, fmt.Errorf("isrlu: %s takes %s, got %d", r.Name, countOf(len(r.Params), "parameter"), len(params))
	}
	full := slices.Clone(params)
	for _, p := range r.Params[len(params):] {
		full = append(full, p.Default)
	}
	return r.make(full...)
}

// Parse returns the function that a specification names: a name, and after a
// colon its parameters in order, such as "isrlu", "isrlu:3" or "dyisru:2,0.5".
// Parameters that are left out have their defaults.
func Parse(spec string) (*Function, error) {
	name, list, found := strings.Cut(spec, ":")
	var params []float64
	if found {
		for _, s := range strings.Split(list, ",") {
			v, err := strconv.ParseFloat(s, 64)
			if err != nil {
				return nil, fmt.Errorf("isrlu: %q in %q is not a number; write %s:1", s, spec, name)
			}
			params = append(params, v)
		}
	}
	return New(name, params...)
}

// Must returns f and panics if err is not nil. It is for constructors with
// parameters that are known to be valid.
func Must(f *Function, err error) *Function {
	if err != nil {
		panic(err)
	}
	return f
}

// Name returns the name that [New] knows the function by.
func (f *Function) Name() string { return f.row.Name }

// Info describes the function.
func (f *Function) Info() Info { return f.row.info() }

// Params returns the function's parameters, in the order of Info().Params.
func (f *Function) Params() []float64 { return slices.Clone(f.params[:len(f.row.Params)]) }

// String returns the specification that [Parse] takes, such as "isrlu:3". It
// leaves out the scale of the ISRU sigmoid where that is 1.
func (f *Function) String() string {
	s := f.row.Name
	params := f.Params()
	for n := len(params); n > 0 && f.row.Params[n-1].quiet && params[n-1] == f.row.Params[n-1].Default; n-- {
		params = params[:n-1]
	}
	for i, p := range params {
		s += string(":,"[min(i, 1)]) + strconv.FormatFloat(p, 'g', -1, 64)
	}
	return s
}

// Monotone reports whether the function never falls: then the maximum of f over a
// set is f of the maximum. SiLU, GELU, and DyISRU with a negative scale are not
// monotone.
func (f *Function) Monotone() bool {
	return !f.row.wavy && (f.row.id != kernel.DyISRU || f.params[0] > 0)
}

// Precision returns the precision asked for. A function that has no kernels of
// its own for it uses more accurate ones.
func (f *Function) Precision() Precision { return f.precision }

// WithPrecision returns the same function in another precision. It panics for
// a value that is not one of the three constants.
func (f *Function) WithPrecision(p Precision) *Function {
	if int(p) >= len(precisionNames) {
		panic(fmt.Sprintf("isrlu: unknown precision %d", p))
	}
	g := *f
	g.precision = p
	g.pick()
	return &g
}

// SIMD returns the name of the SIMD level that the function runs on.
func (f *Function) SIMD() string { return f.level.String() }

// WithSIMD returns the same function on another SIMD level, one of
// [SIMDLevels]; any other name is an error.
func (f *Function) WithSIMD(level string) (*Function, error) {
	l, err := cpu.Parse(level)
	if err != nil {
		return nil, fmt.Errorf("isrlu: %w", err)
	}
	g := *f
	g.level = l
	g.pick()
	return &g, nil
}

// SIMDLevel returns the level that new functions run on.
func SIMDLevel() string { return cpu.Active().String() }

// SIMDLevels returns the levels that this process can run, slowest first.
func SIMDLevels() []string {
	var names []string
	for _, l := range cpu.Available() {
		names = append(names, l.String())
	}
	return names
}

// SIMDError says why the level that ISRLU_SIMD asks for could not be had; the
// best one runs then. It is nil otherwise.
func SIMDError() error {
	if err := cpu.Err(); err != nil {
		return fmt.Errorf("isrlu: %w", err)
	}
	return nil
}
