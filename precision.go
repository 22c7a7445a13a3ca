package isrlu

import (
	"fmt"
	"strings"

	"github.com/isrlu/isrlu/internal/kernel"
)

// A Precision chooses between kernels of the same function.
type Precision uint8

const (
	// Default is the processor's estimate of the inverse square root with one
	// refinement where there is one, and a polynomial elsewhere.
	Default = Precision(kernel.Default)
	// Exact uses correctly rounded operations only, in one order: its results
	// have the same bits on every machine and SIMD level. It does not mean
	// correctly rounded; see [Function.Bound].
	Exact = Precision(kernel.Exact)
	// Fast uses the processor's estimates unrefined, with a relative error of
	// at most 2^-11. A function without such a kernel uses Default's.
	Fast = Precision(kernel.Fast)
)

var precisionNames = [...]string{Default: "default", Exact: "exact", Fast: "fast"}

// String returns the name that [ParsePrecision] takes, such as "default".
func (p Precision) String() string {
	if int(p) >= len(precisionNames) {
		return fmt.Sprintf("Precision(%d)", uint8(p))
	}
	return precisionNames[p]
}

// ParsePrecision returns the precision of that name.
func ParsePrecision(name string) (Precision, error) {
	for p, n := range precisionNames {
		if n == name {
			return Precision(p), nil
		}
	}
	return 0, fmt.Errorf("isrlu: unknown precision %q; known: %s", name, strings.Join(precisionNames[:], ", "))
}
