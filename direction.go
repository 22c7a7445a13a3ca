package isrlu

import "fmt"

// A Direction is one of the computations that a function has kernels for.
type Direction uint8

const (
	Forward            Direction = iota // y = f(x)
	Backward                            // dx = dy f'(x)
	BackwardFromOutput                  // dx = dy f'(x), given y
	SecondDerivative                    // f''(x)
	Inverse                             // x with f(x) = y
	ParameterGradient                   // dy df/da, for the first parameter a
	ParameterGradient2                  // for the second parameter
	numDirections
)

var directionNames = [numDirections]string{
	"forward", "backward", "backward_from_output", "second_derivative", "inverse",
	"parameter_gradient", "parameter_gradient_2",
}

// String returns the name of the direction, such as "backward_from_output".
func (d Direction) String() string {
	if d >= numDirections {
		return fmt.Sprintf("Direction(%d)", uint8(d))
	}
	return directionNames[d]
}

// Directions returns all directions.
func Directions() []Direction {
	all := make([]Direction, numDirections)
	for i := range all {
		all[i] = Direction(i)
	}
	return all
}
