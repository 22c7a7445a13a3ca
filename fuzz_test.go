package isrlu

import (
	"strings"
	"testing"
)

// FuzzParse: a specification gives a function that prints as one, or an error
// of this package; never a panic.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"isrlu", "isrlu:3", "dyisru:2,0.5", "relu:", "isrlu:nan", "isrlu:1e999", ":", "elu:-1", "dyisru:1,1,1",
		"isru_sigmoid:1,0.5", "isru_sigmoid:3,1", "isru_sigmoid:1e30,1e-30"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		g, err := Parse(spec)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "isrlu: ") {
				t.Errorf("Parse(%q): error %q without the package's name", spec, err)
			}
			return
		}
		h, err := Parse(g.String())
		if err != nil || h.String() != g.String() {
			t.Errorf("Parse(%q) = %v, which parses as %v, %v", spec, g, h, err)
		}
		x := []float32{-2, -1, 0, 1, 2}
		g.Forward(x, x)
		for i, y := range x {
			if y != y {
				t.Errorf("%v gives NaN at element %d", g, i)
			}
		}
	})
}
