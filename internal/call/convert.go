package call

import "github.com/isrlu/isrlu"

// Value returns x as a float64, exactly.
func Value[T Float](x T) float64 {
	switch x := any(x).(type) {
	case float32:
		return float64(x)
	case float64:
		return x
	case isrlu.BFloat16:
		return float64(x.Float32())
	case isrlu.Float16:
		return float64(x.Float32())
	}
	panic("unreachable")
}

// Round returns x as an element, rounded to nearest. The 16-bit types are
// rounded by way of float32.
func Round[T Float](x float64) T {
	var t T
	switch p := any(&t).(type) {
	case *float32:
		*p = float32(x)
	case *float64:
		*p = x
	case *isrlu.BFloat16:
		*p = isrlu.ToBFloat16(float32(x))
	case *isrlu.Float16:
		*p = isrlu.ToFloat16(float32(x))
	}
	return t
}
