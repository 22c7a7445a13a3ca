package nn

import (
	"context"
	"fmt"
	"strings"

	"github.com/isrlu/isrlu/hdl"
)

// A unit is one of hardware, whose bits an activation computes.
type unit struct {
	*hdl.Unit
	spec hdl.Spec
}

// unit finds the unit that a specification names.
func (b *builder[T]) unit(spec string, learn Learn) (*unit, error) {
	plain := func(err error) error { return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "hdl: ")) }
	s, err := hdl.ParseSpec(spec)
	if err != nil {
		return nil, plain(err)
	}
	if learn != Fixed {
		return nil, fmt.Errorf("%s: the parameter of a unit is fixed; leave the learning out, or write a function without @%s", spec, s.Format)
	}
	u, err := b.m.options.Units.Unit(context.Background(), s)
	if err != nil {
		return nil, plain(err)
	}
	return &unit{u, s}, nil
}

func unitForward[T Float](u *unit, dst, src []T) {
	if sizeOf[T]() == 4 {
		u.Forward(as[float32](dst), as[float32](src))
	} else {
		u.Forward64(as[float64](dst), as[float64](src))
	}
}

// unitBackward multiplies dy by the derivative at x.
func unitBackward[T Float](u *unit, dy, x []T) {
	if sizeOf[T]() == 4 {
		u.Backward(as[float32](dy), as[float32](dy), as[float32](x), u.spec.Gradient)
	} else {
		u.Backward64(as[float64](dy), as[float64](dy), as[float64](x), u.spec.Gradient)
	}
}
