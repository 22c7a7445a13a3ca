package serve

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/nn"
	"github.com/isrlu/isrlu/onnx"
)

// A schema is what the published definition of the protocol says about an object: its
// members with their kinds, and those that must be there.
type schema struct {
	members  map[string]func(any) error
	required []string
}

func (s schema) check(v any) error {
	object, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%v is no object", v)
	}
	for _, name := range s.required {
		if _, ok := object[name]; !ok {
			return fmt.Errorf("%q is missing in %v", name, object)
		}
	}
	for name, member := range object {
		check := s.members[name]
		if check == nil {
			return fmt.Errorf("%q is not of the protocol", name)
		}
		if err := check(member); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func isString(v any) error {
	if _, ok := v.(string); !ok {
		return fmt.Errorf("%v is no string", v)
	}
	return nil
}

func isBool(v any) error {
	if _, ok := v.(bool); !ok {
		return fmt.Errorf("%v is neither true nor false", v)
	}
	return nil
}

func isInteger(v any) error {
	if f, ok := v.(float64); !ok || f != math.Trunc(f) {
		return fmt.Errorf("%v is no whole number", v)
	}
	return nil
}

func isNumber(v any) error {
	if _, ok := v.(float64); !ok {
		return fmt.Errorf("%v is no number", v)
	}
	return nil
}

func isObject(v any) error {
	if _, ok := v.(map[string]any); !ok {
		return fmt.Errorf("%v is no object", v)
	}
	return nil
}

func listOf(check func(any) error) func(any) error {
	return func(v any) error {
		list, ok := v.([]any)
		if !ok {
			return fmt.Errorf("%v is no list", v)
		}
		for _, e := range list {
			if err := check(e); err != nil {
				return err
			}
		}
		return nil
	}
}

// isData is the protocol's tensor_data, as far as FP32 goes: numbers, or lists of them.
func isData(v any) error {
	if isNumber(v) == nil {
		return nil
	}
	return listOf(isData)(v)
}

type members = map[string]func(any) error

// The schemas of open_inference_rest.yaml, and where it is silent, of the protocol's text.
var (
	errorSchema       = schema{members{"error": isString}, []string{"error"}}
	liveSchema        = schema{members{"live": isBool}, []string{"live"}}
	readySchema       = schema{members{"ready": isBool}, []string{"ready"}}
	modelReadySchema  = schema{members{"name": isString, "ready": isBool}, []string{"name", "ready"}}
	serverSchema      = schema{members{"name": isString, "version": isString, "extensions": listOf(isString)}, []string{"name", "version", "extensions"}}
	tensorSchema      = schema{members{"name": isString, "datatype": isString, "shape": listOf(isInteger)}, []string{"name", "datatype", "shape"}}
	modelSchema       = schema{members{"name": isString, "versions": listOf(isString), "platform": isString, "inputs": listOf(tensorSchema.check), "outputs": listOf(tensorSchema.check)}, []string{"name", "platform"}}
	outputSchema      = schema{members{"name": isString, "datatype": isString, "shape": listOf(isInteger), "parameters": isObject, "data": isData}, []string{"name", "shape", "datatype", "data"}}
	inferSchema       = schema{members{"model_name": isString, "model_version": isString, "id": isString, "parameters": isObject, "outputs": listOf(outputSchema.check)}, []string{"model_name", "outputs"}}
	binaryParameters  = schema{members{"binary_data_size": isInteger}, []string{"binary_data_size"}}
	binaryOutput      = schema{members{"name": isString, "datatype": isString, "shape": listOf(isInteger), "parameters": binaryParameters.check}, []string{"name", "shape", "datatype", "parameters"}}
	binaryInferSchema = schema{members{"model_name": isString, "model_version": isString, "id": isString, "parameters": isObject, "outputs": listOf(binaryOutput.check)}, []string{"model_name", "outputs"}}
)

const oneSample = `[0.5,-1,2,0,1,0.25,-0.125,3,0.5,-1,2,0,1,0.25,-0.125,3]`

// infer is the JSON of a request for the images.
func infer(data, more string) string {
	return `{"inputs":[{"name":"input","shape":[1,4,4,1],"datatype":"FP32","data":` + data + `}]` + more + `}`
}

func TestAnswersAreOfTheProtocol(t *testing.T) {
	s := newServer(t, Options{Version: "1.2"}, imageModel(t, 4), model("other", engineFunc{4, sums}))
	for _, c := range []struct {
		method, path, body string
		status             int
		schema             schema
	}{
		{"GET", "/v2", "", 200, serverSchema},
		{"GET", "/v2/", "", 200, serverSchema},
		{"GET", "/v2/health/live", "", 200, liveSchema},
		{"GET", "/v2/health/ready", "", 200, readySchema},
		{"GET", "/v2/models/digits", "", 200, modelSchema},
		{"GET", "/v2/models/digits/versions/1", "", 200, modelSchema},
		{"GET", "/v2/models/digits/ready", "", 200, modelReadySchema},
		{"GET", "/v2/models/digits/versions/1/ready", "", 200, modelReadySchema},
		{"POST", "/v2/models/digits/infer", infer(oneSample, ""), 200, inferSchema},
		{"POST", "/v2/models/digits/versions/1/infer", infer(oneSample, `,"id":"42"`), 200, inferSchema},
		{"POST", "/v2/models/other/infer", `{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]}`, 200, inferSchema},
		{"POST", "/v2/models/digits/infer", infer(oneSample, `,"outputs":[{"name":"output"}]`), 200, inferSchema},
		{"POST", "/v2/models/digits/infer", infer(oneSample, `,"parameters":{"priority":3},"unknown":[{"a":[]}]`), 200, inferSchema},
		{"GET", "/v2/models/cats", "", 404, errorSchema},
		{"GET", "/v2/models/digits/versions/2", "", 404, errorSchema},
		{"GET", "/v2/models/digits/versions/2/ready", "", 404, errorSchema},
		{"POST", "/v2/models/cats/infer", infer(oneSample, ""), 404, errorSchema},
		{"POST", "/v2/models/digits/infer", "", 400, errorSchema},
		{"POST", "/v2", "", 405, errorSchema},
		{"GET", "/v2/models/digits/infer", "", 405, errorSchema},
		{"GET", "/predict", "", 405, errorSchema},
		{"GET", "/", "", 404, errorSchema},
		{"GET", "/v3", "", 404, errorSchema},
	} {
		w := do(s, c.method, c.path, c.body)
		var v any
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != c.status {
			t.Errorf("%s %s: got %d, %s", c.method, c.path, w.Code, w.Body)
		} else if err := c.schema.check(v); err != nil {
			t.Errorf("%s %s: %v", c.method, c.path, err)
		}
		if got := w.Header().Get("Content-Type"); got != "application/json" {
			t.Errorf("%s %s: Content-Type %q", c.method, c.path, got)
		}
		if w.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
			t.Errorf("%s %s: Content-Length %s of %d", c.method, c.path, w.Header().Get("Content-Length"), w.Body.Len())
		}
	}
	if allow := do(s, "POST", "/v2", "").Header().Get("Allow"); allow != "GET, HEAD" {
		t.Errorf("Allow is %q", allow)
	}
}

func TestMetadataDescribeTheModel(t *testing.T) {
	s := newServer(t, Options{}, imageModel(t, 4))
	w := do(s, "GET", "/v2/models/digits", "")
	want := `{"name":"digits","versions":["1"],"platform":"isrlu_safetensors",` +
		`"inputs":[{"name":"input","datatype":"FP32","shape":[-1,4,4,1]}],"outputs":[{"name":"output","datatype":"FP32","shape":[-1,3]}]}`
	if w.Body.String() != want {
		t.Errorf("got %s, expected %s", w.Body, want)
	}
	if w := do(s, "GET", "/v2", ""); !strings.Contains(w.Body.String(), `"binary_tensor_data"`) {
		t.Errorf("the extension is not named: %s", w.Body)
	}
	if w := do(s, "POST", "/v2/repository/index", ""); w.Body.String() != `[{"name":"digits","state":"READY","version":"1"}]` {
		t.Errorf("the index is %s", w.Body)
	}
}

// The id comes back, whatever is in it.
func TestIDComesBack(t *testing.T) {
	s := newServer(t, Options{}, imageModel(t, 4))
	for _, id := range []string{"42", "", "ü\"\\\n\u2028<>"} {
		w := do(s, "POST", "/v2/models/digits/infer", infer(oneSample, `,"id":`+mustJSON(t, id)))
		var answer struct{ ID *string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.ID == nil || *answer.ID != id {
			t.Errorf("the id %q came back in %s", id, w.Body)
		}
	}
	if w := do(s, "POST", "/v2/models/digits/infer", infer(oneSample, "")); strings.Contains(w.Body.String(), `"id"`) {
		t.Errorf("an id came without one: %s", w.Body)
	}
}

// All ways to send a sample and to take its output give the same bits.
func TestBinaryAndJSONAgree(t *testing.T) {
	m := imageModel(t, 4)
	s := newServer(t, Options{}, m)
	x := make([]float32, 16)
	for i := range x {
		x[i] = float32(i-8) / 8 // also exact in 16 bits
	}
	want := slices.Clone(network(t, 1).Predict(x))
	var b [4][]byte
	for _, v := range x {
		b[0] = binary.LittleEndian.AppendUint32(b[0], math.Float32bits(v))
		b[1] = binary.LittleEndian.AppendUint64(b[1], math.Float64bits(float64(v)))
		b[2] = binary.LittleEndian.AppendUint16(b[2], uint16(isrlu.ToFloat16(v)))
		b[3] = binary.LittleEndian.AppendUint16(b[3], uint16(isrlu.ToBFloat16(v)))
	}
	type request struct{ body, length string }
	requests := map[string]request{
		"flat":   {infer(mustJSON(t, x), ""), ""},
		"nested": {infer(nested(t, x), ""), ""},
		"FP64":   {strings.Replace(infer(mustJSON(t, x), ""), "FP32", "FP64", 1), ""},
	}
	for i, name := range []string{"FP32", "FP64", "FP16", "BF16"} {
		for what, more := range map[string]string{
			"json": "", "binary": `,"parameters":{"binary_data_output":true}`,
			"one":  `,"outputs":[{"name":"output","parameters":{"binary_data":true}}]`,
			"over": `,"parameters":{"binary_data_output":true},"outputs":[{"name":"output","parameters":{"binary_data":false}}]`,
		} {
			body, length := inferBody(t, m, name, []int{1, 4, 4, 1}, b[i], more)
			requests[name+" "+what] = request{body, length}
		}
	}
	for name, r := range requests {
		w := do(s, "POST", "/v2/models/digits/infer", r.body, headerLength, r.length)
		got, err := outputOf(w.Header(), w.Body.Bytes())
		if err != nil || w.Code != http.StatusOK {
			t.Errorf("%s: %d, %v: %.300s", name, w.Code, err, w.Body)
			continue
		}
		if !sameBits(got, want) {
			t.Errorf("%s: got %v, expected %v", name, got, want)
		}
		_, isBinary := w.Header()[headerLength]
		if wants := strings.HasSuffix(name, " binary") || strings.HasSuffix(name, " one"); isBinary != wants {
			t.Errorf("%s: binary is %v", name, isBinary)
		}
	}
}

// nested is an image as arrays in arrays.
func nested(t *testing.T, x []float32) string {
	image := make([][][][]float32, 1)
	for row := range slices.Chunk(x, 4) {
		var r [][]float32
		for _, v := range row {
			r = append(r, []float32{v})
		}
		image[0] = append(image[0], r)
	}
	return mustJSON(t, image)
}

// outputOf reads an answer, and checks it against the schema.
func outputOf(h http.Header, body []byte) ([]float32, error) {
	var answer struct {
		Outputs []struct {
			Shape      []int
			Data       []float32
			Parameters struct {
				Size int `json:"binary_data_size"`
			}
		}
	}
	head, rules := body, inferSchema
	if text := h.Get(headerLength); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n > len(body) {
			return nil, fmt.Errorf("%s is %q", headerLength, text)
		}
		head, rules = body[:n], binaryInferSchema
	}
	var v any
	if err := json.Unmarshal(head, &v); err != nil {
		return nil, err
	}
	if err := rules.check(v); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(head, &answer); err != nil {
		return nil, err
	}
	o := answer.Outputs[0]
	y := o.Data
	if tail := body[len(head):]; len(tail) != o.Parameters.Size {
		return nil, fmt.Errorf("%d bytes follow, binary_data_size is %d", len(tail), o.Parameters.Size)
	} else if len(tail) > 0 {
		y = floats(tail)
	}
	if nn.Shape(o.Shape).Size() != len(y) {
		return nil, fmt.Errorf("the shape %v has %d numbers", o.Shape, len(y))
	}
	return y, nil
}

// UINT8 are pixels, which are normalized as the model wants them.
func TestPixelsAreNormalized(t *testing.T) {
	m := imageModel(t, 4)
	s := newServer(t, Options{}, m)
	pixels, x := make([]byte, 16), make([]float32, 16)
	for i := range pixels {
		pixels[i] = byte(17 * i)
		x[i] = (float32(17*i)/255 - .25) / .5
	}
	want := slices.Clone(network(t, 1).Predict(x))
	body, length := inferBody(t, m, "UINT8", []int{1, 4, 4, 1}, pixels, "")
	values := fmt.Sprint(pixels)
	values = strings.ReplaceAll(values, " ", ",")
	for name, w := range map[string]struct {
		header http.Header
		body   io.Reader
	}{
		"binary": recorded(do(s, "POST", "/v2/models/digits/infer", body, headerLength, length)),
		"json":   recorded(do(s, "POST", "/v2/models/digits/infer", strings.Replace(infer(values, ""), "FP32", "UINT8", 1))),
	} {
		b, err := io.ReadAll(w.body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := outputOf(w.header, b); err != nil || !sameBits(got, want) {
			t.Errorf("%s: got %v, expected %v: %v, %s", name, got, want, err, b)
		}
	}
	for what, p := range map[string]string{
		"json": `{"pixels":[` + values + `]}`, "raw": string(pixels),
	} {
		kind := "application/json"
		if what == "raw" {
			kind = "application/octet-stream"
		}
		w := do(s, "POST", "/predict", p, "Content-Type", kind)
		var answer struct{ Predictions []struct{ Logits []float32 } }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || len(answer.Predictions) != 1 || !sameBits(answer.Predictions[0].Logits, want) {
			t.Errorf("/predict %s: got %s, expected %v", what, w.Body, want)
		}
	}
}

// An ONNX model takes its images in ONNX's order, and pixels too.
func TestONNXModelsKeepTheirOrder(t *testing.T) {
	network, err := nn.New[float32](nn.Network{
		Input:  nn.Shape{3, 2, 2},
		Layers: nn.Sequential{nn.Conv2D{Filters: 2, Kernel: nn.Square(2)}, nn.Activation{Function: "elu"}, nn.Flatten{}, nn.Dense{Units: 3}},
	}, nn.Options{Seed: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer network.Close()
	file, err := onnx.Export(network, onnx.ExportOptions{Softmax: true})
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := onnx.Load[float32](file, onnx.LoadOptions{Options: nn.Options{Batch: 3, Inference: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	m := FromONNX("colors", loaded)
	m.Pixels = &Pixels{3, 2, 2, []float32{.1, .2}, []float32{1, 2}}
	s := newServer(t, Options{}, m)
	defer s.Close()
	r := rand.New(rand.NewPCG(7, 7))
	channelsLast := make([]float32, 24)
	for i := range channelsLast {
		channelsLast[i] = float32(r.IntN(256))
	}
	normalized := slices.Clone(channelsLast)
	m.Pixels.normalize(normalized)
	var want []float32
	for x := range slices.Chunk(normalized, 12) {
		p := make([]float64, 3)
		nn.Softmax(p, network.Predict(x))
		for _, v := range p {
			want = append(want, float32(v))
		}
	}
	close := func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 }
	for datatype, x := range map[string][]float32{"FP32": normalized, "UINT8": channelsLast} {
		channelsFirst := make([]float32, 24)
		loaded.ToInput(channelsFirst, x)
		w := do(s, "POST", "/v2/models/colors/infer", `{"inputs":[{"name":"input","shape":[2,2,3,2],"datatype":"`+datatype+`","data":`+mustJSON(t, channelsFirst)+`}]}`)
		if got, err := outputOf(w.Header(), w.Body.Bytes()); err != nil || !slices.EqualFunc(got, want, close) {
			t.Errorf("%s: got %v, expected %v: %v", datatype, got, want, err)
		}
	}
	w := do(s, "POST", "/predict/colors", `{"inputs":`+mustJSON(t, [][]float32{make([]float32, 12)})+`}`)
	if !strings.Contains(w.Body.String(), `"probabilities"`) || !strings.Contains(w.Body.String(), `"output"`) {
		t.Errorf("/predict gave %s", w.Body)
	}
}
