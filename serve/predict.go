package serve

import (
	"bytes"
	"math"
	"mime"
	"net/http"
	"slices"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/nn"
)

// A prediction is what /predict tells about a sample.
type prediction struct {
	Class         *int          `json:"class,omitempty"`
	Label         string        `json:"label,omitempty"`
	Probability   *float32      `json:"probability,omitempty"`
	Probabilities []float32     `json:"probabilities,omitempty"`
	Top           []probability `json:"top,omitempty"`
	Logits        []float32     `json:"logits,omitempty"`
	Output        []float32     `json:"output,omitempty"`
}

type probability struct {
	Class       int     `json:"class"`
	Label       string  `json:"label,omitempty"`
	Probability float32 `json:"probability"`
}

type predictResponse struct {
	Model       string       `json:"model"`
	Predictions []prediction `json:"predictions"`
}

// predictionText is about the most bytes that a prediction takes beside its numbers.
const predictionText = 256

// readPredict reads the body of /predict: JSON, a PNG, or the pixels of images. top is how
// many classes are wanted, 0 for all.
func readPredict(m *Model, rows int, header http.Header, body []byte, held *reservation) (x []float32, top int, err error) {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case data.IsPNG(body) || kind == "image/png":
		x, err = m.readPNG(body, held)
		return x, 0, err
	case kind == "application/octet-stream":
		x, err = m.readRaw(body, rows, held)
		return x, 0, err
	}
	return m.readPredictJSON(body, rows, held)
}

func (m *Model) needsPixels(what string) error {
	if m.Pixels == nil {
		return failf(http.StatusUnsupportedMediaType, "the model %s takes no images, got %s; send JSON with inputs", m.Name, what)
	}
	return nil
}

func (m *Model) readPNG(body []byte, held *reservation) ([]float32, error) {
	if err := m.needsPixels("a PNG"); err != nil {
		return nil, err
	}
	p := m.Pixels
	// Decoding takes up to 8 bytes for each pixel, besides what comes of it.
	if err := held.take(int64(p.Height*p.Width) * int64(8+5*p.Channels)); err != nil {
		return nil, err
	}
	pixels, err := data.ReadPNG(bytes.NewReader(body), p.Height, p.Width, p.Channels)
	if err != nil {
		return nil, badRequestf("%v", err)
	}
	return m.fromPixels(pixels), nil
}

// readRaw reads the values of pixels, one byte each, of one or more images.
func (m *Model) readRaw(body []byte, rows int, held *reservation) ([]float32, error) {
	if err := m.needsPixels("bytes"); err != nil {
		return nil, err
	}
	p, size := m.Pixels, m.Input.size()
	if len(body) == 0 || len(body)%size != 0 {
		return nil, badRequestf("%d bytes are not a whole number of images of %dx%dx%d (height x width x channels), %d bytes each", len(body), p.Height, p.Width, p.Channels, size)
	}
	if n := len(body) / size; n > rows {
		return nil, tooManyRows(n, rows)
	}
	if err := held.take(4 * int64(len(body))); err != nil {
		return nil, err
	}
	return m.fromPixels(body), nil
}

func (m *Model) fromPixels(pixels []uint8) []float32 {
	x := make([]float32, len(pixels))
	for i, v := range pixels {
		x[i] = float32(v)
	}
	m.Pixels.normalize(x)
	return x
}

// readPredictJSON reads an object with one of input, inputs and pixels, and top.
func (m *Model) readPredictJSON(body []byte, rows int, held *reservation) (x []float32, top int, err error) {
	d := decoder(body)
	var in *numbers
	given := ""
	err = readObject(d, func(name string) (err error) {
		switch name {
		case "input", "inputs", "pixels":
			if given != "" {
				return badRequestf("give either %s or %s", given, name)
			}
			given = name
			in, err = readNumbers(d, min(len(body)/2, m.Input.size()), rows*m.Input.size(), held)
			return err
		case "top":
			top, err = readSize(d)
			return err
		}
		return badRequestf("unknown member %q; known: input (one sample), inputs (a list of samples), pixels (a list of images, values from 0 to 255), top (a number of classes)", shorten(name))
	})
	if err == nil {
		err = readEnd(d)
	}
	if err != nil {
		return nil, 0, err
	}
	if given == "" {
		return nil, 0, badRequestf("neither input, inputs nor pixels is given")
	}
	if err := m.checkDims(in, given); err != nil {
		return nil, 0, err
	}
	t := pixelType
	if given == "pixels" {
		err = m.needsPixels("pixels")
	} else {
		t, err = m.inputType(m.datatype())
	}
	if err != nil {
		return nil, 0, err
	}
	if err := t.check(in.values); err != nil {
		return nil, 0, err
	}
	x, err = m.toEngine(in.values, given == "pixels", held)
	return x, top, err
}

// checkDims makes sure that numbers are samples: each a list of all its numbers, or arrays
// in arrays as the input's shape tells.
func (m *Model) checkDims(in *numbers, given string) error {
	sample := in.dims
	if given != "input" {
		sample = in.dims[1:]
	}
	if len(in.values) > 0 && (slices.Equal(sample, m.Input.Shape) || slices.Equal(sample, []int{m.Input.size()})) {
		return nil
	}
	what := "a list of samples"
	if given == "input" {
		what = "one sample"
	}
	return badRequestf("%s has %v numbers, but is %s, each %v or a list of %d", given, in.dims, what, m.Input.Shape, m.Input.size())
}

// predictions tells what outputs mean. Of a list of numbers it tells the class, and the
// probabilities where the model has such.
func (m *Model) predictions(y []float32, top int) ([]prediction, error) {
	size := m.Output.size()
	var list []prediction
	for row := range slices.Chunk(y, size) {
		if i := slices.IndexFunc(row, notFinite); i >= 0 {
			return nil, failf(http.StatusUnprocessableEntity,
				"the output for sample %d has a %v: the input is too large, or the model's training diverged", len(list), row[i])
		}
		list = append(list, m.prediction(row, top))
	}
	return list, nil
}

func (m *Model) prediction(row []float32, top int) prediction {
	var p prediction
	if m.Scores == Logits {
		p.Logits = row
	} else {
		p.Output = row
	}
	if len(m.Output.Shape) != 1 || len(row) < 2 {
		return p
	}
	best := slices.Index(row, slices.Max(row))
	p.Class = &best
	if m.Classes != nil {
		p.Label = m.Classes[best]
	}
	all := m.probabilities(row)
	if all == nil {
		return p
	}
	p.Probability = &all[best]
	if top == 0 {
		p.Probabilities = all
		return p
	}
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { // of equal ones the first comes first
		switch {
		case all[a] > all[b]:
			return -1
		case all[a] < all[b]:
			return 1
		}
		return 0
	})
	for _, c := range order[:min(top, len(order))] {
		one := probability{Class: c, Probability: all[c]}
		if m.Classes != nil {
			one.Label = m.Classes[c]
		}
		p.Top = append(p.Top, one)
	}
	return p
}

// probabilities returns those of the classes, nil where outputs do not tell them.
func (m *Model) probabilities(row []float32) []float32 {
	p := make([]float32, len(row))
	switch m.Scores {
	case Logits:
		exact := make([]float64, len(row))
		nn.Softmax(exact, row)
		for i, v := range exact {
			p[i] = float32(v)
		}
	case Probabilities:
		copy(p, row)
	case LogProbabilities:
		for i, v := range row {
			p[i] = float32(math.Exp(float64(v)))
		}
	default:
		return nil
	}
	return p
}
