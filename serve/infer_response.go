package serve

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
)

// numberText is the most bytes that a number and a comma take in JSON.
const numberText = 16

// room is about how many bytes the answer to a request takes.
func (r *inferRequest) room(m *Model) int64 {
	each := int64(4)
	if !r.binary {
		each = numberText
	}
	return each*int64(len(r.x)/m.Input.size()*m.Output.size()) + 512 + 6*int64(len(r.id))
}

// writeInfer writes the answer to a request of the protocol.
func (s *Server) writeInfer(w http.ResponseWriter, m *Model, request *inferRequest, y []float32) error {
	b := make([]byte, 0, request.room(m))
	b = append(b, `{"model_name":`...)
	b = appendString(b, m.Name)
	b = append(b, `,"model_version":"`+Version+`"`...)
	if request.hasID {
		b = append(b, `,"id":`...)
		b = appendString(b, request.id)
	}
	b = append(b, `,"outputs":[{"name":`...)
	b = appendString(b, m.Output.Name)
	b = append(b, `,"datatype":"FP32","shape":[`...)
	b = strconv.AppendInt(b, int64(len(y)/m.Output.size()), 10)
	for _, d := range m.Output.Shape {
		b = append(b, ',')
		b = strconv.AppendInt(b, int64(d), 10)
	}
	b = append(b, ']')
	h := w.Header()
	if request.binary {
		b = append(b, `,"parameters":{"binary_data_size":`...)
		b = strconv.AppendInt(b, 4*int64(len(y)), 10)
		b = append(b, "}}]}"...)
		h.Set(headerLength, strconv.Itoa(len(b)))
		h.Set("Content-Type", "application/octet-stream")
		b = appendBinary(b, y)
	} else {
		if i := slices.IndexFunc(y, notFinite); i >= 0 {
			return failf(http.StatusUnprocessableEntity,
				"output %q is %v for sample %d, which JSON cannot carry: the input is too large, or the model's training diverged; binary_data carries it",
				m.Output.Name, y[i], i/m.Output.size())
		}
		b = append(b, `,"data":[`...)
		for i, v := range y {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendFloat(b, float64(v), 'g', -1, 32)
		}
		b = append(b, "]}]}"...)
		h.Set("Content-Type", "application/json")
	}
	return s.write(w, http.StatusOK, b)
}

func notFinite(v float32) bool { return math.IsInf(float64(v), 0) || math.IsNaN(float64(v)) }

func appendString(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string has no error
	}
	return append(b, text...)
}
