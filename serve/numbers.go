package serve

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth bounds how deep arrays of numbers nest.
const maxDepth = 8

// Numbers are an array of JSON: of numbers, or of arrays that nest regularly.
type numbers struct {
	values []float32
	dims   []int
	most   int // values
	held   *reservation
}

// readNumbers reads an array of up to most numbers. room is how many are expected.
func readNumbers(d *jsontext.Decoder, room, most int, held *reservation) (*numbers, error) {
	n := &numbers{most: most, held: held}
	if err := n.grow(min(room, most)); err != nil {
		return nil, err
	}
	if d.PeekKind() != '[' {
		return nil, kindError(d, "an array of numbers")
	}
	if err := n.array(d, 0); err != nil {
		return nil, err
	}
	return n, nil
}

// array reads an array whose depth is that of the arrays around it.
func (n *numbers) array(d *jsontext.Decoder, depth int) error {
	if depth == maxDepth {
		return badRequestf("arrays nest deeper than %d", maxDepth)
	}
	if _, err := d.ReadToken(); err != nil {
		return jsonError(err)
	}
	first := len(n.dims) == depth
	if first {
		n.dims = append(n.dims, 0)
	}
	count := 0
	for {
		switch kind := d.PeekKind(); {
		case kind == ']':
			if _, err := d.ReadToken(); err != nil {
				return jsonError(err)
			}
			if first {
				n.dims[depth] = count
			} else if n.dims[depth] != count {
				return badRequestf("arrays side by side have %d and %d elements; they must have equally many", n.dims[depth], count)
			}
			return nil
		case kind == '[' && (len(n.dims) > depth+1 || first && count == 0):
			if err := n.array(d, depth+1); err != nil {
				return err
			}
		case kind == '0' && len(n.dims) == depth+1:
			if err := n.number(d); err != nil {
				return err
			}
		default:
			return kindError(d, "a number, or arrays of numbers that nest regularly")
		}
		count++
	}
}

func (n *numbers) number(d *jsontext.Decoder) error {
	text, err := d.ReadValue()
	if err != nil {
		return jsonError(err)
	}
	v, err := strconv.ParseFloat(string(text), 32)
	if err != nil {
		return badRequestf("the number %s is beyond what float32 holds", shorten(string(text)))
	}
	if len(n.values) == n.most {
		return failf(413, "more than %d numbers; send fewer samples in a request", n.most)
	}
	if len(n.values) == cap(n.values) {
		if err := n.grow(min(max(2*cap(n.values), 64), n.most)); err != nil {
			return err
		}
	}
	n.values = append(n.values, float32(v))
	return nil
}

// grow makes room for so many values.
func (n *numbers) grow(room int) error {
	if err := n.held.take(4 * int64(room)); err != nil {
		return err
	}
	n.values = append(make([]float32, 0, room), n.values...)
	return nil
}
