package nn

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// An Init draws the first weights of a layer; biases begin at 0. In JSON it is
// its name, for a truncated normal distribution with the standard deviation
// after a colon: "truncated_normal:0.1".
type Init struct {
	Name string
	// Std is the standard deviation of truncated_normal, before the truncation.
	Std float64
}

// TruncatedNormal draws from a normal distribution, again where the number is
// beyond two standard deviations.
func TruncatedNormal(std float64) Init { return Init{"truncated_normal", std} }

// He draws from a normal distribution of variance 2/inputs (He et al. 2015).
func He() Init { return Init{Name: "he"} }

// Glorot draws uniformly with variance 2/(inputs + outputs) (Glorot and Bengio
// 2010).
func Glorot() Init { return Init{Name: "glorot"} }

// LeCun draws from a normal distribution of variance 1/inputs (LeCun et al.
// 1998; Klambauer et al. 2017 for SELU).
func LeCun() Init { return Init{Name: "lecun"} }

var initNames = []string{"truncated_normal:STD", "he", "glorot", "lecun"}

// String returns the initializer as JSON has it.
func (i Init) String() string {
	if i.Name == "truncated_normal" {
		return i.Name + ":" + strconv.FormatFloat(i.Std, 'g', -1, 64)
	}
	return i.Name
}

// MarshalJSON writes the initializer as a string.
func (i Init) MarshalJSON() ([]byte, error) { return json.Marshal(i.String()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (i *Init) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("init must be one of %s, got %s", strings.Join(initNames, ", "), data)
	}
	name, std, found := strings.Cut(s, ":")
	*i = Init{Name: name}
	if found {
		v, err := strconv.ParseFloat(std, 64)
		if err != nil {
			return fmt.Errorf("the standard deviation in init %q is not a number; write %s:0.1", s, name)
		}
		i.Std = v
	}
	return i.check()
}

// or returns i, or other if i is empty.
func (i Init) or(other Init) Init {
	if i == (Init{}) {
		return other
	}
	return i
}

func (i Init) check() error {
	switch i.Name {
	case "truncated_normal":
		if !(i.Std > 0) || math.IsInf(i.Std, 0) {
			return fmt.Errorf("the standard deviation of truncated_normal must be positive and finite, got %v; write truncated_normal:0.1", i.Std)
		}
	case "he", "glorot", "lecun":
		if i.Std != 0 {
			return fmt.Errorf("init %s takes no number, got %v", i.Name, i.Std)
		}
	default:
		return fmt.Errorf("unknown init %q; known: %s", i.Name, strings.Join(initNames, ", "))
	}
	return nil
}

// draw fills w, whose neurons have so many inputs and outputs. The numbers are
// drawn in float64 and rounded, so that all element types begin alike.
func draw[T Float](i Init, w []T, inputs, outputs int, r *rand.Rand) {
	next := func(std float64) float64 { return std * r.NormFloat64() }
	std := i.Std
	switch i.Name {
	case "truncated_normal":
		next = func(std float64) float64 {
			for {
				if v := r.NormFloat64(); math.Abs(v) <= 2 {
					return std * v
				}
			}
		}
	case "he":
		std = math.Sqrt(2 / float64(inputs))
	case "lecun":
		std = math.Sqrt(1 / float64(inputs))
	case "glorot":
		std = math.Sqrt(6 / float64(inputs+outputs)) // the bound
		next = func(bound float64) float64 { return bound * (2*r.Float64() - 1) }
	}
	for k := range w {
		w[k] = T(float32(next(std)))
	}
}
