package hdl

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// A Spec says which unit stands for an activation function, and what stands for its
// derivative in training.
type Spec struct {
	Function string // without a derivative's mark, as isrlu.Parse takes it
	Format   Format
	Bound    float64 // ulps; 0 stands for [DefaultBound]
	Gradient Gradient
}

// IsSpec tells whether a specification of an activation function asks for a unit: it
// has a format after the sign @.
func IsSpec(spec string) bool { return strings.Contains(spec, "@") }

// ParseSpec returns what a specification asks for: a function, the sign @ and a format,
// and after colons, if wanted, the greatest error in ulps and the gradient:
//
//	isrlu@q4.11
//	isrlu:3@q3.4:exact
//	isru_sigmoid:1,0.5@bfloat16:2ulp:straight-through
//
// Without them the error is at most 1 ulp and the gradient straight through. An error
// names what is wrong and what would do; that no unit keeps to the bound is found by
// [New] alone.
func ParseSpec(spec string) (Spec, error) {
	function, rest, ok := strings.Cut(spec, "@")
	if !ok {
		return Spec{}, fmt.Errorf("hdl: %q names no format; write %s@q4.11", spec, spec)
	}
	if strings.Contains(spec, ":learn") {
		name, _, _ := strings.Cut(function, ":learn")
		format, _, _ := strings.Cut(rest, ":learn")
		return Spec{}, fmt.Errorf("hdl: %s: the parameter of a unit is fixed; write %s@%s, or %s:learn for a function that learns it", spec, name, format, name)
	}
	options := strings.Split(rest, ":")
	format, err := ParseFormat(options[0])
	if err != nil {
		return Spec{}, err
	}
	s := Spec{Function: function, Format: format}
	bound, gradient := false, false
	for _, o := range options[1:] {
		ulps, isBound := strings.CutSuffix(o, "ulp")
		switch {
		case isBound && !bound:
			if s.Bound, err = strconv.ParseFloat(ulps, 64); err != nil || !(s.Bound > 0) {
				return Spec{}, fmt.Errorf("hdl: %q in %q is no error in ulps; write 2ulp", o, spec)
			}
			bound = true
		case o == Exact.String() && !gradient:
			s.Gradient, gradient = Exact, true
		case o == StraightThrough.String() && !gradient:
			gradient = true
		default:
			return Spec{}, fmt.Errorf("hdl: %q in %q is no option of a unit, or the second of its kind; write %s or %s for the gradient, and 2ulp for the error allowed", o, spec, StraightThrough, Exact)
		}
	}
	f, b, err := s.Options().check()
	if err != nil {
		return Spec{}, err
	}
	if f.derivative || f.name == "rsqrt" {
		return Spec{}, fmt.Errorf("hdl: %s is no activation function; there are units of %s", f, strings.Join(activations(), ", "))
	}
	s.Function, s.Bound = f.spec, b
	return s, nil
}

// activations are the activation functions that there are units for.
func activations() []string {
	var names []string
	for _, name := range FunctionNames() {
		if name != "rsqrt" {
			names = append(names, name)
		}
	}
	return names
}

// Options are those that [New] finds the unit by.
func (s Spec) Options() Options {
	return Options{Function: s.Function, Format: s.Format, Bound: s.Bound}
}

// String returns what [ParseSpec] takes, without what goes without saying.
func (s Spec) String() string {
	text := s.Function + "@" + s.Format.String()
	if s.Bound != 0 && s.Bound != DefaultBound {
		text += ":" + strconv.FormatFloat(s.Bound, 'g', -1, 64) + "ulp"
	}
	if s.Gradient != StraightThrough {
		text += ":" + s.Gradient.String()
	}
	return text
}

// A Library finds units, each once. Its methods may be called at once. The zero value
// is empty and ready.
type Library struct {
	// Searching, if not nil, is called before a search, which may take long.
	Searching func(Spec)

	mu    sync.Mutex
	units map[Options]*found
}

// found is a unit that was searched for, or is being.
type found struct {
	mu   sync.Mutex
	done bool
	unit *Unit
	err  error
}

// Unit returns the unit of a specification; the gradient has no part in which it is.
// A search that ended with its context begins again at the next call.
func (l *Library) Unit(ctx context.Context, s Spec) (*Unit, error) {
	if s.Bound == 0 {
		s.Bound = DefaultBound
	}
	s.Gradient = StraightThrough
	l.mu.Lock()
	if l.units == nil {
		l.units = map[Options]*found{}
	}
	f := l.units[s.Options()]
	if f == nil {
		f = &found{}
		l.units[s.Options()] = f
	}
	l.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done {
		return f.unit, f.err
	}
	if l.Searching != nil {
		l.Searching(s)
	}
	f.unit, f.err = New(ctx, s.Options())
	f.done = ctx.Err() == nil
	return f.unit, f.err
}
